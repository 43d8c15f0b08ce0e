# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A running average of the weights: steadier than the weights of any one step."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """Exponential average, with a short memory at the beginning.

    Attributes:
        network: a copy with the averaged weights, in eval mode.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval()
        self.network.requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averages = [p.data for p in self.network.parameters()]
        current = [p.data for p in network.parameters()]
        torch._foreach_lerp_(averages, current, 1 - decay)
