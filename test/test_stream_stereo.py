# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import time

from bags import make_image, make_info
import numpy as np
import pytest
from stream_parts import (
    BAG,
    PATIENCE_S,
    FakeOutlet,
    Models,
    feed,
    feed_infos,
    idle,
    stereo_stream,
)

from depth_learning_ros.errors import DataError, EngineError
from depth_learning_ros.messages import depth_from_image, stamp_ns
from depth_learning_ros.stream import TF_STATIC
from depth_learning_ros.stream.diagnosis import ERROR, OK, WARN


@pytest.fixture
def outlet():
    return FakeOutlet()


@pytest.fixture
def streams():
    """Open streams that are closed at the end."""
    opened = []

    def open_stream(*args, **kwargs):
        opened.append(stereo_stream(*args, **kwargs))
        return opened[-1]

    yield open_stream
    for stream in opened:
        stream.close()


def drops(stream) -> dict[str, int]:
    return dict(stream.statistics.figures().dropped)


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


def test_the_model_is_exchanged_between_frames(outlet, streams):
    models = Models()
    stream = streams(outlet, models, model='one')
    feed(stream, 0)
    stream.update({'model': 'two'})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 1)
    assert [engine.calls for engine in models.opened] == [1, 1]
    assert models.opened[0].closed and stream.settings.model == 'two'
    assert outlet.said('two runs on numpy in fp32') == 1


def test_frames_go_on_while_a_model_is_loaded(outlet, streams):
    models = Models()
    stream = streams(outlet, models, model='one')
    feed(stream, 0)
    models.hold_s = 0.5
    stream.update({'model': 'two'})
    feed(stream, 1, 2)
    assert models.opened[0].calls == 3 and not stream.model.wait(0.0)


@pytest.mark.parametrize('model', ['broken', 'garbage'])
def test_a_model_that_fails_changes_nothing(outlet, streams, model):
    models = Models()
    stream = streams(outlet, models, model='one')
    stream.update({'model': model})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 0)
    assert models.opened[0].calls == 1 and outlet.said(f'{model} cannot be used') == 1
    assert outlet.said('one goes on') == 1
    # the settings tell the truth again, and the transport can tell it too
    assert stream.settings.model == 'one' and outlet.reversions == [{'model': 'one'}]
    diagnosis = stream.diagnose()
    assert diagnosis.level == WARN and model in diagnosis.summary
    stream.update({'model': 'two'})
    assert stream.model.wait(PATIENCE_S)
    assert 'model' not in stream.said.present()


def test_without_a_model_it_waits_for_a_better_name(outlet, streams):
    stream = streams(outlet, model='broken')
    feed(stream, 0)
    assert outlet.published == [] and drops(stream) == {'no model is loaded yet': 1}
    diagnosis = stream.diagnose()
    assert diagnosis.level == ERROR and 'broken is damaged' in diagnosis.summary
    stream.update({'model': 'one'})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 1)
    assert 'disparity' in outlet.topics()


def test_a_threshold_that_the_model_cannot_serve_is_refused(outlet, streams):
    stream = streams(outlet, model='blind')
    with pytest.raises(EngineError, match='blind gives no confidence'):
        stream.update({'min_confidence': 0.5})
    assert stream.settings.min_confidence == 0
    feed(stream, 0, 1)
    assert 'confidence' not in outlet.topics()
    assert outlet.said('blind gives no confidence, so none is published') == 1


def test_a_model_file_that_is_not_there_is_refused_at_once(tmp_path, outlet):
    from depth_learning_ros.stream import StereoSettings, StereoStream
    stream = StereoStream(outlet, StereoSettings(model='sgbm'))
    try:
        with pytest.raises(EngineError, match='no model file'):
            stream.update({'model': str(tmp_path / 'none.onnx')})
        with pytest.raises(EngineError, match=r"did you mean 'sgbm'"):
            stream.update({'model': 'sgmb'})
        assert stream.settings.model == 'sgbm'
    finally:
        stream.close()


def test_a_model_file_that_was_replaced_is_loaded_when_named_again(outlet, streams, tmp_path):
    file, models = tmp_path / 'mine.onnx', Models()
    file.write_bytes(b'one')
    stream = streams(outlet, models, model=str(file))
    stream.update({'model': str(file)})
    stream.update({'point_stride': 2})
    assert stream.model.wait(PATIENCE_S) and len(models.opened) == 1
    file.write_bytes(b'another')
    stream.update({'point_stride': 1})
    assert stream.model.wait(PATIENCE_S) and len(models.opened) == 1
    stream.update({'model': str(file)})
    assert stream.model.wait(PATIENCE_S)
    feed(stream, 0)
    assert [engine.calls for engine in models.opened] == [0, 1]


def test_garbage_in_the_place_of_the_model_changes_nothing(outlet, streams, tiny_model, tmp_path):
    """With the real loader: the file of the running network is overwritten in place."""
    pytest.importorskip('onnxruntime')
    from depth_learning_ros.stream.model import open_as_chosen
    copied = tiny_model.copy_to(tmp_path)
    bag = replace(BAG, width=128, height=64)
    stream = streams(outlet, open_as_chosen, model=str(copied.onnx))
    feed(stream, 0, bag=bag)
    for file in (copied.onnx, copied.weights):
        size = file.stat().st_size
        with file.open('r+b') as opened:  # the same file, not one renamed into its place
            opened.write(b'garbage' * (size // 7))
            opened.truncate(size // 2)
    feed(stream, 1, bag=bag)
    assert outlet.topics().count('disparity') == 2, outlet.sayings
    stream.update({'model': str(copied.onnx)})
    assert stream.model.wait(PATIENCE_S)
    assert outlet.said('cannot be used') == 1 and outlet.said('goes on') == 1
    feed(stream, 2, bag=bag)
    assert outlet.topics().count('disparity') == 3


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
