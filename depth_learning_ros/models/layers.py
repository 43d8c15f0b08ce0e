# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The building blocks that DispNet, CRL and their relatives share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
import torch.nn.functional as F

LEAKY_SLOPE = 0.1
# Dead predictions (> 0) get this share of the gradient in training; inference cuts them to 0.
TRAINING_SLOPE = 0.1


class ConvLReLU(nn.Conv2d):
    """Convolution with bias, then LeakyReLU 0.1; padding keeps H and W (divided by the stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(super().forward(x), LEAKY_SLOPE)


class DeconvLReLU(nn.ConvTranspose2d):
    """4x4 deconvolution to twice the size, then LeakyReLU 0.1.

    No bias: the Caffe files give it a learning rate of 0 and the value 0.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        return F.leaky_relu(super().forward(x), LEAKY_SLOPE)


class Upsample2x(nn.ConvTranspose2d):
    """Learned 4x4 deconvolution of a one-channel disparity, started as bilinear interpolation.

    Always in float32: bfloat16 would put a disparity of 40 px on a grid of 0.25 px.
    """

    def __init__(self) -> None:
        super().__init__(1, 1, 4, 2, 1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        kind = x.device.type
        if kind == 'meta' or not torch.is_autocast_enabled(kind):  # meta has no autocast to ask
            return super().forward(x)
        with torch.autocast(kind, enabled=False):
            return super().forward(x.float())


def conv(inputs: int, outputs: int, kernel: int = 3) -> nn.Conv2d:
    """Convolution with bias and no activation, as the iconv and prediction layers have it."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def join(skip: Tensor, up: Tensor, disparity: Tensor) -> Tensor:
    """Concatenate, in the type of the features: under autocast the disparity is float32.

    Networks that compute in float16 outright (engine/torch_half.py) get as many copies of the
    disparity as make the channels a multiple of 8, which tensor cores need; the weights of the
    copies are 0.
    """
    parts = [skip.to(up.dtype), up, disparity.to(up.dtype)]
    if up.dtype == torch.float16 and not torch.is_autocast_enabled(up.device.type):
        channels = skip.shape[1] + up.shape[1] + 1
        parts[2] = parts[2].expand(-1, 1 + -channels % 8, -1, -1)
    return torch.cat(parts, 1)


def initialize(module: nn.Module) -> None:
    """MSRA for convolutions and deconvolutions, bilinear for up-sampling, biases 0 (Caffe files).

    Prediction layers, those with one output channel, start small: the first predictions are near
    zero instead of noise of tens of pixels.
    """
    for layer in module.modules():
        if isinstance(layer, Upsample2x):
            taps = torch.tensor([0.25, 0.75, 0.75, 0.25])
            layer.weight.data.copy_(torch.outer(taps, taps)[None, None])
        elif isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            # a stride-2 deconvolution gathers a quarter of its taps at each output pixel
            deconvolution = isinstance(layer, nn.ConvTranspose2d)
            nn.init.kaiming_normal_(layer.weight, LEAKY_SLOPE,
                                    'fan_out' if deconvolution else 'fan_in', 'leaky_relu')
            if deconvolution:
                layer.weight.data.mul_(2.0)
            elif layer.out_channels == 1:
                layer.weight.data.mul_(0.1)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def negative_relu(x: Tensor, training: bool) -> Tensor:
    """NegReLU of the Caffe files, min(x, 0): disparities are <= 0 inside the networks.

    While training, the positive side keeps a slope, as in Tonioni's files: a prediction that
    went above zero gets a gradient that brings it back.
    """
    return torch.where(x > 0, x * TRAINING_SLOPE, x) if training else x.clamp(max=0)


def downsample(x: Tensor, factor: int) -> Tensor:
    """Shrink by an integer factor, keeping values (DispNet's Downsample layer).

    Triangle-weighted average over one output pixel's neighbourhood, corners aligned:
    output pixel i sits at i * (in - 1) / (out - 1). Separable, differentiable.

    Args:
        x: (B, C, H, W), H and W multiples of ``factor``.
    """
    if factor == 1:
        return x
    height, width = x.shape[-2:]
    rows = _triangle_weights(height, height // factor, x)
    columns = _triangle_weights(width, width // factor, x)
    return rows @ x @ columns.transpose(0, 1)  # (B, C, H / factor, W / factor)


def _triangle_weights(size: int, out_size: int, like: Tensor) -> Tensor:
    """(out_size, size) matrix whose rows are normalised triangles around the output's centres."""
    one = torch.ones((), device=like.device, dtype=torch.float32)
    scale = (size - 1) / ((out_size - 1) * one).clamp(min=1)
    centres = torch.arange(out_size, device=like.device, dtype=torch.float32)[:, None] * scale
    positions = torch.arange(size, device=like.device, dtype=torch.float32)[None, :]
    weights = (1 - (positions - centres).abs() / scale).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).to(like.dtype)
