# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's pictures: one frame as panels, all models side by side, and its cloud."""

from __future__ import annotations

from collections.abc import Mapping
import logging
from pathlib import Path

from depth_learning_ros.data.images import write_image
from depth_learning_ros.demo.measure import Shot, View3d
from depth_learning_ros.errors import DataError
from depth_learning_ros.evaluation.cloud_page import write_cloud_page
from depth_learning_ros.evaluation.cloud_view import render_cloud
from depth_learning_ros.evaluation.panels import comparison_panel, scene_panel

_log = logging.getLogger(__name__)


def write_pictures(folder: Path, shots: Mapping[str, Shot], view: View3d) -> None:
    """Write panel.png, comparison.png, cloud.png and cloud.html.

    Args:
        folder: where to; it exists and holds none of them.
        shots: model -> its disparity of the frame; the first one is shown in detail.
        view: image, depth and cloud of the first model.

    Raises:
        DataError: a file cannot be written.
    """
    model, shot = next(iter(shots.items()))
    write_image(folder / 'panel.png', scene_panel(
        view.left, shot.disparity, depth_m=view.depth_m, truth=shot.truth, model=model))
    same = [(name, each.disparity) for name, each in shots.items()
            if each.stamp_ns == shot.stamp_ns]
    write_image(folder / 'comparison.png', comparison_panel(view.left, same, shot.truth))
    try:
        drawn = render_cloud(view.cloud)
    except DataError as error:
        # A frame without any surface in range is no reason to lose everything else.
        _log.warning('cloud.png and cloud.html are not written: %s', error)
        return
    write_image(folder / 'cloud.png', drawn)
    write_cloud_page(folder / 'cloud.html', view.cloud, title=f'point cloud of {model}')
