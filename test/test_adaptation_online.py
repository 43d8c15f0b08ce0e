# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adaptation without an end: rounds, and what survives."""

from __future__ import annotations

import math
import time

from adaptation_parts import pair, small, wait_for_status, write_scenes
import pytest
import torch

from depth_learning_ros.adaptation import online as online_module
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.online import OnlineAdapter
from depth_learning_ros.adaptation.online_status import State
from depth_learning_ros.errors import DataError, EngineError
from depth_learning_ros.models.checkpoint import CheckpointInfo, read_info, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.registry import build_network
from depth_learning_ros.types import StereoPair

PATIENCE_S = 240.0


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Weights of a tiny cascade, and rendered scenes."""
    root = tmp_path_factory.mktemp('online')
    config = NetworkConfig('tiny', 'crl', width=0.05, channel_multiple=4, max_displacement=6,
                           two_sided=False, residual_decoder=True, unit_px=8.0,
                           second_stage_scale=2, channel_order='rgb')
    torch.manual_seed(0)
    save_checkpoint(root / 'tiny.safetensors', build_network(config),
                    CheckpointInfo('tiny', config, 'walls'))
    write_scenes(root / 'learned', 2)
    write_scenes(root / 'held-out', 1)
    return root


class Parts:
    """An online adapter, and what it told."""

    def __init__(self, place, folder, *, accepts=True, install=lambda path: None, scenes=None,
                 **config):
        self.handed = []
        self.accepts = accepts
        self.adapter = OnlineAdapter(
            folder, str(place / 'tiny.safetensors'), small(**config),
            scenes or (lambda *asked: (place / 'learned', place / 'held-out')), install,
            self.handed.append, capacity=20)

    def feed(self, count: int = 12, first: int = 0, swapped: bool = False) -> None:
        for seed in range(first, first + count):
            found = pair(seed)
            self.adapter.offer(StereoPair(found.right, found.left) if swapped else found)

    def wait(self, condition) -> bool:
        return wait_for_status(self.adapter, condition, PATIENCE_S)


@pytest.fixture
def opened(place, tmp_path, monkeypatch):
    """Open adapters whose gate says what the test wants."""
    made = []

    def judge(self, never_adapted=None):
        measured = self.validations[-1].figures
        accepted = made[-1].accepts
        return Verdict(accepted, () if accepted else ('flat: as told',), measured, measured)

    monkeypatch.setattr(online_module.Adapter, 'judge', judge)

    def open_parts(**options):
        made.append(Parts(place, tmp_path / 'kept', **options))
        return made[-1]

    yield open_parts
    for parts in made:
        assert parts.adapter.close(PATIENCE_S)


def test_a_round_that_is_accepted_is_handed_over(opened, place):
    installed = []
    parts = opened(install=installed.append)
    parts.adapter.start()
    parts.feed()
    assert parts.wait(lambda status: status.rounds_accepted == 1), parts.adapter.status
    path = parts.adapter.models.folder / 'adapted-0001.safetensors'
    assert installed == [path] and [m.name for m in parts.handed] == [str(path)]
    assert read_info(path).notes['adapted']['method'] == 'zole'
    status = parts.adapter.status
    assert status.model.name == str(path) and len(status.model.sha256) == 64
    assert status.rollback_model == str(place / 'tiny.safetensors')
    assert status.verdict.accepted and math.isfinite(status.loss)
    # another round is only worth it with new frames
    assert parts.wait(lambda s: s.state == State.COLLECTING and 'more new frames' in s.message)


def test_rollback(opened, place):
    parts = opened()
    parts.adapter.start()
    parts.feed()
    assert parts.wait(lambda status: status.rounds_accepted == 1)
    parts.feed(first=50)
    assert parts.wait(lambda status: status.rounds_accepted == 2)
    parts.adapter.stop()
    first, second = (model.name for model in parts.handed)
    assert parts.adapter.rollback().name == first
    assert parts.adapter.rollback().name == str(place / 'tiny.safetensors')
    assert parts.adapter.rollback().name == str(place / 'tiny.safetensors')
    assert [m.name for m in parts.handed[2:4]] == [first, str(place / 'tiny.safetensors')]
    assert parts.adapter.status.rollback_model == '' and second != first


def test_a_round_that_is_rejected_changes_nothing(opened):
    parts = opened(accepts=False)
    parts.adapter.start()
    parts.feed()
    assert parts.wait(lambda status: status.rounds_rejected == 1)
    assert parts.handed == [] and not parts.adapter.status.verdict.accepted
    assert not list(parts.adapter.models.folder.glob('*'))


def test_an_engine_that_cannot_be_trusted_rejects_the_round(opened):
    def refuse(path):
        raise EngineError('2 px away from PyTorch')

    parts = opened(install=refuse)
    parts.adapter.start()
    parts.feed()
    assert parts.wait(lambda status: status.rounds_rejected == 1), parts.adapter.status
    status = parts.adapter.status
    assert not status.verdict.accepted and '2 px away' in status.verdict.reasons[0]
    assert status.verdict.after.frames and status.rounds_accepted == 0 and parts.handed == []
    assert not list(parts.adapter.models.folder.glob('*'))
    parts.feed(first=50)  # it goes on
    assert parts.wait(lambda status: status.rounds_rejected == 2), parts.adapter.status


def test_frames_of_swapped_cameras_are_dropped_and_others_learned_from(opened):
    parts = opened()
    parts.adapter.start()
    with pytest.raises(DataError, match='the camera: left and right are swapped'):
        parts.feed(4, swapped=True)
    assert parts.wait(lambda status: status.state == State.COLLECTING
                      and 'Left out: left and right are swapped (4x)' in status.message)
    parts.feed()
    assert parts.wait(lambda status: status.rounds_accepted == 1), parts.adapter.status


def test_too_few_frames_are_waited_for(opened):
    parts = opened()
    parts.adapter.start()
    parts.feed(5)
    assert parts.wait(lambda s: s.state == State.COLLECTING and '5 usable frames' in s.message)
    parts.adapter.stop()
    assert parts.wait(lambda status: status.state == State.STOPPED)


def test_stop_does_not_wait_for_all_scenes_to_be_rendered(opened, place):
    rendered = []

    def render(count, held_out, after_each):
        while True:
            rendered.append(len(rendered))
            time.sleep(0.01)
            after_each()

    parts = opened(scenes=render)
    parts.adapter.start()
    parts.feed()
    assert parts.wait(lambda status: rendered and 'preparing' in status.message)
    parts.adapter.stop()
    assert parts.wait(lambda status: status.state == State.STOPPED)


def test_a_stopped_round_is_gone_on_with_by_another_process(opened):
    first = opened(steps=200, validate_steps=100)
    first.adapter.start()
    first.feed()
    assert first.wait(lambda status: status.step >= 3)
    first.adapter.save(PATIENCE_S)
    first.adapter.stop()
    assert first.wait(lambda status: status.state == State.STOPPED)
    done = first.adapter.status.step
    assert first.adapter.close(PATIENCE_S)
    second = opened(steps=200, validate_steps=100)
    second.adapter.start()
    assert second.wait(lambda status: status.state == State.TRAINING)
    assert second.adapter.status.step in (done, done + 1) and second.adapter.status.round == 1
    second.adapter.rollback()  # gives the round up
    assert second.wait(lambda status: status.state == State.TRAINING and status.step < done)
