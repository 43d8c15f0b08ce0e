# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rounds that are stopped, saved and rolled back at the worst moments; nothing learns in here."""

from __future__ import annotations

from functools import partial

from adaptation_rehearsal import PATIENCE_S, Parts, Rehearsal, rehearse, write_weights
import pytest
import torch

from depth_learning_ros.adaptation import online as online_module
from depth_learning_ros.adaptation.check_pairs import PairError
from depth_learning_ros.adaptation.models_in_use import Model
from depth_learning_ros.adaptation.online_status import State
from depth_learning_ros.adaptation.threads import usual_share
from depth_learning_ros.errors import DataError, ModelError, TrainingError
from depth_learning_ros.files import disk_full
from depth_learning_ros.nodes.adaptation_services import answer, rollback, save


@pytest.fixture
def opened(tmp_path, monkeypatch):
    yield from rehearse(tmp_path, monkeypatch)


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


def test_rollback_is_answered(opened):
    parts = opened()
    assert answer(partial(rollback, parts.adapter)) == (
        False, 'there is nothing to go back to')
    parts.accept_one()
    done, said = answer(partial(rollback, parts.adapter))
    assert done and said.endswith('one.safetensors is the model to use now')


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


def test_a_round_that_is_stopped_and_gone_on_with_counts_once(opened):
    parts = opened(steps=1000)
    Rehearsal.step_s = 0.01
    Rehearsal.go_on.set()
    parts.feed()
    for _ in range(3):
        parts.adapter.start()
        assert parts.wait(lambda status: status.state == State.TRAINING)
        parts.adapter.stop()
        assert parts.wait(lambda status: status.state == State.STOPPED)
    assert parts.adapter.status.round == 1
    Rehearsal.step_s = 0.0
    parts.adapter.start()
    assert parts.wait(lambda status: status.rounds_accepted == 1)
    assert parts.adapter.status.round == 1
    parts.feed(100)
    assert parts.wait(lambda status: status.rounds_accepted == 2)
    assert parts.adapter.status.round == 2


@pytest.mark.parametrize('moment', ['judge', 'install'])
def test_who_stops_it_after_the_last_step_is_told_that_it_stopped(opened, monkeypatch, moment):
    def stop(path):
        if moment == 'install':
            parts.adapter.stop()

    parts = opened(install=stop)
    judge = Rehearsal.judge

    def judge_and_stop(self, never_adapted=None):
        if moment == 'judge':
            parts.adapter.stop()
        return judge(self, never_adapted)

    monkeypatch.setattr(Rehearsal, 'judge', judge_and_stop)
    Rehearsal.go_on.set()
    parts.feed()
    parts.adapter.start()
    assert parts.wait(lambda status: status.state == State.STOPPED
                      and status.message != 'not started'), parts.adapter.status
    if moment == 'judge':  # the engine is built when it goes on
        assert parts.handed == [] and 'gone on with' in parts.adapter.status.message
        monkeypatch.setattr(Rehearsal, 'judge', judge)
        parts.adapter.start()
        assert parts.wait(lambda status: status.rounds_accepted == 1)
    else:
        assert parts.adapter.status.message == (
            'stopped; accepted: adapted-0001.safetensors is the model to use now')


def test_frames_that_will_not_do_are_waited_out(opened, monkeypatch):
    parts = opened()
    refused = []

    def refuse_once(frames):
        if not refused:
            refused.append(len(frames))
            raise PairError('left and right do not fit together', 'only 3 %', '', True)

    monkeypatch.setattr(online_module, 'check_pairs', refuse_once)
    Rehearsal.go_on.set()
    parts.feed()
    parts.adapter.start()
    assert parts.wait(lambda s: s.state == State.COLLECTING and 'more new frames' in s.message)
    said = parts.adapter.status.message
    assert 'do not fit together' in said and str(parts.adapter.buffer.store.folder) in said
    parts.feed(100)
    assert parts.wait(lambda status: status.rounds_accepted == 1), parts.adapter.status


def test_reading_is_told_until_it_begins(opened):
    parts = opened(steps=1000)
    parts.adapter.tell_reading('reading bags: 3 of 9 pairs', over=False)
    status = parts.adapter.status
    assert (status.state, status.message) == (State.COLLECTING, 'reading bags: 3 of 9 pairs')
    parts.adapter.tell_reading('the bags are read', over=True)
    assert (status.state, status.message) == (State.STOPPED, 'the bags are read')
    parts.adapter.start()
    parts.adapter.tell_reading('reading bags: 4 of 9 pairs', over=False)
    assert 'reading' not in status.message


def test_an_error_of_any_kind_is_an_answer():
    def fail():
        raise RuntimeError('CUDA out of memory')
    assert answer(fail) == (False, 'RuntimeError: CUDA out of memory')


