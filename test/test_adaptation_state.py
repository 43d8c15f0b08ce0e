# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A round that is gone on with while the frames were exchanged for others."""

from __future__ import annotations

import os
from types import SimpleNamespace

from adaptation_parts import small
import pytest
import torch

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.frames import HELD_OUT, TRAIN, VALIDATION
from depth_learning_ros.adaptation.progress import Validation
from depth_learning_ros.adaptation.state import changed_settings, load_state, save_state
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig


class Restored:
    """An adapter as far as its state is concerned."""

    def __init__(self, frames):
        self.config, self.validations = small(), []
        self.frames = SimpleNamespace(paths=frames)

    def state(self):
        return {'validations': [1, 2]}

    def restore(self, state):
        self.validations = state['validations']


@pytest.fixture
def frames(tmp_path):
    found = {role: [tmp_path / f'{role}-{number:06d}.npz' for number in range(2)]
             for role in (TRAIN, VALIDATION, HELD_OUT)}
    for path in (path for paths in found.values() for path in paths):
        path.write_bytes(b'frame')
    return found


@pytest.mark.parametrize('changed', ['none', 'learned from', 'another', 'same name'])
def test_what_was_measured_on_other_frames_is_forgotten(frames, tmp_path, changed):
    save_state(tmp_path / 'state.pt', Restored(frames), 'hash')
    if changed == 'learned from':
        frames[TRAIN].pop()
    elif changed == 'another':
        frames[VALIDATION][1] = frames[HELD_OUT][1]
    elif changed == 'same name':  # its frame had to go, and the number was given again
        os.utime(frames[VALIDATION][1], (1, 1))
    adapter = Restored(frames)
    load_state(tmp_path / 'state.pt', adapter, 'hash')
    assert adapter.validations == ([1, 2] if changed in ('none', 'learned from') else [])


def test_a_run_from_before_there_was_a_matcher_had_none():
    old = small().to_dict()
    del old['matcher']
    assert changed_settings(old, small(matcher=False)) == ''
    assert changed_settings(old, small(matcher=True)) == 'matcher was False, is True'


def test_then_the_beginning_and_the_best_are_measured_anew(monkeypatch):
    adapter = object.__new__(Adapter)
    adapter.config, adapter.validations = small(), []
    adapter.info = CheckpointInfo('tiny', NetworkConfig('tiny', 'crl'))
    adapter.best, adapter.best_step, adapter.best_way = torch.nn.Linear(1, 1), 2, 0.5
    adapter.step_number = 4
    adapter.reference, adapter.steady = 'reference', 'steady'
    best = adapter.best.weight.detach().clone()
    measured = []

    def measure(self, predictor, step, way=1.0):
        if predictor == 'reference':
            torch.nn.init.zeros_(self.best.weight)  # the first is the best so far
        elif predictor != 'steady':
            assert predictor.network.weight.equal(best)
            predictor = 'best'
        measured.append((predictor, step, way))
        return Validation(step, None, 0.0, (), way)

    monkeypatch.setattr(Adapter, '_validate', measure)
    adapter.validate()
    assert measured == [('reference', 0, 1.0), ('best', 2, 0.5), ('steady', 4, 1.0)]
