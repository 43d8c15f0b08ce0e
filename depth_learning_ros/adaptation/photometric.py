# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The plain photometric loss: the right view, warped by the prediction, must look like the left.

0.85 (1 - SSIM) / 2 + 0.15 L1 with 3 x 3 windows, and a smoothness that yields where the image has
edges, as in monodepth (Godard et al. 2017). Half of the samples are mirrored with the views
swapped, so both views' disparities learn.
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.zole import inside_right_view
from depth_learning_ros.models.warp import warp

SSIM_SHARE = 0.85
C1, C2 = 0.01 ** 2, 0.03 ** 2
#: how fast smoothness yields to steps of the image, 0..1 a pixel
EDGE_GAIN = 10.0


def photometric_loss(outputs: list[list[Tensor]], left: Tensor, right: Tensor,
                     config: AdaptationConfig) -> Tensor:
    """Give the loss of the finest prediction of each stage.

    Args:
        outputs: of all stages at all scales.
        left, right: (B, 3, H, W), 0..255.
    """
    left, right = left.float() / 255, right.float() / 255
    total = left.new_zeros(())
    for stage in outputs:
        s = stage[-1].float()
        if s.shape[-2:] != left.shape[-2:]:
            s = F.interpolate(s, left.shape[-2:], mode='bilinear')
        seen = inside_right_view(s.detach())
        difference = view_difference(warp(right, s), left)
        fit = difference[seen].mean() if seen.any() else difference.sum() * 0
        total = total + fit + config.smoothness * edge_aware_smoothness(s, left)
    return total


def view_difference(warped: Tensor, left: Tensor) -> Tensor:
    """0.85 (1 - SSIM) / 2 + 0.15 L1 at each pixel, (B, 1, H, W)."""
    error = (warped - left).abs()
    likeness = (1 - structural_similarity(warped, left)).clamp(0, 2) / 2
    return (SSIM_SHARE * likeness + (1 - SSIM_SHARE) * error).mean(1, keepdim=True)


def structural_similarity(x: Tensor, y: Tensor) -> Tensor:
    """SSIM with 3 x 3 windows; images in 0..1."""
    x, y = (F.pad(view, (1, 1, 1, 1), mode='reflect') for view in (x, y))
    mean_x, mean_y = F.avg_pool2d(x, 3, 1), F.avg_pool2d(y, 3, 1)
    variance_x = F.avg_pool2d(x * x, 3, 1) - mean_x ** 2
    variance_y = F.avg_pool2d(y * y, 3, 1) - mean_y ** 2
    covariance = F.avg_pool2d(x * y, 3, 1) - mean_x * mean_y
    return (((2 * mean_x * mean_y + C1) * (2 * covariance + C2))
            / ((mean_x ** 2 + mean_y ** 2 + C1) * (variance_x + variance_y + C2)))


def edge_aware_smoothness(s: Tensor, left: Tensor) -> Tensor:
    """Mean |step of the disparity| exp(-gain |step of the image|); disparity in width / 100."""
    gray = left.mean(1, keepdim=True)
    share = s * (100 / s.shape[-1])
    total = s.new_zeros(())
    for axis in (-1, -2):
        weight = torch.exp(-EDGE_GAIN * gray.diff(dim=axis).abs())
        total = total + (share.diff(dim=axis).abs() * weight).mean()
    return total
