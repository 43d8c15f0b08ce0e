# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras that stop, drift apart, or send what cannot be used: told of once, and survived."""

from __future__ import annotations

from dataclasses import replace
import time

from bags import make_image, make_info
import numpy as np
import pytest
from stream_parts import BAG, Models, drops, feed, feed_infos, idle

from depth_learning_ros.stream.diagnosis import OK, WARN


def test_a_camera_that_stops_is_told_of_and_comes_back(outlet, streams):
    stream = streams(outlet, stale_after_s=0.1)
    assert 'nothing came yet on left image' in stream.diagnose().summary
    feed(stream, 0, 1)
    assert stream.diagnose().level == OK
    time.sleep(0.15)
    stale = stream.diagnose()
    stream.diagnose()
    assert stale.level == WARN and 'nothing came for 0.1 s on left image' in stale.summary
    assert outlet.said('nothing came for 0.1 s') == 1
    feed(stream, 2)
    assert stream.diagnose().level == OK and outlet.said('silence: fine again') == 2



def test_one_side_alone_is_told_of(outlet, streams):
    stream = streams(outlet, stale_after_s=60.0)
    feed_infos(stream)
    stream.add_image('left', make_image(BAG, 0, 'left'))
    assert 'nothing came yet on right image, though left image comes' in stream.diagnose().summary



def test_left_and_right_out_of_step(outlet, streams):
    bag = replace(BAG, right_offset_ns=16_000_000)
    stream = streams(outlet)
    feed(stream, *range(20), bag=bag)
    assert outlet.published == []
    assert outlet.said('none of the same stamp, the nearest is 16.0 ms away') == 1
    assert outlet.said('set approximate_sync') == 1
    figures = stream.statistics.figures()
    assert figures.dropped['left image without a partner'] == 15  # five are still kept
    assert figures.gaps['left image without a partner'].median_ms == 16.0



def test_approximate_pairs_come_at_once(outlet, streams):
    bag = replace(BAG, right_offset_ns=4_000_000)
    stream = streams(outlet, approximate_sync=True)
    feed(stream, 0, 1, 2, bag=bag)
    assert outlet.topics().count('disparity') == 3 and drops(stream) == {}



def test_pairs_of_a_synchroniser_of_the_transport(outlet, streams):
    stream = streams(outlet)
    feed_infos(stream)
    for index in range(8):
        left, right = (make_image(BAG, index, side) for side in ('left', 'right'))
        stream.note_image('left', left)
        if index != 1:  # is lost on its way
            stream.note_image('right', right)
            stream.add_pair(left, right)
            idle(stream)
    assert outlet.topics().count('disparity') == 7
    assert drops(stream) == {}  # it is still kept
    for index in range(8, 14):
        stream.note_image('left', make_image(BAG, index, 'left'))
    assert stream.statistics.figures().gaps['left image without a partner'].worst_ms == 33.0



def test_camera_info_comes_late(outlet, streams):
    stream = streams(outlet)
    feed(stream, 0, 1, 2, infos=False)
    assert outlet.published == [] and drops(stream) == {'no camera_info came yet': 2}
    assert outlet.said('no camera_info came for left and right yet') == 1
    feed_infos(stream)
    idle(stream)
    assert 'disparity' in outlet.topics()
    assert outlet.said('camera_info: fine again') == 1



def test_an_uncalibrated_camera_is_told_of_once_and_recovers(outlet, streams):
    stream = streams(outlet)
    for index in range(5):
        for side in ('left', 'right'):
            info = make_info(BAG, index, side)
            stream.add_info(side, replace(info, k=np.zeros(9), p=np.zeros(12)))
        feed(stream, index, infos=False)
    assert outlet.published == [] and outlet.said('the camera is not calibrated') == 1
    assert drops(stream) == {'the images or their camera_info cannot be used': 5}
    assert stream.diagnose().level == WARN
    feed(stream, 6)
    assert 'depth' in outlet.topics()



def bent(message, **changes):
    return replace(message, **changes)



@pytest.mark.parametrize('bend, text', [
    (lambda m: bent(m, data=m.data[:100]), 'left image: the rgb8 image of 32x16 is truncated'),
    (lambda m: bent(m, encoding='unheard of'), 'left is unheard of and right is rgb8'),
    (lambda m: bent(m, encoding='mono8', step=32, data=m.data[:512]), 'left is mono8'),
    (lambda m: bent(m, height=0), 'is empty'),
    (lambda m: bent(m, width=16, step=48, data=m.data[:768]), 'left is 16x16 and right is 32'),
])
def test_bad_images_are_told_of_once_and_good_ones_go_on(outlet, streams, bend, text):
    stream = streams(outlet)
    feed_infos(stream)
    for index in range(6):
        left = make_image(BAG, index, 'left')
        stream.add_image('left', left if index == 5 else bend(left))
        stream.add_image('right', make_image(BAG, index, 'right'))
        idle(stream)
    assert outlet.said(text) == 1, outlet.sayings
    assert outlet.topics().count('disparity') == 1
    assert drops(stream) == {'the images or their camera_info cannot be used': 5}



def test_an_engine_that_fails_now_and_then(outlet, streams):
    stream = streams(outlet, Models(fail_at=2))
    feed(stream, 0, 1, 2)
    assert outlet.topics().count('disparity') == 2
    assert outlet.said('fails as told') == 1 and drops(stream) == {'the engine failed': 1}



def test_stamps_of_zero_are_told_of(outlet, streams):
    stream = streams(outlet)
    feed(stream, 0, bag=replace(BAG, start_ns=0))
    assert outlet.said('stamps of the left image are 0') == 1
    assert 'disparity' in outlet.topics()



@pytest.mark.parametrize('own_sync', [True, False])
def test_time_set_back(outlet, streams, own_sync):
    later = replace(BAG, start_ns=BAG.start_ns + 60_000_000_000)
    stream = streams(outlet)
    feed(stream, 0, 1, bag=later)
    if own_sync:
        feed(stream, 0, 1)
    else:
        assert stream.note_image('left', make_image(later, 2, 'left')) is False
        assert stream.note_image('left', make_image(BAG, 0, 'left')) is True
        assert stream.note_image('right', make_image(BAG, 0, 'right')) is False
    assert outlet.said('time was set back') == 1
    if own_sync:
        assert outlet.topics().count('disparity') == 4
