# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.cloud import cloud_from_depth, cloud_from_disparity
from depth_learning_ros.geometry.depth import DepthLimits, disparity_to_depth
from depth_learning_ros.types import PointCloud, StereoCamera

NAN, INF = np.nan, np.inf
CAMERA = StereoCamera(3, 2, focal_px=100.0, focal_y_px=50.0, cx=1.0, cy=0.0, baseline_m=0.5)
LEFT = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]],
                 [[1, 2, 3], [255, 255, 255], [250, 128, 7]]], np.uint8)


def test_points_by_hand():
    disparity = np.array([[50, 25, NAN], [10, 50, 0]], np.float32)
    cloud = cloud_from_disparity(disparity, LEFT, CAMERA)
    missing = [NAN] * 3
    np.testing.assert_allclose(cloud.points, np.array([
        [[-0.01, 0, 1], [0, 0, 2], missing],
        [[-0.05, 0.1, 5], [0, 0.02, 1], missing]], np.float32), rtol=1e-6)
    np.testing.assert_array_equal(cloud.colors, LEFT)


def test_packed_colour_is_0x00rrggbb():
    cloud = cloud_from_depth(np.ones((2, 3), np.float32), LEFT, CAMERA)
    bits = cloud.packed[..., 3].view(np.uint32)
    assert [hex(value) for value in bits.ravel()] == [
        '0xff0000', '0xff00', '0xff', '0x10203', '0xffffff', '0xfa8007']


def test_infinite_and_unknown_depth_make_points_that_are_nan_throughout():
    depth = np.array([[NAN, INF, -INF], [1, INF, 1]], np.float32)
    points = cloud_from_depth(depth, LEFT, CAMERA).points
    assert np.isnan(points[[0, 0, 0, 1], [0, 1, 2, 1]]).all()
    np.testing.assert_allclose(points[1, 2], [0.01, 0.02, 1])


def test_depth_is_left_alone_and_may_be_read_only():
    depth = np.array([[NAN, INF, 2], [1, 3, 1]], np.float32)
    left = LEFT.copy()
    before = depth.copy()
    depth.flags.writeable = left.flags.writeable = False
    cloud_from_depth(depth, left, CAMERA)
    np.testing.assert_array_equal(depth, before)


@pytest.mark.parametrize('height,width', [(1, 1), (7, 3), (131, 640), (2, 50_001)])
def test_strips_agree_with_reproject_image_to_3d(height, width):
    random = np.random.default_rng(4)
    disparity = random.uniform(1, 90, (height, width)).astype(np.float32)
    left = random.integers(0, 256, (height, width, 3), np.uint8)
    camera = StereoCamera(width, height, 700.0, width / 3, height / 2, 0.12, doffs=2.5)
    q = np.array([[1, 0, 0, -camera.cx], [0, 1, 0, -camera.cy], [0, 0, 0, 700.0],
                  [0, 0, 1 / 0.12, 2.5 / 0.12]])
    cloud = cloud_from_disparity(disparity, left, camera)
    np.testing.assert_allclose(
        cloud.points, cv2.reprojectImageTo3D(disparity, q), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(cloud.colors, left)


@pytest.mark.parametrize('stride', [1, 2, 3, 5, 200])
def test_both_ways_and_strides_agree(stride):
    random = np.random.default_rng(5)
    height, width = 41, 59
    disparity = random.uniform(0, 90, (height, width)).astype(np.float32)
    disparity[random.random((height, width)) < 0.1] = NAN
    confidence = random.random((height, width), np.float32)
    left = random.integers(0, 256, (height, width, 3), np.uint8)
    camera = StereoCamera(width, height, 700.0, 30.0, 20.0, 0.12)
    limits = DepthLimits(1.5, 20.0, 0.3)
    depth = disparity_to_depth(disparity, camera, limits, confidence)
    direct = cloud_from_disparity(disparity, left, camera, limits, confidence,
                                  point_stride=stride)
    whole = cloud_from_depth(depth, left, camera)
    np.testing.assert_array_equal(direct.points, whole.points[::stride, ::stride])
    np.testing.assert_array_equal(direct.colors, left[::stride, ::stride])
    np.testing.assert_array_equal(
        cloud_from_depth(depth, left, camera, point_stride=stride).packed.view(np.uint32),
        direct.packed.view(np.uint32))
    assert np.isfinite(direct.points[..., 2]).sum() == np.isfinite(
        depth[::stride, ::stride]).sum()


def test_sizes_that_differ_and_bad_strides_are_refused():
    depth = np.ones((2, 3), np.float32)
    with pytest.raises(DataError, match='the image 2x2'):
        cloud_from_depth(depth, LEFT[:, :2], CAMERA)
    with pytest.raises(DataError, match='the camera 6x4'):
        cloud_from_depth(depth, LEFT, CAMERA.resized(6, 4))
    with pytest.raises(DataError, match='point_stride is 0'):
        cloud_from_depth(depth, LEFT, CAMERA, point_stride=0)


def test_cloud_of_arrays_round_trip():
    points = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    cloud = PointCloud.from_arrays(points, LEFT)
    np.testing.assert_array_equal(cloud.points, points)
    np.testing.assert_array_equal(cloud.colors, LEFT)
    assert cloud.packed[0, 1, 3].view(np.uint32) == 0x00FF00


def test_cloud_refuses_other_arrays():
    with pytest.raises(DataError, match=r'float64 \[2, 3, 4\]'):
        PointCloud(np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match=r'float32 \[2, 3, 3\]'):
        PointCloud(np.zeros((2, 3, 3), np.float32))
    with pytest.raises(DataError, match='contiguous'):
        PointCloud(np.zeros((4, 3, 2), np.float32).T)
    with pytest.raises(DataError, match='colours'):
        PointCloud.from_arrays(np.zeros((2, 3, 3), np.float32), LEFT[:1])
