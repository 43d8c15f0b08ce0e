# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit for disparity, each with its definition.

Arrays are [H, W]. Disparity is in pixels of the left view; a pixel counts where the ground truth
is known (not NaN) and, with a mask, where the mask is True. The prediction must be known there:
fill gaps first. Shares are in percent. Where no pixel counts, a figure is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_learning_ros.errors import DataError

D1_THRESHOLD_PX = 3.0
D1_THRESHOLD_SHARE = 0.05


def end_point_error(prediction: np.ndarray, truth: np.ndarray,
                    mask: np.ndarray | None = None) -> float:
    """Mean of |prediction - truth|, in pixels (EPE).

    Raises:
        DataError: the sizes differ, or the prediction is unknown where it is compared.
    """
    error, _ = _errors(prediction, truth, mask)
    return _mean(error)


def bad_share(prediction: np.ndarray, truth: np.ndarray, threshold_px: float = 3.0,
              mask: np.ndarray | None = None) -> float:
    """Share of pixels whose error is larger than ``threshold_px``, in % (bad-N; bad-3 is 3ER).

    Raises:
        DataError: as `end_point_error`.
    """
    error, _ = _errors(prediction, truth, mask)
    return 100 * _mean(error > threshold_px)


def d1_share(prediction: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Share of pixels whose error is > 3 px AND > 5 % of the true disparity, in % (KITTI's D1).

    Raises:
        DataError: as `end_point_error`.
    """
    error, true = _errors(prediction, truth, mask)
    return 100 * _mean(_is_d1_outlier(error, true))


def density(disparity: np.ndarray, truth: np.ndarray) -> float:
    """Share of the pixels with ground truth that have a disparity, in %, before any filling."""
    return 100 * _mean(np.isfinite(disparity)[np.isfinite(truth)])


@dataclass(frozen=True)
class Sparsification:
    """How well a confidence finds the errors: the mean D1 (%) over all densities.

    Attributes:
        area: area under the curve D1(share of pixels kept), the most confident being kept first.
            A useless confidence gives D1 of all pixels.
        best: the same for a confidence that knows every error.
    """

    area: float
    best: float


def sparsification(confidence: np.ndarray, prediction: np.ndarray,
                   truth: np.ndarray) -> Sparsification:
    """Return the area under the sparsification curve of D1.

    With pixels sorted by falling confidence, D1(k) is the share of outliers among the first k; the
    area is the mean of D1(k) over k = 1 .. n. Within pixels of equal confidence the outliers count
    as evenly spread, so the order of the array does not matter (Hu and Mordohai 2012).

    Raises:
        DataError: as `end_point_error`.
    """
    error, true = _errors(prediction, truth, None)
    outlier = _is_d1_outlier(error, true)
    if not len(outlier):
        return Sparsification(float('nan'), float('nan'))
    return Sparsification(_curve_area(confidence[np.isfinite(truth)], outlier),
                          _curve_area(~outlier, outlier))


def _curve_area(confidence: np.ndarray, outlier: np.ndarray) -> float:
    _, group = np.unique(-confidence.astype(np.float32), return_inverse=True)
    kept_at_ends = np.concatenate(([0], np.cumsum(np.bincount(group))))
    outliers_at_ends = np.concatenate(([0], np.cumsum(np.bincount(group, weights=outlier))))
    kept = np.arange(1, len(outlier) + 1)
    return 100 * float(np.mean(np.interp(kept, kept_at_ends, outliers_at_ends) / kept))


def _errors(prediction: np.ndarray, truth: np.ndarray,
            mask: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Return |error| and ground truth of the pixels that count, as float64 vectors."""
    if prediction.shape != truth.shape:
        raise DataError(f'the prediction is {list(prediction.shape)} and the ground truth '
                        f'{list(truth.shape)}: they must have one size')
    counts = np.isfinite(truth) if mask is None else np.isfinite(truth) & mask
    predicted, true = prediction[counts].astype(np.float64), truth[counts].astype(np.float64)
    unknown = int(np.count_nonzero(~np.isfinite(predicted)))
    if unknown:
        raise DataError(f'the prediction is unknown at {unknown} of {len(true)} pixels with '
                        f'ground truth: fill its gaps first')
    return np.abs(predicted - true), true


def _is_d1_outlier(error: np.ndarray, true: np.ndarray) -> np.ndarray:
    return (error > D1_THRESHOLD_PX) & (error > D1_THRESHOLD_SHARE * true)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float('nan')
