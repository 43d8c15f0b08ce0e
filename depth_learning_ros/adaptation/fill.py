# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fill the gaps between sure labels: by the image's graph, by the background, by the network.

Three guesses, each wrong in its own way: labels spread over a graph leak where the image has no
edge; what lies behind is wrong where the gap is in front; the network was not to be trusted
there. Their median is right where two of them are.
"""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

#: width of the Gaussian that turns a step of gray values, 0..255, into a weight
SIGMA = 8.0
#: joins across edges keep so much weight: an island without labels still gets some
LEAST_WEIGHT = 1e-4
SWEEPS = 8
SMALLEST_PX = 2
STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def fill(labels: Tensor, guess: Tensor, view: Tensor) -> Tensor:
    """Fill what is unknown.

    Args:
        labels: (B, 1, H, W), <= 0, NaN where unknown; what is known is kept.
        guess: (B, 1, H, W), what the network thinks.
        view: (B, 3, H, W), 0..255, the image the labels are of.
    """
    known = ~labels.isnan()
    values = labels.nan_to_num()
    spread = spread_on_graph(values, known, view.float().mean(1, keepdim=True))
    guesses = torch.stack([guess, spread, background(values, known, guess)])
    return torch.where(known, values, guesses.median(0).values)


def background(values: Tensor, known: Tensor, otherwise: Tensor) -> Tensor:
    """Give the farther of the nearest labels to the left and right in the row.

    Args:
        otherwise: for rows without labels.
    """
    width = values.shape[-1]
    columns = torch.arange(width, device=values.device).expand(values.shape)
    before = columns.masked_fill(~known, -1).cummax(-1).values
    after = columns.masked_fill(~known, width).flip(-1).cummin(-1).values.flip(-1)
    near = values.gather(-1, before.clamp(min=0)).masked_fill(before < 0, -torch.inf)
    far = values.gather(-1, after.clamp(max=width - 1)).masked_fill(after >= width, -torch.inf)
    found = torch.maximum(near, far)  # disparities are <= 0
    return torch.where(found.isinf(), otherwise, found)


def spread_on_graph(values: Tensor, known: Tensor, gray: Tensor) -> Tensor:
    """Minimise s^T L s with the known values held: the graph of 4 neighbours, by gray values.

    Coarse to fine, with a few Jacobi sweeps at each size.
    """
    height, width = values.shape[-2:]
    share = known.float()
    if min(height, width) <= SMALLEST_PX:
        total = (values * share).sum((2, 3), keepdim=True)
        start = (total / share.sum((2, 3), keepdim=True).clamp(min=1)).expand_as(values)
    else:
        half = ((height + 1) // 2, (width + 1) // 2)
        known_share = F.adaptive_avg_pool2d(share, half)
        coarse = F.adaptive_avg_pool2d(values * share, half) / known_share.clamp(min=1e-6)
        coarse = spread_on_graph(coarse, known_share > 0.1, F.adaptive_avg_pool2d(gray, half))
        start = F.interpolate(coarse, (height, width), mode='bilinear')
    found = torch.where(known, values, start)
    weights = [torch.exp(-(around(gray, step) - gray).square() / (2 * SIGMA ** 2)) + LEAST_WEIGHT
               for step in STEPS]
    total = torch.stack(weights).sum(0)
    for _ in range(SWEEPS):
        mean = sum(weight * around(found, step)
                   for weight, step in zip(weights, STEPS, strict=True)) / total
        found = torch.where(known, values, mean)
    return found


def around(values: Tensor, step: tuple[int, int]) -> Tensor:
    """Give each pixel the value of a neighbour, its own at the border."""
    height, width = values.shape[-2:]
    padded = F.pad(values, (1, 1, 1, 1), mode='replicate')
    y, x = 1 + step[0], 1 + step[1]
    return padded[..., y:y + height, x:x + width]
