# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of merit for depth, as the single-view literature has them (Eigen 2014, Garg 2016)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from depth_learning_ros.errors import DataError

# Garg et al. 2016: the part of a KITTI image that the laser sees, as shares of height and width.
GARG_ROWS = 0.40810811, 0.99189189
GARG_COLUMNS = 0.03594771, 0.96405229
DELTA = 1.25
NAN = float('nan')


@dataclass(frozen=True)
class DepthFigures:
    """With prediction p and ground truth t in metres, over the pixels that count.

    Attributes:
        abs_rel: mean of |p - t| / t.
        sq_rel_m: mean of (p - t)^2 / t.
        rmse_m: root of the mean of (p - t)^2.
        rmse_log: root of the mean of (ln p - ln t)^2.
        delta1, delta2, delta3: share of max(p / t, t / p) < 1.25, 1.25^2, 1.25^3, in 0..1.
        pixels: how many pixels counted; all figures are NaN when none did.
    """

    abs_rel: float
    sq_rel_m: float
    rmse_m: float
    rmse_log: float
    delta1: float
    delta2: float
    delta3: float
    pixels: int


def depth_figures(prediction_m: np.ndarray, truth_m: np.ndarray, *, min_depth_m: float = 1e-3,
                  max_depth_m: float = 80.0, garg_crop: bool = False) -> DepthFigures:
    """Compare depth along Z.

    A pixel counts where min_depth_m < truth < max_depth_m and, with ``garg_crop``, inside that
    crop. The prediction is clipped to the caps first (so +inf is the far cap).

    Args:
        prediction_m: float [H, W], metres.
        truth_m: float [H, W], metres; NaN or 0 where unknown.
        min_depth_m: the near cap; 0.001 and 1 m are in use.
        max_depth_m: the far cap; 80 and 50 m are in use.
        garg_crop: KITTI's custom of leaving out the sky and the borders.

    Raises:
        DataError: the sizes differ, or the prediction is NaN where it is compared.
    """
    if prediction_m.shape != truth_m.shape:
        raise DataError(f'the prediction is {list(prediction_m.shape)} and the ground truth '
                        f'{list(truth_m.shape)}: they must have one size')
    counts = (truth_m > min_depth_m) & (truth_m < max_depth_m)
    if garg_crop:
        counts &= garg_mask(*truth_m.shape)
    true = truth_m[counts].astype(np.float64)
    predicted = np.clip(prediction_m[counts].astype(np.float64), min_depth_m, max_depth_m)
    if np.isnan(predicted).any():
        raise DataError(f'the prediction is unknown at {int(np.isnan(predicted).sum())} of '
                        f'{len(true)} pixels with ground truth: fill its gaps first')
    if not len(true):
        return DepthFigures(NAN, NAN, NAN, NAN, NAN, NAN, NAN, pixels=0)
    difference, ratio = predicted - true, np.maximum(predicted / true, true / predicted)
    return DepthFigures(
        abs_rel=float(np.mean(np.abs(difference) / true)),
        sq_rel_m=float(np.mean(difference ** 2 / true)),
        rmse_m=float(np.sqrt(np.mean(difference ** 2))),
        rmse_log=float(np.sqrt(np.mean(np.log(predicted / true) ** 2))),
        delta1=float(np.mean(ratio < DELTA)), delta2=float(np.mean(ratio < DELTA ** 2)),
        delta3=float(np.mean(ratio < DELTA ** 3)), pixels=len(true))


def garg_mask(height: int, width: int) -> np.ndarray:
    """Return bool [height, width]: the crop of Garg et al., its bounds cut to integers."""
    mask = np.zeros((height, width), bool)
    rows = slice(*(int(share * height) for share in GARG_ROWS))
    columns = slice(*(int(share * width) for share in GARG_COLUMNS))
    mask[rows, columns] = True
    return mask
