# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Random numbers from one seed: everything a scene draws comes from here."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar('T')


class Dice:
    """A seeded source of scalars (Python floats) and tensors on one device.

    Scalars are drawn on the CPU so that a scene's layout is the same whatever the device.
    """

    def __init__(self, seed: int, device: torch.device | str = 'cpu') -> None:
        self.device = torch.device(device)
        self.scalars = torch.Generator().manual_seed(seed)
        self.tensors = torch.Generator(self.device).manual_seed(seed ^ 0x5DEECE66D)

    def between(self, low: float, high: float) -> float:
        """Uniform in low..high."""
        return low + (high - low) * float(torch.rand((), generator=self.scalars))

    def log_between(self, low: float, high: float) -> float:
        """Log-uniform in low..high."""
        return math.exp(self.between(math.log(low), math.log(high)))

    def integer(self, low: int, high: int) -> int:
        """Uniform in low..high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.scalars))

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.between(0, 1) < probability

    def choice(self, options: Sequence[T]) -> T:
        """One of them, all alike."""
        return options[self.integer(0, len(options) - 1)]

    def weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of them, by weight."""
        target = self.between(0, sum(weights))
        for option, weight in zip(options, weights, strict=True):
            target -= weight
            if target < 0:
                return option
        return options[-1]

    def uniform(self, *shape: int) -> Tensor:
        """Tensor of uniform numbers in 0..1."""
        return torch.rand(shape, generator=self.tensors, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Tensor of standard normal numbers."""
        return torch.randn(shape, generator=self.tensors, device=self.device)
