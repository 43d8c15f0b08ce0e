# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small network of the mono contract: all that its graph needs, and nothing it has learned."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
import torch.nn.functional as F

from depth_learning_ros.models import config as configuration
from depth_learning_ros.models import registry
from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig

LEVELS = 9
NOTES = {'virtual_baseline_m': 0.5, 'focal_px': 80.0, 'training_size': [64, 128]}


class Output(NamedTuple):
    disparities: list[torch.Tensor]
    right: torch.Tensor
    selection: torch.Tensor


class TinyMono(nn.Module):
    """Selects among nine shifts at half resolution, and matches by a few convolutions."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.LeakyReLU(0.1))
        self.levels = nn.Conv2d(8, LEVELS, 3, 1, 1)
        self.match = nn.Sequential(nn.Conv2d(6, 8, 5, 1, 2), nn.LeakyReLU(0.1),
                                   nn.Conv2d(8, 1, 3, 1, 1))

    def forward(self, left):
        selection = self.levels(self.trunk(left)).softmax(1)
        wide = F.interpolate(selection, scale_factor=2.0, mode='bilinear', align_corners=False)
        shifted = torch.stack([F.pad(left, (0, k))[..., k:] for k in range(LEVELS)], 1)
        right = (wide[:, :, None] * shifted).sum(1)
        fine = -20 + 10 * self.match(torch.cat([left, right], 1))
        return Output([F.avg_pool2d(fine, 2), fine], right, selection)


def register(monkeypatch) -> None:
    """Let the package know the architecture."""
    monkeypatch.setitem(registry.ARCHITECTURES, 'tiny-mono', TinyMono)
    monkeypatch.setattr(configuration, 'SINGLE_VIEW', (*configuration.SINGLE_VIEW, 'tiny-mono'))


def save(path: Path, notes=NOTES, channel_order='bgr') -> Path:
    """Write a weights file; the architecture must be registered to read it."""
    torch.manual_seed(0)
    config = NetworkConfig(name='tiny-mono', architecture='tiny-mono',
                           channel_order=channel_order)
    save_checkpoint(path, TinyMono(config), CheckpointInfo(
        'tiny-mono', config, notes=notes, mean_left=(0.3, 0.4, 0.5)))
    return path
