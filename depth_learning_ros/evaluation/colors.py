# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers to colours: disparity, depth and error maps as RGB pictures."""

from __future__ import annotations

import cv2
import numpy as np

from depth_learning_ros.evaluation.metrics import D1_THRESHOLD_PX, D1_THRESHOLD_SHARE

UNKNOWN_RGB = np.array((38, 38, 44), np.uint8)
NO_TRUTH_RGB = np.array((0, 0, 0), np.uint8)

# KITTI 2015's error scale: the colour for errors up to each bound; an error is measured in units
# of 3 px or 5 % of the true disparity, whichever is smaller, so that up to 1 it counts as right.
ERROR_BOUNDS = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, np.inf)
ERROR_RGB = np.array([
    (49, 54, 149), (69, 117, 180), (116, 173, 209), (171, 217, 233), (224, 243, 248),
    (254, 224, 144), (253, 174, 97), (244, 109, 67), (215, 48, 39), (165, 0, 38)], np.uint8)


def color_table(name: int) -> np.ndarray:
    """Return OpenCV's colour map as uint8 [256, 3] RGB."""
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    return np.ascontiguousarray(cv2.applyColorMap(ramp, name)[:, 0, ::-1])


# Without its blackest part, which on a screen cannot be told from what is unknown.
DISPARITY_TABLE = color_table(cv2.COLORMAP_INFERNO)[24:]
DEPTH_TABLE = color_table(cv2.COLORMAP_VIRIDIS)[::-1]


def color_disparity(disparity: np.ndarray, max_px: float | None = None) -> np.ndarray:
    """Paint disparity: dark is far, bright is near.

    Args:
        disparity: float32 [H, W], pixels, NaN where unknown (painted gray).
        max_px: the disparity of the brightest colour; None = `disparity_range` of it.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    top = disparity_range(disparity) if max_px is None else max_px
    return _paint(disparity / max(top, 1e-6), DISPARITY_TABLE)


def color_depth(depth_m: np.ndarray, near_m: float, far_m: float) -> np.ndarray:
    """Paint depth on a logarithmic scale: bright is near, dark is far.

    Args:
        depth_m: float32 [H, W], metres; NaN and -inf (painted gray), +inf (the farthest colour).
        near_m: depth of the brightest colour, > 0.
        far_m: depth of the darkest colour, > near_m.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        share = np.log(depth_m / near_m) / np.log(far_m / near_m)
    return _paint(np.where(depth_m > 0, share, np.nan), DEPTH_TABLE)


def color_error(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Paint the error in KITTI's colours: blue is right (D1), yellow to red is wrong.

    Where the ground truth is sparse, its pixels are drawn three wide to be seen at all.

    Args:
        prediction: float32 [H, W], pixels, without gaps.
        truth: float32 [H, W], pixels, NaN where unknown (painted black).

    Returns:
        uint8 [H, W, 3], RGB.
    """
    error = np.abs(prediction - truth)
    with np.errstate(divide='ignore', invalid='ignore'):
        units = np.fmin(error / D1_THRESHOLD_PX, error / (D1_THRESHOLD_SHARE * truth))
    units = np.where(np.isnan(error), -1, units).astype(np.float32)
    if np.mean(units < 0) > 0.5:
        units = np.where(units < 0, cv2.dilate(units, np.ones((3, 3), np.uint8)), units)
    index = np.searchsorted(ERROR_BOUNDS[:-1], units)
    return np.where((units < 0)[..., None], NO_TRUTH_RGB, ERROR_RGB[index])


def disparity_range(disparity: np.ndarray) -> float:
    """Return a top for the colour scale that few outliers cannot spoil: percentile 99.5."""
    known = disparity[np.isfinite(disparity)]
    return float(np.percentile(known, 99.5)) if known.size else 1.0


def depth_range(depth_m: np.ndarray) -> tuple[float, float]:
    """Return near and far for the colour scale: the 1st and 95th percentile of what is finite."""
    known = depth_m[np.isfinite(depth_m) & (depth_m > 0)]
    if not known.size:
        return 1.0, 10.0
    near, far = (float(value) for value in np.percentile(known, (1, 95)))
    return near, max(far, near * 1.01)


def _paint(share: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Look up shares of the scale, 0..1 (clipped), NaN and -inf unknown."""
    known = ~np.isnan(share) & (share != -np.inf)
    index = np.rint(np.clip(np.where(known, share, 0), 0, 1) * (len(table) - 1)).astype(np.uint8)
    return np.where(known[..., None], table[index], UNKNOWN_RGB)
