# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a pair of views teaches a disparity without ground truth: the one must look like the other.

The terms are Godard's (``training.monodepth``), for the left view alone and only where the right
camera saw what the left one did; the right view's disparity is that of the selection.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.models.warp import warp
from depth_learning_ros.training.monodepth import (
    CONSISTENCY_WEIGHT,
    SMOOTHNESS_WEIGHT,
    SSIM_WEIGHT,
    dissimilarity,
    roughness,
)

SCALES = 4  # from 1/8 to 1/1: a coarser one finds its way from farther off
#: By so many pixels of disparity must something be nearer to hide what it comes to lie on.
HIDDEN_PX = 1.0


def pair_loss(disparities: Sequence[Tensor], left: Tensor, right: Tensor) -> Tensor:
    """Compare the left view with what its disparity pulls from the right one; keep it smooth.

    Args:
        disparities: (B, 1, h, w) <= 0 of the left view in pixels of the input, coarsest first;
            the four finest count.
        left, right: (B, 3, H, W), values of 0..1 less any mean.
    """
    total = left.new_zeros((), dtype=torch.float32)
    for disparity in disparities[-SCALES:]:
        scale = left.shape[3] // disparity.shape[3]
        views = [F.interpolate(v.float(), disparity.shape[2:], mode='area') if scale > 1
                 else v.float() for v in (left, right)]
        pull = disparity.float() / scale
        total = total + appearance_where(views[0], warp(views[1], pull), seen_from_right(pull))
        share = pull.abs() / pull.shape[3]
        total = total + SMOOTHNESS_WEIGHT / scale * roughness(share, views[0])
    return total


def agreement_loss(disparity: Tensor, right_disparity: Tensor, width: int) -> Tensor:
    """Mean difference of both views' disparities where both see the same, in widths.

    Args:
        disparity: (B, 1, h, w) <= 0 of the left view.
        right_disparity: (B, 1, h, w) >= 0 of the right view; both in pixels of the input.
        width: of the input.
    """
    pull = disparity * (disparity.shape[3] / width)
    seen = seen_from_right(pull)
    apart = (disparity + warp(right_disparity, pull)).abs() / width
    return CONSISTENCY_WEIGHT * (apart * seen).sum() / seen.sum().clamp(min=1)


@torch.no_grad()
def seen_from_right(disparity: Tensor) -> Tensor:
    """Say which pixels of the left view the right camera sees, 0 or 1, by the disparity itself.

    Not those left of its image, nor those on which something nearer comes to lie there.

    Args:
        disparity: (B, 1, h, w) <= 0, in its own pixels.
    """
    width = disparity.shape[3]
    there = torch.arange(width, device=disparity.device, dtype=disparity.dtype) + disparity
    inside = there >= 0
    nearest = torch.zeros_like(disparity)
    for column in (there.floor(), there.ceil()):
        nearest.scatter_reduce_(3, column.long().clamp(0, width - 1), -disparity * inside, 'amax')
    nearest = nearest.gather(3, there.round().long().clamp(0, width - 1))
    return (inside & (nearest + disparity < HIDDEN_PX)).to(disparity.dtype)


def appearance_where(view: Tensor, made: Tensor, mask: Tensor) -> Tensor:
    """Structural dissimilarity and absolute difference, weighted as Godard's, under a mask.

    Args:
        view, made: (B, 3, H, W); images whose values span 1.
        mask: (B, 1, H, W), 0 or 1.
    """
    whole = 1 - F.max_pool2d(1 - mask, 3, 1)  # windows of 3 x 3 that are seen in all of it
    apart = SSIM_WEIGHT * _mean(dissimilarity(view, made), whole)
    return apart + (1 - SSIM_WEIGHT) * _mean((view - made).abs(), mask)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values.mean(1, keepdim=True) * mask).sum() / mask.sum().clamp(min=1)
