# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.depth import (
    DepthLimits,
    depth_to_disparity,
    disparity_to_depth,
)
from depth_learning_ros.types import StereoCamera

NAN, INF = np.nan, np.inf
CAMERA = StereoCamera(4, 2, focal_px=100.0, cx=1.5, cy=0.5, baseline_m=0.5)  # f * B = 50


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def test_depth_by_hand():
    depth = disparity_to_depth(row(50, 25, 10, 0.5), CAMERA)
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, row(1, 2, 5, 100))


def test_unknown_is_nan_and_nothing_there_is_plus_infinity():
    depth = disparity_to_depth(row(NAN, 0.0, -0.0, -3, INF, -INF), CAMERA)
    np.testing.assert_array_equal(depth, row(NAN, INF, INF, NAN, NAN, NAN))


def test_doffs_is_added_to_the_disparity():
    camera = StereoCamera(4, 2, 100.0, 1.5, 0.5, 0.5, doffs=15.0)
    np.testing.assert_array_equal(disparity_to_depth(row(10, 35, 0), camera)[0, :2], [2, 1])


def test_disparity_beyond_infinity_is_far_and_not_behind_the_camera():
    camera = StereoCamera(4, 2, 100.0, 1.5, 0.5, 0.5, doffs=-10.0)
    np.testing.assert_array_equal(
        disparity_to_depth(row(5, 10, 20, NAN), camera), row(INF, INF, 5, NAN))


def test_range_of_depth_has_closed_ends():
    limits = DepthLimits(min_depth_m=1.0, max_depth_m=5.0)
    depth = disparity_to_depth(row(51, 50, 10, 9, 0, NAN), CAMERA, limits)
    np.testing.assert_array_equal(depth, row(-INF, 1, 5, INF, INF, NAN))


def test_unsure_pixels_are_unknown():
    depth = disparity_to_depth(row(50, 50, 50, 50), CAMERA, DepthLimits(min_confidence=0.5),
                               row(0.49, 0.5, 1, NAN))
    np.testing.assert_array_equal(depth, row(NAN, 1, 1, NAN))


def test_confidence_is_not_used_unless_asked():
    np.testing.assert_array_equal(
        disparity_to_depth(row(50), CAMERA, confidence=row(0)), row(1))


@pytest.mark.parametrize('confidence', [None, np.ones((1, 3), np.float32)])
def test_min_confidence_without_fitting_confidence_is_refused(confidence):
    with pytest.raises(DataError, match=r'min_confidence is 0\.5'):
        disparity_to_depth(row(50), CAMERA, DepthLimits(min_confidence=0.5), confidence)


@pytest.mark.parametrize('limits', [
    {'min_depth_m': -1}, {'min_depth_m': 5, 'max_depth_m': 5}, {'max_depth_m': 0},
    {'max_depth_m': NAN}, {'min_confidence': 1.1}, {'min_confidence': -0.1}])
def test_limits_that_cannot_be_are_refused(limits):
    with pytest.raises(DataError, match='expected 0'):
        DepthLimits(**limits)


def test_input_is_left_alone_and_may_be_read_only():
    disparity = row(NAN, 0, 10)
    disparity.flags.writeable = False
    disparity_to_depth(disparity, CAMERA, DepthLimits(0.5, 2.0))
    np.testing.assert_array_equal(disparity, row(NAN, 0, 10))


def test_depth_goes_into_the_given_array():
    out = np.empty((1, 2), np.float32)
    assert disparity_to_depth(row(50, 25), CAMERA, out=out) is out
    np.testing.assert_array_equal(out, row(1, 2))


def test_depth_back_to_disparity_by_hand():
    camera = StereoCamera(4, 2, 100.0, 1.5, 0.5, 0.5, doffs=10.0)
    disparity = depth_to_disparity(row(1, 5, INF, 100, NAN, -INF, 0, -2), camera)
    # 50 / 1 - 10; 50 / 5 - 10; the rest is beyond what the pair sees, or unknown
    np.testing.assert_array_equal(disparity, row(40, 0, NAN, NAN, NAN, NAN, NAN, NAN))


@given(st.floats(0.25, 512, width=32), st.floats(-0.125, 100, width=32))
def test_depth_and_back_is_the_same_disparity(disparity, doffs):
    camera = StereoCamera(4, 2, 100.0, 1.5, 0.5, 0.5, doffs=float(doffs))
    back = depth_to_disparity(disparity_to_depth(row(disparity), camera), camera)
    assert back[0, 0] == pytest.approx(disparity, abs=1e-4)
