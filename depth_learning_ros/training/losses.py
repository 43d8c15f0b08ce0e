# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Multi-scale L1 with gaps in the ground truth, and its coarse-to-fine schedule."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Share of each scale's loss, coarsest (1/64) first, finest last, at the start, middle and end of
# a stage: the coarse scales learn first, as in LMB's seven-step schedule, here without jumps.
EARLY = (1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.2)
MIDDLE = (0.2, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6)
LATE = (0.02, 0.03, 0.05, 0.1, 0.2, 0.4, 1.0)


def scale_weights(progress: float, count: int) -> list[float]:
    """Weights of ``count`` scales, finest last, at 0..1 of a stage."""
    if progress < 0.3:
        share, a, b = progress / 0.3, EARLY, MIDDLE
    else:
        share, a, b = min(1.0, (progress - 0.3) / 0.4), MIDDLE, LATE
    return [(1 - share) * p + share * q for p, q in zip(a, b, strict=True)][-count:]


def masked_l1(prediction: Tensor, truth: Tensor,
              mean_count: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Mean of |prediction - truth| over entries where truth is finite; 0 if there are none.

    Args:
        prediction, truth: alike in shape.
        mean_count: gives the mean of a number over all processes that train together. With it
            the mean of their losses is the loss of one process that had all their samples.
    """
    valid = torch.isfinite(truth)
    error = (prediction - torch.where(valid, truth, prediction.detach())).abs()
    count = valid.sum().float()
    if mean_count is not None:
        count = mean_count(count)
    return error.sum() / count.clamp(min=1e-6 if mean_count else 1)


def subsample(truth: Tensor, height: int, width: int) -> Tensor:
    """Nearest-neighbour reduction to (height, width), values unscaled (FACTS of the papers)."""
    step_y, step_x = truth.shape[-2] // height, truth.shape[-1] // width
    return truth[..., step_y // 2::step_y, step_x // 2::step_x]


def multiscale_l1(predictions: list[Tensor], truth: Tensor, weights: list[float],
                  mean_count: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Weighted sum over scales.

    Args:
        predictions: (B, 1, h, w) each, the networks' sign (<= 0), full-resolution pixels.
        truth: (B, 1, H, W), the same sign and unit, NaN where unknown.
        weights: one a prediction.
        mean_count: as of `masked_l1`.
    """
    total = truth.new_zeros(())
    for prediction, weight in zip(predictions, weights, strict=True):
        if weight > 0:
            reduced = subsample(truth, *prediction.shape[-2:])
            total = total + weight * masked_l1(prediction.float(), reduced, mean_count)
    return total
