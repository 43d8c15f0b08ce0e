# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Zoom and Learn (Pang et al., CVPR 2018): a stereo network teaches itself a new place.

The names are those of the paper:

    Theta(k+1) = argmin  sum over target pairs i, patches j  |s_ij - d_ij|_1
                                                           + lambda s_ij^T L_ij(k) s_ij
                       + tau sum over synthetic pairs i  |S(P_i; Theta) - D_i|_1

with the pseudo ground truth D_i = (1/r) down_r(S(up_r(P_i); Theta(k))). Algorithm 1 draws a batch
from one shuffled list of target and synthetic pairs, labels its target pairs with the current
weights, makes their graphs from the current predictions, and takes one gradient step.

What is added to the paper, each to be switched off, is in `labels` and `teacher`: several zooms
vote on a label, it must agree with that of the right view, and it is made once for many steps.
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.laplacian import GraphOptions, quadratic_form
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.training.losses import LATE, multiscale_l1


def pseudo_ground_truth(predictor: Predictor, left: Tensor, right: Tensor,
                        zoom: float) -> Tensor:
    """D = (1/r) down_r(S(up_r(P))).

    Args:
        left, right: (B, 3, H, W), 0..255.
        zoom: r.

    Returns:
        (B, 1, H, W), <= 0, pixels of the pair that was given.
    """
    height, width = left.shape[-2:]
    size = (round(height * zoom), round(width * zoom))
    if size == (height, width):
        return predictor.disparity(left, right)
    up = [F.interpolate(view.float(), size, mode='bilinear') for view in (left, right)]
    zoomed = predictor.disparity(*up)
    return F.interpolate(zoomed, (height, width), mode='area') * (width / size[1])


def inside_right_view(disparity: Tensor) -> Tensor:
    """Say where the match, x + disparity, lies inside the right image."""
    columns = torch.arange(disparity.shape[-1], device=disparity.device) + disparity
    return (columns >= 0) & (columns <= disparity.shape[-1] - 1)


def target_loss(outputs: list[list[Tensor]], left: Tensor, labels: Tensor,
                config: AdaptationConfig) -> Tensor:
    """|s - d|_1 + lambda s^T L s, both per pixel of the map, for the target pairs of a batch.

    Args:
        outputs: s, of all stages at all scales; the finest of the last is regularised.
        left: (B, 3, H, W), 0..255.
        labels: d, (B, 1, H, W), NaN where unknown.
    """
    loss = labelled_loss(outputs, labels)
    if config.laplacian > 0:
        loss = loss + config.laplacian * smoothness_on_graph(outputs[-1][-1], left, config)
    return loss


def labelled_loss(outputs: list[list[Tensor]], labels: Tensor) -> Tensor:
    """|s - d|_1 with labels of full size, over all stages and scales, mostly the finest."""
    losses = [multiscale_l1(stage, labels, list(LATE[-len(stage):])) for stage in outputs]
    return torch.stack(losses).sum()


def smoothness_on_graph(s: Tensor, left: Tensor, config: AdaptationConfig) -> Tensor:
    """s^T L s by pixel: L from the left image and from the current prediction, which is s."""
    s = s.float()
    factor = left.shape[-1] // s.shape[-1]
    image = F.avg_pool2d(left.float() / 255, factor) if factor > 1 else left.float() / 255
    options = GraphOptions(config.patch_px, config.radius_px, config.sigma, config.cut,
                           config.disparity_scale)
    return quadratic_form(s, image, s.detach(), options).sum() / s.numel()
