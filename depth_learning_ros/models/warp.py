# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pull the right image into the left view by a disparity (CRL's Remap layer)."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

FARTHEST = 65536.0  # wider than any image; an infinite disparity has no fraction


def warp(right: Tensor, disparity: Tensor) -> Tensor:
    """Give right(x + disparity, y) at every left pixel: bilinear along x, zero outside.

    Each of the two taps outside the image counts as 0. Differentiable in both arguments. A
    horizontal gather is exact in every runtime, where GridSample is not.

    Args:
        right: (B, C, H, W).
        disparity: (B, 1, H, W) in pixels, the networks' sign: <= 0.
    """
    channels, width = right.shape[1], right.shape[3]
    # The fraction comes from the disparity alone and columns are counted in integers: where a
    # runtime computes in bfloat16, x + disparity is off by whole pixels beyond column 256.
    disparity = disparity.float().clamp(-FARTHEST, FARTHEST)
    whole = disparity.detach().floor()
    weight = (disparity - whole).to(right.dtype)
    columns = torch.arange(width, device=right.device) + whole.long()
    # two columns of zeros on either side stand for everything outside
    columns = columns.clamp(min=-2).minimum(columns.new_ones(()) * (width + 1))
    padded = F.pad(right, (2, 3))
    index = (columns + 2).expand(-1, channels, -1, -1)
    near = padded.gather(3, index)
    far = padded.gather(3, index + 1)
    return near + weight * (far - near)
