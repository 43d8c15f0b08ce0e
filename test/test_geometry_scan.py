# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import math

import numpy as np
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.scan import ScanOptions, obstacle_scan
from depth_learning_ros.types import StereoCamera

# 0.5 m over the ground; row 4 looks level, row 8 falls 0.4 m for each metre of depth
CAMERA = StereoCamera(8, 9, focal_px=10.0, cx=3.5, cy=4.0, baseline_m=0.1)
OPTIONS = ScanOptions(camera_height_m=0.5, min_height_m=0.1, max_height_m=1.0, min_points=1)


def depth_of(value: float = math.inf) -> np.ndarray:
    return np.full((9, 8), value, np.float32)


def test_nothing_in_sight_is_free_and_nothing_known_is_unknown():
    assert np.all(obstacle_scan(depth_of(), CAMERA, OPTIONS).ranges == math.inf)
    assert np.isnan(obstacle_scan(depth_of(math.nan), CAMERA, OPTIONS).ranges).all()
    # too close for a number (REP 117) is known to be something, but not where
    assert np.all(obstacle_scan(depth_of(-math.inf), CAMERA, OPTIONS).ranges == math.inf)


def test_a_wall_is_as_far_as_its_nearest_column():
    scan = obstacle_scan(depth_of(2.0), CAMERA, OPTIONS)
    # two rays of four columns; the innermost, at 0.5 / 10 of the depth, is the nearest
    assert len(scan.ranges) == 2
    assert scan.ranges == pytest.approx([2 * math.hypot(1, 0.05)] * 2)
    edge = math.atan(0.35)
    assert scan.angle_increment_rad == pytest.approx(edge)
    assert (scan.angle_min_rad, scan.angle_max_rad) == pytest.approx((-edge / 2, edge / 2))


def test_right_comes_first():
    depth = depth_of()
    depth[4, 7] = 3.0  # a pixel at the right edge
    scan = obstacle_scan(depth, CAMERA, OPTIONS)
    assert scan.ranges[0] == pytest.approx(3 * math.hypot(1, 0.35)) and scan.ranges[1] == math.inf


def test_the_floor_and_what_hangs_high_are_no_obstacles():
    depth = depth_of()
    depth[8, :] = 1.25  # 0.4 * 1.25 = 0.5 m below the camera: the floor
    depth[0, :] = 2.0  # 0.8 m above the camera: 1.3 m over the floor
    assert np.all(obstacle_scan(depth, CAMERA, OPTIONS).ranges == math.inf)
    depth[8, :] = 0.9  # 0.36 m below: 0.14 m high
    found = obstacle_scan(depth, CAMERA, OPTIONS).ranges
    assert found == pytest.approx([0.9 * math.hypot(1, 0.05)] * 2)


def test_a_camera_that_looks_down_sees_the_floor_where_a_level_one_sees_a_wall():
    tilted = replace(OPTIONS, pitch_rad=math.radians(30))
    depth = depth_of()
    depth[4, :] = 1.0  # straight ahead: sin 30 = 0.5 m down, which is the floor
    assert np.all(np.isinf(obstacle_scan(depth, CAMERA, tilted).ranges))
    depth[4, :] = 0.6  # 0.2 m over the floor, 0.6 * cos 30 in front
    found = obstacle_scan(depth, CAMERA, tilted).ranges
    # looking down brings the floor nearer, not what stands beside
    assert found == pytest.approx([0.6 * math.hypot(math.cos(math.radians(30)), 0.05)] * 2)


def test_a_rolled_camera():
    # turned by 90 degrees at most 60: at 45 the pixel to the right of the centre is below it too
    rolled = replace(OPTIONS, roll_rad=math.radians(45), min_height_m=-10, max_height_m=10)
    depth = depth_of()
    depth[4, 7] = 1.0
    s = 0.35 * math.sqrt(0.5)
    scan = obstacle_scan(depth, CAMERA, rolled)
    assert np.nanmin(scan.ranges) == pytest.approx(math.hypot(1, s))
    low = replace(rolled, max_height_m=0.5 - s - 0.01)
    assert np.all(np.isinf(obstacle_scan(depth, CAMERA, low).ranges))


def test_ranges_outside_are_left_out():
    options = replace(OPTIONS, min_range_m=1.0, max_range_m=3.0)
    depth = depth_of(5.0)
    depth[4, :4] = 0.5
    assert np.all(np.isinf(obstacle_scan(depth, CAMERA, options).ranges))


def test_a_stray_pixel_stops_no_robot():
    depth = depth_of(4.0)
    depth[4, 2] = 1.0
    options = replace(OPTIONS, min_points=2)
    assert obstacle_scan(depth, CAMERA, options).ranges == pytest.approx(
        [4 * math.hypot(1, 0.05)] * 2)
    depth[5, 2] = 1.2
    assert obstacle_scan(depth, CAMERA, options).ranges[1] == pytest.approx(
        1.2 * math.hypot(1, 0.15))


@pytest.mark.parametrize('pitch, roll', [(0, 0), (0.3, 0), (-0.5, 0.2), (0.4, -0.7)])
def test_the_frame_of_the_scan(pitch, roll):
    """A point's place in the level frame is what the quaternion makes of its optical place."""
    options = ScanOptions(pitch_rad=pitch, roll_rad=roll, min_height_m=-9, max_height_m=9,
                          min_points=1)
    depth = depth_of()
    depth[2, 6] = 2.0
    scan = obstacle_scan(depth, CAMERA, options)
    x, y, z, w = scan.rotation
    assert math.hypot(x, y, z, w) == pytest.approx(1)
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])
    if not roll:  # forward goes up the image when the camera looks down
        assert rotation @ [1, 0, 0] == pytest.approx([0, -math.sin(pitch), math.cos(pitch)])
        assert rotation @ [0, 1, 0] == pytest.approx([-1, 0, 0])
    level = rotation.T @ (2 * np.array([0.25, -0.2, 1]))
    ray = int(np.argmin(scan.ranges))
    assert scan.ranges[ray] == pytest.approx(math.hypot(level[0], level[1]))
    bearing = scan.angle_min_rad + ray * scan.angle_increment_rad
    assert abs(math.atan2(level[1], level[0]) - bearing) <= scan.angle_increment_rad / 2 + 1e-6


@pytest.mark.parametrize('wrong, message', [
    ({'min_height_m': 2.0}, 'heights of the scan are 2.0 to 1.5'),
    ({'max_range_m': math.inf}, 'ranges of the scan'),
    ({'pitch_rad': 2.0}, 'the pitch of the scan is 2.0'),
    ({'camera_height_m': math.nan}, 'camera height is nan'),
    ({'min_points': 0}, 'min_points is 0')])
def test_values_outside_their_range(wrong, message):
    with pytest.raises(DataError, match=message):
        ScanOptions(**wrong)


def test_a_depth_of_another_size():
    with pytest.raises(DataError, match=r'the depth is \[2, 2\].*8x9'):
        obstacle_scan(np.ones((2, 2), np.float32), CAMERA)
