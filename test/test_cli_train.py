# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The train command: renders what is missing, trains, resumes, and says what is wrong."""

import pytest
import yaml

from depth_learning_ros.cli import main, train
from depth_learning_ros.models import registry
from depth_learning_ros.models.checkpoint import read_info
from depth_learning_ros.models.config import NetworkConfig


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.CONFIGS, 'tiny', NetworkConfig(
        'tiny', 'dispfulnet', width=0.05, channel_multiple=4, max_displacement=4))
    monkeypatch.setattr(train, 'WIDTH', 192)
    monkeypatch.setattr(train, 'HEIGHT', 96)
    path = tmp_path / 'run.yaml'
    path.write_text(yaml.safe_dump({
        'network': 'tiny', 'scenes': str(tmp_path / 'scenes'), 'scene_count': 2,
        'validation': str(tmp_path / 'validation'), 'validation_count': 1, 'workers': 0,
        'precision': '32-true',
        'stages': [{'steps': 2, 'batch': 2, 'crop_height': 64, 'crop_width': 128}]}))
    return path


def test_train_leaves_weights_and_refuses_to_begin_twice(config_file, tmp_path, capsys):
    folder = tmp_path / 'run'
    assert main(['train', str(config_file), '-o', str(folder)]) == 0
    assert read_info(folder / 'weights.safetensors').steps == 2
    assert len(list((tmp_path / 'scenes').glob('*.npz'))) == 2
    assert main(['train', str(config_file), '-o', str(folder)]) == 1
    assert 'resume' in capsys.readouterr().err
    assert main(['train', str(config_file), '-o', str(folder), '--resume']) == 0


def test_a_missing_configuration_is_an_error(tmp_path, capsys):
    assert main(['train', str(tmp_path / 'no.yaml'), '-o', str(tmp_path / 'run')]) == 1
    assert 'no.yaml' in capsys.readouterr().err


def test_a_pause_leaves_pieces_and_goes_on(config_file, tmp_path, capsys):
    folder, pieces = tmp_path / 'run', tmp_path / 'pieces'
    # the deadline is over before the first step is done
    call = ['train', str(config_file), '-o', str(folder), '--pause-after', '1e-6', '--pieces',
            str(pieces)]
    assert main(call) == 0
    assert 'add --resume' in capsys.readouterr().err
    assert read_info(folder / 'weights.safetensors').steps == 1
    moved = tmp_path / 'moved'
    assert main(['pieces', 'join', str(pieces), '-o', str(moved)]) == 0
    assert main(['train', str(config_file), '-o', str(moved), '--resume']) == 0
    assert read_info(moved / 'weights.safetensors').steps == 2


def test_a_budget_needs_stages_in_minutes(config_file, tmp_path, capsys):
    call = ['train', str(config_file), '-o', str(tmp_path / 'run')]
    assert main([*call, '--minutes', '5']) == 1
    assert 'steps' in capsys.readouterr().err
    assert main([*call, '--minutes', '0']) == 2
    assert not (tmp_path / 'run').exists()
