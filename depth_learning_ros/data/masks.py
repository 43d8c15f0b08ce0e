# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What data sets say about single pixels, each in its own coding; bool [H, W] here."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_learning_ros.data.maps import read_disparity, read_mask

SEEN_IN_BOTH = 255


def read_seen_in_both(path: Path) -> np.ndarray:
    """Read a mask of 255 seen in both views, 128 occluded, 0 unknown (Middlebury, ETH3D)."""
    return read_mask(path) == SEEN_IN_BOTH


def read_not_occluded(path: Path) -> np.ndarray:
    """Read a mask that is not 0 where a pixel is occluded, inverted (FlyingThings3D)."""
    return read_mask(path) == 0


def read_known(path: Path) -> np.ndarray:
    """Read where a disparity map has a value (KITTI's map of the non-occluded pixels)."""
    return np.isfinite(read_disparity(path))


def read_objects(path: Path) -> np.ndarray:
    """Read a map of object numbers, 0 = background."""
    return read_mask(path) > 0
