# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import logging
import subprocess
import sys

import numpy as np
import pytest

import depth_learning_ros
import depth_learning_ros.engine
from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.errors import CalibrationError, DataError, EngineError
from depth_learning_ros.geometry.scan import ScanOptions
from depth_learning_ros.pipeline import OUTPUTS, DepthOptions, StereoPipeline
from depth_learning_ros.types import StereoCamera, StereoPair

HEIGHT, WIDTH = 4, 8
CAMERA = StereoCamera(WIDTH, HEIGHT, focal_px=100.0, cx=3.5, cy=1.5, baseline_m=0.5)
LEFT = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
PAIR = StereoPair(LEFT, LEFT, CAMERA, stamp_ns=5, frame_id='left')


class FakeEngine(Engine):
    """Sees a wall at disparity 2; less sure to the right."""

    def __init__(self, confidence: bool = True, disparity: np.ndarray | None = None,
                 **info) -> None:
        outputs = ('disparity', 'confidence') if confidence else ('disparity',)
        self.info = EngineInfo('fake', 'test', '1', 'fp32', 'cpu', outputs=outputs,
                               **{'max_disparity': 64.0, 'subpixel_step': 0.25, **info})
        self.disparity = disparity
        self.inputs: list[Mapping[str, np.ndarray]] = []
        self.closed = 0

    def infer(self, inputs):
        self.inputs.append(inputs)
        shape = inputs['left'].shape[:3]
        assert inputs['left'].dtype == np.uint8 and inputs['left'].ndim == 4
        wall = np.full(shape, 2, np.float32) if self.disparity is None else self.disparity[None]
        results = {'disparity': wall.copy()}
        if 'confidence' in self.info.outputs:
            ramp = np.linspace(1, 0.3, shape[2], dtype=np.float32)
            results['confidence'] = np.broadcast_to(ramp, shape).copy()
        return results

    def close(self):
        self.closed += 1


def test_everything_at_once():
    engine = FakeEngine()
    result = StereoPipeline(engine).process(PAIR)
    assert result.pair is PAIR
    assert (result.disparity.values == 2).all()
    assert (result.disparity.max_disparity, result.disparity.subpixel_step) == (64, 0.25)
    assert (result.depth == 25).all() and result.depth.dtype == np.float32
    np.testing.assert_allclose(result.points.points[0, 0], [-0.875, -0.375, 25])
    np.testing.assert_array_equal(result.points.colors, LEFT)
    assert result.confidence is result.disparity.confidence
    assert set(result.seconds) == {'engine', 'depth', 'points'}
    assert len(engine.inputs) == 1 and np.shares_memory(engine.inputs[0]['left'], LEFT)


@pytest.mark.parametrize('outputs,steps', [
    (('disparity',), {'engine'}), (['confidence'], {'engine'}), ((), {'engine'}),
    ({'depth'}, {'engine', 'depth'}), (('points2',), {'engine', 'points'}),
    ('depth', {'engine', 'depth'})])
def test_only_what_is_asked_for_is_computed(outputs, steps):
    result = StereoPipeline(FakeEngine()).process(PAIR, outputs)
    assert set(result.seconds) == steps
    assert (result.depth is None) == ('depth' not in steps)
    assert (result.points is None) == ('points' not in steps)


def test_points_are_the_same_with_and_without_the_depth_image():
    options = DepthOptions(min_depth_m=1, max_depth_m=30, min_confidence=0.5, point_stride=3)
    pipeline = StereoPipeline(FakeEngine(), options)
    both, alone = pipeline.process(PAIR), pipeline.process(PAIR, ['points2'])
    np.testing.assert_array_equal(both.points.points, alone.points.points)
    assert both.points.points.shape == (2, 3, 3)


def test_unsure_and_distant_pixels_leave_depth_and_points_but_not_the_disparity():
    result = StereoPipeline(FakeEngine(), DepthOptions(min_confidence=0.65)).process(PAIR)
    # confidence falls from 1 to 0.3 in steps of 0.1: columns 4 and up are below 0.65
    assert (result.depth[:, :4] == 25).all() and np.isnan(result.depth[:, 4:]).all()
    assert np.isnan(result.points.points[:, 4:]).all()
    assert (result.disparity.values == 2).all()
    far = StereoPipeline(FakeEngine(), DepthOptions(max_depth_m=24)).process(PAIR)
    near = StereoPipeline(FakeEngine(), DepthOptions(min_depth_m=26)).process(PAIR)
    assert (far.depth == np.inf).all() and (near.depth == -np.inf).all()
    assert np.isnan(far.points.points).all() and np.isnan(near.points.points).all()


