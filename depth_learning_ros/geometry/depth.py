# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Disparity in pixels to depth in metres (REP 117, REP 118)."""

from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoCamera


@dataclass(frozen=True)
class DepthLimits:
    """Which depths are reported as a number.

    Attributes:
        min_depth_m: closer becomes -inf.
        max_depth_m: farther becomes +inf.
        min_confidence: in 0..1; a pixel below it becomes unknown; 0 keeps all.

    Raises:
        DataError: a value is outside its range.
    """

    min_depth_m: float = 0.0
    max_depth_m: float = math.inf
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.min_depth_m < self.max_depth_m:
            raise DataError(
                f'min_depth_m is {self.min_depth_m} and max_depth_m {self.max_depth_m}: '
                f'expected 0 <= min_depth_m < max_depth_m')
        if not 0 <= self.min_confidence <= 1:
            raise DataError(f'min_confidence is {self.min_confidence}: expected 0 to 1')


NO_LIMITS = DepthLimits()


def disparity_to_depth(
    disparity: np.ndarray, camera: StereoCamera, limits: DepthLimits = NO_LIMITS,
    confidence: np.ndarray | None = None, *, out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute ``depth = focal_px * baseline_m / (disparity + doffs)``.

    Args:
        disparity: float32 [H, W], pixels at the camera's size, >= 0, NaN where unknown.
        camera: the pair's camera; only focal length, baseline and doffs are used, so a strip of
            the image is as good as the whole.
        limits: what is not reported as a number.
        confidence: float32 [H, W] in 0..1; needed when ``limits.min_confidence`` is above 0.
        out: float32 [H, W] to write into; a new array when None.

    Returns:
        float32 [H, W], metres along Z, as REP 117 has it: NaN = unknown, +inf = nothing up to
        ``max_depth_m`` (also where disparity + doffs is 0 or less), -inf = closer than
        ``min_depth_m``.

    Raises:
        DataError: there is no confidence of that size and ``limits`` asks for one.
    """
    if limits.min_confidence > 0 and (confidence is None or confidence.shape != disparity.shape):
        raise DataError(
            f'min_confidence is {limits.min_confidence}, which needs a confidence of the size of '
            f'the disparity {list(disparity.shape)}: got '
            f'{None if confidence is None else list(confidence.shape)}')
    shifted = disparity + np.float32(camera.doffs) if camera.doffs else disparity
    with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
        depth = np.divide(np.float32(camera.focal_px * camera.baseline_m), shifted, out=out)
    # a comparison and not the sign of the quotient: -0.0 is a far disparity too
    np.copyto(depth, np.inf, where=shifted <= 0)  # the quickest way where few pixels are meant
    if limits.max_depth_m < math.inf:
        np.putmask(depth, depth > limits.max_depth_m, np.inf)
    if limits.min_depth_m > 0:
        np.putmask(depth, depth < limits.min_depth_m, -np.inf)
    # where disparity is NaN, depth is so already
    np.copyto(depth, np.nan, where=(disparity < 0) | (disparity == np.inf))
    if confidence is not None and limits.min_confidence > 0:
        np.putmask(depth, ~(confidence >= limits.min_confidence), np.nan)
    return depth


def depth_to_disparity(depth_m: np.ndarray, camera: StereoCamera) -> np.ndarray:
    """Return the disparity of a depth image: the inverse of :func:`disparity_to_depth`.

    Args:
        depth_m: float32 [H, W], metres; NaN and -inf are unknown, +inf is infinitely far.
        camera: the pair's camera.

    Returns:
        float32 [H, W], pixels; NaN where unknown or where the pair cannot see that far
        (the disparity would be negative).
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        disparity = np.float32(camera.focal_px * camera.baseline_m) / depth_m
    disparity = (disparity - np.float32(camera.doffs)).astype(np.float32)
    np.putmask(disparity, ~((depth_m > 0) & (disparity >= 0)), np.nan)
    return disparity


def millimetres_from_depth(depth_m: np.ndarray) -> np.ndarray:
    """Return uint16 [H, W] millimetres of float32 [H, W] metres, rounded.

    Unknown, infinite, and farther than 65.535 m is 0, which REP 118 reads as unknown.
    """
    with np.errstate(invalid='ignore', over='ignore'):
        millimetres = np.rint(depth_m * np.float32(1000))
        np.putmask(millimetres, ~((millimetres >= 0) & (millimetres <= 65535)), 0)
    return millimetres.astype(np.uint16)


def depth_from_millimetres(millimetres: np.ndarray) -> np.ndarray:
    """Return float32 [H, W] metres of uint16 [H, W] millimetres; 0 becomes NaN (REP 118)."""
    depth_m = millimetres.astype(np.float32) / np.float32(1000)
    np.putmask(depth_m, millimetres == 0, np.nan)
    return depth_m
