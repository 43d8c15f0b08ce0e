# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Laser scans of KITTI raw, projected into the left image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_learning_ros.data.images import read_bytes
from depth_learning_ros.data.sets.cameras import parse_lines, read_numbers
from depth_learning_ros.errors import DataError

_POINT = 4  # x forward, y left, z up in metres, and how strongly it reflects


def read_laser_disparity(path: Path, *, calibration: Path, left: str, right: str) -> np.ndarray:
    """Give the disparity that a scan implies: float32 [H, W], pixels, NaN where no point falls.

    Each point falls on one pixel, counted as KITTI's tools do; of several the nearest counts.

    Args:
        path: ``velodyne_points/data/NUMBER.bin``.
        calibration: the folder with ``calib_cam_to_cam.txt`` and ``calib_velo_to_cam.txt``.
        left, right: numbers of the cameras, such as ``02`` and ``03``.

    Raises:
        DataError: the scan is damaged.
        CalibrationError: something is missing in the calibration.
    """
    cameras = calibration / 'calib_cam_to_cam.txt'
    values = parse_lines(cameras, ':')
    size = read_numbers(values, f'S_rect_{left}', 2, cameras)
    p, q = (np.reshape(read_numbers(values, f'P_rect_{camera}', 12, cameras), (3, 4))
            for camera in (left, right))
    points = _read_points(path)
    points = points[points[:, 0] >= 0]  # those behind the camera would be mirrored into it
    projected = np.c_[points[:, :3], np.ones(len(points))] @ (
        p @ _laser_to_rectified(values, cameras, calibration / 'calib_velo_to_cam.txt')).T
    depth_m = nearest_depth(projected, int(size[1]), int(size[0]))
    with np.errstate(divide='ignore', invalid='ignore'):
        disparity = (p[0, 3] - q[0, 3]) / depth_m - (q[0, 2] - p[0, 2])
    return disparity.astype(np.float32)


def nearest_depth(projected: np.ndarray, height: int, width: int) -> np.ndarray:
    """Give float64 [height, width], metres, NaN where no point falls.

    Args:
        projected: float [N, 3], homogeneous: (x * z, y * z, z), pixels and metres.
        height, width: of the image.
    """
    projected = projected[projected[:, 2] > 0]
    z = projected[:, 2]
    # one less: KITTI's tools count pixels from one
    columns, rows = (np.rint(projected[:, axis] / z).astype(np.int64) - 1 for axis in (0, 1))
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    depth_m = np.full((height, width), np.inf)
    np.minimum.at(depth_m, (rows[inside], columns[inside]), z[inside])
    return np.where(np.isfinite(depth_m), depth_m, np.nan)


def _read_points(path: Path) -> np.ndarray:
    data = read_bytes(path)
    if not data or len(data) % (4 * _POINT):
        raise DataError(f'{path} has {len(data)} bytes: a scan has 16 for each point; it is cut '
                        f'off, or no scan')
    return np.frombuffer(data, '<f4').reshape(-1, _POINT).astype(np.float64)


def _laser_to_rectified(cameras: dict[str, str], cameras_file: Path, file: Path) -> np.ndarray:
    """Give the 4x4 matrix from the laser's frame to that of the rectified camera 0."""
    laser = parse_lines(file, ':')
    move, rectify = np.eye(4), np.eye(4)
    move[:3, :3] = np.reshape(read_numbers(laser, 'R', 9, file), (3, 3))
    move[:3, 3] = read_numbers(laser, 'T', 3, file)
    rectify[:3, :3] = np.reshape(read_numbers(cameras, 'R_rect_00', 9, cameras_file), (3, 3))
    return rectify @ move
