# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole replays: what is written is read back by rosbags and compared number by number."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
import json
from pathlib import Path
import threading

from bags import (
    KINDS,
    STORE,
    BagMessage,
    StereoBag,
    make,
    make_header,
    make_info,
    messages,
    write_bag,
    write_stereo_bag,
)
from fake_engine import ShiftEngine
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Qos
from rosbags.rosbag2 import Reader

from depth_learning_ros.engine.opencv import open_opencv
from depth_learning_ros.errors import (
    BagError,
    CalibrationError,
    DataError,
    DepthLearningError,
    EngineError,
)
from depth_learning_ros.pipeline import DepthOptions, StereoPipeline
from depth_learning_ros.replay import ReplayOptions, TopicWishes, replay

INPUTS = {'/stereo/left/image_rect', '/stereo/right/image_rect', '/stereo/left/camera_info',
          '/stereo/right/camera_info'}
RESULTS = {'/stereo/disparity', '/stereo/depth', '/stereo/depth/camera_info',
           '/stereo/camera_info', '/stereo/points2', '/stereo/confidence'}
Found = dict[str, list[tuple[int, object]]]


def read(path: Path) -> Found:
    """Return (log time, message) by topic, as rosbags reads them."""
    found: Found = defaultdict(list)
    with Reader(path) as reader:
        for connection, log_time_ns, data in reader.messages():
            message = STORE.deserialize_cdr(data, connection.msgtype)
            found[connection.topic].append((log_time_ns, message))
    return dict(found)


def stamps(found: Found, topic: str) -> list[int]:
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m in found[topic]]


def run(tmp_path: Path, engine: ShiftEngine | None = None, source: str = 'in',
        output: str = 'out.mcap', depth: DepthOptions | None = None, **options):
    """Replay tmp_path/in to tmp_path/out.mcap; return the report and what was written."""
    with StereoPipeline(engine or ShiftEngine(), depth) as pipeline:
        report = replay(tmp_path / source, tmp_path / output, pipeline, ReplayOptions(**options))
    return report, read(tmp_path / output)


def left_behind(tmp_path: Path, *expected: str) -> list[str]:
    return sorted(p.name for p in tmp_path.iterdir() if p.name not in ('in', *expected))


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


def bend(index: int, side: str = 'left', **fields):
    """Return a change of fields of one image."""
    def change(message):
        bag = StereoBag()
        time_ns = bag.stamp_ns(index) + bag.log_delay_ns
        if message.topic == bag.topic(side) and message.log_time_ns == time_ns:
            return message._replace(data=replace(message.data, **fields))
        return message
    return change


FLOATS = np.full(32 * 16, np.nan, np.float32).view(np.uint8)


@pytest.mark.parametrize(('fields', 'cause'), [
    ({'data': np.zeros(700, np.uint8)}, 'left image: .*truncated: 700 bytes'),
    ({'step': 12}, 'left image: .*step of 12 bytes'),
    ({'encoding': 'rgb9'}, 'left is rgb9 and right is rgb8'),
    ({'encoding': 'mono8', 'step': 32, 'data': np.zeros(512, np.uint8)},
     'left is mono8 and right is rgb8: a pair has one encoding'),
    ({'width': 16, 'step': 48, 'data': np.zeros(768, np.uint8)},
     'left is 16x16 and right is 32x16'),
    ({'width': 0, 'step': 0, 'data': np.zeros(0, np.uint8)}, 'left image: .* is empty'),
    ({'encoding': '32FC1', 'step': 128, 'data': FLOATS}, 'left is 32FC1 and right is rgb8'),
])
def test_single_bad_images_are_skipped_and_counted(tmp_path, fields, cause):
    write_stereo_bag(tmp_path / 'in', 'mcap', change=bend(1, **fields), frames=3)
    report, found = run(tmp_path)
    assert report.frames == 2
    (reason, count), = report.skipped.items()
    assert count == 1
    import re
    assert re.search(cause, reason), reason
    bag = StereoBag()
    assert stamps(found, '/stereo/disparity') == [bag.stamp_ns(0), bag.stamp_ns(2)]


@pytest.mark.parametrize(('fields', 'cause'), [
    ({'encoding': 'rgb9'}, 'rgb9'),
    ({'encoding': '32FC1', 'step': 128, 'data': FLOATS}, 'finite|NaN'),
    ({'data': np.zeros(10, np.uint8)}, 'truncated')])
