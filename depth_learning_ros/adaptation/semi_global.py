# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Semi-global matching (OpenCV's): what a method that was never trained says of a pair."""

from __future__ import annotations

import cv2
import numpy as np

DISPARITIES = 192
BLOCK_PX = 5
#: what OpenCV is told to drop where it is to say only what it is sure of: matches hardly better
#: than the second best (%), those the right view denies (px), and small patches (pixels)
SURE = {'uniquenessRatio': 10, 'disp12MaxDiff': 1, 'speckleWindowSize': 100, 'speckleRange': 2}
ALL = {'uniquenessRatio': 0, 'disp12MaxDiff': -1, 'speckleWindowSize': 0, 'speckleRange': 0}


def match(left: np.ndarray, right: np.ndarray, disparities: int = DISPARITIES, *,
          sure: bool = True) -> np.ndarray:
    """Give the disparity of semi-global matching.

    Args:
        left, right: uint8 [H, W, 3].
        disparities: how many are searched, a multiple of 16.
        sure: only what OpenCV's checks leave; else all that has a match.

    Returns:
        float32 [H, W], > 0, NaN where the matcher found none inside the right image.
    """
    gray = [cv2.cvtColor(view, cv2.COLOR_RGB2GRAY) for view in (left, right)]
    # room for the search on the left, which the matcher would leave empty otherwise
    wide = [cv2.copyMakeBorder(view, 0, 0, disparities, 0, cv2.BORDER_REPLICATE) for view in gray]
    matcher = cv2.StereoSGBM.create(
        minDisparity=0, numDisparities=disparities, blockSize=BLOCK_PX, P1=8 * BLOCK_PX ** 2,
        P2=32 * BLOCK_PX ** 2, mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY, **(SURE if sure else ALL))
    disparity = matcher.compute(*wide)[:, disparities:].astype(np.float32) / 16
    disparity[(disparity <= 0) | (disparity > np.arange(left.shape[1]))] = np.nan
    return disparity
