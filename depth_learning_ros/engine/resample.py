# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Resizing inside an exported graph, in forms that keep their precision on every backend."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F


def shrink_image(image: Tensor, height: int, width: int) -> Tensor:
    """Bring an image of any size to a fixed one.

    To twice the size by linear interpolation, then the mean of each 2x2: what a camera of that
    size would see as long as the image is up to four times as large, where linear interpolation
    alone would skip pixels beyond a factor of two.

    Args:
        image: (N, H, W, 3).
        height, width: wanted.

    Returns:
        (N, 3, height, width).
    """
    planes = image.permute(0, 3, 1, 2)
    double = F.interpolate(planes, size=(2 * height, 2 * width), mode='bilinear',
                           align_corners=False)
    return F.avg_pool2d(double, 2)


def resize_map(values: Tensor, height: int | Tensor, width: int | Tensor) -> Tensor:
    """Interpolate linearly about pixel centres, as images are, repeating the border.

    Runtimes that compute in bfloat16 would do so in a Resize as well, which leaves disparities on
    a grid of half a pixel; picking rows and columns and weighting them stays in float32.

    Args:
        values: (N, C, h, w).
        height, width: wanted; tensors while a graph is traced.

    Returns:
        (N, C, height, width).
    """
    return _resize_axis(_resize_axis(values, 2, height), 3, width)


def _resize_axis(values: Tensor, axis: int, size: int | Tensor) -> Tensor:
    count = values.shape[axis]
    centres = torch.arange(size, device=values.device, dtype=torch.float32) + 0.5  # type: ignore
    place = (centres * (count / size) - 0.5).clamp(0, count - 1)
    near = place.floor()
    weight = place - near
    first = near.long()
    second = (first + 1).clamp(max=count - 1)
    low, high = values.index_select(axis, first), values.index_select(axis, second)
    shape = (-1, 1) if axis == 2 else (-1,)
    return low + weight.reshape(shape) * (high - low)
