# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the weights before any adaptation are worth is measured once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from depth_learning_ros.adaptation import never_adapted as module
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig


def test_it_is_measured_once_for_the_same_weights_and_scenes(tmp_path, monkeypatch):
    measured = []

    def measure(predictor, scenes, indices):
        measured.append((predictor.info.name, list(indices)))
        return 2.0 * len(measured), 10.0

    info = CheckpointInfo('tiny', NetworkConfig('tiny', 'crl'))
    monkeypatch.setattr(module, 'load_checkpoint', lambda path: (torch.nn.Identity(), info))
    monkeypatch.setattr(module, 'synthetic_error', measure)
    weights, record = tmp_path / 'tiny.safetensors', tmp_path / 'record.json'
    weights.write_bytes(b'weights')
    scenes = [tmp_path / f'{number}.npz' for number in range(2)]
    for path in scenes:
        path.write_bytes(b'scene')

    class Pool(SimpleNamespace):
        def __len__(self):
            return len(self.paths)

    def ask():
        found = module.never_adapted(record, weights, Pool(paths=scenes), 'fp32',
                                     torch.device('cpu'))
        assert found.frames == () and found.synthetic_d1 == 10.0
        return found.synthetic_epe

    assert ask() == ask() == 2.0 and measured == [('tiny', [0, 1])]
    weights.write_bytes(b'others')
    assert ask() == 4.0
    scenes.pop()
    assert ask() == 6.0 and measured[-1] == ('tiny', [0])
    record.write_text('{"half')
    assert ask() == pytest.approx(8.0)
