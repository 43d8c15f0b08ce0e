# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a network costs to run, counted without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import math
from typing import Any

import torch
from torch import Tensor, nn

from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.deep3d import Deep3D
from depth_learning_ros.models.dispnet import DispNetC
from depth_learning_ros.models.registry import build_network
from depth_learning_ros.models.view_small import SmallViewSynthesis
from depth_learning_ros.models.view_synthesis import ViewSynthesis


def count_flop(network: nn.Module, *inputs: Tensor) -> int:
    """Count the operations of one forward pass; a multiplication and an addition are two.

    Counted are convolutions, deconvolutions, fully connected layers, the correlation and the
    selection; biases, activations, warping and resampling, well below one in a hundred together,
    are not.

    Args:
        network: on any device; on ``meta`` nothing is computed.
        inputs: what its ``forward`` takes.
    """
    counts: list[int] = []
    with torch.no_grad(), _counting(network, counts.append):
        network(*inputs)
    return sum(counts)


def gflop(config: NetworkConfig, height: int, width: int) -> float:
    """Count a network's cost in 10^9 operations for one pair of images, or for one image.

    Args:
        config: which network; it is built without memory for its weights.
        height, width: of the images; the network sees the next multiples of 64. Networks of one
            image have a size of their own, to which images are brought.
    """
    multiple = config.size_multiple
    size = [math.ceil(length / multiple) * multiple for length in (height, width)]
    if config.single_view:
        size = [config.input_height, config.input_width]
    with torch.device('meta'):
        network = build_network(config).eval()
        inputs = [torch.empty(1, 3, *size)] * (1 if config.single_view else 2)
        if config.architecture == 'dispresnet':
            inputs.append(torch.empty(1, 1, *size))  # stage 1's disparity
        return count_flop(network, *inputs) / 1e9


def count_parameters(config: NetworkConfig) -> int:
    """Count a network's weights and biases."""
    with torch.device('meta'):
        return sum(parameter.numel() for parameter in build_network(config).parameters())


@contextmanager
def _counting(network: nn.Module, add: Callable[[int], None]) -> Iterator[None]:
    def convolution(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        add(2 * output.numel() * layer.weight[0].numel())

    def deconvolution(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        add(2 * inputs[0].numel() * layer.weight[0].numel())

    def linear(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        add(2 * layer.weight.numel() * len(output))

    def selection(layer: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        add(2 * inputs[0].numel() * len(layer.shifts))

    def correlation(layer: Any, inputs: tuple[Tensor, ...], output: Any) -> None:
        batch, _, height, width = inputs[0].shape
        config = layer.config
        displacements = (2 if config.two_sided else 1) * config.max_displacement + 1
        add(2 * batch * displacements * layer.conv2.out_channels * (height // 4) * (width // 4))

    handles = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            handles.append(layer.register_forward_hook(convolution))
        elif isinstance(layer, nn.ConvTranspose2d):
            handles.append(layer.register_forward_hook(deconvolution))
        elif isinstance(layer, nn.Linear):
            handles.append(layer.register_forward_hook(linear))
        elif isinstance(layer, (ViewSynthesis, SmallViewSynthesis, Deep3D)):
            handles.append(layer.register_forward_hook(selection))
        elif isinstance(layer, DispNetC):
            handles.append(layer.register_forward_hook(correlation))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
