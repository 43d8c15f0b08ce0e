# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds that are stopped, saved and rolled back at the worst moments; nothing learns in here."""

from __future__ import annotations

from functools import partial
import logging
import threading
import time
from types import SimpleNamespace

from adaptation_parts import pair, small, wait_for_status
import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation import models_in_use as models_module
from depth_learning_ros.adaptation import online as online_module
from depth_learning_ros.adaptation.figures import Figures
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.models_in_use import Model
from depth_learning_ros.adaptation.online import OnlineAdapter
from depth_learning_ros.adaptation.online_status import State
from depth_learning_ros.adaptation.progress import StepReport
from depth_learning_ros.adaptation.threads import usual_share
from depth_learning_ros.errors import DataError, ModelError, TrainingError
from depth_learning_ros.files import disk_full
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.tensorfile import write_tensors
from depth_learning_ros.nodes.adaptation_services import answer, rollback, save

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
                                     lambda count, held_out: (folder, folder), install,
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


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Open adapters that are closed at the end."""
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


@pytest.fixture
def full_disk(monkeypatch):
    """Let nothing be written of which models are in use."""
    def fill():
        def refuse(path, **options):
            raise disk_full(path)
        monkeypatch.setattr(models_module, 'atomic_write', refuse)
    return fill


def test_a_round_that_is_stopped_and_then_rolled_back_is_over(opened):
    parts = opened(steps=100)
    parts.feed()
    parts.adapter.start()
    Rehearsal.go_on.set()
    assert parts.wait(lambda status: status.state == State.TRAINING)
    Rehearsal.hold()
    parts.adapter.stop()
    parts.adapter.rollback()
    Rehearsal.go_on.set()
    assert parts.wait(lambda status: status.state == State.STOPPED), parts.adapter.status
    assert 'given up' in parts.adapter.status.message
    assert not list(parts.adapter.models.folder.glob('state.pt'))
    assert answer(partial(save, parts.adapter)) == (
        False, 'there is no round to be saved: it does not train now')


def test_a_round_that_was_stopped_and_is_given_up_says_so(opened):
    parts = opened(steps=100)
    Rehearsal.go_on.set()
    parts.feed()
    parts.adapter.start()
    assert parts.wait(lambda status: status.state == State.TRAINING)
    parts.adapter.stop()
    assert parts.wait(lambda status: status.state == State.STOPPED)
    assert 'gone on with' in parts.adapter.status.message
    assert (parts.adapter.models.folder / 'state.pt').exists()
    parts.adapter.rollback()
    assert 'given up' in parts.adapter.status.message
    assert not (parts.adapter.models.folder / 'state.pt').exists()


def test_saving_says_how_it_went(opened, monkeypatch):
    parts = opened(steps=10_000)
    Rehearsal.step_s = 0.01
    parts.feed()
    with pytest.raises(TrainingError, match='does not train now'):
        parts.adapter.save()
    parts.adapter.start()
    Rehearsal.go_on.set()
    assert parts.wait(lambda status: status.state == State.TRAINING)
    state = parts.adapter.models.folder / 'state.pt'
    parts.adapter.save(PATIENCE_S)
    assert state.exists()
    Rehearsal.hold()
    state.unlink()
    with pytest.raises(TrainingError, match=r'takes longer than 0\.1 s: the round is saved as'):
        parts.adapter.save(0.1)
    Rehearsal.go_on.set()
    assert parts.wait(lambda status: state.exists())  # as was said

    def full(path, *rest):
        raise disk_full(path)
    monkeypatch.setattr(online_module, 'save_state', full)
    with pytest.raises(DataError, match='the disk is full'):
        parts.adapter.save(PATIENCE_S)
    assert parts.wait(lambda status: status.state == State.FAILED)
    assert 'the disk is full' in parts.adapter.status.message


def test_what_rests_can_be_saved_and_stopped(opened):
    parts = opened(steps=100, share=0.01)
    Rehearsal.step_s = 3.0  # and then five minutes of rest
    Rehearsal.go_on.set()
    parts.feed()
    parts.adapter.start()
    assert parts.wait(lambda status: status.step == 1)
    parts.adapter.save(PATIENCE_S)
    Rehearsal.step_s = 0.0
    parts.adapter.stop()
    assert parts.wait(lambda status: status.state == State.STOPPED)


def test_a_rollback_while_new_weights_are_read_is_not_overruled(opened, monkeypatch):
    parts = opened()
    parts.accept_one()
    read = Model.of

    def rolled_back_meanwhile(path):
        found = read(path)
        parts.adapter.rollback()
        return found
    monkeypatch.setattr(Model, 'of', rolled_back_meanwhile)
    Rehearsal.go_on.set()
    parts.feed(100)
    parts.adapter.start()
    assert parts.wait(lambda status: len(parts.handed) == 2)
    parts.adapter.stop()
    assert parts.wait(lambda status: status.state == State.STOPPED), parts.adapter.status
    original = parts.adapter.models.current
    assert original.name.endswith('one.safetensors') and parts.handed[1:] == [original]
    assert parts.adapter.status.rounds_accepted == 1
    assert not (parts.adapter.models.folder / 'adapted-0002.safetensors').exists()


def test_a_rollback_that_cannot_be_written_is_answered_and_changes_nothing(opened, full_disk):
    parts = opened()
    parts.accept_one()
    adapted = parts.adapter.models.current
    full_disk()
    done, said = answer(partial(rollback, parts.adapter))
    assert not done and 'the disk is full' in said
    assert parts.handed == [adapted] and parts.adapter.models.current == adapted
    assert parts.adapter.status.model == adapted
    again = opened()  # by another process, too
    assert again.adapter.models.current == adapted


def test_rollback_is_answered(opened):
    parts = opened()
    assert answer(partial(rollback, parts.adapter)) == (
        False, 'there is nothing to go back to')
    parts.accept_one()
    done, said = answer(partial(rollback, parts.adapter))
    assert done and said.endswith('one.safetensors is the model to use now')


def test_weights_that_cannot_be_recorded_are_not_used(opened, full_disk):
    parts = opened(install=lambda path: full_disk())
    parts.feed()
    Rehearsal.go_on.set()
    parts.adapter.start()
    assert parts.wait(lambda status: status.state == State.FAILED)
    assert 'the disk is full' in parts.adapter.status.message and parts.handed == []
    assert parts.adapter.models.previous is None
    assert not list(parts.adapter.models.folder.glob('*.safetensors'))


def test_what_was_learned_from_other_weights_is_left_alone(opened, caplog):
    first = opened('one')
    first.accept_one()
    adapted = first.adapter.models.current
    with caplog.at_level(logging.WARNING):
        other = opened('two', value=1.0)
    assert other.adapter.models.current.name.endswith('two.safetensors')
    assert 'holds what was learned from one-' in caplog.text and 'two-' in caplog.text
    other.accept_one()
    caplog.clear()
    assert opened('one').adapter.models.current == adapted and adapted.usable
    assert not caplog.text


def test_rounds_are_held_against_what_was_never_adapted(opened):
    parts = opened()
    parts.accept_one()
    parts.accept_one()
    parts.adapter.rollback()
    parts.adapter.rollback()
    parts.accept_one()
    first, second, third = Rehearsal.judged
    assert first is None and second.name == 'one.safetensors' and third is None


def test_the_loss_is_told_with_its_terms(opened):
    parts = opened(steps=10_000)
    Rehearsal.go_on.set()
    parts.feed()
    parts.adapter.start()
    assert parts.wait(lambda status: status.step > 0)
    assert parts.adapter.status.loss == 1.5 and parts.adapter.status.losses == {'target': 3.0}


def test_weights_of_one_view_are_refused_at_the_start(tmp_path):
    weights = write_weights(tmp_path / 'eye.safetensors', 'svs')
    with pytest.raises(ModelError, match='eye is a svs: adaptation needs'):
        Parts(weights, tmp_path / 'kept')


def test_beside_others_it_takes_a_tenth_of_a_gpu_and_what_a_cpu_leaves(monkeypatch):
    for gpu, expected in ((True, 0.1), (False, 1.0)):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda gpu=gpu: gpu)
        assert usual_share() == expected
