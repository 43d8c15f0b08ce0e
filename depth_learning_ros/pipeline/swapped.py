# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether left and right were exchanged, which no calibration file tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from depth_learning_ros.pipeline.base import StereoResult
from depth_learning_ros.pipeline.stereo import StereoPipeline
from depth_learning_ros.types import Disparity, StereoPair

# Measured with crl-small on 27 pairs of KITTI 2012, ETH3D, Middlebury and Scene Flow: its mean
# confidence is 0.24 to 0.61, with left and right exchanged 0.04 to 0.36, 1.7 to 9 times
# smaller for each single pair.
DOUBTFUL = 0.4
MUCH_SURER = 1.4
MEANINGFUL = 0.2  # below, both ways are guesses: fog, a lens cap, pictures that are no pair


def looks_swapped(pipeline: StereoPipeline, result: StereoResult) -> bool:
    """Whether the engine is surer of the pair with left and right exchanged.

    Costs a second run of the engine, and only where the first was unsure.
    """
    pair = result.pair
    if not isinstance(pair, StereoPair):
        return False
    sureness = _sureness(result.disparity)
    if sureness >= DOUBTFUL:
        return False
    exchanged = replace(pair, left=pair.right, right=pair.left, camera=None)
    other = pipeline.process(exchanged, ('disparity', 'confidence'))
    return _sureness(other.disparity) > max(MEANINGFUL, MUCH_SURER * sureness)


def _sureness(disparity: Disparity) -> float:
    """Give the mean confidence, 0..1; of matchers without one the share of pixels matched."""
    if disparity.confidence is not None:
        return float(disparity.confidence.mean())
    return float(np.isfinite(disparity.values).mean())