def test_engine_without_confidence():
    result = StereoPipeline(FakeEngine(confidence=False)).process(PAIR)
    assert result.confidence is None and result.depth is not None
    with pytest.raises(EngineError, match=r'min_confidence is 0\.5, but fake gives no'):
        StereoPipeline(FakeEngine(confidence=False), DepthOptions(min_confidence=0.5))


def test_left_right_check_gives_confidence_and_masks():
    # the same wall from the right: sure, but for the two columns the right camera does not see
    engine = FakeEngine(confidence=False)
    options = DepthOptions(left_right_check=True, min_confidence=0.5)
    result = StereoPipeline(engine, options).process(PAIR)
    expected = np.tile(np.array([0, 0, 1, 1, 1, 1, 1, 1], np.float32), (HEIGHT, 1))
    np.testing.assert_array_equal(result.confidence, expected)
    assert np.isnan(result.depth[:, :2]).all() and (result.depth[:, 2:] == 25).all()
    np.testing.assert_array_equal(engine.inputs[1]['left'][0], LEFT[:, ::-1])
    assert set(result.seconds) == {'engine', 'left_right_check', 'depth', 'points'}


def test_left_right_check_mirrors_the_answer_and_takes_the_weaker_confidence():
    # the engine gives 0 on the left half of any image, so the halves of the views disagree
    disparity = np.zeros((HEIGHT, WIDTH), np.float32)
    disparity[:, 4:] = 1
    pipeline = StereoPipeline(FakeEngine(True, disparity), DepthOptions(left_right_check=True))
    # right view, mirrored back: 1 1 1 1 0 0 0 0; columns 0-3 see themselves: 0 against 1;
    # columns 4.. see 3..: 1 against 1, then 0
    checked = np.array([0.5, 0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.5])
    own = np.linspace(1, 0.3, WIDTH)
    np.testing.assert_allclose(pipeline.process(PAIR).confidence[0], np.minimum(checked, own),
                               rtol=1e-6)


def test_left_right_check_runs_only_when_somebody_wants_it():
    engine = FakeEngine()
    pipeline = StereoPipeline(engine, DepthOptions(left_right_check=True))
    pipeline.process(PAIR, ['disparity', 'depth'])
    assert len(engine.inputs) == 1
    pipeline.process(PAIR, ['confidence'])
    assert len(engine.inputs) == 3


@pytest.mark.parametrize('outputs,named', [
    (OUTPUTS, 'depth and points2'), (['points2'], '^points2 cannot')])
def test_depth_and_points_need_a_camera(outputs, named):
    with pytest.raises(CalibrationError, match=f'{named}.*without a camera|{named}'):
        StereoPipeline(FakeEngine()).process(replace(PAIR, camera=None), outputs)


def test_two_images_and_no_camera_give_disparity():
    result = StereoPipeline(FakeEngine())(LEFT, LEFT)
    assert (result.depth, result.points) == (None, None) and result.confidence is not None
    assert (StereoPipeline(FakeEngine())(LEFT, LEFT, CAMERA).depth == 25).all()


@pytest.mark.parametrize('gray', [LEFT[..., 0], LEFT[..., :1]])
def test_gray_arrays_are_taken(gray):
    engine = FakeEngine()
    StereoPipeline(engine)(gray, gray)
    np.testing.assert_array_equal(engine.inputs[0]['left'][0], LEFT[..., [0, 0, 0]])


@pytest.mark.parametrize('left', [
    LEFT.astype(np.float32), LEFT[..., :2], np.zeros((4, 8, 4), np.uint8), LEFT[:, :7]])
def test_other_arrays_are_refused(left):
    with pytest.raises(DataError, match=r'expected uint8 \[H, W, 3\]|one size'):
        StereoPipeline(FakeEngine())(left, LEFT)


@pytest.mark.parametrize(('left', 'text'), [
    ('left.png', 'the left image is a str: expected a numpy array; .*read_image reads files'),
    (LEFT.tolist(), 'the left image is a list'),
    (LEFT[:0], r'the left image is uint8 \[0, ')])
def test_what_is_no_image_is_refused(left, text):
    with pytest.raises(DataError, match=text):
        StereoPipeline(FakeEngine())(left, LEFT)


