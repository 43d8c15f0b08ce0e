# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which model is in use, whatever is damaged, full, moved, killed or without power."""

from __future__ import annotations

from functools import partial
import logging
import os
from pathlib import Path
import shutil

from adaptation_rehearsal import PATIENCE_S, Parts, Rehearsal, rehearse, write_weights
import pytest

from depth_learning_ros.adaptation import models_in_use as models_module
from depth_learning_ros.adaptation.models_in_use import Model, ModelsInUse
from depth_learning_ros.adaptation.online import OnlineAdapter
from depth_learning_ros.adaptation.online_status import State
from depth_learning_ros.files import disk_full
from depth_learning_ros.nodes.adaptation_services import answer, rollback


@pytest.fixture
def opened(tmp_path, monkeypatch):
    yield from rehearse(tmp_path, monkeypatch)


@pytest.fixture
def full_disk(monkeypatch):
    """Let nothing be written of which models are in use."""
    def fill():
        def refuse(path, **options):
            raise disk_full(path)
        monkeypatch.setattr(models_module, 'atomic_write', refuse)
    return fill


def test_models_that_were_damaged_are_not_used(tmp_path):
    models = ModelsInUse(tmp_path, 'crl-small')
    paths = []
    for _ in range(2):
        paths.append(models.new_path())
        paths[-1].write_bytes(b'weights %d' % len(paths))
        models.accept(Model.of(paths[-1]))
    assert ModelsInUse(tmp_path, 'crl-small').current.name == str(paths[1])
    paths[1].write_bytes(b'garbage')
    assert ModelsInUse(tmp_path, 'crl-small').current.name == str(paths[0])
    paths[0].unlink()
    assert ModelsInUse(tmp_path, 'crl-small').current.name == 'crl-small'
    (tmp_path / 'current.json').write_text('{"half')
    again = ModelsInUse(tmp_path, 'crl-small')
    assert again.current.name == 'crl-small' and again.previous is None


def test_old_models_are_cleared_away(tmp_path):
    models = ModelsInUse(tmp_path, 'crl-small')
    for number in range(8):
        path = models.new_path()
        path.write_bytes(b'%d' % number)
        models.accept(Model.of(path))
    assert [p.stem for p in sorted(tmp_path.glob('*.safetensors'))] == [
        f'adapted-{n:04d}' for n in range(4, 9)]


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


def test_models_are_found_wherever_the_folder_was_moved_to(opened, tmp_path, monkeypatch, caplog):
    parts = opened()
    parts.accept_one()
    folder = parts.adapter.models.folder
    moved = tmp_path / 'elsewhere'
    shutil.copytree(folder, moved)
    found = ModelsInUse(moved, 'one')
    assert found.current.name == str(moved / 'adapted-0001.safetensors') and found.changed_ever
    (moved / 'adapted-best.safetensors').write_bytes(b'somebody else made it')
    assert found.new_path().name == 'adapted-0002.safetensors'
    (moved / 'adapted-0001.safetensors').write_bytes(b'garbage')
    assert ModelsInUse(moved, 'one').current.name == 'one'
    assert 'adapted-0001.safetensors is gone or not what was written' in caplog.text
    (moved / 'current.json').write_text('{"half')
    assert ModelsInUse(moved, 'one').current.name == 'one' and 'is damaged' in caplog.text


def test_models_are_named_so_that_others_find_them(opened, tmp_path, monkeypatch):
    write_weights(tmp_path / 'one.safetensors')
    monkeypatch.chdir(tmp_path)
    adapter = Parts('one.safetensors', Path('kept'), steps=2).adapter
    try:
        assert adapter.models.current.name == str(tmp_path / 'one.safetensors')
        assert not adapter.models.changed_ever
        assert adapter.models.folder.is_absolute()
    finally:
        assert adapter.close(PATIENCE_S)


def test_what_a_killed_process_was_writing_is_cleared_away(opened):
    parts = opened()
    left = parts.adapter.models.folder / '.state.pt.0123abcd.part'
    left.write_bytes(b'half')
    assert parts.adapter.close(PATIENCE_S)
    opened()
    assert not left.exists()


@pytest.mark.parametrize('moment', ['while it builds', 'while it records', 'when it is recorded'])
def test_a_power_cut_leaves_a_model_that_can_be_trusted_in_use(opened, monkeypatch, moment):
    def cut(*args, **options):
        os._exit(9)

    process = os.fork()  # dies with nothing cleared away, as in a power cut
    if process == 0:
        if moment == 'while it records':
            monkeypatch.setattr(models_module, 'atomic_write', cut)
        elif moment == 'when it is recorded':
            monkeypatch.setattr(OnlineAdapter, '_use', cut)
        parts = opened(install=cut if moment == 'while it builds' else lambda path: None)
        Rehearsal.go_on.set()
        parts.feed()
        parts.adapter.start()
        parts.wait(lambda status: status.rounds_accepted == 1)
        os._exit(1)  # never gets here
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    models = opened().adapter.models
    assert (models.folder / 'adapted-0001.safetensors').exists()
    recorded = moment == 'when it is recorded'
    assert models.changed_ever == recorded and models.current.usable
    assert models.current.name.endswith('adapted-0001.safetensors' if recorded else
                                        'one.safetensors')
    next_one = opened()
    Rehearsal.go_on.set()
    next_one.adapter.start()  # with the frames that are there
    assert next_one.wait(lambda status: status.rounds_accepted == 1), next_one.adapter.status
    assert next_one.handed[0].name.endswith('adapted-0002.safetensors')
