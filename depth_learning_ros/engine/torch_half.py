# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network's trunk in float16 for tensor cores, without autocast.

Autocast would cast every weight again in each replay of a captured graph, and would take the
disparities with it. Here the weights are cast once, and the same things stay in float32 as in
TensorRT's graphs (``typed_graph``): the correlation, disparities, and the sums that make them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
import torch.nn.functional as F

# Layers whose output is compared: they hand float32 to the correlation, and what comes after
# brings it back to float16 by itself.
_COMPARED = ('conv2', 'match')
# torch.mm takes out_dtype since 2.8, on GPUs alone.
_HAS_MIXED_PRODUCT = tuple(int(word) for word in torch.__version__.split('.')[:2]) >= (2, 8)
ALIGNMENT = 8  # channels of a float16 convolution that tensor cores take


class HalfHead(nn.Module):
    """A convolution to one channel from float16 features, with a float32 result.

    One product of the features with all taps, summed in float32 by the tensor cores, then the
    taps' maps are shifted and added. A float32 convolution would read the same features at twice
    the size and without tensor cores; a float16 one would round the disparity.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        weight = _aligned(layer.weight.detach(), 1)
        # folding adds column patches: the tap that a pixel gives to its right neighbour is the
        # one that the convolution reads on the left
        taps = weight.flip(2, 3)[0].permute(1, 2, 0).reshape(-1, weight.shape[1])
        self.kernel = layer.kernel_size[0]
        self.register_buffer('weight', taps.half())  # (k * k, C)
        bias = layer.bias.detach() if layer.bias is not None else weight.new_zeros(1)
        self.register_buffer('bias', bias.float())

    def forward(self, x: Tensor) -> Tensor:
        """Give (B, 1, H, W) in float32 of (B, C, H, W)."""
        batch, _, height, width = x.shape
        x = _fill_channels(x.half(), self.weight.shape[1])
        rows = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])  # a view where channels are last
        products = _product(self.weight, rows.t())  # (k * k, B * H * W)
        columns = products.reshape(-1, batch, height * width).permute(1, 0, 2)
        return F.fold(columns, (height, width), self.kernel,
                      padding=self.kernel // 2) + self.bias.reshape(1, 1, 1, 1)


def to_half(graph: nn.Module) -> int:
    """Turn a graph's convolutions to float16 in place; disparities stay in float32.

    Returns:
        How many convolutions compute in float16.
    """
    done = 0
    for parent in list(graph.modules()):
        for name, layer in list(parent.named_children()):
            if not isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                continue
            if layer.out_channels == 1:
                if isinstance(layer, nn.Conv2d) and _plain(layer):
                    setattr(parent, name, HalfHead(layer))
                else:
                    layer.register_forward_pre_hook(_to_float)
                continue
            axis = 1 if isinstance(layer, nn.Conv2d) else 0
            layer.weight = nn.Parameter(_aligned(layer.weight.detach(), axis).half(),
                                        requires_grad=False)
            if layer.bias is not None:
                layer.bias = nn.Parameter(layer.bias.detach().half(), requires_grad=False)
            layer.register_forward_pre_hook(_to_half)
            if name in _COMPARED and _is_compared(parent, name):
                layer.register_forward_hook(_result_to_float)
            done += 1
    return done


def _plain(layer: nn.Conv2d) -> bool:
    size = layer.kernel_size[0]
    return (layer.stride == (1, 1) and layer.kernel_size == (size, size) and layer.groups == 1
            and layer.padding == (size // 2, size // 2) and layer.dilation == (1, 1))


def _is_compared(parent: nn.Module, name: str) -> bool:
    """Whether the layer's output goes into a correlation: DispResNet's conv2 does not."""
    return name == 'match' or hasattr(parent, 'conv_redir')


def _aligned(weight: Tensor, axis: int) -> Tensor:
    """Add input channels of weight 0 up to a multiple of `ALIGNMENT`."""
    extra = -weight.shape[axis] % ALIGNMENT
    shape = list(weight.shape)
    shape[axis] = extra
    return torch.cat([weight, weight.new_zeros(shape)], axis) if extra else weight


def _fill_channels(x: Tensor, channels: int) -> Tensor:
    missing = channels - x.shape[1]
    return x if missing == 0 else F.pad(x, (0, 0, 0, 0, 0, missing))


def _to_half(layer: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    channels = layer.weight.shape[1 if isinstance(layer, nn.Conv2d) else 0]
    return (_fill_channels(inputs[0].half(), channels), *inputs[1:])


def _to_float(layer: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (inputs[0].float(), *inputs[1:])


def _result_to_float(layer: Any, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return output.float()


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Give the product of two float16 matrices in float32."""
    if left.is_cuda and _HAS_MIXED_PRODUCT:
        return torch.mm(left, right, out_dtype=torch.float32)
    return left.float() @ right.float()
