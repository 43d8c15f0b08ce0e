# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tonioni et al., ICCV 2017: learn what a classical matcher is sure of, and be smooth elsewhere.

The labels come from semi-global matching (OpenCV's), each with a confidence c in 0..1. The paper
learns the confidence (CCNN); here it is measured: by how far the right view's disparity agrees,
and how many neighbours have a similar one. As in the authors' files, c below 0.65 counts as 0, the
guided term is the mean of c |s - d|, and smoothness is mean |dx| + mean |dy| of the prediction.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.semi_global import match

#: window in which neighbours are asked, and how near their disparity must be
SUPPORT_PX, SIMILAR_PX = 9, 1.0


def confident_labels(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give labels and how sure they are.

    Returns:
        disparity float32 [H, W] >= 0, NaN where there is none; confidence float32 [H, W] in 0..1:
        exp(-|difference to the right view's disparity|) times the share of neighbours within
        `SIMILAR_PX`.
    """
    disparity = match(left, right)
    mirrored = match(np.ascontiguousarray(right[:, ::-1]), np.ascontiguousarray(left[:, ::-1]))
    other = np.ascontiguousarray(mirrored[:, ::-1])
    columns = np.arange(disparity.shape[1]) - np.nan_to_num(disparity, nan=1e6)
    inside = columns >= 0
    there = np.take_along_axis(other, np.clip(np.rint(columns), 0, None).astype(int), 1)
    difference = np.where(inside, np.abs(there - disparity), np.nan)
    agreement = np.exp(-np.nan_to_num(difference, nan=1e6))
    confidence = agreement * _support(disparity)
    return disparity, np.where(np.isfinite(disparity), confidence, 0).astype(np.float32)


def _support(disparity: np.ndarray) -> np.ndarray:
    """Share of a window's pixels whose disparity is like that of its middle."""
    half = SUPPORT_PX // 2
    padded = np.pad(disparity, half, constant_values=np.nan)
    height, width = disparity.shape
    count = np.zeros(disparity.shape, np.float32)
    # columns and rows of a cross are enough to ask, and cost less than the square
    for offset in range(SUPPORT_PX):
        if offset == half:
            continue
        for row, column in ((offset, half), (half, offset)):
            neighbour = padded[row:row + height, column:column + width]
            count += np.abs(neighbour - disparity) <= SIMILAR_PX
    return count / (2 * (SUPPORT_PX - 1))


def guided_loss(outputs: list[list[Tensor]], labels: Tensor, confidence: Tensor,
                config: AdaptationConfig) -> Tensor:
    """C_L + smoothness, both of the finest prediction only, as in the authors' files.

    Args:
        outputs: of all stages at all scales.
        labels: (B, 1, H, W), <= 0, NaN where unknown.
        confidence: (B, 1, H, W), 0..1.
    """
    total = labels.new_zeros(())
    for stage in outputs:
        s = stage[-1].float()
        step = labels.shape[-1] // s.shape[-1]
        d, c = (t[..., step // 2::step, step // 2::step] for t in (labels, confidence))
        known = torch.isfinite(d)
        c = torch.where(known & (c >= config.confidence), c, torch.zeros_like(c))
        guided = (c * (s - torch.where(known, d, s.detach())).abs()).sum() / known.sum().clamp(1)
        total = total + guided + config.smoothness * total_variation(s)
    return total


def total_variation(s: Tensor) -> Tensor:
    """Mean |dx| + mean |dy|."""
    return ((s[..., 1:] - s[..., :-1]).abs().mean()
            + (s[..., 1:, :] - s[..., :-1, :]).abs().mean())
