# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands in the way: a planar scan out of a depth image, from a band of heights.

A pixel's bearing and its height per metre of depth are known before any depth is, so they are
tabled once for a camera; what is left for a frame is one comparison and one product a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math

import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoCamera

_COLUMNS_PER_RAY = 4
_MAX_TILT_RAD = math.radians(60)


@dataclass(frozen=True)
class ScanOptions:
    """How the camera stands over the ground, and what counts as an obstacle.

    Attributes:
        camera_height_m: of the left optical centre over the ground.
        pitch_rad: how far the camera looks down, 0 = level.
        roll_rad: how far it is turned clockwise about its optical axis, as seen from behind.
        min_height_m, max_height_m: the band over the ground; what is lower is floor, what is
            higher is passed under.
        min_range_m, max_range_m: nearer points are left out, as the robot's own parts; farther
            ones count as free.
        min_points: a ray ends at its n-th nearest pixel, so that fewer stray ones stop no robot.

    Raises:
        DataError: a value is outside its range.
    """

    camera_height_m: float = 0.5
    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    min_height_m: float = 0.1
    max_height_m: float = 1.5
    min_range_m: float = 0.2
    max_range_m: float = 20.0
    min_points: int = 3

    def __post_init__(self) -> None:
        if not self.min_height_m < self.max_height_m:
            raise DataError(f'the heights of the scan are {self.min_height_m} to '
                            f'{self.max_height_m} m: expected min_height_m < max_height_m')
        if not 0 <= self.min_range_m < self.max_range_m < math.inf:
            raise DataError(f'the ranges of the scan are {self.min_range_m} to '
                            f'{self.max_range_m} m: expected 0 <= min_range_m < max_range_m')
        for name, tilt in (('pitch', self.pitch_rad), ('roll', self.roll_rad)):
            if not abs(tilt) <= _MAX_TILT_RAD:
                raise DataError(f'the {name} of the scan is {tilt} rad: expected '
                                f'{-_MAX_TILT_RAD:.2f} to {_MAX_TILT_RAD:.2f}')
        if not math.isfinite(self.camera_height_m):
            raise DataError(f'the camera height is {self.camera_height_m} m: it must be finite')
        if self.min_points < 1:
            raise DataError(f'min_points is {self.min_points}: expected 1 or more')


@dataclass(frozen=True)
class Scan:
    """A level scan from the left optical centre: x forward, y left, z up (REP 103).

    Attributes:
        ranges: float32 [N], metres in the plane, anticlockwise from ``angle_min_rad``; +inf =
            nothing in the band up to the maximal range, NaN = nothing known (REP 117).
        angle_min_rad, angle_increment_rad: bearing of the first ray, and from ray to ray.
        min_range_m, max_range_m: what can be in ``ranges``.
        rotation: quaternion x, y, z, w of the level frame in the left optical frame, as
            geometry_msgs/Transform has it; their origins are the same.
    """

    ranges: np.ndarray
    angle_min_rad: float
    angle_increment_rad: float
    min_range_m: float
    max_range_m: float
    rotation: tuple[float, float, float, float]

    @property
    def angle_max_rad(self) -> float:
        """Bearing of the last ray."""
        return self.angle_min_rad + self.angle_increment_rad * (len(self.ranges) - 1)


def obstacle_scan(depth_m: np.ndarray, camera: StereoCamera,
                  options: ScanOptions | None = None) -> Scan:
    """Find the nearest obstacle on each bearing.

    Args:
        depth_m: float32 [H, W], metres along Z, as REP 117: NaN, +inf and -inf are no obstacles.
        camera: the camera of this very image.
        options: the band of heights; the defaults of :class:`ScanOptions` when None.

    Returns:
        One ray for about four columns, over the camera's field of view.

    Raises:
        DataError: the depth is not of the camera's size.
    """
    options = options or ScanOptions()
    if depth_m.shape != (camera.height, camera.width):
        raise DataError(f'the depth is {list(depth_m.shape)} and the camera is for '
                        f'{camera.width}x{camera.height} pixels')
    rays = _rays(camera, options)
    depth = np.append(depth_m.reshape(-1), np.float32(np.nan))[rays.pixels]  # [N, pixels of a ray]
    ranges = depth * rays.range_per_depth
    inside = (depth >= rays.nearest_m) & (depth <= rays.farthest_m)
    inside &= (ranges >= options.min_range_m) & (ranges <= options.max_range_m)
    hits = np.where(inside, ranges, np.float32(np.inf))
    nth = min(options.min_points, hits.shape[1]) - 1
    found = np.partition(hits, nth, axis=1)[:, nth]
    unknown = ~(depth == depth).any(axis=1)  # NaN is not itself
    found[unknown] = np.nan
    return Scan(found, rays.angle_min_rad, rays.angle_increment_rad, options.min_range_m,
                options.max_range_m, rays.rotation)


