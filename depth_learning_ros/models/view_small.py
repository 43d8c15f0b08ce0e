# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small, fully convolutional view-synthesis network with the selection of SVS.

What differs from `ViewSynthesis`: strided convolutions down to 1/64 in place of VGG and of its
fully connected layers, the image's average feature and each row's height in place of their view
of the whole, and a selection at 1/4 whose shares are interpolated to full resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.layers import ConvLReLU, conv, initialize
from depth_learning_ros.models.selection import expected_shift, seen_from_left, synthesize
from depth_learning_ros.models.view_synthesis import ViewOutput

SELECTION_SCALE = 4


class SmallViewSynthesis(nn.Module):
    """Takes and imagines images of any size that is a multiple of 64."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.shifts = range(config.levels)
        c = config.channels
        widths = [c(128), c(256), c(384), c(640), c(1024), c(1024)]  # at 1/2 .. 1/64
        joint = c(256)
        self.down1 = ConvLReLU(3, widths[0], 5, 2)
        self.down2 = ConvLReLU(widths[0], widths[1], 3, 2)
        self.same2 = ConvLReLU(widths[1], widths[1], 3)
        for level in range(3, 7):
            # one more channel: the height of the row, which says much of a thing's distance
            self.add_module(f'down{level}', ConvLReLU(widths[level - 2] + 1, widths[level - 1],
                                                      3, 2))
            self.add_module(f'same{level}', ConvLReLU(widths[level - 1], widths[level - 1], 3))
        self.whole = ConvLReLU(widths[5], widths[5], 1)
        for level in range(6, 1, -1):
            self.add_module(f'side{level}', conv(widths[level - 1], joint, 1))
        for level in range(5, 1, -1):
            self.add_module(f'join{level}', ConvLReLU(joint, joint, 3))
        self.predict = conv(joint, config.levels)
        initialize(self)
        self.predict.weight.data.mul_(0.1)  # begin undecided

    def forward(self, left: Tensor) -> ViewOutput:
        """Imagine the right view of (B, 3, H, W) images as `to_network_input` gives them."""
        selection = self.select(left)  # (B, K, H/4, W/4)
        fine = F.interpolate(selection, scale_factor=float(SELECTION_SCALE), mode='bilinear',
                             align_corners=False)
        right = synthesize(left, fine.to(left.dtype), self.shifts)
        coarse = seen_from_left(expected_shift(selection, self.shifts) / SELECTION_SCALE)
        return ViewOutput([-SELECTION_SCALE * coarse], right, selection)

    def select(self, left: Tensor) -> Tensor:
        """Give the selection, (B, K, H/4, W/4), plane after plane in memory as it is read."""
        return torch.softmax(self.logits(left).float(), 1).contiguous()

    def logits(self, left: Tensor) -> Tensor:
        """Give the selection before its softmax, (B, K, H/4, W/4)."""
        x = self.same2(self.down2(self.down1(left)))
        maps = {2: x}
        for level in range(3, 7):
            x = self.get_submodule(f'down{level}')(torch.cat([x, row_height(x)], 1))
            x = self.get_submodule(f'same{level}')(x)
            maps[level] = x  # (B, C, H / 2^level, W / 2^level)
        x = x + self.whole(x.mean((2, 3), keepdim=True))
        x = self.get_submodule('side6')(x)
        for level in range(5, 1, -1):
            up = F.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False)
            side: Tensor = self.get_submodule(f'side{level}')(maps[level])
            x = self.get_submodule(f'join{level}')(F.leaky_relu(up + side, 0.1))
        return self.predict(x)


def row_height(x: Tensor) -> Tensor:
    """Give each pixel its row, -1 at the top to 1 at the bottom edge: (B, 1, H, W) like ``x``."""
    height = x.shape[2]
    rows = (torch.arange(height, device=x.device, dtype=x.dtype) + 0.5) * (2 / height) - 1
    return rows[None, None, :, None].expand(x.shape[0], 1, height, x.shape[3])
