# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Built engines on disk: whole, whose they are, and from nobody else's hand."""

from __future__ import annotations

from dataclasses import replace
import json
import os
import stat
import subprocess
import sys

import pytest
from test_tensorrt_engine import engine_file, identity

from depth_learning_ros.engine import trusted_file
from depth_learning_ros.engine.cuda_driver import Gpu
from depth_learning_ros.engine.engine_file import (
    EngineIdentity,
    Shapes,
    load_engine_file,
    read_identity,
    sidecar_of,
)
from depth_learning_ros.engine.reference import MeasuredError
from depth_learning_ros.engine.trusted_file import read_trusted
from depth_learning_ros.errors import DataError, EngineError


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / 'net.engine'
    engine_file(b'plan of many bytes').save(path)
    return path


def test_what_is_saved_is_what_is_read(tmp_path):
    path = tmp_path / 'net.engine'
    file = engine_file()
    file = replace(file, record=replace(
        file.record, measured=MeasuredError(0.001, 0.01, 0.0), layers={'convolution half GPU': 31},
        build_seconds=12.5))
    file.save(path)
    assert load_engine_file(path) == file
    assert read_identity(path) == (file.identity, file.record)
    assert not list(tmp_path.glob('.*'))


def test_an_existing_file_is_kept(saved):
    with pytest.raises(DataError, match='exists already'):
        engine_file().save(saved)
    engine_file(b'plan two').save(saved, force=True)
    assert load_engine_file(saved).plan == b'plan two'


@pytest.mark.parametrize(('plan', 'words'), [
    (b'plan of many byt', 'cut after 16 of 18 bytes'),
    (b'', 'cut after 0 of 18 bytes'),
    (b'plan of many bytes!', 'longer than its 18 bytes'),
    (b'PLAN of many bytes', 'damaged, or not the one that net.engine.json belongs to'),
])
def test_damage_is_found(saved, plan, words):
    saved.write_bytes(plan)
    with pytest.raises(EngineError, match=words):
        load_engine_file(saved)


def test_engines_of_other_tools_are_not_loaded(saved):
    sidecar_of(saved).unlink()
    with pytest.raises(EngineError, match=r'has no net\.engine\.json beside it'):
        load_engine_file(saved)


@pytest.mark.parametrize('text', ['', '{', '[]', '{"format": 1}',
                                  '{"format": 1, "identity": {"shapes": 3}}'])
def test_a_damaged_sidecar(saved, text):
    sidecar_of(saved).write_text(text)
    with pytest.raises(EngineError, match='is damaged'):
        load_engine_file(saved)


def test_a_sidecar_of_another_version(saved):
    found = json.loads(sidecar_of(saved).read_text())
    sidecar_of(saved).write_text(json.dumps({**found, 'format': 99}))
    with pytest.raises(EngineError, match='format version 99'):
        load_engine_file(saved)


def test_a_missing_engine(tmp_path):
    with pytest.raises(EngineError, match='cannot read'):
        load_engine_file(tmp_path / 'none.engine')


@pytest.mark.parametrize('which', ['engine', 'sidecar', 'folder'])
def test_what_everybody_can_write_is_not_loaded(saved, which):
    target = {'engine': saved, 'sidecar': sidecar_of(saved), 'folder': saved.parent}[which]
    target.chmod(target.stat().st_mode | stat.S_IWOTH)
    with pytest.raises(EngineError, match=r'an engine is code.*can be written by every user'):
        load_engine_file(saved)


def test_a_sticky_folder_is_enough(saved):
    saved.parent.chmod(0o1777)  # as /tmp: others add files, but cannot replace ours
    assert load_engine_file(saved).plan


def test_what_a_group_can_write_is_not_loaded(saved, monkeypatch):
    saved.chmod(0o664)
    monkeypatch.setattr(trusted_file, '_private_group', lambda status: False)
    with pytest.raises(EngineError, match='can be written by the group'):
        load_engine_file(saved)


def test_a_group_of_ones_own_is_oneself(saved, monkeypatch):
    saved.chmod(0o664)  # Ubuntu's umask of 002
    monkeypatch.setattr(trusted_file, '_private_group', lambda status: True)
    assert load_engine_file(saved).plan


def test_what_belongs_to_somebody_else_is_not_loaded(saved, monkeypatch):
    owner = saved.stat().st_uid
    if owner == 0:
        os.chown(saved, 12345, -1)
    else:
        monkeypatch.setattr(os, 'geteuid', lambda: owner + 1)
    with pytest.raises(EngineError, match='belongs to user'):
        load_engine_file(saved)


def test_only_regular_files_are_read(tmp_path):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(EngineError, match='cannot read'):
        read_trusted(tmp_path / 'folder')


def test_opening_needs_no_onnx():
    """What a robot runs was built elsewhere; only building rewrites graphs."""
    code = ("import sys; sys.modules['onnx'] = None; "
            'import depth_learning_ros.engine.tensorrt_open')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_an_identity_survives_json():
    one = identity(dla_core=0, calibration='abc')
    assert EngineIdentity.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_portable_engine_runs_on_every_gpu_it_was_built_for():
    one = identity(gpu='', compute_capabilities=('8.6', '8.9'), library='tensorrt_rtx')
    ours = one.platform

    def gpu(name, capability):
        return Gpu(name, capability, '13.0', 1 << 30, False)
    assert one.obstacles('tensorrt_rtx', '10.9.0', gpu('RTX 4090', '8.9'), ours) == []
    assert one.obstacles('tensorrt_rtx', '10.9.0', gpu('RTX 3090', '8.6'), ours) == []
    assert one.obstacles('tensorrt_rtx', '10.9.0', None, ours) == []
    assert len(one.obstacles('tensorrt_rtx', '10.9.0', gpu('H100', '9.0'), ours)) == 1


def test_shapes():
    shapes = Shapes((1, 64, 64), (1, 375, 1242), (2, 480, 1280))
    assert not shapes.static
    assert shapes.hold((2, 480, 1280)) and shapes.hold((1, 64, 64))
    assert not shapes.hold((3, 100, 100)) and not shapes.hold((1, 481, 100))
    assert str(shapes) == '64x64 to 2 of 1280x480, tuned for 1242x375'
    assert Shapes.from_lists(json.loads(json.dumps(shapes.to_lists()))) == shapes
    one = Shapes((1, 8, 9), (1, 8, 9), (1, 8, 9))
    assert one.static and str(one) == '9x8'
