# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.geometry.cloud import cloud_from_disparity
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.geometry.resize import (
    fit_camera,
    resize_disparity,
    resize_image,
    resize_stereo,
)
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair

CAMERA = StereoCamera(64, 32, focal_px=60.0, cx=31.5, cy=15.5, baseline_m=0.2, doffs=3.0)


def pair_of(camera: StereoCamera | None) -> StereoPair:
    image = np.full((32, 64, 3), 90, np.uint8)
    return StereoPair(image, image, camera, stamp_ns=7, frame_id='left')


def test_camera_of_half_the_size_by_hand():
    half = CAMERA.resized(32, 16)
    assert (half.focal_px, half.fy, half.doffs, half.baseline_m) == (30, 30, 1.5, 0.2)
    # the centre of 64 pixels lies between 31 and 32, that of 32 between 15 and 16
    assert (half.cx, half.cy) == (15.5, 7.5)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 200), st.integers(2, 100), st.floats(2, 40))
def test_depth_of_a_wall_is_the_same_at_any_size(width, height, disparity):
    values = np.full((32, 64), disparity, np.float32)
    resized, small = resize_stereo(pair_of(CAMERA), width, height, Disparity(values))
    depth = disparity_to_depth(small.values, resized.camera)
    assert depth.shape == (height, width) == resized.left.shape[:2]
    np.testing.assert_allclose(depth, disparity_to_depth(values, CAMERA)[0, 0], rtol=1e-5)


@pytest.mark.parametrize('width,height', [(128, 64), (32, 16), (96, 40), (63, 31)])
def test_a_slanted_plane_stays_in_place(width, height):
    # disparity linear in x and y is a plane in space: n . point = 1
    columns, rows = np.meshgrid(np.arange(64), np.arange(32))
    values = (20 + 0.1 * columns - 0.2 * rows).astype(np.float32)
    pair = pair_of(CAMERA)
    before = cloud_from_disparity(values, pair.left, CAMERA).points.reshape(-1, 3)
    normal = np.linalg.lstsq(before.astype(np.float64), np.ones(len(before)), rcond=None)[0]
    resized, disparity = resize_stereo(pair, width, height, Disparity(values))
    points = cloud_from_disparity(disparity.values, resized.left, resized.camera).points
    inner = points[3:-3, 3:-3].reshape(-1, 3)  # cv2.resize repeats the border
    np.testing.assert_allclose(inner @ normal, 1, atol=2e-4)


def test_disparity_and_what_belongs_to_it_scale_with_the_width():
    disparity = Disparity(np.full((4, 8), 6, np.float32), np.full((4, 8), 0.5, np.float32),
                          max_disparity=192.0, subpixel_step=1 / 16)
    small = resize_disparity(disparity, 4, 4)
    assert (small.values == 3).all() and (small.confidence == 0.5).all()
    assert (small.max_disparity, small.subpixel_step) == (96, 1 / 32)
    assert resize_disparity(Disparity(disparity.values), 4, 4).max_disparity is None


def test_gaps_neither_grow_nor_are_filled():
    values = np.full((8, 8), 6, np.float32)
    values[2:4, 2:4] = np.nan
    half = resize_disparity(Disparity(values), 4, 4).values
    assert np.argwhere(np.isnan(half)).tolist() == [[1, 1]]
    double = resize_disparity(Disparity(values), 16, 16).values
    assert np.isnan(double).sum() == 16 and np.isnan(double[4:8, 4:8]).all()
    assert np.nanmin(double) == np.nanmax(double) == 12
    # of 3/2 the size: the centres of columns 2, 3, 4 lie at 1.17, 1.83, 2.5, nearest to 1, 2, 3
    line = np.array([[6, 6, np.nan, 6, 6, 6]], np.float32)
    enlarged = resize_disparity(Disparity(line), 9, 1).values
    assert np.flatnonzero(np.isnan(enlarged)).tolist() == [3]


def test_pair_keeps_its_stamp_and_may_have_no_camera():
    resized, disparity = resize_stereo(pair_of(None), 10, 5)
    assert resized.camera is None and disparity is None
    assert (resized.stamp_ns, resized.frame_id) == (7, 'left')
    assert resized.left.shape == resized.right.shape == (5, 10, 3)


def test_image_is_averaged_when_it_shrinks():
    image = np.array([[0, 100, 50, 150]], np.uint8)
    np.testing.assert_array_equal(resize_image(image, 2, 1), [[50, 100]])


def test_camera_fits_images_of_its_shape_only():
    assert fit_camera(CAMERA, 64, 32) is CAMERA
    assert fit_camera(CAMERA, 32, 16).focal_px == 30
    kitti = StereoCamera(1242, 375, 720.0, 609.5, 172.9, 0.54)
    assert fit_camera(kitti, 621, 188).height == 188  # 187.5 rounded
    with pytest.raises(CalibrationError, match=r'64x24.*64x32.*roi'):
        fit_camera(CAMERA, 64, 24)
    with pytest.raises(CalibrationError, match='another aspect ratio'):
        resize_stereo(pair_of(kitti), 20, 10)


def test_size_zero_is_refused():
    with pytest.raises(DataError, match='0x5'):
        resize_stereo(pair_of(CAMERA), 0, 5)
