# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Monodepth (Godard et al., CVPR 2017), the one-image baseline: a VGG-like encoder and decoder.

From one image it predicts the disparity of both views at four scales, and is taught by how well
each view can be pulled from the other one (training.monodepth).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.warp import warp

LARGEST_SHARE = 0.3  # of the width: the largest disparity
ENCODER = ((32, 7), (64, 5), (128, 3), (256, 3), (512, 3), (512, 3), (512, 3))
DECODER = (16, 32, 64, 128, 256, 512, 512)  # channels at 1/1 .. 1/64
PREDICTED = 4  # scales, from 1/8 to 1/1


class MonodepthOutput(NamedTuple):
    """Both views' disparities, coarsest first, 1/8 .. 1/1.

    Attributes:
        disparities: (B, 1, h, w) <= 0 of the left view, in pixels of the input.
        right: (B, 3, H, W), the right view, pulled from the left image by its own disparity.
        selection: (B, 2, h, w), shares 1 and 0: this network decides for one shift.
        right_disparities: as ``disparities``, of the right view, and <= 0 as well.
    """

    disparities: list[Tensor]
    right: Tensor
    selection: Tensor
    right_disparities: list[Tensor]


class Monodepth(nn.Module):
    """Layer by layer as monodepth_model.py's VGG variant; ``width`` scales its channels."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        inputs, skips = 3, []
        for level, (channels, kernel) in enumerate(ENCODER, 1):
            self.add_module(f'conv{level}a', _conv(inputs, c(channels), kernel))
            self.add_module(f'conv{level}b', _conv(c(channels), c(channels), kernel, 2))
            inputs = c(channels)
            skips.append(inputs)
        for level in range(7, 0, -1):
            out = c(DECODER[level - 1])
            self.add_module(f'upconv{level}', _conv(inputs, out, 3))
            joined = out + (skips[level - 2] if level > 1 else 0) + (2 if level < 4 else 0)
            self.add_module(f'iconv{level}', _conv(joined, out, 3))
            if level <= PREDICTED:
                self.add_module(f'disp{level}', _conv(out, 2, 3))
            inputs = out

    def forward(self, left: Tensor) -> MonodepthOutput:
        """Give the disparities of (B, 3, H, W) images, H and W multiples of 64."""
        maps = [left]
        for level in range(1, 8):
            x = F.elu(self.get_submodule(f'conv{level}a')(maps[-1]))
            maps.append(F.elu(self.get_submodule(f'conv{level}b')(x)))  # (B, C, H/2^l, W/2^l)
        x = maps[7]
        shares: list[Tensor] = []
        for level in range(7, 0, -1):
            finer = maps[level - 1]
            size = finer.shape[2:]
            x = F.elu(self.get_submodule(f'upconv{level}')(F.interpolate(x, size)))
            joined = [x] + ([finer] if level > 1 else [])
            if shares:
                joined.append(F.interpolate(shares[-1], size).to(x.dtype))
            x = F.elu(self.get_submodule(f'iconv{level}')(torch.cat(joined, 1)))
            if level <= PREDICTED:
                raw = self.get_submodule(f'disp{level}')(x)
                shares.append(LARGEST_SHARE * torch.sigmoid(raw.float()))  # (B, 2, h, w)
        return self.output(left, shares)

    def output(self, left: Tensor, shares: list[Tensor]) -> MonodepthOutput:
        """Turn shares of the width into pixels."""
        width = left.shape[3]
        pixels = [-width * share for share in shares]
        lefts, rights = [p[:, :1] for p in pixels], [p[:, 1:] for p in pixels]
        chosen = torch.ones_like(lefts[0])
        return MonodepthOutput(lefts, warp(left, -rights[-1]),
                               torch.cat([chosen, 0 * chosen], 1), rights)


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer
