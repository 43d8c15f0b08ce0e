# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Horizontal correlation of two feature maps (Correlation1D of the DispNet Caffe)."""

from __future__ import annotations

import torch
from torch import Tensor
import torch.nn.functional as F

# Columns per matrix product: larger blocks multiply more products that are then thrown away,
# smaller ones run less of each product at full speed.
BLOCK = 48


def correlation(left: Tensor, right: Tensor, max_displacement: int, *,
                two_sided: bool = True) -> Tensor:
    """Mean over channels of left(x) * right(x + k - max_displacement), zero outside the image.

    ``shifted`` below is the same thing as one reads it in the paper.

    Args:
        left: (B, C, H, W) features.
        right: the same.
        max_displacement: reach in pixels of the feature maps.
        two_sided: 2 * max_displacement + 1 channels; else only the max_displacement + 1 channels
            up to k = max_displacement, which look left of x: a true disparity d of a rectified
            pair (right x = left x - d) lies at channel max_displacement - d.

    Returns:
        (B, K, H, W), channel k as above.
    """
    channels_last = correlation_channels_last(
        left.permute(0, 2, 3, 1), right.permute(0, 2, 3, 1), max_displacement,
        two_sided=two_sided)
    return channels_last.permute(0, 3, 1, 2)


def correlation_channels_last(left: Tensor, right: Tensor, max_displacement: int, *,
                              two_sided: bool = True) -> Tensor:
    """Give what ``correlation`` gives, for (B, H, W, C) features, as (B, H, W, K).

    Computed as matrix products over blocks of columns followed by a skew: by far the fastest form
    under ONNX Runtime and OpenVINO, and free in height and width when exported. Channels last is
    how convolutions leave their numbers there, so nothing is moved.
    """
    batch, height, width, channels = left.shape
    displacements = (2 if two_sided else 1) * max_displacement + 1
    blocks = (width + BLOCK - 1) // BLOCK
    span = BLOCK + displacements - 1
    fill = blocks * BLOCK - width
    left = F.pad(left, (0, 0, 0, fill))
    right = F.pad(right, (0, 0, max_displacement, fill + displacements - 1 - max_displacement))

    rows = left.reshape(batch, height, blocks, BLOCK, channels)
    columns = (torch.arange(blocks, device=left.device)[:, None] * BLOCK
               + torch.arange(span, device=left.device)).reshape(-1)
    patches = right.index_select(2, columns).reshape(batch, height, blocks, span, channels)
    products = (rows @ patches.transpose(3, 4)) / channels  # (B, H, blocks, BLOCK, span)

    # Row i of a block needs columns i .. i + displacements - 1: padding the flattened block by
    # one row's worth and re-cutting it into rows one longer shifts row i by i.
    flat = F.pad(products.reshape(batch, height, blocks, BLOCK * span), (0, BLOCK))
    skewed = flat.reshape(batch, height, blocks * BLOCK, span + 1)[..., :displacements]
    return skewed[:, :, :width]


def look_up(volume: Tensor, shift: Tensor, reach: int, *, origin: int) -> Tensor:
    """Read a correlation around a place of its own at every pixel (RAFT, section 3.2).

    Args:
        volume: (B, H, W, K), what ``correlation_channels_last`` gave.
        shift: (B, H, W, 1), which channel to read around, counted from ``origin``; may lie
            between two, and is brought into the volume. Gets no gradient: it says where to look,
            not what is there.
        reach: channels to either side.
        origin: the channel of no shift.

    Returns:
        (B, H, W, 2 * reach + 1), interpolated linearly, zero beyond the first and last channel.
    """
    # The fraction comes from the shift alone and channels are counted in integers, as in ``warp``:
    # bfloat16 tells 3.3 from 3.4, but not 43.3 from 43.4.
    shift = shift.detach().float().clamp(-origin, volume.shape[-1] - 1 - origin)
    whole = shift.floor()
    weight = (shift - whole).to(volume.dtype)
    steps = torch.arange(origin, origin + 2 * reach + 2, device=volume.device)
    padded = F.pad(volume, (reach, reach + 1))
    values = padded.gather(-1, whole.long() + steps)
    near, far = values[..., :-1], values[..., 1:]
    return near + weight * (far - near)


def shifted(left: Tensor, right: Tensor, max_displacement: int, *,
            two_sided: bool = True) -> Tensor:
    """Give what ``correlation`` gives, one displacement after the other: for reading."""
    width = left.shape[3]
    displacements = (2 if two_sided else 1) * max_displacement + 1
    padded = F.pad(right, (max_displacement, max_displacement))
    return torch.stack([(left * padded[..., k:k + width]).mean(1)
                        for k in range(displacements)], dim=1)