def test_only_bad_images_are_an_error(tmp_path, fields, cause):
    def change(message):
        if 'image' in message.topic:
            return message._replace(data=replace(message.data, **fields))
        return message

    write_stereo_bag(tmp_path / 'in', 'mcap', change=change, frames=4)
    with pytest.raises(BagError, match=rf'no pair of .* could be processed: .*({cause}).*\(4x\)'):
        run(tmp_path)
    assert left_behind(tmp_path) == []


def test_bad_bags_are_given_up_early(tmp_path):
    bag = StereoBag(frames=150)
    write_stereo_bag(tmp_path / 'in', 'mcap', bag,
                     lambda m: m._replace(data=replace(m.data, encoding='rgb9'))
                     if 'image' in m.topic else m)
    with pytest.raises(BagError, match=r'\(100x\)'):
        run(tmp_path)


def test_messages_that_cannot_be_read(tmp_path):
    def change(message):
        if message.log_time_ns == StereoBag().stamp_ns(1) + StereoBag().log_delay_ns:
            cut = bytes(STORE.serialize_cdr(message.data, message.type_name))[:30]
            return message._replace(data=cut)
        return message

    write_stereo_bag(tmp_path / 'in', 'mcap', change=change, frames=3)
    report, _ = run(tmp_path)
    assert report.frames == 2
    assert sum(report.skipped.values()) == 4
    assert {cause.partition(':')[0] for cause in report.skipped} == {
        'left image', 'right image', 'left camera_info', 'right camera_info'}


def test_size_that_changes_in_the_middle(tmp_path):
    small = StereoBag(frames=2)
    large = StereoBag(frames=2, width=64, height=32, start_ns=small.stamp_ns(2), seed=1)
    write_bag(tmp_path / 'in', 'mcap', [*messages(small), *messages(large)])
    engine = ShiftEngine()
    report, found = run(tmp_path, engine)
    assert [m.image.width for _, m in found['/stereo/disparity']] == [32, 32, 64, 64]
    assert report.frames == 4 and engine.prepared == [(16, 32), (32, 64)]


def calibration(**fields):
    def change(message):
        if message.topic == '/stereo/right/camera_info':
            return message._replace(data=replace(message.data, **fields))
        return message
    return change


def projection(shift: float) -> np.ndarray:
    return np.array([20, 0, 15.5, shift, 0, 20, 7.5, 0, 0, 0, 1.0, 0])


@pytest.mark.parametrize(('fields', 'cause'), [
    ({'k': np.zeros(9), 'p': np.zeros(12)}, 'right camera_info is empty'),
    ({'p': projection(0.0)}, 'baseline is 0 m'),
    ({'p': projection(2.0)}, 'left and right swapped'),
    ({'p': projection(-2000.0)}, 'looks like millimetres'),
    ({'width': 99}, '99x16')])
def test_bad_calibrations(tmp_path, fields, cause):
    write_stereo_bag(tmp_path / 'in', 'mcap', change=calibration(**fields), frames=2)
    with pytest.raises(BagError, match=rf'could be processed: .*{cause}'):
        run(tmp_path)
    assert left_behind(tmp_path) == []


def test_a_wrong_baseline_can_be_overridden(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=2, change=calibration(p=projection(0.0)))
    report, found = run(tmp_path, baseline_m=0.1)
    assert report.frames == 2
    assert found['/stereo/depth'][0][1].data.view(np.float32)[0] == pytest.approx(0.5)
    with pytest.raises(CalibrationError, match='millimetres'):
        ReplayOptions(baseline_m=100)


def test_missing_camera_info_or_camera(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap',
                     change=lambda m: None if m.topic == '/stereo/right/camera_info' else m)
    with pytest.raises(BagError, match='no camera_info for /stereo/right/image_rect'):
        run(tmp_path)
    write_stereo_bag(tmp_path / 'in2', 'mcap', change=lambda m: None if 'right' in m.topic else m)
    with pytest.raises(BagError, match='no stereo pair was found'):
        run(tmp_path, source='in2')
    assert left_behind(tmp_path, 'in2') == []


def test_named_topics(tmp_path):
    bag = StereoBag()
    names = {bag.topic('left'): '/a/img', bag.topic('right'): '/b/img',
             '/stereo/left/camera_info': '/c', '/stereo/right/camera_info': '/d'}
    write_stereo_bag(tmp_path / 'in', 'mcap', change=lambda m: m._replace(topic=names[m.topic]))
    report, found = run(tmp_path, topics=TopicWishes('/a/img', '/b/img', '/c', '/d'))
    assert report.frames == 3 and '/disparity' in found


