# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from depth_learning_ros.stream.infos import CameraInfos, LatestInfos


def released(found):
    return [(w.pair, w.left_info, w.right_info) for w in found]


def test_one_message_at_the_start_serves_all():
    infos = CameraInfos()
    infos.add_info('left', 5, 'L')
    infos.add_info('right', 5, 'R')
    found = [w for stamp in (10, 20, 30, 40) for w in infos.add_pair(stamp, stamp)]
    assert released(found + infos.flush()) == [(t, 'L', 'R') for t in (10, 20, 30, 40)]


def test_the_newest_at_or_before_the_pair_is_taken():
    infos = CameraInfos()
    for side in ('left', 'right'):
        infos.add_info(side, 10, f'{side} old')
        infos.add_info(side, 20, f'{side} new')
    found = [w for stamp in (19, 20, 21) for w in infos.add_pair(stamp, stamp)] + infos.flush()
    assert released(found) == [(19, 'left old', 'right old'), (20, 'left new', 'right new'),
                               (21, 'left new', 'right new')]


def test_a_camera_info_recorded_behind_its_images_is_waited_for():
    infos = CameraInfos()
    for side in ('left', 'right'):
        infos.add_info(side, 10, 'old')
    assert infos.add_pair(20, 'pair') == []
    assert infos.add_info('left', 20, 'new') == []
    assert released(infos.add_info('right', 20, 'new')) == [('pair', 'new', 'new')]


def test_it_is_not_waited_for_long():
    infos = CameraInfos()
    for side in ('left', 'right'):
        infos.add_info(side, 0, side)
    assert [len(infos.add_pair(t, t)) for t in range(1, 6)] == [0, 0, 1, 1, 1]


def test_the_first_one_serves_what_came_before_it():
    infos = CameraInfos()
    infos.add_pair(1, 'pair')
    infos.add_info('left', 100, 'L')
    assert released(infos.add_info('right', 100, 'R')) == [('pair', 'L', 'R')]


def test_none_at_all():
    infos = CameraInfos()
    infos.add_pair(1, 'pair')
    infos.add_info('left', 1, 'L')
    assert released(infos.flush()) == [('pair', 'L', None)]


def test_old_ones_are_forgotten():
    infos = CameraInfos()
    for t in range(1000):
        infos.add_info('left', t, t)
        infos.add_info('right', t, t)
    assert len(infos._known['left'].infos) == 64
    assert released(infos.add_pair(999, 'pair')) == [('pair', 999, 999)]


def latest(**kinds):
    lost = []
    return LatestInfos(on_lost=lost.append, **kinds), lost


def both(infos, stamp, value):
    return [item for side in ('left', 'right')
            for item in infos.add_info(side, stamp, f'{side} {value}')]


def test_live_a_camera_info_sent_once_holds_nothing_back():
    infos, _ = latest()
    both(infos, 5, 'L')
    assert [infos.add_frame(t, t) for t in (10, 20, 30)] == [
        [(t, ['left L', 'right L'])] for t in (10, 20, 30)]


def test_live_frames_without_any_camera_info_are_lost_but_the_newest():
    infos, lost = latest()
    assert infos.add_frame(10, 10) == infos.add_frame(20, 20) == []
    assert infos.missing() == ['left', 'right'] and lost == [10]
    assert infos.add_info('left', 20, 'l') == []
    assert infos.add_info('right', 20, 'r') == [(20, ['l', 'r'])]
    assert infos.missing() == []


def test_live_a_calibration_that_changes_is_waited_for_when_it_comes_with_every_image():
    infos, _ = latest()
    both(infos, 0, 'old')
    both(infos, 10, 'old')
    assert infos.add_frame(10, 10) == [(10, ['left old', 'right old'])]
    assert infos.add_frame(20, 20) == []  # as the one before had its own
    assert infos.add_info('left', 20, 'left new') == []
    assert infos.add_info('right', 20, 'right new') == [(20, ['left new', 'right new'])]


def test_live_nothing_waits_longer_than_a_frame():
    infos, _ = latest()
    both(infos, 0, 'old')
    both(infos, 10, 'old')
    infos.add_frame(10, 10)
    assert infos.add_frame(20, 20) == []
    # no camera_info came for 20: it is let go, and 30 does not wait either
    assert infos.add_frame(30, 30) == [(20, ['left old', 'right old']),
                                       (30, ['left old', 'right old'])]


def test_live_time_set_back_keeps_the_calibration():
    infos, lost = latest(sides=['left'])
    infos.add_info('left', 1000, 'old')
    infos.add_info('left', 2000, 'new')
    infos.add_frame(2000, 'a')
    infos.restart()
    assert infos.add_frame(10, 'b') == [('b', ['new'])] and lost == []
    assert infos.add_info('left', 20, 'newer') == []
    assert infos.add_frame(20, 'c') == [('c', ['newer'])]
