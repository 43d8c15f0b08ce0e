# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Confidence for engines that give none: the left-right check, and the photometric error."""

from __future__ import annotations

import cv2
import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.warp import photometric_error, seen_in_both

LEFT_RIGHT_TOLERANCE_PX = 1.0  # the usual threshold of the check: confidence 0.5 there
PHOTOMETRIC_TOLERANCE = 0.1    # of full scale: confidence 0.5 there


def mirrored_pair(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pair that makes a left-view engine compute the right view.

    Mirroring swaps the roles: the mirrored right image is the left image of a pair whose
    disparities are positive again. Mirror what the engine gives for it (:func:`mirrored`) to get
    the disparity of the right view.

    Returns:
        The new left and right, contiguous copies.
    """
    return mirrored(right), mirrored(left)


def mirrored(image: np.ndarray) -> np.ndarray:
    """Return the image flipped left to right: a contiguous copy."""
    return cv2.flip(image, 1)


def left_right_confidence(
    disparity: np.ndarray, right_disparity: np.ndarray,
    tolerance_px: float = LEFT_RIGHT_TOLERANCE_PX,
) -> np.ndarray:
    """Compare the disparity of the left view with that of the right view at the matched pixel.

    Args:
        disparity: float32 [H, W] of the left view, pixels, NaN where unknown.
        right_disparity: float32 [H, W] of the right view, pixels, NaN where unknown.
        tolerance_px: the disagreement at which confidence is 0.5.

    Returns:
        float32 [H, W] in 0..1: 1 / (1 + (disagreement / tolerance)^2); 0 where either is unknown
        or where the match lies outside the right image.

    Raises:
        DataError: the sizes differ.
    """
    if right_disparity.shape != disparity.shape:
        raise DataError(f'the disparity of the left view is {list(disparity.shape)} and that of '
                        f'the right {list(right_disparity.shape)}: they must have one size')
    seen = seen_in_both(disparity)
    columns = np.where(seen, np.arange(disparity.shape[1], dtype=np.float32) - disparity, 0)
    # the nearest pixel: between two, a gap or a foreground edge would spoil its neighbour
    matched = np.take_along_axis(right_disparity, np.rint(columns).astype(np.intp), axis=1)
    return _bell(np.abs(matched - disparity), tolerance_px, seen)


def photometric_confidence(
    left: np.ndarray, right: np.ndarray, disparity: np.ndarray,
    tolerance: float = PHOTOMETRIC_TOLERANCE,
) -> np.ndarray:
    """Turn :func:`~depth_learning_ros.geometry.warp.photometric_error` into a confidence.

    Weaker than the left-right check (a wall without texture fits anywhere), but nearly free.

    Returns:
        float32 [H, W] in 0..1: 1 / (1 + (error / tolerance)^2); 0 where there is no match.
    """
    error = photometric_error(left, right, disparity)
    return _bell(error, tolerance, ~np.isnan(error))


def weakest(*confidences: np.ndarray | None) -> np.ndarray | None:
    """Return the smallest of several confidences pixel by pixel; None when all are None."""
    known = [confidence for confidence in confidences if confidence is not None]
    if not known:
        return None
    return np.minimum.reduce(known) if len(known) > 1 else known[0]


def _bell(error: np.ndarray, tolerance: float, valid: np.ndarray) -> np.ndarray:
    confidence = 1 / (1 + np.square(error / np.float32(tolerance)))
    np.putmask(confidence, ~(valid & np.isfinite(confidence)), 0)
    return confidence.astype(np.float32, copy=False)
