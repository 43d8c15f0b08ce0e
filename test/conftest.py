# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import shutil
import signal

import pytest

# Tiny networks gain nothing from threads, and on a busy machine wait for one another at every
# layer. Before anything imports PyTorch; processes that tests start inherit it.
os.environ.setdefault('OMP_NUM_THREADS', '1')


@dataclass(frozen=True)
class TinyModel:
    """A cascade with all the parts of crl-small and random weights, exported and linked."""

    onnx: Path
    weights: Path

    def copy_to(self, folder: Path) -> TinyModel:
        """Give a copy that a test may damage."""
        return TinyModel(Path(shutil.copy(self.onnx, folder)),
                         Path(shutil.copy(self.weights, folder)))


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory, monkeypatch):
    """Keep tests out of the user's engine cache, and from one another's."""
    folder = tmp_path_factory.mktemp('cache')
    monkeypatch.setenv('DEPTH_LEARNING_CACHE', str(folder))
    return folder


@pytest.fixture(autouse=True)
def interrupts():
    """Let Ctrl-C end the tests, whatever a process that was tried in here made of it."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def tiny_network(seed: int = 0):
    """Give a narrow crl-small whose disparities are of a size as real ones have."""
    import torch

    from depth_learning_ros.models.config import NetworkConfig
    from depth_learning_ros.models.registry import build_network
    torch.manual_seed(seed)
    network = build_network(NetworkConfig(
        name='tiny', architecture='crl', width=1 / 32, channel_multiple=4, max_displacement=12,
        two_sided=False, normalize_features=True, match_hint=True, residual_decoder=True,
        unit_px=16.0, second_stage_scale=2, channel_order='rgb')).eval()
    with torch.no_grad():
        network.stage1.decoder.predict6.bias.fill_(-3.0)  # tens of pixels everywhere
    return network


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory) -> TinyModel:
    """Export a tiny cascade once; needs PyTorch and onnx."""
    pytest.importorskip('torch')
    pytest.importorskip('onnx')
    from depth_learning_ros.engine.ship import ship
    from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
    folder = tmp_path_factory.mktemp('tiny')
    network = tiny_network()
    save_checkpoint(folder / 'trained.safetensors', network,
                    CheckpointInfo('tiny', network.config, 'none: random weights'))
    done = ship('tiny', folder / 'trained.safetensors', folder=folder)
    return TinyModel(done.path, folder / 'tiny.safetensors')


@pytest.fixture
def outlet():
    """Keep what a stream publishes and says."""
    from stream_parts import FakeOutlet
    return FakeOutlet()


@pytest.fixture
def streams():
    """Open streams of pairs that are closed at the end."""
    from stream_parts import stereo_stream
    opened = []

    def open_stream(*args, **kwargs):
        opened.append(stereo_stream(*args, **kwargs))
        return opened[-1]

    yield open_stream
    for stream in opened:
        stream.close()
