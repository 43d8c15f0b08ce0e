# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags with something wrong in them: what is skipped, what is refused, and what is said."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

from bags import STORE, StereoBag, messages, write_bag, write_stereo_bag
from fake_engine import ShiftEngine
import numpy as np
import pytest
from replay_run import left_behind, run, stamps

from depth_learning_ros.errors import BagError, CalibrationError
from depth_learning_ros.replay import ReplayOptions, TopicWishes
from depth_learning_ros.replay.frames import bag_pairs


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


def test_who_learns_from_a_bag_hears_what_could_not_be_read(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', change=bend(1, encoding='rgb9'), frames=5)
    whole, part = Counter(), Counter()
    assert len(list(bag_pairs(tmp_path / 'in', unreadable=whole))) == 4
    assert list(whole.values()) == [1] and 'left is rgb9' in next(iter(whole))
    found = bag_pairs(tmp_path / 'in', unreadable=part)
    assert len(list(islice(found, 2))) == 2  # the first and the third
    found.close()
    assert part == whole
    file = next((tmp_path / 'in').glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:file.stat().st_size * 2 // 3])
    cut = Counter()
    assert 0 < len(list(bag_pairs(file, unreadable=cut))) < 4
    assert cut.total() == 2 and sum('the file ends after' in cause for cause in cut) == 1


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
