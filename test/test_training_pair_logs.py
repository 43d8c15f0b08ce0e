# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logs on the command line, and the configurations that come along."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from mono_training import run_config  # noqa: E402

from depth_learning_ros.cli import UsageError  # noqa: E402
from depth_learning_ros.data.sets.registry import open_data_set  # noqa: E402
from depth_learning_ros.models import registry  # noqa: E402
from depth_learning_ros.training.config import TrainingConfig  # noqa: E402


def test_a_bag_becomes_a_folder_of_pairs(tmp_path, monkeypatch):
    from depth_learning_ros.cli import pair_logs
    from depth_learning_ros.types import StereoCamera, StereoPair
    left = np.zeros((16, 24, 3), np.uint8)
    left[..., 0] = 200  # red
    camera = StereoCamera(width=24, height=16, focal_px=20.0, cx=11.5, cy=7.5, baseline_m=0.2)
    pairs = [StereoPair(left, left // 2, camera)] * 2
    monkeypatch.setattr('depth_learning_ros.replay.frames.count_pairs', lambda *_: 2)
    monkeypatch.setattr('depth_learning_ros.replay.frames.bag_pairs', lambda *_: iter(pairs))
    args = argparse.Namespace(log=[tmp_path / 'drive.mcap'], output=tmp_path, left=None,
                              right=None, log_scenes=0.25)
    config = pair_logs.with_logs(run_config(tmp_path, network='svs-small'), args)
    assert (config.data[0].weight, config.scenes_weight) == (1, 0.25)
    source = open_data_set(config.data[0].set, config.data[0].root)
    assert len(source) == 2
    assert (source[1].left == left).all() and (source[1].right == left // 2).all()
    assert (source[0].camera.focal_px, source[0].camera.baseline_m) == (20, 0.2)
    monkeypatch.setattr('depth_learning_ros.replay.frames.bag_pairs', None)  # not again
    assert pair_logs.with_logs(run_config(tmp_path, network='svs-small'), args) == config


def test_logs_are_for_networks_of_one_image(tmp_path):
    from depth_learning_ros.cli.pair_logs import with_logs
    args = argparse.Namespace(log=[tmp_path], output=tmp_path, left=None, right=None,
                              log_scenes=0.0)
    with pytest.raises(UsageError, match='depth-learning adapt'):
        with_logs(run_config(tmp_path, 'first', network='crl-small'), args)


def test_scenes_beside_logs_need_logs(tmp_path):
    from depth_learning_ros.cli.pair_logs import with_logs
    args = argparse.Namespace(log=[], log_scenes=1.0)
    with pytest.raises(UsageError, match='give --log'):
        with_logs(run_config(tmp_path, network='svs-small'), args)


CONFIGURATIONS = [p for p in (Path(__file__).parent.parent / 'config' / 'training').glob('*.yaml')
                  if 'start_from' in p.read_text() or 'train: view' in p.read_text()]


@pytest.mark.parametrize('path', CONFIGURATIONS, ids=lambda p: p.stem)
def test_configurations_that_come_along_are_valid(path):
    config = TrainingConfig.read(path)
    network = registry.config_of(config.network)
    for stage in config.stages:
        if path.stem.startswith('teach'):
            assert stage.train in ('view', 'pairs')  # a log has no ground truth
        if network.single_view and network.architecture != 'svs':
            assert stage.train == 'view'
        if network.trunk == 'vgg16' and network.architecture in ('svs', 'viewsyn'):
            assert (stage.crop_height, stage.crop_width) == (
                network.input_height, network.input_width)