def test_camera_of_another_size_is_scaled_and_told_once(caplog):
    pair = replace(PAIR, camera=CAMERA.resized(2 * WIDTH, 2 * HEIGHT))
    pipeline = StereoPipeline(FakeEngine())
    with caplog.at_level(logging.WARNING):
        result = pipeline.process(pair)
        pipeline.process(pair)
    assert result.pair.camera == replace(CAMERA, focal_y_px=100.0)
    assert (result.depth == 25).all()
    assert [record.getMessage() for record in caplog.records] == [
        'the calibration is for 16x8 and the images are 8x4: scaled to them']


def test_camera_of_another_shape_is_refused():
    with pytest.raises(CalibrationError, match=r'8x4.*8x8.*aspect'):
        StereoPipeline(FakeEngine()).process(replace(PAIR, camera=CAMERA.resized(8, 8)))


def test_unknown_outputs_are_refused():
    with pytest.raises(DataError, match="'cloud', 'points': there are disparity, depth, points2"):
        StereoPipeline(FakeEngine()).process(PAIR, ['points', 'cloud', 'depth'])


@pytest.mark.parametrize('options', [
    {'min_depth_m': -1.0}, {'min_depth_m': 3.0, 'max_depth_m': 2.0}, {'min_confidence': 2.0},
    {'point_stride': 0}, {'point_stride': 1.5}])
def test_bad_options_are_refused(options):
    with pytest.raises(DataError, match=next(iter(options))):
        DepthOptions(**options)


@pytest.mark.parametrize('answer,match', [
    ({}, 'gave nothing as disparity'),
    ({'disparity': np.zeros((1, 4, 7), np.float32)}, r'float32 \[1, 4, 7\] as disparity'),
    ({'disparity': np.zeros((1, 4, 8))}, 'gave float64'),
    ({'disparity': np.zeros((1, 4, 8), np.float32),
      'confidence': np.zeros((4, 8), np.float32)}, r'float32 \[4, 8\] as confidence')])
def test_engines_that_break_the_contract_are_named(answer, match):
    engine = FakeEngine()
    engine.infer = lambda inputs: answer
    with pytest.raises(EngineError, match=rf'fake \(test\).*{match}'):
        StereoPipeline(engine).process(PAIR)


def test_mono_engine_is_refused():
    with pytest.raises(EngineError, match='is a mono model: it takes one image'):
        StereoPipeline(FakeEngine(inputs=('left',)))


def test_the_pipeline_closes_its_engine():
    engine = FakeEngine()
    with pytest.raises(DataError), StereoPipeline(engine) as pipeline:
        pipeline.process(PAIR, ['nothing'])
    assert engine.closed == 1


def test_results_that_are_kept_are_not_overwritten():
    engine = FakeEngine()
    pipeline = StereoPipeline(engine)
    kept = [pipeline.process(PAIR).points.points]
    engine.disparity = np.full((HEIGHT, WIDTH), 50, np.float32)
    for _ in range(5):
        kept.append(pipeline.process(PAIR, ['points2']).points.points)
    assert (kept[0][..., 2] == 25).all() and all((p[..., 2] == 1).all() for p in kept[1:])


def test_load_opens_the_engine_and_closes_it_when_options_do_not_fit(monkeypatch):
    asked, engine = [], FakeEngine(confidence=False)

    def open_engine(model, **options):
        asked.append((model, options))
        return engine

    monkeypatch.setattr(depth_learning_ros.engine, 'open_engine', open_engine, raising=False)
    pipeline = depth_learning_ros.load('sgbm', backend='auto',
                                       options=DepthOptions(max_depth_m=9))
    assert asked == [('sgbm', {'backend': 'auto'})] and pipeline.engine is engine
    assert pipeline.options.max_depth_m == 9 and engine.closed == 0
    with pytest.raises(EngineError, match='min_confidence'):
        depth_learning_ros.load(options=DepthOptions(min_confidence=0.9))
    assert asked[1] == ('crl-small', {}) and engine.closed == 1


def test_importing_the_package_loads_nothing_heavy():
    code = ('import sys, depth_learning_ros; '
            'sys.exit(bool({"numpy", "cv2", "torch"} & set(sys.modules)))')
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_a_scan_is_computed_when_asked_for():
    options = DepthOptions(scan=ScanOptions(min_points=1, max_range_m=30.0, max_height_m=9.0))
    pipeline = StereoPipeline(FakeEngine(), options)
    assert pipeline.process(PAIR).scan is None
    result = pipeline.process(PAIR, ['scan'])
    assert set(result.seconds) == {'engine', 'depth', 'scan'} and result.points is None
    assert result.scan.ranges.min() >= 25
    with pytest.raises(CalibrationError, match=r'^scan cannot'):
        pipeline.process(replace(PAIR, camera=None), ['scan'])
