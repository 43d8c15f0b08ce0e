# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Textures at several resolutions, looked up by position and footprint."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.textures import SIZE

LEVELS = 5  # SIZE .. SIZE / 16


def change_per_pixel(maps: Sequence[Tensor], edge: float) -> Tensor:
    """Give the largest change of several maps to the next pixel, across or down.

    Args:
        maps: (H, W) each; NaN where there is nothing, and so no change.
        edge: a larger change is where one thing ends and another begins: none.
    """
    largest = torch.zeros_like(maps[0])
    for values in maps:
        for axis in (0, 1):
            change = values.diff(dim=axis).abs()
            change = torch.where(change <= edge, change, 0.0)
            last = change.narrow(axis, change.shape[axis] - 1, 1)
            largest = torch.maximum(largest, torch.cat([change, last], axis))
    return largest


class TexturePyramid:
    """All textures at all levels in one flat table a channel.

    Args:
        textures: (T, C, SIZE, SIZE).
    """

    def __init__(self, textures: Tensor) -> None:
        self.count = len(textures)
        self.starts = []
        count, channels = textures.shape[:2]
        total = sum(count * (SIZE >> level) ** 2 for level in range(LEVELS))
        self.table = torch.empty(channels, total, device=textures.device)
        start, level = 0, textures.transpose(0, 1)
        for _ in range(LEVELS):
            end = start + level[0].numel()
            self.table[:, start:end].view(level.shape).copy_(level)
            self.starts.append(start)
            start = end
            rows = level[..., ::2, :] + level[..., 1::2, :]
            level = (rows[..., ::2] + rows[..., 1::2]) * 0.25
        # 32-bit indices: half the memory traffic of what takes most of a rendering's time
        self.start_of = torch.tensor(self.starts, dtype=torch.int32, device=textures.device)

    def look_up(self, texture: Tensor, u: Tensor, v: Tensor, footprint: Tensor) -> Tensor:
        """Colours (C, N) of N points.

        Args:
            texture: numbers, int32.
            u, v: positions, the texture repeats at 1.
            footprint: texels of the finest level that a pixel covers.
        """
        level = footprint.clamp(min=1).log2().add(0.3).floor().clamp(0, LEVELS - 1).int()
        size = torch.bitwise_right_shift(torch.full_like(level, SIZE), level)
        base = self.start_of.index_select(0, level) + texture * size * size
        # SIZE is a power of two, so that a mask wraps indices, negative ones as well
        x, y, last = u * size - 0.5, v * size - 0.5, size - 1
        x0, y0 = x.floor(), y.floor()
        fx, fy = x - x0, y - y0
        x0, y0 = x0.int() & last, y0.int() & last
        x1 = (x0 + 1) & last
        top, bottom = base + y0 * size, base + ((y0 + 1) & last) * size
        corners = (top + x0, top + x1, bottom + x0, bottom + x1)
        colors = []
        for table in self.table:
            a, b, c, d = (table.index_select(0, corner) for corner in corners)
            colors.append(torch.lerp(torch.lerp(a, b, fx), torch.lerp(c, d, fx), fy))
        return torch.stack(colors)
