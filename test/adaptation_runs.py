# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adaptations of thumbnail size, whole ones or step by step."""

from __future__ import annotations

from pathlib import Path

from adaptation_parts import pairs, small, take_in, write_folder, write_scenes
import torch

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.folders import folder_log
from depth_learning_ros.adaptation.frames import FrameStore
from depth_learning_ros.adaptation.run import Outputs, adapt
from depth_learning_ros.models.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.registry import build_network


def make_folders(root: Path) -> Path:
    """Leave a log, weights of a tiny cascade, and rendered scenes."""
    config = NetworkConfig('tiny', 'crl', width=0.05, channel_multiple=4, max_displacement=6,
                           two_sided=False, residual_decoder=True, unit_px=8.0,
                           second_stage_scale=2, channel_order='rgb')
    torch.manual_seed(0)
    save_checkpoint(root / 'tiny.safetensors', build_network(config),
                    CheckpointInfo('tiny', config, 'walls', notes={
                        'held_out_synthetic': {'epe': 1.0}, 'place': 'lab'}))
    write_folder(root / 'log', pairs(12))
    write_scenes(root / 'learned', 2)
    write_scenes(root / 'held-out', 1)
    return root


def run(folders, output: Path, config=None, *, log='log', **options):
    return adapt([folder_log(folders / log)], folders / 'tiny.safetensors',
                 Outputs.beside(output), config or small(),
                 lambda count, held_out: (folders / 'learned', folders / 'held-out'), **options)


def new_adapter(folders, tmp_path, **changes) -> Adapter:
    store = FrameStore(tmp_path / 'frames')
    if not len(store):
        take_in(store, pairs(12))
    network, info = load_checkpoint(folders / 'tiny.safetensors')
    return Adapter(network, info, small(**changes), store, folders / 'learned',
                   folders / 'held-out')


def weights_of(network) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in network.parameters()])
