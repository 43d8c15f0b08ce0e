# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole replays: what is written is compared number by number."""

from __future__ import annotations

from dataclasses import replace

from bags import KINDS, StereoBag, make, make_info, messages, write_bag, write_stereo_bag
from fake_engine import ShiftEngine
import numpy as np
import pytest
from replay_run import INPUTS, RESULTS, Found, left_behind, read, run, stamps

from depth_learning_ros.engine.opencv import open_opencv
from depth_learning_ros.errors import BagError, EngineError
from depth_learning_ros.pipeline import DepthOptions, StereoPipeline
from depth_learning_ros.replay import ReplayOptions, TopicWishes, replay


@pytest.mark.parametrize('kind', KINDS)
def test_every_format_gives_the_same_numbers(tmp_path, kind):
    name = 'in.bag' if kind.startswith('ros1') else 'in'
    bag = write_stereo_bag(tmp_path / name, kind, frames=3)
    report, found = run(tmp_path, source=name)
    assert set(found) == INPUTS | RESULTS
    times = [bag.stamp_ns(i) for i in range(3)]
    for topic in INPUTS | RESULTS:
        assert stamps(found, topic) == times
        assert [t for t, _ in found[topic]] == [t + bag.log_delay_ns for t in times]
        side = 'right' if 'right' in topic else 'left'
        assert {m.header.frame_id for _, m in found[topic]} == {f'{side}_optical'}
    for index in range(3):
        for side in ('left', 'right'):
            message = found[f'/stereo/{side}/image_rect'][index][1]
            assert message.encoding == 'rgb8'
            assert bytes(message.data) == bag.rgb(index, side).tobytes()
        check_results(found, index, bag)
    assert (report.frames, report.dropped, report.skipped, report.damage) == (3, {}, {}, None)
    assert (report.model, report.backend, report.sync) == ('shift', 'numpy', 'exact')


def check_results(found: Found, index: int, bag: StereoBag) -> None:
    """Compare with numbers worked out by hand: f = 20 px, B = 0.1 m, d = 4 px, Z = 0.5 m."""
    disparity = found['/stereo/disparity'][index][1]
    assert disparity.image.encoding == '32FC1'
    assert (disparity.image.width, disparity.image.height) == (32, 16)
    assert np.all(disparity.image.data.view(np.float32) == 4)
    assert (disparity.f, disparity.t) == (20.0, pytest.approx(0.1))
    depth = found['/stereo/depth'][index][1]
    assert (depth.encoding, depth.step) == ('32FC1', 128)
    np.testing.assert_allclose(depth.data.view(np.float32), 0.5, rtol=1e-6)
    confidence = found['/stereo/confidence'][index][1]
    assert np.all(confidence.data.view(np.float32) == 0.75)
    info = found['/stereo/depth/camera_info'][index][1]
    assert (info.p[0], info.p[2], info.p[6], info.p[3]) == (20.0, 15.5, 7.5, 0.0)
    cloud = found['/stereo/points2'][index][1]
    assert (cloud.width, cloud.height, cloud.point_step, cloud.row_step) == (32, 16, 16, 512)
    assert [f.name for f in cloud.fields] == ['x', 'y', 'z', 'rgb']
    points = cloud.data.view(np.float32).reshape(16, 32, 4)
    # pixel (31, 0): x = (31 - 15.5) * 0.5 / 20, y = (0 - 7.5) * 0.5 / 20
    np.testing.assert_allclose(points[0, 31, :3], (0.3875, -0.1875, 0.5), rtol=1e-5)
    red, green, blue = bag.rgb(index, 'left')[5, 6].astype(int)
    assert points[5, 6, 3:].view(np.uint32)[0] == (red << 16) + (green << 8) + blue


@pytest.mark.parametrize('settings', [
    {'encoding': 'bgr8'}, {'encoding': 'mono8'}, {'compressed': 'png'}, {'compressed': 'jpeg'},
    {'image': 'image_rect_color'}, {'image': 'image_mono'}, {'prefix': ''},
    {'left': 'cam0', 'right': 'cam1', 'prefix': '/rig'}])
