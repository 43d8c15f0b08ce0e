# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging

from fake_mono_engine import FACTS, MonoEngine
import numpy as np
import pytest

from depth_learning_ros.errors import CalibrationError, DataError, EngineError, ModelError
from depth_learning_ros.geometry.window import Window, fit_window, put_back, take_window
from depth_learning_ros.pipeline import (
    DepthOptions,
    MonoPipeline,
    StereoPipeline,
    open_pipeline,
)
from depth_learning_ros.types import StereoCamera

CAMERA = StereoCamera(64, 32, focal_px=40.0, cx=31.5, cy=15.5, baseline_m=0.1)


def image(height=32, width=64, value=255):
    return np.full((height, width, 3), value, np.uint8)


def test_depth_by_hand():
    result = MonoPipeline(MonoEngine()).process(image(), CAMERA)
    # 40 px * 0.5 m of the model, not the camera's own 0.1 m: 20 m at 1 px, 0.3125 m at 64 px
    assert result.depth[0, 0] == 20 and result.depth[31, 63] == pytest.approx(0.3125)
    assert result.pair.camera.baseline_m == 0.5
    assert result.points.points[0, 0].tolist() == pytest.approx(
        [-31.5 * 20 / 40, -15.5 * 20 / 40, 20])
    assert result.confidence.min() == 1 and result.right is None


def test_a_camera_of_twice_the_focal_length_sees_twice_as_far():
    """It shows a thing as large at twice the distance, and the network cannot tell the two."""
    tele = StereoCamera(64, 32, focal_px=80.0, cx=31.5, cy=15.5, baseline_m=0.1)
    assert MonoPipeline(MonoEngine()).process(image(), tele).depth[0, 0] == 40


def test_without_camera_there_is_disparity_only():
    result = MonoPipeline(MonoEngine())(image())
    assert result.depth is None and result.points is None and result.pair.camera is None
    with pytest.raises(CalibrationError, match='depth cannot be computed without a camera'):
        MonoPipeline(MonoEngine()).process(image(), outputs=('depth',))


def test_gray_images_and_the_imagined_right_view():
    result = MonoPipeline(MonoEngine(('disparity', 'right')))(np.eye(32, 64, dtype=np.uint8))
    assert result.right.shape == (32, 64, 3) and result.right[0, 63].tolist() == [1, 1, 1]
    assert result.confidence is None


@pytest.mark.parametrize('width,height,fit,window', [
    (66, 32, 'letterbox', Window(0, 0, 66, 32)),  # within a tenth: as it is
    (40, 40, 'letterbox', Window(-20, 0, 80, 40)), (40, 40, 'crop', Window(0, 10, 40, 20)),
    (80, 20, 'letterbox', Window(0, -10, 80, 40)), (80, 20, 'crop', Window(20, 0, 40, 20)),
    (40, 40, 'stretch', Window(0, 0, 40, 40))])
def test_windows_by_hand(width, height, fit, window):
    assert fit_window(width, height, 2.0, fit) == window


def test_a_letterbox_is_black_outside_and_comes_back_whole():
    square = np.arange(1, 17, dtype=np.uint8).reshape(4, 4, 1).repeat(3, 2)
    boxed = take_window(square, Window(-2, 0, 8, 4))
    assert boxed.shape == (4, 8, 3) and boxed[:, :2].max() == 0 and boxed[:, 6:].max() == 0
    np.testing.assert_array_equal(put_back(boxed, Window(-2, 0, 8, 4), 4, 4, 0), square)
    cut = take_window(square, Window(0, 1, 4, 2))
    assert cut[0, 0, 0] == 5 and cut.shape == (2, 4, 3)
    back = put_back(cut[..., 0].astype(np.float32), Window(0, 1, 4, 2), 4, 4, np.nan)
    assert np.isnan(back[[0, 3]]).all() and back[1].tolist() == [5, 6, 7, 8]


