# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a stream of pairs publishes, and how it changes while it runs."""

from __future__ import annotations

from dataclasses import replace
import time

from bags import make_image
import numpy as np
import pytest
from stream_parts import (
    BAG,
    PATIENCE_S,
    FakeOutlet,
    Models,
    drops,
    feed,
    feed_infos,
    idle,
    stereo_stream,
)

from depth_learning_ros.errors import DataError
from depth_learning_ros.messages import depth_from_image, stamp_ns
from depth_learning_ros.stream import TF_STATIC


def test_everything_is_published_with_stamp_and_frame_of_the_left_image(outlet, streams):
    outlet.time_ns = BAG.start_ns + 25_000_000
    stream = streams(outlet)
    feed(stream, 0)
    assert sorted(outlet.topics()) == sorted([
        'disparity', 'depth', 'depth/camera_info', 'camera_info', 'points2', 'confidence', 'scan',
        TF_STATIC])
    messages = dict(outlet.published)
    scan, tie = messages.pop('scan'), messages.pop(TF_STATIC)
    assert scan.header.frame_id == 'left_optical_scan'
    assert tie.transforms[0].child_frame_id == 'left_optical_scan'
    for message in messages.values():
        assert stamp_ns(message.header) == BAG.start_ns
        assert message.header.frame_id == 'left_optical'
    # f 20 px, B 0.1 m, d 4 px
    assert np.all(depth_from_image(messages['depth']) == 0.5)
    figures = stream.statistics.figures()
    assert figures.latency.median_ms == pytest.approx(25) and figures.results == 1



def test_only_what_somebody_listens_to_is_computed(streams):
    outlet, models = FakeOutlet('disparity'), Models()
    stream = streams(outlet, models)
    feed(stream, 0)
    assert outlet.topics() == ['disparity']
    assert set(stream.statistics.figures().stages) == {'decode', 'engine', 'publish'}
    outlet.listened = {'camera_info'}
    feed(stream, 1)
    assert outlet.topics() == ['disparity', 'camera_info'] and models.opened[0].calls == 1
    outlet.listened = set()
    feed(stream, 2, 3)
    assert models.opened[0].calls == 1 and stream.statistics.figures().idle == 2
    outlet.listened = {'points2'}  # somebody is back
    feed(stream, 4)
    assert outlet.topics()[-1] == 'points2'



def test_outputs_can_be_forbidden_while_running(outlet, streams):
    stream = streams(outlet, outputs=('disparity', 'points2'))
    feed(stream, 0)
    assert set(outlet.topics()) == {'disparity', 'points2'}
    stream.update({'outputs': ['depth'], 'depth_encoding': '16UC1'})
    outlet.published.clear()
    feed(stream, 1)
    assert set(outlet.topics()) == {'depth', 'depth/camera_info', 'camera_info'}
    assert dict(outlet.published)['depth'].encoding == '16UC1'



def test_depth_limits_and_stride_change_while_running(outlet, streams):
    stream = streams(outlet)
    stream.update({'max_depth_m': 0.4, 'point_stride': 4})
    feed(stream, 0)
    messages = dict(outlet.published)
    assert np.all(depth_from_image(messages['depth']) == np.inf)
    assert (messages['points2'].height, messages['points2'].width) == (4, 8)
    with pytest.raises(DataError, match='point_stride is 0'):
        stream.update({'point_stride': 0})
    assert stream.settings.point_stride == 4



def test_a_slow_engine_gets_the_newest_and_latency_does_not_grow(outlet, streams):
    stream = streams(outlet, Models(delay_s=0.1))
    begin = time.monotonic()
    for index in range(30):
        outlet.time_ns = BAG.start_ns + round((time.monotonic() - begin) * 1e9)
        feed_infos(stream, index=index)
        for side in ('left', 'right'):
            stream.add_image(side, make_image(BAG, index, side))
        time.sleep(max(0.0, begin + (index + 1) * BAG.period_ns / 1e9 - time.monotonic()))
    idle(stream)
    stamps = [stamp_ns(m.header) for topic, m in outlet.published if topic == 'disparity']
    assert stamps == sorted(stamps) and 5 <= len(stamps) <= 14
    figures = stream.statistics.figures()
    lost = figures.dropped['a newer one came before the engine was free']
    assert lost == 30 - len(stamps)
    assert figures.gaps['a newer one came before the engine was free'].median_ms == 33.0
    assert figures.latency.worst_ms < 1000



def test_a_calibration_that_changes_counts_from_its_own_image_on(outlet, streams):
    stream = streams(outlet)
    feed(stream, 0, 1)
    wider = replace(BAG, baseline=0.2)
    for side in ('left', 'right'):  # the camera_info comes behind its images
        stream.add_image(side, make_image(wider, 2, side))
    feed_infos(stream, wider, 2)
    idle(stream)
    depths = [depth_from_image(m)[0, 0] for topic, m in outlet.published if topic == 'depth']
    assert depths == [0.5, 0.5, 1.0]



@pytest.mark.parametrize('changes', [
    {'width': 48, 'height': 24}, {'encoding': 'mono8'}, {'encoding': 'bgr8'},
    {'compressed': 'png'}])
def test_size_and_encoding_change_while_running(outlet, streams, changes):
    models = Models()
    stream = streams(outlet, models)
    feed(stream, 0)
    bag = replace(BAG, **changes)
    feed(stream, 1, bag=bag)
    feed(stream, 2)
    images = [m.image for topic, m in outlet.published if topic == 'disparity']
    assert [(i.width, i.height) for i in images] == [
        (32, 16), (bag.width, bag.height), (32, 16)]
    assert all(np.all(i.data.view(np.float32) == 4) for i in images)
    assert drops(stream) == {}



def test_inactive_streams_let_frames_pass(outlet, streams):
    stream = streams(outlet)
    stream.deactivate()
    feed(stream, 0)
    assert outlet.published == [] and stream.diagnose().summary == 'inactive'
    stream.activate()
    feed(stream, 1)
    assert 'disparity' in outlet.topics()



def test_the_frame_of_the_scan_is_told_once_and_again_when_the_camera_is_tilted(outlet, streams):
    stream = streams(outlet)
    feed(stream, 0, 1)
    assert outlet.topics().count(TF_STATIC) == 1
    stream.update({'scan_camera_pitch_rad': 0.2})
    feed(stream, 2)
    assert outlet.topics().count(TF_STATIC) == 2
    stream.update({'scan_frame_id': 'base_scan', 'scan_camera_pitch_rad': 0.3})
    feed(stream, 3)
    assert outlet.topics().count(TF_STATIC) == 2
    assert [m.header.frame_id for t, m in outlet.published if t == 'scan'][-1] == 'base_scan'



def test_closing_frees_the_model_and_ends_the_threads(outlet):
    models = Models()
    stream = stereo_stream(outlet, models)
    feed(stream, 0)
    assert stream.close(PATIENCE_S)
    assert models.opened[0].closed
    assert not stream._worker._thread.is_alive() and not stream.model._loader._thread.is_alive()
