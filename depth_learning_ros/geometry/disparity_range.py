# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers in stereo_msgs/DisparityImage that say what its pixels mean."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
import numpy as np

from depth_learning_ros.types import Disparity

# Above 0, so that 0 is outside of the range and means "unknown"; exact in float32. A disparity
# below it is no measurement: with a focal length of 700 px and 0.5 m it is beyond 22 km.
MIN_DISPARITY_PX = 1 / 64
_ROUND_UP_TO_PX = 16
_BELOW_MIN = float(np.nextafter(np.float32(MIN_DISPARITY_PX), np.float32(0)))
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class DisparityRange:
    """Fields of stereo_msgs/DisparityImage.

    Attributes:
        min_disparity, max_disparity: pixels; every valid pixel lies in between.
        delta_d: smallest step between two disparities, pixels, above 0.
        window: x_offset, y_offset, width, height of the smallest rectangle that holds every
            valid pixel; all 0 when there is none.
    """

    min_disparity: float
    max_disparity: float
    delta_d: float
    window: tuple[int, int, int, int]


def message_disparity(disparity: Disparity, doffs: float) -> np.ndarray:
    """Return the disparity as the message defines it, so that depth = f * T / d.

    Returns:
        float32 [H, W], pixels: x_left - x_right - (cx_left - cx_right), 0 where unknown or
        infinitely far. A new array.
    """
    values = disparity.values + np.float32(doffs)
    if doffs > 0:
        np.copyto(values, np.nan, where=disparity.values < 0)
    # a fifth of the time that a mask of numpy takes
    cv2.patchNaNs(values, 0.0)
    cv2.threshold(values, _BELOW_MIN, 0.0, cv2.THRESH_TOZERO, dst=values)
    cv2.threshold(values, _LARGEST, 0.0, cv2.THRESH_TOZERO_INV, dst=values)
    return values


def disparity_range(values: np.ndarray, disparity: Disparity, doffs: float) -> DisparityRange:
    """Describe what :func:`message_disparity` gave.

    Without a limit of the engine the largest disparity is that of this image, rounded up to a
    multiple of 16 so that viewers, which colour by it, do not flicker. An engine that computes
    continuously has the step of float32 at that size.
    """
    largest = float(values.max())
    if disparity.max_disparity is None:
        limit = max(math.ceil(largest / _ROUND_UP_TO_PX), 1) * float(_ROUND_UP_TO_PX)
    else:
        limit = max(disparity.max_disparity + doffs, largest, MIN_DISPARITY_PX)
    return DisparityRange(
        min_disparity=MIN_DISPARITY_PX, max_disparity=limit,
        delta_d=disparity.subpixel_step or float(np.spacing(np.float32(limit))),
        window=_bounding_box(values > 0))


def _bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        return 0, 0, 0, 0
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