@dataclass(frozen=True)
class _Rays:
    """What is known of the pixels without a depth; arrays [N rays, M pixels of the fullest].

    Attributes:
        pixels: index into the flat image; one past its end where a ray has fewer pixels.
        range_per_depth: metres in the plane for a metre along Z.
        nearest_m, farthest_m: depths at which the pixel enters and leaves the band of heights.
    """

    angle_min_rad: float
    angle_increment_rad: float
    pixels: np.ndarray
    range_per_depth: np.ndarray
    nearest_m: np.ndarray
    farthest_m: np.ndarray
    rotation: tuple[float, float, float, float]


@lru_cache(maxsize=4)
def _rays(camera: StereoCamera, options: ScanOptions) -> _Rays:
    forward, left, up = _level_directions(camera, options)
    angles = np.arctan2(left, forward)
    low, high = float(angles.min()), float(angles.max())
    count = max(1, camera.width // _COLUMNS_PER_RAY)
    increment = max((high - low) / count, 1e-6)
    # a ray in the middle of each of `count` equal sectors
    sectors = np.minimum(((angles - low) / increment).astype(np.int64), count - 1)
    with np.errstate(divide='ignore', invalid='ignore'):
        ends = [(height - options.camera_height_m) / up
                for height in (options.min_height_m, options.max_height_m)]
    # a pixel that looks level stays at the camera's height for ever
    within = options.min_height_m <= options.camera_height_m <= options.max_height_m
    level = np.abs(up) < 1e-9
    nearest = np.where(level, 0.0 if within else np.inf, np.minimum(*ends))
    farthest = np.where(level, np.inf if within else -np.inf, np.maximum(*ends))
    order = np.argsort(sectors, axis=None, kind='stable')
    sizes = np.bincount(sectors.ravel(), minlength=count)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    pixels = np.full((count, max(1, int(sizes.max()))), len(order), np.int64)
    pixels[sectors.ravel()[order], place] = order

    def tabled(values: np.ndarray, rest: float) -> np.ndarray:
        return np.append(values.ravel(), rest).astype(np.float32)[pixels]

    return _Rays(low + increment / 2, increment, pixels,
                 tabled(np.hypot(forward, left), 1.0), tabled(nearest, np.inf),
                 tabled(farthest, -np.inf), _level_in_optical(options))


def _level_directions(camera: StereoCamera,
                      options: ScanOptions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far forward, left and up a pixel's point goes for each metre of depth."""
    x = ((np.arange(camera.width) - camera.cx) / camera.focal_px)[np.newaxis, :]
    y = ((np.arange(camera.height) - camera.cy) / camera.fy)[:, np.newaxis]
    cos_roll, sin_roll = math.cos(options.roll_rad), math.sin(options.roll_rad)
    right, down = x * cos_roll - y * sin_roll, x * sin_roll + y * cos_roll
    cos_pitch, sin_pitch = math.cos(options.pitch_rad), math.sin(options.pitch_rad)
    return (cos_pitch - down * sin_pitch, -right, -(down * cos_pitch + sin_pitch))


def _level_in_optical(options: ScanOptions) -> tuple[float, float, float, float]:
    """Return the rotation of the scan's frame in the optical frame, as a quaternion."""
    cos_r, sin_r = math.cos(options.roll_rad), math.sin(options.roll_rad)
    cos_p, sin_p = math.cos(options.pitch_rad), math.sin(options.pitch_rad)
    # rows: right, down, forward of the optical frame; columns: the level frame's x, y, z
    matrix = np.array([
        [-sin_p * sin_r, -cos_r, -cos_p * sin_r],
        [-sin_p * cos_r, sin_r, -cos_p * cos_r],
        [cos_p, 0.0, -sin_p]])
    return _quaternion(matrix)


def _quaternion(matrix: np.ndarray) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a rotation: the eigenvector of its 4x4 matrix (Bar-Itzhack 2000)."""
    m = matrix
    k = np.array([
        [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
        [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
        [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], 0],
        [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], np.trace(m)]]) / 3
    vector = np.linalg.eigh(k)[1][:, -1]
    x, y, z, w = (float(v) for v in (vector if vector[3] >= 0 else -vector))
    return x, y, z, w
