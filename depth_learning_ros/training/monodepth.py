# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How Monodepth learns without ground truth (Godard et al. 2017, section 3.2).

Each view is pulled from the other by its own disparity and compared, disparities are smooth where
the image is, and that of the one view must agree with that of the other.
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.models.monodepth import MonodepthOutput
from depth_learning_ros.models.warp import warp

SSIM_WEIGHT = 0.85
SMOOTHNESS_WEIGHT = 0.1  # halved at each coarser scale
CONSISTENCY_WEIGHT = 1.0


def monodepth_loss(output: MonodepthOutput, left: Tensor, right: Tensor) -> Tensor:
    """Sum the three terms over both views and all scales.

    Args:
        output: disparities in pixels of the input, coarsest first.
        left, right: (B, 3, H, W), values of 0..1 less any mean.
    """
    width = left.shape[3]
    total = left.new_zeros((), dtype=torch.float32)
    for d_left, d_right in zip(output.disparities, output.right_disparities, strict=True):
        scale = width // d_left.shape[3]
        views = [F.interpolate(v.float(), d_left.shape[2:], mode='area') for v in (left, right)]
        # in pixels of this scale: warp(other, x) gives other(x + ...), left looks to its left
        pulls = [d_left.float() / scale, -d_right.float() / scale]
        made = [warp(views[1], pulls[0]), warp(views[0], pulls[1])]
        for view, image in zip(views, made, strict=True):
            total = total + appearance(view, image)
        # as shares of the width, as the published weights have them
        shares = [pull.abs() / d_left.shape[3] for pull in pulls]
        for view, share in zip(views, shares, strict=True):
            total = total + SMOOTHNESS_WEIGHT / scale * roughness(share, view)
        for own, other, pull in ((0, 1, pulls[0]), (1, 0, pulls[1])):
            total = total + CONSISTENCY_WEIGHT * (
                shares[own] - warp(shares[other], pull)).abs().mean()
    return total


def appearance(view: Tensor, made: Tensor) -> Tensor:
    """0.85 of structural dissimilarity and 0.15 of absolute difference."""
    return (SSIM_WEIGHT * dissimilarity(view, made).mean()
            + (1 - SSIM_WEIGHT) * (view - made).abs().mean())


def dissimilarity(a: Tensor, b: Tensor) -> Tensor:
    """(1 - SSIM) / 2 of 3 x 3 windows in 0..1; images whose values span 1."""
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    mean_a, mean_b = F.avg_pool2d(a, 3, 1), F.avg_pool2d(b, 3, 1)
    var_a = F.avg_pool2d(a * a, 3, 1) - mean_a ** 2
    var_b = F.avg_pool2d(b * b, 3, 1) - mean_b ** 2
    covariance = F.avg_pool2d(a * b, 3, 1) - mean_a * mean_b
    ssim = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            / ((mean_a ** 2 + mean_b ** 2 + c1) * (var_a + var_b + c2)))
    return ((1 - ssim) / 2).clamp(0, 1)


def roughness(disparity: Tensor, image: Tensor) -> Tensor:
    """Mean slope of the disparity, less where the image has edges."""
    total = disparity.new_zeros(())
    for axis in (2, 3):
        edges = image.diff(dim=axis).abs().mean(1, keepdim=True)
        total = total + (disparity.diff(dim=axis).abs() * torch.exp(-edges)).mean()
    return total
