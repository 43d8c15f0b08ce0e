# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The graph Laplacian of ZOLE, by shifted differences: no matrix is ever formed.

Pixels are the nodes of a graph, and s^T L s = sum over its edges of w_ij (s_i - s_j)^2. An edge's
weight is a Gaussian of the distance of its pixels' features, as in Pang and Cheung (1604.07948):
the left image, and the current prediction. Where either has a step the weight vanishes, so wanted
edges stay; everywhere else the term pulls neighbours together, so artefacts go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

Shift = tuple[int, int]


@dataclass(frozen=True)
class GraphOptions:
    """What the edges of the graph are.

    Attributes:
        patch_px: side of the square patches; no edge leaves its patch. 0 = one patch.
        radius_px: pixels up to so many rows and columns apart are joined; 1 = 8 neighbours.
        sigma: ``w = exp(-distance^2 / (2 sigma^2))``.
        cut: an edge of more than ``cut * sigma`` is cut.
        disparity_scale: distance^2 = mean over channels of (difference of image, 0..1)^2
            + (disparity_scale * difference of disparity, pixels)^2.
    """

    patch_px: int = 32
    radius_px: int = 1
    sigma: float = 0.05
    cut: float = 3.0
    disparity_scale: float = 0.02


def half_neighbourhood(radius_px: int) -> list[Shift]:
    """Give (rows, columns) to half of the neighbours, so that every edge is met once."""
    return [(y, x) for y in range(radius_px + 1) for x in range(-radius_px, radius_px + 1)
            if y > 0 or x > 0]


def quadratic_form(s: Tensor, image: Tensor, current: Tensor,
                   options: GraphOptions) -> Tensor:
    """Give s^T L s, summed over all patches of each map.

    Args:
        s: (B, 1, H, W), pixels; the only argument that gets a gradient, 2 L s.
        image: (B, C, H, W), 0..1, the left image at the size of ``s``.
        current: (B, 1, H, W), the prediction that the graph is made of.

    Returns:
        (B,).
    """
    total = s.new_zeros(s.shape[0])
    for shift, weight in edge_weights(image, current, options):
        near, far = shifted(s, shift)
        total = total + (weight * (near - far).square()).sum((1, 2, 3))
    return total


def edge_weights(image: Tensor, current: Tensor,
                 options: GraphOptions) -> Iterator[tuple[Shift, Tensor]]:
    """Yield the weights of all edges of one direction, (B, 1, H - rows, W - columns) each."""
    image, current = image.detach(), current.detach()
    height, width = current.shape[-2:]
    for shift in half_neighbourhood(options.radius_px):
        if shift[0] >= height or abs(shift[1]) >= width:
            continue
        near, far = shifted(image, shift)
        distance2 = (near - far).square().mean(1, keepdim=True)
        near, far = shifted(current, shift)
        distance2 += (options.disparity_scale * (near - far)).square()
        weight = torch.exp(distance2 * (-0.5 / options.sigma ** 2))
        keep = distance2 <= (options.cut * options.sigma) ** 2
        if options.patch_px:
            keep &= _inside_patches(height, width, shift, options.patch_px, current.device)
        yield shift, weight * keep


def shifted(values: Tensor, shift: Shift) -> tuple[Tensor, Tensor]:
    """Give the two ends of all edges of one direction: views of (..., H - rows, W - columns)."""
    rows, columns = shift
    height, width = values.shape[-2:]
    near = values[..., :height - rows, max(0, -columns):width - max(0, columns)]
    far = values[..., rows:, max(0, columns):width - max(0, -columns)]
    return near, far


def _inside_patches(height: int, width: int, shift: Shift, patch_px: int,
                    device: torch.device) -> Tensor:
    """Say which edges have both ends in one patch."""
    rows = torch.arange(height, device=device)[:, None] // patch_px
    columns = torch.arange(width, device=device)[None] // patch_px
    (near_row, far_row) = rows[:height - shift[0]], rows[shift[0]:]
    near_column, far_column = (c[0] for c in shifted(columns[None], (0, shift[1])))
    return (near_row == far_row) & (near_column == far_column)
