# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Run whatever model there is on a stereo scene: both images, or the left one alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
import logging

import numpy as np

from depth_learning_ros.data.scene import StereoSample
from depth_learning_ros.errors import CalibrationError
from depth_learning_ros.pipeline import MonoPipeline, StereoPipeline, StereoResult
from depth_learning_ros.types import Disparity, StereoCamera

logger = logging.getLogger(__name__)


def process_sample(pipeline: StereoPipeline | MonoPipeline, sample: StereoSample,
                   outputs: Collection[str]) -> StereoResult:
    """Give the disparity that the scene's own rig would have.

    A mono model sees the left image alone, and its disparity belongs to its virtual baseline;
    where the scene has a calibration, it is brought to the baseline (and doffs) of the scene's
    rig: the same depth, in the unit of the ground truth. Without one it is taken as it is, as if
    the rig had the virtual baseline.
    """
    if not isinstance(pipeline, MonoPipeline):
        return pipeline.process(sample.pair, outputs)
    result = pipeline.process(sample.left, None, outputs)
    camera = known_camera(sample)
    if camera is None:
        return result
    disparity = of_rig(result.disparity, pipeline.facts.virtual_baseline_m, camera)
    return replace(result, disparity=disparity)


def of_rig(disparity: Disparity, virtual_baseline_m: float, camera: StereoCamera) -> Disparity:
    """Bring a disparity of a virtual baseline to that of a rig, at equal depth."""
    values = disparity.values * np.float32(camera.baseline_m / virtual_baseline_m)
    return replace(disparity, values=np.maximum(values - np.float32(camera.doffs), 0))


def known_camera(sample: StereoSample) -> StereoCamera | None:
    """Give the calibration of a scene; None where there is none that gives metres."""
    try:
        return sample.camera
    except CalibrationError as error:
        logger.info('%s/%s: %s', sample.set_name, sample.name, error)
        return None
