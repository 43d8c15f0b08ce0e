# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The adapt command on bags and folders: exit status, messages, files."""

import json

from adaptation_parts import accept_all, pairs, write_folder, write_scenes
from bags import StereoBag, write_stereo_bag
import pytest
import torch
import yaml

from depth_learning_ros.cli import main
from depth_learning_ros.cli.adapt import STATUS_REJECTED
from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.registry import build_network

SETTINGS = {'crop_height': 64, 'crop_width': 128, 'batch': 2, 'steps': 2, 'validate_steps': 2,
            'zooms': [1.0], 'scenes': 1, 'held_out_scenes': 1, 'precision': 'fp32'}


@pytest.fixture
def files(tmp_path):
    config = NetworkConfig('tiny', 'dispnetc', width=0.05, channel_multiple=4, max_displacement=6)
    torch.manual_seed(0)
    save_checkpoint(tmp_path / 'tiny.safetensors', build_network(config),
                    CheckpointInfo('tiny', config))
    (tmp_path / 'settings.yaml').write_text(yaml.safe_dump(SETTINGS))
    # there already, so that nothing is rendered
    write_scenes(tmp_path / 'scenes' / 'learned', 1)
    write_scenes(tmp_path / 'scenes' / 'held-out', 1)
    return tmp_path


def adapt(files, *arguments):
    return main(['adapt', *map(str, arguments), '--weights', str(files / 'tiny.safetensors'),
                 '--config', str(files / 'settings.yaml'), '--scenes', str(files / 'scenes'),
                 '-o', str(files / 'new.safetensors')])


def test_a_bag_and_a_folder_together_and_the_status_of_a_rejection(files, capsys):
    bag = files / 'bag'
    write_stereo_bag(bag, 'mcap', StereoBag(frames=12, width=128, height=64))
    folder = write_folder(files / 'log', pairs(12))
    assert adapt(files, bag, folder) == STATUS_REJECTED
    said = capsys.readouterr().err
    assert 'rejected' in said and 'new.html' in said
    assert 'nothing was gained' in said or 'did not improve' in said  # the reason is given
    result = json.loads((files / 'new.json').read_text())
    assert len(result['sources']) == 2 and sum(result['frames'].values()) == 24
    assert not (files / 'new.safetensors').exists()


def test_acceptance_is_status_0(files, monkeypatch, capsys):
    accept_all(monkeypatch)
    folder = write_folder(files / 'log', pairs(12))
    assert adapt(files, folder, '--minutes', '0.001') == 0
    assert (files / 'new.safetensors').exists() and 'accepted' in capsys.readouterr().err


@pytest.mark.parametrize('arguments, status, message', [
    (['--steps', '0'], 2, 'give one of them'), (['--method', 'magic'], 2, "method is 'magic'"),
    (['--steps', '3', '--minutes', '1'], 2, 'not allowed with'),
    (['--resume', '--weights', 'no-such'], 1, 'no-such')])
def test_wrong_options_are_said(files, capsys, arguments, status, message):
    folder = write_folder(files / 'log', pairs(12))
    assert main(['adapt', str(folder), '-o', str(files / 'x.safetensors'), *arguments]) == status
    assert message in capsys.readouterr().err


def test_a_path_that_is_no_log_is_said(files, capsys):
    assert adapt(files, files / 'nothing') == 1
    assert 'nothing' in capsys.readouterr().err


def test_swapped_folders_are_said(files, capsys):
    folder = write_folder(files / 'log', pairs(12))
    (folder / 'left').rename(folder / 'other')
    (folder / 'right').rename(folder / 'left')
    (folder / 'other').rename(folder / 'right')
    assert adapt(files, folder) == 1
    assert 'left and right are swapped' in capsys.readouterr().err
