# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Deep3D (Xie et al., ECCV 2016), from which SVS's view synthesis descends; as its sym.py."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.selection import expected_shift, seen_from_left, synthesize
from depth_learning_ros.models.view_synthesis import STRIDES, ViewOutput, bilinear

TRUNK = ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2))  # VGG with fewer convolutions


class Deep3D(nn.Module):
    """Five branches of 33 channels each, always normalised, then a softmax over 33 levels.

    Channel 0 is empty, it adds nothing; channels 1 .. 32 take left(x - j), j = -15 .. 16, edges
    repeated. Sized by the configuration, 160 x 384.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        c, levels = config.channels, config.levels
        first = -((levels - 1) // 2 - 1)  # -15 of 33 levels
        self.shifts = [-(first + k) for k in range(levels - 1)]
        inputs = 3
        for block, (channels, count) in enumerate(TRUNK, 1):
            for number in range(1, count + 1):
                self.add_module(f'conv{block}_{number}',
                                nn.Conv2d(inputs, c(channels), 3, padding=1))
                inputs = c(channels)
        self.coarsest = (config.input_height // 32, config.input_width // 32)
        cells = self.coarsest[0] * self.coarsest[1]
        self.fc6 = nn.Linear(inputs * cells, c(512))
        self.fc7 = nn.Linear(c(512), c(512))
        self.pred5 = nn.Linear(c(512), levels * cells)
        for branch, (channels, _) in enumerate(TRUNK[:4], 1):
            self.add_module(f'norm{branch}', nn.BatchNorm2d(c(channels)))
            self.add_module(f'pred{branch}', nn.Conv2d(c(channels), levels, 3, padding=1))
        for branch, stride in enumerate(STRIDES, 1):
            self.add_module(f'up{branch}', _upsample(levels, stride))
        self.up_sum = _upsample(levels, 2)
        self.select_levels = nn.Conv2d(levels, levels, 3, padding=1)

    def forward(self, left: Tensor) -> ViewOutput:
        """Imagine the right view of (B, 3, H, W) images, of the configuration's size."""
        selection = torch.softmax(self.logits(left), 1)  # (B, 33, H, W)
        some = selection[:, 1:]
        right = synthesize(left, some, self.shifts, edge='clamp')
        # what may lie before the screen in a film cannot in a rectified pair: cut at 0
        shift = expected_shift(some.float(), self.shifts).clamp(min=0)
        return ViewOutput([-seen_from_left(shift)], right, selection)

    def logits(self, x: Tensor) -> Tensor:
        """Give the selection before its softmax."""
        pools = []
        for block, (_, count) in enumerate(TRUNK, 1):
            for number in range(1, count + 1):
                x = F.relu(self.get_submodule(f'conv{block}_{number}')(x))
            x = F.max_pool2d(x, 2)
            pools.append(x)
        x = F.dropout(F.relu(self.fc6(x.flatten(1))), 0.5, self.training)
        x = F.dropout(F.relu(self.fc7(x)), 0.5, self.training)
        total = self.get_submodule('up5')(F.relu(self.pred5(x).unflatten(1, (-1, *self.coarsest))))
        for branch, pool in enumerate(pools[:4], 1):
            normal = self.get_submodule(f'norm{branch}')(pool)
            level = F.relu(self.get_submodule(f'pred{branch}')(normal))
            total = total + self.get_submodule(f'up{branch}')(level)  # (B, 33, H/2, W/2)
        x = F.relu(self.up_sum(F.relu(total)))
        return self.select_levels(x)


def _upsample(channels: int, stride: int) -> nn.ConvTranspose2d:
    """Give a deconvolution that starts as bilinear interpolation of each channel by itself."""
    kernel = 1 if stride == 1 else 2 * stride
    layer = nn.ConvTranspose2d(channels, channels, kernel, stride, stride // 2)
    weights = torch.eye(channels)[:, :, None, None] * bilinear(kernel)
    layer.weight.data.copy_(weights)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer
