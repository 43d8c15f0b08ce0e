# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A point cloud as one HTML file that any browser shows and turns, without any other file."""

from __future__ import annotations

import base64
import html
import json
import math
from pathlib import Path

import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.evaluation.cloud_view import Viewpoint, middle_of, surface_points
from depth_learning_ros.files import atomic_write
from depth_learning_ros.types import PointCloud

TEMPLATE = Path(__file__).with_name('cloud_page.html')
MAX_POINTS = 160_000
_STEPS = 65535


def write_cloud_page(path: Path | str, cloud: PointCloud, *, title: str = 'point cloud',
                     viewpoint: Viewpoint | None = None, max_points: int = MAX_POINTS,
                     force: bool = False) -> int:
    """Write an interactive view: drag to turn, wheel to zoom, right button to move.

    A point takes 12 bytes of the file; its position is rounded to 1/65535 of the cloud's extent.

    Args:
        path: ends in .html or .htm.
        cloud: organised, in the left optical frame; thinned evenly when it has more points.
        title: shown in the page.
        viewpoint: where the view starts.
        max_points: how many points the page may hold.
        force: replace an existing file.

    Returns:
        The number of points in the page.

    Raises:
        DataError: the cloud has no points, or the file cannot be written.
    """
    if Path(path).suffix.lower() not in ('.html', '.htm'):
        raise DataError(f'{path} does not end in .html')
    view = viewpoint or Viewpoint()
    points, colors, stride = _thinned(cloud, view, max_points)
    low = points.min(axis=0)
    extent = np.maximum(points.max(axis=0) - low, 1e-6)
    steps = np.rint((points - low) / extent * _STEPS).astype('<u2')
    page = TEMPLATE.read_text(encoding='utf-8')
    for mark, text in (('@TITLE@', html.escape(title)), ('@COUNT@', f'{len(points):,}'),
                       ('@SCENE@', json.dumps(_scene(points, low, extent, stride, cloud, view))),
                       ('@POSITIONS@', base64.b64encode(steps.tobytes()).decode()),
                       ('@COLORS@', base64.b64encode(colors.tobytes()).decode())):
        page = page.replace(mark, text)
    with atomic_write(path, force=force, mode='w') as file:
        file.write(page)
    return len(points)


def _thinned(cloud: PointCloud, view: Viewpoint,
             max_points: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return points, colours, and by how much thinning widened the gaps between points."""
    points, colors, _ = surface_points(cloud, view.far_percentile)
    if len(points) <= max_points:
        return points, colors, 1.0
    # Evenly spread by the golden ratio: a fixed step would leave stripes in an organised cloud.
    spread = (np.arange(len(points)) * ((math.sqrt(5) - 1) / 2)) % 1
    kept = spread < max_points / len(points)
    return points[kept], colors[kept], math.sqrt(len(points) / np.count_nonzero(kept))


def _scene(points: np.ndarray, low: np.ndarray, extent: np.ndarray, stride: float,
           cloud: PointCloud, view: Viewpoint) -> dict[str, object]:
    """Return what the page's script needs to know."""
    plane = points[:, :2] / points[:, 2:]
    width, height = np.percentile(plane, 98, axis=0) - np.percentile(plane, 2, axis=0)
    middle = middle_of(points)
    steps_x = np.diff(cloud.points[..., 0], axis=1) / cloud.points[:, 1:, 2]
    known = steps_x[np.isfinite(steps_x) & (steps_x > 0)]
    return {
        'low': low.tolist(), 'extent': extent.tolist(), 'middle': middle.tolist(),
        'distance': view.distance * float(middle[2]),
        'yaw': math.radians(view.yaw_deg), 'pitch': math.radians(view.pitch_deg),
        'width': 1.15 * float(width), 'height': 1.15 * float(height),
        'spacing': stride * (float(np.median(known)) if known.size else 1e-3),
    }
