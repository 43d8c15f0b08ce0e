# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Looking at the right image from the left camera, by a disparity map."""

from __future__ import annotations

import cv2
import numpy as np

from depth_learning_ros.errors import DataError

_OUTSIDE = -1e4  # a column no image has: NaN must not reach cv2.remap, which would read column 0


def warp_right_to_left(right: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """Return the left view: ``warped[y, x] = right[y, x - disparity[y, x]]``.

    Interpolation is linear; positions are rounded to 1/32 pixel, as cv2.remap does. A tap outside
    the image counts as 0, so a pixel that looks past the border fades to 0, and one without a
    disparity is 0.

    Args:
        right: uint8 or float32 [H, W] or [H, W, C], of the right view.
        disparity: float32 [H, W], pixels, of the left view; NaN where unknown.

    Returns:
        An array like ``right``, of the left view.

    Raises:
        DataError: the sizes differ.
    """
    columns, rows = _source_position(right, disparity)
    np.putmask(columns, ~np.isfinite(columns), _OUTSIDE)
    return cv2.remap(right, columns, rows, cv2.INTER_LINEAR,
                     borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def seen_in_both(disparity: np.ndarray) -> np.ndarray:
    """Return where the match lies inside the right image: bool [H, W], False where unknown."""
    width = disparity.shape[1]
    columns = np.arange(width, dtype=np.float32) - disparity
    return (columns >= 0) & (columns <= width - 1)


def photometric_error(left: np.ndarray, right: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """Compare the left image with the right one warped onto it.

    Args:
        left: uint8 [H, W, 3].
        right: uint8 [H, W, 3].
        disparity: float32 [H, W], pixels, of the left view.

    Returns:
        float32 [H, W] in 0..1: mean absolute difference over the channels / 255; NaN where the
        match is unknown or outside the right image.

    Raises:
        DataError: the sizes differ.
    """
    if left.shape != right.shape:
        raise DataError(f'left is {list(left.shape)} and right {list(right.shape)}: '
                        f'a rectified pair has one size')
    difference = cv2.absdiff(left, warp_right_to_left(right, disparity))
    error = difference.mean(axis=2, dtype=np.float32) / np.float32(255)
    np.putmask(error, ~seen_in_both(disparity), np.nan)
    return error


def _source_position(right: np.ndarray, disparity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = disparity.shape
    if right.shape[:2] != (height, width):
        raise DataError(
            f'the disparity is {width}x{height} and the right image '
            f'{right.shape[1]}x{right.shape[0]}: they must have one size')
    columns = np.arange(width, dtype=np.float32) - disparity.astype(np.float32, copy=False)
    rows = np.repeat(np.arange(height, dtype=np.float32)[:, np.newaxis], width, axis=1)
    return columns, rows
