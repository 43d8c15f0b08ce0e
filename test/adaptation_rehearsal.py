# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds of an online adaptation in which nothing learns: what is around the steps is real."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

from adaptation_parts import pair, small, wait_for_status
import numpy as np

from depth_learning_ros.adaptation import online as online_module
from depth_learning_ros.adaptation.figures import Figures
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.online import OnlineAdapter
from depth_learning_ros.adaptation.online_status import State
from depth_learning_ros.adaptation.progress import StepReport
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.tensorfile import write_tensors

PATIENCE_S = 120.0
FIGURES = Figures((), 1.0, 10.0)


def write_weights(path, architecture: str = 'crl', value: float = 0.0):
    info = CheckpointInfo(path.stem, NetworkConfig(path.stem, architecture))
    write_tensors(path, {'layer': np.full(1, value, np.float32)}, info.to_metadata())
    return path


class Rehearsal:
    """In place of an adapter: takes its steps when it is let, and learns nothing."""

    go_on, waits = threading.Event(), threading.Event()
    step_s = 0.0
    judged: list = []  # noqa: RUF012 - emptied by each test

    def __init__(self, network, info, config, frames, scenes, held_out):
        self.config, self.step_number, self.minutes = config, 0, 1e-3
        self.held_out_scenes, self.workers = held_out, SimpleNamespace(device='cpu')

    def done(self):
        return self.step_number / self.config.steps

    def step(self):
        if not self.go_on.is_set():
            self.waits.set()
        assert self.go_on.wait(PATIENCE_S)
        time.sleep(self.step_s)
        self.step_number += 1
        return StepReport(self.step_number, 3.0, float('nan'), 1.0, 0.0, 1.5)

    @classmethod
    def hold(cls):
        """Let it be in the middle of a step."""
        cls.waits.clear()
        cls.go_on.clear()
        assert cls.waits.wait(PATIENCE_S)

    def validate(self):
        pass

    def judge(self, never_adapted=None):
        self.judged.append(never_adapted)
        return Verdict(True, (), FIGURES, FIGURES)

    def save_best(self, path):
        path.write_bytes(b'weights of %d' % len(self.judged))


class Parts:
    """An online adapter around rehearsals, and what it handed over."""

    def __init__(self, weights, folder, *, install=lambda path: None, share=1.0, steps=2):
        self.handed = []
        self.adapter = OnlineAdapter(folder, str(weights), small(steps=steps),
                                     lambda *asked: (folder, folder), install,
                                     self.handed.append, capacity=20, share=share)

    def feed(self, first: int = 0):
        for seed in range(first, first + 12):
            self.adapter.offer(pair(seed))

    def wait(self, condition) -> bool:
        return wait_for_status(self.adapter, condition, PATIENCE_S)

    def accept_one(self):
        """Take part in a round that is accepted."""
        Rehearsal.go_on.set()
        before = self.adapter.status.rounds_accepted
        self.feed(100 * before)
        self.adapter.start()
        assert self.wait(lambda s: s.rounds_accepted == before + 1), self.adapter.status
        self.adapter.stop()
        assert self.wait(lambda s: s.state == State.STOPPED)


def rehearse(tmp_path, monkeypatch):
    """Yield what opens such adapters; they are closed at the end."""
    for name, value in {
            'Adapter': Rehearsal, 'load_checkpoint': lambda path: (None, None),
            'check_pairs': lambda frames: None, 'load_state': lambda path, *rest: None,
            'save_state': lambda path, *rest: path.write_bytes(b'state'),
            'never_adapted': lambda record, weights, *rest: weights}.items():
        monkeypatch.setattr(online_module, name, value)
    Rehearsal.go_on.clear()
    Rehearsal.step_s = 0.0
    Rehearsal.judged.clear()
    made = []

    def open_parts(name='one', value=0.0, **options):
        weights = tmp_path / f'{name}.safetensors'
        made.append(Parts(weights if weights.exists() else write_weights(weights, value=value),
                          tmp_path / 'kept', **options))
        return made[-1]

    yield open_parts
    Rehearsal.go_on.set()
    for parts in made:
        assert parts.adapter.close(PATIENCE_S)
