# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How sure a stereo network can be at each pixel, from what the cascade knows anyway.

Three signs, each of which can only lower the confidence (1 = nothing speaks against it):

- the right image, warped by the final disparity, still differs from the left one;
- the second stage had to correct the first one a lot, measured against the disparity itself;
- the match lies outside the right image, so nothing was ever seen of it: confidence 0.

Smooth, so that a threshold can be chosen; a ranking, not a probability.
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.models.warp import warp

# Computed at half resolution: the signs are local averages, and it costs a quarter.
SCALE = 2
BOX = 5
# A difference of images (0..1, mean of the box) that lowers the confidence to 1/e: well above
# camera noise (0.01), well below the difference of two random patches (0.2).
PHOTOMETRIC_SCALE = 0.06
# A correction that lowers it to 1/e: this many pixels plus this share of the disparity.
CORRECTION_PX = 1.0
CORRECTION_SHARE = 0.05


def confidence(left: Tensor, right: Tensor, disparity: Tensor, first: Tensor | None) -> Tensor:
    """Rate each pixel.

    Args:
        left: (B, 3, H, W), scaled to a range of 1, H and W even.
        right: the same.
        disparity: (B, 1, H, W), >= 0, final.
        first: (B, 1, H, W), >= 0, of the first stage; None for networks of a single stage.

    Returns:
        (B, 1, H, W) in 0..1.
    """
    small = F.avg_pool2d(disparity, SCALE)
    cost = photometric_error(half_size(left), half_size(right), small / SCALE) / PHOTOMETRIC_SCALE
    if first is not None:
        correction = F.avg_pool2d(disparity - first, SCALE).abs()
        cost = cost + correction / (CORRECTION_PX + CORRECTION_SHARE * small)
    columns = torch.arange(small.shape[-1], device=small.device, dtype=torch.float32)
    inside = (columns - small / SCALE >= 0).to(cost.dtype)
    rated = torch.exp(-cost) * inside
    # each value for its block of pixels; unlike a resize, this stays in float32 everywhere
    return F.conv_transpose2d(rated, rated.new_ones(1, 1, SCALE, SCALE), stride=SCALE)


def photometric_error(left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
    """Mean absolute difference after warping, over channels and a box of pixels; (B, 1, H, W)."""
    error = (left - warp(right, -disparity)).abs().mean(1, keepdim=True)
    return F.avg_pool2d(error, BOX, 1, BOX // 2, count_include_pad=False)


def half_size(image: Tensor) -> Tensor:
    """Average blocks of pixels down to the resolution of the rating."""
    return F.avg_pool2d(image, SCALE)
