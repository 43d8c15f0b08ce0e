# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The view-synthesis network of SVS (Luo et al. 2018, section 3.1), layer by layer as released."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.selection import expected_shift, seen_from_left, synthesize

# What the released network subtracts from channels 0, 1, 2 of a BGR image: VGG's means the wrong
# way round, blue losing red's. It was trained so, and its weights need it so.
MEANS = (123.68, 116.779, 103.939)
VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions of each block
STRIDES = (1, 2, 4, 8, 16)  # of the branches' up-sampling, to 1/2


class ViewOutput(NamedTuple):
    """What a view-synthesis network gives.

    Attributes:
        disparities: one map (B, 1, H, W) <= 0: the selection's mean shift, seen from the left.
        right: (B, 3, H, W), the imagined right view, in the values of the input.
        selection: (B, K, h, w), shares of each shift for the pixels of the right view, sum 1.
    """

    disparities: list[Tensor]
    right: Tensor
    selection: Tensor


class ViewSynthesis(nn.Module):
    """VGG-16, five branches brought to 1/2 and summed, then a softmax over 65 shifts.

    Sized by ``config.input_height`` x ``config.input_width`` (192 x 640), as its fully connected
    layers are.
    """

    means: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.shifts = range(config.levels)
        c = config.channels
        inputs = 3
        for block, (channels, count) in enumerate(VGG16, 1):
            for number in range(1, count + 1):
                self.add_module(f'conv{block}_{number}', _conv(inputs, c(channels)))
                inputs = c(channels)
        self.coarsest = (config.input_height // 32, config.input_width // 32)
        cells = self.coarsest[0] * self.coarsest[1]
        features = c(128)
        self.fc6 = nn.Linear(inputs * cells, c(4096))
        self.fc7 = nn.Linear(c(4096), c(4096))
        self.fc8 = nn.Linear(c(4096), features * cells)
        for branch, (channels, _) in enumerate(VGG16[:4], 1):
            if config.batch_norm:
                self.add_module(f'norm{branch}', nn.BatchNorm2d(c(channels), eps=1e-3))
            self.add_module(f'branch{branch}', _conv(c(channels), features))
            self.add_module(f'branch{branch}_', _conv(features, features))
        for branch, stride in enumerate(STRIDES, 1):
            self.add_module(f'up{branch}', _upsample(features, stride))
        self.up_sum = _upsample(features, 2)
        self.conv_sum_ = _conv(features, features)
        self.conv_sum = _conv(features, config.levels)
        self.register_buffer('means', torch.tensor(MEANS)[:, None, None], persistent=False)
        _initialize(self)

    def forward(self, left: Tensor) -> ViewOutput:
        """Imagine the right view of (B, 3, H, W) images, BGR in 0..1, nothing subtracted."""
        values = left * 255 - self.means
        selection = self.select(values)
        right = synthesize(values, selection, self.shifts)  # zero outside: the mean colour
        seen = seen_from_left(expected_shift(selection.float(), self.shifts))
        return ViewOutput([-seen], (right + self.means) * (1 / 255), selection)

    def select(self, values: Tensor) -> Tensor:
        """Give the selection (B, 65, H, W) of mean-free 0..255 images."""
        pools = self.trunk(values)
        total = self.get_submodule('up5')(self.context(pools[4]))  # (B, 128, H/2, W/2)
        for branch, pool in enumerate(pools[:4], 1):
            x = self.get_submodule(f'norm{branch}')(pool) if self.config.batch_norm else pool
            x = F.relu(self.get_submodule(f'branch{branch}')(x))
            x = F.relu(self.get_submodule(f'branch{branch}_')(x))
            total = total + self.get_submodule(f'up{branch}')(x)
        x = F.relu(self.up_sum(F.relu(total)))  # (B, 128, H, W)
        return torch.softmax(self.conv_sum(F.relu(self.conv_sum_(x))), 1)

    def trunk(self, x: Tensor) -> list[Tensor]:
        """Give VGG's pool1 (B, 64, H/2, W/2) .. pool5 (B, 512, H/32, W/32)."""
        pools = []
        for block, (_, count) in enumerate(VGG16, 1):
            for number in range(1, count + 1):
                x = F.relu(self.get_submodule(f'conv{block}_{number}')(x))
            x = F.max_pool2d(x, 2)
            pools.append(x)
        return pools

    def context(self, pool5: Tensor) -> Tensor:
        """Run the fully connected layers: (B, 128, H/32, W/32) that know the whole image."""
        x = F.dropout(F.relu(self.fc6(pool5.flatten(1))), 0.5, self.training)
        x = F.dropout(F.relu(self.fc7(x)), 0.5, self.training)
        return F.relu(self.fc8(x)).unflatten(1, (-1, *self.coarsest))


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _upsample(channels: int, stride: int) -> nn.ConvTranspose2d:
    """Give a depth-wise deconvolution of kernel 2 * stride; kernel 1 for stride 1."""
    kernel = 1 if stride == 1 else 2 * stride
    return nn.ConvTranspose2d(channels, channels, kernel, stride, stride // 2, groups=channels)


def bilinear(kernel: int) -> Tensor:
    """Caffe's bilinear filler (kernel, kernel): interpolates when its stride is kernel / 2."""
    factor = (kernel + 1) // 2
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    taps = 1 - (torch.arange(kernel, dtype=torch.float32) / factor - centre).abs()
    return torch.outer(taps, taps)


def _initialize(network: nn.Module) -> None:
    """MSRA for VGG's layers, Gaussian 0.01 for new ones, bilinear up-sampling (Caffe files)."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.ConvTranspose2d):
            layer.weight.data.copy_(bilinear(layer.kernel_size[0]))
        elif isinstance(layer, nn.Conv2d) and name.startswith('conv') and name[4].isdigit():
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
        elif isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, std=0.01)
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
