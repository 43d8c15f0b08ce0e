# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A still picture of a point cloud from an oblique viewpoint, drawn with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.types import PointCloud

BACKGROUND_TOP_RGB = np.array((52, 57, 68), np.float32)
BACKGROUND_BOTTOM_RGB = np.array((22, 24, 29), np.float32)

# A pixel whose inverse depth is off the line through its neighbours by this share lies on an edge
# between two surfaces: planes of any slant have linear inverse depth.
EDGE_SHARE = 0.06
SUPERSAMPLING = 2
FILL_ROUNDS = 3
MAX_SPLAT_PX = 7
SHADE_STRENGTH = 18.0
# Steps in depth (log2) that are noise of a surface rather than an edge.
SHADE_FROM = 0.015
_NOTHING = np.uint64(2 ** 64 - 1)


@dataclass(frozen=True)
class Viewpoint:
    """A camera on a sphere around the middle of the cloud.

    Attributes:
        yaw_deg: turned to the side; positive looks from the left.
        pitch_deg: lifted; positive looks from above.
        distance: from the middle, in units of the middle's distance from the real camera.
        far_percentile: points beyond this percentile of depth are left out.
    """

    yaw_deg: float = 18.0
    pitch_deg: float = 16.0
    distance: float = 1.1
    far_percentile: float = 97.0


def render_cloud(cloud: PointCloud, width: int = 1280, height: int = 720,
                 viewpoint: Viewpoint | None = None) -> np.ndarray:
    """Draw the cloud, nearest points in front, edges shaded for depth.

    Args:
        cloud: organised, in the left optical frame; NaN where there is no point.
        width: of the picture, pixels.
        height: of the picture, pixels.
        viewpoint: where from; None = from a little left and above.

    Returns:
        uint8 [height, width, 3], RGB.

    Raises:
        DataError: the cloud has no points.
    """
    view = viewpoint or Viewpoint()
    points, colors, spacing = surface_points(cloud, view.far_percentile)
    size = np.array((width * SUPERSAMPLING, height * SUPERSAMPLING))
    seen = _turned(points, view)
    pixels, focal = _fitted(seen, size)
    splats = np.clip(np.ceil(spacing * focal / seen[:, 2]), 1, MAX_SPLAT_PX).astype(np.intp)
    index = _nearest_point(pixels, seen[:, 2], splats, size)
    index = _without_pinholes(index)
    depth = np.where(index >= 0, seen[index, 2], np.inf)
    picture = np.where((index >= 0)[..., None], colors[index], _background(*size))
    picture = picture * _edge_shading(depth)[..., None]
    small = cv2.resize(picture.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.rint(np.clip(small, 0, 255)).astype(np.uint8)


def surface_points(cloud: PointCloud,
                   far_percentile: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the points that lie on surfaces, without the veil between near and far things.

    Returns:
        float32 [N, 3] metres, uint8 [N, 3] RGB, and float32 [N], each point's distance from the
        next one in the cloud's rows and columns, metres.

    Raises:
        DataError: nothing is left.
    """
    points = cloud.points
    depth = points[..., 2]
    known = np.isfinite(points).all(axis=2) & (depth > 0)
    if not known.any():
        raise DataError('the cloud has no points: there is nothing to show')
    known &= depth <= np.percentile(depth[known], far_percentile)
    spacing = _spacing(points)
    kept = known & ~_on_edges(np.where(known, depth, np.nan)) & np.isfinite(spacing)
    if not kept.any():
        raise DataError('the cloud has no surface, only single points: there is nothing to show')
    return points[kept], cloud.colors[kept], spacing[kept]


def middle_of(points: np.ndarray) -> np.ndarray:
    """Return the point to look at: float64 [3], metres."""
    return np.median(points, axis=0).astype(np.float64)


def _on_edges(depth: np.ndarray) -> np.ndarray:
    inverse = 1 / depth
    edge = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        ahead, behind = np.roll(inverse, -1, axis), np.roll(inverse, 1, axis)
        bend = np.abs(ahead + behind - 2 * inverse)
        edge |= bend > EDGE_SHARE * inverse  # False beside unknown pixels
    return edge


def _spacing(points: np.ndarray) -> np.ndarray:
    """Return the larger of the distances to the right and lower neighbour, bounded by slant."""
    right, below = points.copy(), points.copy()
    right[:, :-1], below[:-1] = points[:, 1:], points[1:]
    steps = [np.linalg.norm(other - points, axis=2) for other in (right, below)]
    sideways = np.nanmedian(np.where(steps[0] > 0, steps[0] / points[..., 2], np.nan))
    return np.fmin(np.fmax(*steps), 8 * sideways * points[..., 2])


def _turned(points: np.ndarray, view: Viewpoint) -> np.ndarray:
    """Return the points in the frame of the view's camera, float64 [N, 3]."""
    middle = middle_of(points)
    yaw, pitch = np.radians(view.yaw_deg), np.radians(view.pitch_deg)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)],
                     [0, np.sin(pitch), np.cos(pitch)]])
    turned = (points - middle) @ (tilt @ turn).T
    turned[:, 2] += view.distance * middle[2]
    # What would come to lie behind the camera stays out of the picture.
    turned[turned[:, 2] <= 0.02 * middle[2]] = np.nan
    return turned


def _fitted(seen: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, float]:
    """Project so that nearly all points fill the picture; return pixels [N, 2] and the focal."""
    plane = seen[:, :2] / seen[:, 2:]
    low, high = np.nanpercentile(plane, 1, axis=0), np.nanpercentile(plane, 99, axis=0)
    focal = float(np.min(0.96 * size / np.maximum(high - low, 1e-6)))
    return (plane - (low + high) / 2) * focal + size / 2, focal


def _nearest_point(pixels: np.ndarray, depth: np.ndarray, splats: np.ndarray,
                   size: np.ndarray) -> np.ndarray:
    """Return, for each pixel, the index of the nearest point that covers it, -1 for none."""
    width, height = int(size[0]), int(size[1])
    with np.errstate(invalid='ignore'):
        distance = (np.log2(np.maximum(depth, 1e-6)) + 32) * 2 ** 25
    ranked = np.isfinite(depth)
    keys = np.full(len(depth), _NOTHING)
    keys[ranked] = (distance[ranked].astype(np.uint64) << np.uint64(32)) | np.flatnonzero(
        ranked).astype(np.uint64)
    nearest = np.full(width * height, _NOTHING)
    for splat in np.unique(splats[ranked]):
        chosen = ranked & (splats == splat)
        corner = np.floor(pixels[chosen] - (splat - 1) / 2).astype(np.intp)
        for dy in range(splat):
            for dx in range(splat):
                x, y = corner[:, 0] + dx, corner[:, 1] + dy
                inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
                np.minimum.at(nearest, (y * width + x)[inside], keys[chosen][inside])
    index = np.where(nearest == _NOTHING, -1, (nearest & np.uint64(0xFFFFFFFF)).astype(np.int64))
    return index.reshape(height, width)


def _without_pinholes(index: np.ndarray) -> np.ndarray:
    """Give empty pixels that are mostly surrounded by a surface a neighbour's point."""
    around = np.ones((3, 3), np.uint8)
    for _ in range(FILL_ROUNDS):
        filled = (index >= 0).astype(np.float32)
        crowded = cv2.boxFilter(filled, -1, (3, 3), normalize=False) >= 5
        neighbour = cv2.dilate(index.astype(np.float32), around)
        # Any neighbour will do, so it does not matter that float32 rounds indices over 2^24.
        index = np.where((index < 0) & crowded, neighbour.astype(np.int64), index)
    return index


def _edge_shading(depth: np.ndarray) -> np.ndarray:
    """Darken what lies behind its surroundings (eye-dome lighting); float32 [H, W] in 0..1."""
    log_depth = np.log2(np.where(np.isfinite(depth), depth, np.nan))
    drop = np.zeros(depth.shape, np.float32)
    for axis in (0, 1):
        for step in (-SUPERSAMPLING, SUPERSAMPLING):
            behind = log_depth - np.roll(log_depth, step, axis)
            drop += np.nan_to_num(np.maximum(behind - SHADE_FROM, 0))
    return np.exp(-SHADE_STRENGTH * drop / 4).clip(0.25, 1).astype(np.float32)


def _background(width: int, height: int) -> np.ndarray:
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    column = BACKGROUND_TOP_RGB * (1 - share) + BACKGROUND_BOTTOM_RGB * share
    return np.broadcast_to(column, (height, width, 3))