@pytest.mark.parametrize('kind', ['mcap', 'sqlite3', 'ros1'])
def test_a_cut_bag_is_replayed_up_to_the_cut(tmp_path, kind):
    name = 'in.bag' if kind == 'ros1' else 'in'
    bag = write_stereo_bag(tmp_path / name, kind, frames=60, width=100, height=40)
    file = tmp_path / name
    file = file if file.is_file() else next(f for f in file.iterdir() if f.suffix != '.yaml')
    file.write_bytes(file.read_bytes()[:file.stat().st_size * 6 // 10])
    report, found = run(tmp_path, source=name)
    assert 30 <= report.frames <= 37
    assert report.damage and report.damage.startswith(file.name)
    assert stamps(found, '/stereo/depth') == [bag.stamp_ns(i) for i in range(report.frames)]


def test_other_topics_are_copied_when_asked_for(tmp_path):
    bag = StereoBag(frames=2)
    extra = [BagMessage('/clock_like', 'std_msgs/msg/Header', bag.start_ns + i,
                        make_header(i, 'x')) for i in range(5)]
    extra.append(BagMessage('/stereo/depth', 'std_msgs/msg/Header', bag.start_ns + 5,
                            make_header(5, 'x')))
    write_bag(tmp_path / 'in', 'sqlite3', [*extra, *messages(bag)])
    report, found = run(tmp_path, all_topics=True)
    assert [(t, m.header if hasattr(m, 'header') else m.frame_id)
            for t, m in found['/clock_like']] == [(bag.start_ns + i, 'x') for i in range(5)]
    assert report.warnings == (
        '/stereo/depth of the bag is not copied: the output has a new one',)
    assert all(hasattr(m, 'encoding') for _, m in found['/stereo/depth'])
    _, found = run(tmp_path, output='2.mcap')
    assert '/clock_like' not in found


def test_quality_of_service_is_kept(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer

    from depth_learning_ros.replay.qos import RELIABLE
    bag = StereoBag(frames=1)
    offered = RELIABLE._replace(depth=3, reliability=type(RELIABLE.reliability).BEST_EFFORT)
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for message in messages(bag):
            connection = writer.add_connection(
                message.topic, message.type_name, typestore=STORE,
                offered_qos_profiles=[offered] if 'left' in message.topic else [])
            writer.write(connection, message.log_time_ns,
                         STORE.serialize_cdr(message.data, message.type_name))
    run(tmp_path)
    # AnyReader parses the definitions in the file, and compares their hashes with the stated ones.
    with AnyReader([tmp_path / 'out.mcap']) as reader:
        assert reader.typestore.fielddefs['sensor_msgs/msg/PointCloud2']
        found = {c.topic: c.ext.offered_qos_profiles for c in reader.connections}
    assert found['/stereo/left/image_rect'] == [offered]
    assert isinstance(found['/stereo/disparity'][0], Qos)
    assert found['/stereo/disparity'] == found['/stereo/right/image_rect'] == [RELIABLE]


def test_report_is_plain_json(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=4)
    report, _ = run(tmp_path, ShiftEngine(delay_s=0.01))
    values = json.loads(json.dumps(report.as_json()))
    assert values['frames'] == 4
    assert set(values['stages_ms']) == {'read', 'decode', 'engine', 'depth', 'points', 'write'}
    assert 10 < values['stages_ms']['engine']['median'] <= values['latency_ms']['median']
    assert values['latency_ms']['median'] <= values['latency_ms']['worst']
    assert values['frames_per_second'] == pytest.approx(4 / values['seconds'], rel=0.02)
    assert values['messages']['/stereo/points2'] == 4


def test_progress(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=6)
    calls = []
    with StereoPipeline(ShiftEngine()) as pipeline:
        replay(tmp_path / 'in', tmp_path / 'out.mcap', pipeline, ReplayOptions(every=2),
               lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_function_that_opens_the_pipeline(tmp_path):
    engines = []

    def open_pipeline():
        engines.append(ShiftEngine())
        return StereoPipeline(engines[-1])

    with pytest.raises(BagError, match='there is no bag'):
        replay(tmp_path / 'missing', tmp_path / 'out.mcap', open_pipeline)
    assert engines == []
    write_stereo_bag(tmp_path / 'in', 'mcap')
    assert replay(tmp_path / 'in', tmp_path / 'out.mcap', open_pipeline).frames == 3
    assert engines[0].closed


def test_an_engine_that_fails_leaves_nothing(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=20)
    (tmp_path / 'out.mcap').write_bytes(b'old')
    with pytest.raises(EngineError, match='fails as told'):
        run(tmp_path, ShiftEngine(fail_at=7), force=True)
    assert (tmp_path / 'out.mcap').read_bytes() == b'old'
    assert left_behind(tmp_path, 'out.mcap') == []
    assert not [t for t in threading.enumerate() if t.name.startswith('replay-')]


def test_output_paths(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap')
    (tmp_path / 'old.mcap').write_bytes(b'old')
    cases = [('old.mcap', 'exists already.*--force', DataError),
             ('no/out.mcap', 'does not exist', DataError),
             ('out.db3', 'written as MCAP', BagError), ('in', 'exists already', DataError)]
    for name, message, kind in cases:
        engine = ShiftEngine()
        with pytest.raises(kind, match=message):
            run(tmp_path, engine, output=name)
        assert engine.calls == 0
    report, _ = run(tmp_path, output='old.mcap', force=True)
    assert report.frames == 3
    with pytest.raises(BagError, match='is the bag that is read'):
        run(tmp_path, output='in', force=True)
    with pytest.raises(BagError, match='is the bag that is read'):
        run(tmp_path, source='old.mcap', output='old.mcap', force=True)
    assert left_behind(tmp_path, 'old.mcap') == []


@pytest.mark.parametrize('compression', ['none', 'zstd'])
def test_a_folder_with_metadata(tmp_path, compression):
    from ruamel.yaml import YAML
    bag = write_stereo_bag(tmp_path / 'in', 'mcap', encoding='mono8')
    report, found = run(tmp_path, output='result', compression=compression)
    assert set(found) == INPUTS | RESULTS
    assert left_behind(tmp_path, 'result') == []
    assert sorted(p.name for p in (tmp_path / 'result').iterdir()) == [
        'metadata.yaml', 'result_0.mcap']
    text = (tmp_path / 'result' / 'metadata.yaml').read_text()
    metadata = YAML(typ='safe').load(text)['rosbag2_bagfile_information']
    assert (metadata['version'], metadata['storage_identifier']) == (8, 'mcap')
    assert metadata['message_count'] == sum(report.messages.values()) == 30
    assert metadata['starting_time']['nanoseconds_since_epoch'] == (
        bag.start_ns + bag.log_delay_ns)
    assert metadata['duration']['nanoseconds'] == 2 * bag.period_ns
    assert metadata['relative_file_paths'] == ['result_0.mcap']
    assert '&' not in text and '*' not in text  # no YAML aliases
    # An old result is replaced by a new one, anything else is not.
    run(tmp_path, output='result', force=True)
    (tmp_path / 'home').mkdir()
    (tmp_path / 'home' / 'thesis.tex').touch()
    with pytest.raises(DataError, match='home is not a rosbag2 folder'):
        run(tmp_path, output='home', force=True)
    assert (tmp_path / 'home' / 'thesis.tex').exists()
    assert left_behind(tmp_path, 'result', 'home') == []


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap')
    run(tmp_path, output='result')
    before = (tmp_path / 'result' / 'metadata.yaml').read_text()
    with pytest.raises(EngineError):
        run(tmp_path, ShiftEngine(fail_at=2), output='result', force=True)
    assert (tmp_path / 'result' / 'metadata.yaml').read_text() == before
    assert left_behind(tmp_path, 'result') == []


@pytest.mark.parametrize(('options', 'message'), [
    ({'every': 0}, 'every is 0'), ({'start_s': -1}, 'start is -1 s'),
    ({'start_s': float('nan')}, 'start is nan'), ({'duration_s': 0}, 'duration is 0 s'),
    ({'outputs': ()}, 'outputs are none'), ({'outputs': ('depht',)}, 'outputs are depht'),
    ({'sync': 'no'}, "sync is 'no'"), ({'tolerance_s': 60}, 'tolerance is 60 s'),
    ({'compression': 'gz'}, "compression is 'gz'"), ({'baseline_m': -0.1}, 'baseline is -0.1 m')])
def test_bad_options(options, message):
    with pytest.raises(DepthLearningError, match=message):
        ReplayOptions(**options)


def test_distorted_raw_images_are_warned_of(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', image='image_raw',
                     change=lambda m: m._replace(data=replace(m.data, d=np.full(5, 0.1)))
                     if 'info' in m.topic else m)
    report, _ = run(tmp_path)
    assert 'rectified' in report.warnings[0]
