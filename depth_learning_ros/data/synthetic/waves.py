# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Smooth random functions of the plane: sums of sines, as exact in one view as in the other."""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.dice import Dice


@dataclass(frozen=True)
class Waves:
    """The sum of ``height sin(a x + b y + phase)`` over all ``parts`` (a, b, phase, height)."""

    parts: tuple[tuple[float, float, float, float], ...]

    @classmethod
    def draw(cls, dice: Dice, count: int, shortest: float, longest: float,
             slope: float = 1.0) -> Waves:
        """Draw waves in all directions, scaled so that the sum stays within -1..1.

        Args:
            dice: source of random numbers.
            count: number of waves.
            shortest, longest: of the wavelengths, log-uniform.
            slope: the height grows as the wavelength to this power; 0 = alike.
        """
        parts = []
        for _ in range(count):
            length, angle = dice.log_between(shortest, longest), dice.between(0, 2 * math.pi)
            parts.append((2 * math.pi / length * math.cos(angle),
                          2 * math.pi / length * math.sin(angle),
                          dice.between(0, 2 * math.pi), length ** slope))
        total = sum(part[3] for part in parts)
        return cls(tuple((a, b, phase, height / total) for a, b, phase, height in parts))

    def at(self, x: Tensor, y: Tensor) -> Tensor:
        """Give the sum at (x, y), in their common shape."""
        total = torch.zeros_like(x)
        for a, b, phase, height in self.parts:
            total = total.add_(torch.sin(a * x + (b * y + phase)), alpha=height)
        return total

    def gradient(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Give the derivatives of the sum to x and to y."""
        along_x, along_y = torch.zeros_like(x), torch.zeros_like(x)
        for a, b, phase, height in self.parts:
            cosine = torch.cos(a * x + (b * y + phase))
            along_x = along_x.add_(cosine, alpha=a * height)
            along_y = along_y.add_(cosine, alpha=b * height)
        return along_x, along_y
