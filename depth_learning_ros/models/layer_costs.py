# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Operations and bytes of each layer, and the time that a GPU needs for them at the very least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import math
from typing import Any

import torch
from torch import Tensor, nn

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.dispnet import DispNetC
from depth_learning_ros.models.registry import build_network


@dataclass(frozen=True)
class LayerCost:
    """One convolution, deconvolution or correlation.

    Attributes:
        name: of the module.
        flop: operations; a multiplication and an addition are two.
        values: numbers read or written: inputs, outputs and weights, each once.
    """

    name: str
    flop: int
    values: int


@dataclass(frozen=True)
class Gpu:
    """What a GPU can do at most.

    Attributes:
        name: for tables.
        flops: dense float16 operations per second with float32 sums.
        bytes_per_s: of its memory.
        source: where the two numbers come from.
    """

    name: str
    flops: float
    bytes_per_s: float
    source: str


def layer_costs(config: NetworkConfig, height: int, width: int) -> list[LayerCost]:
    """Count each layer of a stereo network for one pair of images, without running it.

    Args:
        config: which network.
        height, width: of the images; the network sees the next multiples of 64.
    """
    multiple = config.size_multiple
    size = [math.ceil(length / multiple) * multiple for length in (height, width)]
    found: list[LayerCost] = []
    with torch.device('meta'), torch.no_grad():
        network = build_network(config).eval()
        for name, layer in network.named_modules():
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                layer.register_forward_hook(_convolution(name, found))
            elif isinstance(layer, DispNetC):
                layer.register_forward_hook(_correlation(name, found))
        network(torch.empty(1, 3, *size), torch.empty(1, 3, *size))
    return found


def floor_seconds(costs: Sequence[LayerCost], gpu: Gpu, bytes_per_value: int = 2) -> float:
    """Give the time under which no float16 version can run: per layer the larger of its two.

    Layers that are fused save bytes, so a fused network could come a little below.
    """
    return sum(max(cost.flop / gpu.flops, cost.values * bytes_per_value / gpu.bytes_per_s)
               for cost in costs)


def bound_seconds(costs: Sequence[LayerCost], gpu: Gpu) -> tuple[float, float]:
    """Give the whole network's operations and bytes as times, in float16."""
    return (sum(cost.flop for cost in costs) / gpu.flops,
            2 * sum(cost.values for cost in costs) / gpu.bytes_per_s)


Hook = Callable[[Any, tuple[Tensor, ...], Any], None]


def _convolution(name: str, found: list[LayerCost]) -> Hook:
    def count(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        size = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        values = inputs[0].numel() + output.numel() + layer.weight.numel()
        found.append(LayerCost(name, 2 * size.numel() * layer.weight[0].numel(), values))
    return count


def _correlation(name: str, found: list[LayerCost]) -> Hook:
    def count(layer: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        batch, _, height, width = inputs[0].shape
        config = layer.config
        displacements = (2 if config.two_sided else 1) * config.max_displacement + 1
        pixels = batch * (height // 4) * (width // 4)
        channels = layer.conv2.out_channels
        found.append(LayerCost(f'{name}.correlation'.lstrip('.'),
                               2 * displacements * channels * pixels,
                               pixels * (2 * channels + displacements)))
    return count