def test_another_aspect_ratio_is_letterboxed_told_once_and_metric(caplog):
    engine = MonoEngine()
    pipeline = MonoPipeline(engine)
    camera = StereoCamera(64, 64, focal_px=40.0, cx=31.5, cy=31.5, baseline_m=0.1)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            result = pipeline.process(image(64, 64), camera)
    assert engine.sizes == [(64, 128)] * 2
    assert [r.message for r in caplog.records if 'aspect' in r.message] == [
        'the images are 64x64, and the model learned from 64x32, another aspect ratio: they are '
        'fitted by letterbox']
    # the image's first column is the window's 33rd; a letterbox changes no scale
    assert result.disparity.values.shape == (64, 64) and result.disparity.values[0, 0] == 33
    assert result.depth[5, 0] == pytest.approx(40 * 0.5 / 33)
    pipeline.prepare(64, 64)
    assert engine.prepared == [(64, 128)]


def test_outside_of_a_crop_nothing_is_known():
    result = MonoPipeline(MonoEngine(), fit='crop').process(image(64, 64), None, ('disparity',))
    assert np.isnan(result.disparity.values[[0, 15, 48, 63]]).all()
    assert (result.confidence[:16] == 0).all() and (result.confidence[16:48] == 1).all()


def test_another_angle_of_view_is_told_once(caplog):
    pipeline = MonoPipeline(MonoEngine())
    wide = StereoCamera(64, 32, focal_px=20.0, cx=31.5, cy=15.5, baseline_m=0.1)
    with caplog.at_level(logging.WARNING):
        for camera in (CAMERA, CAMERA.resized(128, 64), wide, wide):
            pipeline.process(image(camera.height, camera.width), camera, ('depth',))
    assert [r.message for r in caplog.records] == [
        'fake-mono learned from images of the focal length 40 px, and this camera has 20 px at '
        'that size: it sees things larger or smaller than any in training; expect less of its '
        'depth']


@pytest.mark.parametrize('facts,complaint', [
    ({}, 'does not say its virtual_baseline_m, focal_px, training_size'),
    ({**FACTS, 'virtual_baseline_m': '540'}, 'looks like millimetres'),
    ({**FACTS, 'focal_px': '0'}, 'focal length of the training images is 0.0 px'),
    ({**FACTS, 'training_size': '[32]'}, 'which does not describe a mono model'),
    ({**FACTS, 'training_size': '[0, 64]'}, r'training size is \(0, 64\)')])
def test_a_model_that_does_not_say_its_scale_is_refused(facts, complaint):
    with pytest.raises(ModelError, match=complaint):
        MonoPipeline(MonoEngine(facts=facts))


def test_kinds_are_not_mixed_up():
    stereo = MonoEngine(inputs=('left', 'right'))
    with pytest.raises(EngineError, match='fake-mono is a stereo model: it needs left and right'):
        MonoPipeline(stereo)
    with pytest.raises(EngineError, match='fake-mono is a mono model: it takes one image'):
        StereoPipeline(MonoEngine())
    assert type(open_pipeline(stereo)) is StereoPipeline
    assert type(open_pipeline(MonoEngine())) is MonoPipeline
    with pytest.raises(EngineError, match='takes depth: expected left, right'):
        open_pipeline(MonoEngine(inputs=('depth',)))


def test_options_that_make_no_sense():
    with pytest.raises(DataError, match='left_right_check compares two images'):
        MonoPipeline(MonoEngine(), DepthOptions(left_right_check=True))
    with pytest.raises(DataError, match="fit is 'squash': expected one of letterbox, crop"):
        MonoPipeline(MonoEngine(), fit='squash')
    with pytest.raises(EngineError, match='gives no confidence'):
        MonoPipeline(MonoEngine(('disparity',)), DepthOptions(min_confidence=0.5))
    with pytest.raises(DataError, match='the image is float64'):
        MonoPipeline(MonoEngine()).process(np.zeros((4, 4, 3)))
