# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The adapt command on bags and folders: exit status, messages, files."""

import json
import os
from pathlib import Path
import subprocess
import sys

from adaptation_parts import accept_all, pairs, write_folder, write_scenes
from bags import StereoBag, write_stereo_bag
import pytest
import torch
import yaml

from depth_learning_ros.adaptation import threads
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
    (['--minutes', '-1'], 2, 'minutes is -1.0: give 0'),
    (['--steps', '-3'], 2, 'steps is -3: give 0'),
    (['--threads', '0'], 2, '--threads is 0: give 1 or more'),
    (['--threads', '-2'], 2, '--threads is -2: give 1 or more'),
    (['--resume', '--weights', 'no-such'], 1, 'no-such')])
def test_wrong_options_are_said(files, capsys, arguments, status, message):
    folder = write_folder(files / 'log', pairs(12))
    assert main(['adapt', str(folder), '-o', str(files / 'x.safetensors'), *arguments]) == status
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('changes, message', [
    ({'seed': -1}, 'seed is -1: give 0'), ({'steps': -5, 'minutes': 1.0}, 'steps is -5: give 0'),
    ({'minutes': -1.0}, 'minutes is -1.0: give 0')])
def test_wrong_settings_are_said(files, capsys, changes, message):
    (files / 'settings.yaml').write_text(yaml.safe_dump({**SETTINGS, **changes}))
    assert adapt(files, write_folder(files / 'log', pairs(12))) == 1
    assert message in capsys.readouterr().err


def test_threads_bind_opencv_too(files, monkeypatch):
    bound = []
    monkeypatch.setattr(threads, 'limit_threads', bound.append)
    folder = write_folder(files / 'log', pairs(12))
    adapt(files, folder)
    assert bound == []
    adapt(files, folder, '--threads', '1', '--force')
    assert bound == [1]


def test_a_rejection_beside_an_older_result_says_that_it_is_still_there(files, capsys):
    folder = write_folder(files / 'log', pairs(12))
    (files / 'new.safetensors').write_bytes(b'older')
    assert adapt(files, folder, '--force') == STATUS_REJECTED
    said = capsys.readouterr().err
    assert 'new.safetensors, an older one, is still there' in said and 'not written' not in said


def test_a_bag_that_is_cut_off_is_used_as_far_as_it_goes_and_said(files, capsys):
    write_stereo_bag(files / 'bag', 'mcap', StereoBag(frames=30, width=128, height=64))
    bag = next((files / 'bag').glob('*.mcap'))
    bag.write_bytes(bag.read_bytes()[:bag.stat().st_size * 2 // 3])
    assert adapt(files, bag) == STATUS_REJECTED
    said = capsys.readouterr().err
    assert 'bag.mcap was not read as a whole' in said and 'the file ends after' in said
    result = json.loads((files / 'new.json').read_text())
    assert 10 <= sum(result['frames'].values()) < 30
    assert any('nothing behind that could be read' in cause for cause in result['skipped_frames'])
    assert 'nothing behind that could be read' in (files / 'new.html').read_text()


def test_two_processes_by_torchrun_as_the_help_says(files):
    folder = write_folder(files / 'log', pairs(12))
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2', '--standalone',
         '-m', 'depth_learning_ros', 'adapt', str(folder), '--steps', '1', '--threads', '1',
         '--weights', str(files / 'tiny.safetensors'), '--config', str(files / 'settings.yaml'),
         '--scenes', str(files / 'scenes'), '-o', str(files / 'new.safetensors')],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '',
             'PYTHONPATH': str(Path(__file__).parent.parent)},
        capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr.count('depth-learning: rejected') == 1, done.stderr[:3000]
    assert done.returncode == 1  # torchrun knows no other failure
    result = json.loads((files / 'new.json').read_text())
    assert result['processes'] == 2 and result['steps'] == 1
    assert not (files / 'new.work').exists()


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