def test_encodings_and_names(tmp_path, settings):
    bag = write_stereo_bag(tmp_path / 'in', 'mcap', frames=2, **settings)
    report, found = run(tmp_path)
    assert np.all(found[f'{bag.prefix}/disparity'][1][1].image.data.view(np.float32) == 4)
    cloud = found[f'{bag.prefix}/points2'][1][1]
    bits = cloud.data.view(np.uint32).reshape(16, 32, 4)[3, 2, 3]
    if bag.compressed != 'jpeg':
        red, green, blue = bag.rgb(1, 'left')[3, 2].astype(int)
        assert bits == (red << 16) + (green << 8) + blue
    assert report.topics['left'] == bag.topic('left')


def test_a_real_matcher_without_confidence(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=1, width=96, height=48)
    with StereoPipeline(open_opencv('sgbm', 16)) as pipeline:
        report = replay(tmp_path / 'in', tmp_path / 'out.mcap', pipeline)
    found = read(tmp_path / 'out.mcap')
    assert set(found) == INPUTS | RESULTS - {'/stereo/confidence'}
    values = found['/stereo/disparity'][0][1].image.data.view(np.float32)
    assert np.median(values[values > 0]) == 4
    assert report.model == 'sgbm'
    with StereoPipeline(ShiftEngine(outputs=('disparity',))) as pipeline:
        with pytest.raises(EngineError, match='shift gives no confidence'):
            replay(tmp_path / 'in', tmp_path / 'x.mcap', pipeline,
                   ReplayOptions(outputs=('confidence',)))


def test_swapped_images_are_told_with_the_remedy(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=2, width=160, height=48)
    left, right = ((f'/stereo/{side}/image_rect', f'/stereo/{side}/camera_info')
                   for side in ('left', 'right'))
    # as a driver does that has mixed up its cables: the calibration is that of the other image
    mixed = TopicWishes(left=right[0], right=left[0], left_info=left[1], right_info=right[1])
    with StereoPipeline(open_opencv('sgbm', 32)) as pipeline:
        swapped = replay(tmp_path / 'in', tmp_path / 'swapped.mcap', pipeline,
                         ReplayOptions(topics=mixed))
        right_way = replay(tmp_path / 'in', tmp_path / 'right.mcap', pipeline)
    assert [text for text in swapped.warnings if 'look swapped' in text] == [
        f'{right[0]} and {left[0]} look swapped: in the first pair more is found the other way '
        f'round. If they are: --left {left[0]} --right {right[0]} --left-info {left[1]} '
        f'--right-info {right[1]}']
    assert not right_way.warnings


def test_outputs_inputs_and_options(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=2)
    _, found = run(tmp_path, outputs=('depth',), copy_inputs=False)
    assert set(found) == {'/stereo/depth', '/stereo/depth/camera_info', '/stereo/camera_info'}
    _, found = run(tmp_path, output='2.mcap', outputs=('points2',),
                   depth=DepthOptions(point_stride=4))
    assert set(found) == INPUTS | {'/stereo/points2'}
    assert found['/stereo/points2'][0][1].width == 8
    _, found = run(tmp_path, output='3.mcap', outputs=('depth',), baseline_m=0.2)
    np.testing.assert_allclose(found['/stereo/depth'][0][1].data.view(np.float32), 1.0, rtol=1e-6)
    _, found = run(tmp_path, output='4.mcap', outputs=('depth',), baseline_m=0.2,
                   depth=DepthOptions(max_depth_m=0.9))
    assert np.all(np.isposinf(found['/stereo/depth'][0][1].data.view(np.float32)))


