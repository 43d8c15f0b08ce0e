# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pull the right image into the left view by a disparity (CRL's Remap layer)."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F


def warp(right: Tensor, disparity: Tensor) -> Tensor:
    """Give right(x + disparity, y) at every left pixel: bilinear along x, zero outside.

    Each of the two taps outside the image counts as 0. Differentiable in both arguments. A
    horizontal gather is exact in every runtime, where GridSample is not.

    Args:
        right: (B, C, H, W).
        disparity: (B, 1, H, W) in pixels, the networks' sign: <= 0.
    """
    channels, width = right.shape[1], right.shape[3]
    position = torch.arange(width, device=right.device, dtype=torch.float32) + disparity.float()
    # two columns of zeros on either side stand for everything outside
    position = position.clamp(min=-2).minimum(position.new_ones(()) * (width + 1))
    first = position.detach().floor()
    weight = (position - first).to(right.dtype)
    padded = F.pad(right, (2, 3))
    index = (first.long() + 2).expand(-1, channels, -1, -1)
    near = padded.gather(3, index)
    far = padded.gather(3, index + 1)
    return near + weight * (far - near)
