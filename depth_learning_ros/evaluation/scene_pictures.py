# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of one evaluated scene: one model in detail, or several side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from depth_learning_ros.errors import CalibrationError
from depth_learning_ros.evaluation.evaluate import SceneResult
from depth_learning_ros.evaluation.panels import comparison_panel, scene_panel
from depth_learning_ros.geometry.depth import disparity_to_depth


def picture_of(results: Sequence[SceneResult]) -> np.ndarray:
    """Return the panel of one scene, uint8 [H, W, 3] RGB.

    Args:
        results: of one or more models, all of the same scene.
    """
    sample = results[0].sample
    if len(results) > 1:
        return comparison_panel(
            sample.pair.left, [(each.model, each.result.disparity.values) for each in results],
            sample.disparity)
    disparity = results[0].result.disparity.values
    return scene_panel(sample.pair.left, disparity, depth_m=_depth(results[0], disparity),
                       truth=sample.disparity, model=results[0].model)


def _depth(result: SceneResult, disparity: np.ndarray) -> np.ndarray | None:
    try:
        camera = result.sample.camera
    except CalibrationError:  # the evaluation has told about it
        return None
    return None if camera is None else disparity_to_depth(disparity, camera)
