# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From camera values to what a network sees: the one place that training and export share."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.models.config import NetworkConfig

# What networks without a mean of their own subtract (the released ones have a running mean of
# their training images for each side instead): centres 0..1 images about zero.
DEFAULT_MEAN = (0.5, 0.5, 0.5)


def to_network_input(images: Tensor, config: NetworkConfig,
                     mean: Tensor | Sequence[float] | None = None, *,
                     channels_last: bool = False) -> Tensor:
    """Scale images to 0..1, bring them into the network's channel order, subtract the mean.

    Args:
        images: (B, 3, H, W), RGB, 0..255, uint8 or floating point.
        config: says the channel order.
        mean: three values in 0..1 of one side (left or right), *in the network's channel order*
            as Caffe files store them; None = 0.5 each.
        channels_last: take and give (B, H, W, 3) instead.

    Returns:
        (B, 3, H, W); floating point input keeps its type, uint8 becomes float32.
    """
    values = images if images.is_floating_point() else images.float()
    if config.channel_order == 'bgr':
        values = values.flip(3 if channels_last else 1)
    shift = values.new_tensor(DEFAULT_MEAN) if mean is None else _as_tensor(mean, values)
    return values * (1 / 255) - (shift if channels_last else shift.reshape(1, 3, 1, 1))


def pad_to_multiple(images: Tensor, multiple: int, *, channels_last: bool = False) -> Tensor:
    """Repeat the last column and row until H and W are multiples of ``multiple``.

    Args:
        images: (B, C, H, W).
        multiple: what the network's strides need.
        channels_last: take and give (B, H, W, C) instead.
    """
    height, width = images.shape[1:3] if channels_last else images.shape[2:4]
    right, bottom = -width % multiple, -height % multiple
    if channels_last:
        # with an axis more, PyTorch pads the last three, of which channels are the last
        return F.pad(images[:, None], (0, 0, 0, right, 0, bottom), mode='replicate')[:, 0]
    return F.pad(images, (0, right, 0, bottom), mode='replicate')


def _as_tensor(mean: Tensor | Sequence[float], like: Tensor) -> Tensor:
    if isinstance(mean, Tensor):
        return mean.to(device=like.device, dtype=like.dtype)
    return like.new_tensor(list(mean))