def test_part_of_a_bag(tmp_path):
    bag = write_stereo_bag(tmp_path / 'in', 'sqlite3', frames=12)
    expected = [bag.stamp_ns(i) for i in range(3, 8, 2)]
    report, found = run(tmp_path, start_s=0.3, duration_s=0.5, every=2)
    assert stamps(found, '/stereo/disparity') == expected
    # Images of the pairs that were processed, camera_info of the whole part.
    assert stamps(found, '/stereo/left/image_rect') == expected
    assert stamps(found, '/stereo/left/camera_info')[-5:] == [bag.stamp_ns(i) for i in range(3, 8)]
    assert report.frames == 3 and not report.dropped
    with pytest.raises(BagError, match=r'start is 7 s, but the bag is only 1\.1 s long'):
        run(tmp_path, start_s=7, output='x.mcap')
    assert left_behind(tmp_path, 'out.mcap') == []


def test_camera_info_once_at_the_start_serves_all(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=8, latched_info=True)
    report, found = run(tmp_path, start_s=0.35)
    assert report.frames == 4
    assert len(found['/stereo/left/camera_info']) == 1
    # It was recorded before the part that is replayed: it is kept at the beginning of it.
    assert found['/stereo/left/camera_info'][0][0] < found['/stereo/left/image_rect'][0][0]


def test_camera_info_behind_all_images(tmp_path):
    bag = StereoBag(frames=3)
    found = list(messages(bag))
    infos = [m._replace(log_time_ns=bag.stamp_ns(9)) for m in found if 'info' in m.topic]
    write_bag(tmp_path / 'in', 'mcap', [m for m in found if 'info' not in m.topic] + infos)
    report, _ = run(tmp_path)
    assert report.frames == 3


def test_calibration_that_changes(tmp_path):
    bag = StereoBag(frames=4)
    wide = replace(bag, focal=40.0)

    def change(message):
        index = (message.log_time_ns - bag.log_delay_ns - bag.start_ns) // bag.period_ns
        if 'info' in message.topic and index >= 2:
            side = 'left' if 'left' in message.topic else 'right'
            return message._replace(data=make_info(wide, index, side))
        return message

    write_stereo_bag(tmp_path / 'in', 'mcap', bag, change)
    _, found = run(tmp_path)
    values = [float(m.data.view(np.float32)[0]) for _, m in found['/stereo/depth']]
    assert values == pytest.approx([0.5, 0.5, 1.0, 1.0])


def test_approximate_sync_is_found_out(tmp_path):
    bag = write_stereo_bag(tmp_path / 'in', 'mcap', frames=8, right_offset_ns=4_000_000)
    report, found = run(tmp_path)
    assert report.sync == 'approximate' and report.frames == 8
    assert report.stamp_gap_ms.worst == 4.0
    assert stamps(found, '/stereo/points2') == [bag.stamp_ns(i) for i in range(8)]
    times = [t for t, _ in found['/stereo/points2']]
    assert times == [bag.stamp_ns(i, 'right') + bag.log_delay_ns for i in range(8)]
    with pytest.raises(BagError, match=r'no partner with the same stamp \(8x\).*--sync approx'):
        run(tmp_path, output='x.mcap', sync='exact')
    with pytest.raises(BagError, match=r'no partner within the tolerance \(8x\)'):
        run(tmp_path, output='x.mcap', tolerance_s=0.003)
    assert left_behind(tmp_path, 'out.mcap') == []


def test_missing_images_are_counted_with_their_gap(tmp_path):
    bag = StereoBag(frames=10)
    lost = {bag.stamp_ns(i) + bag.log_delay_ns for i in (2, 5)}

    def change(message):
        gone = message.log_time_ns in lost and message.topic == bag.topic('right')
        return None if gone else message

    write_stereo_bag(tmp_path / 'in', 'mcap', bag, change)
    report, _ = run(tmp_path)
    assert report.frames == 8
    assert report.dropped == {'/stereo/left/image_rect': {'no partner with the same stamp': 2}}
    assert report.drop_gap_ms['/stereo/left/image_rect'].median == 100.0


def test_stamps_of_zero(tmp_path):
    def change(message):
        message.data.header.stamp = make('builtin_interfaces/msg/Time', sec=0, nanosec=0)
        return message

    write_stereo_bag(tmp_path / 'in', 'mcap', change=change, frames=3)
    report, _ = run(tmp_path)
    assert report.frames == 3
    assert sum('stamps of' in w and 'are 0' in w for w in report.warnings) == 2
