# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses, augmentation, configuration and the loop, on networks and scenes of thumbnail size."""

import csv
import math

import numpy as np
import pytest
import torch

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import render_to_pool
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models import registry
from depth_learning_ros.models.checkpoint import load_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.training.augment import crop_and_zoom, photograph
from depth_learning_ros.training.config import StageConfig, TrainingConfig
from depth_learning_ros.training.ema import WeightAverage
from depth_learning_ros.training.loop import Trainer, learning_rate
from depth_learning_ros.training.losses import masked_l1, multiscale_l1, scale_weights, subsample
from depth_learning_ros.training.samples import Order, PoolSamples


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('scenes')
    list(render_to_pool(folder, SceneGenerator(1, 192, 96), range(4)))
    return folder


@pytest.fixture
def tiny(monkeypatch):
    config = NetworkConfig('tiny', 'crl', width=0.05, channel_multiple=4, max_displacement=6,
                           two_sided=False, residual_decoder=True, unit_px=8.0,
                           second_stage_scale=2, channel_order='rgb')
    monkeypatch.setitem(registry.CONFIGS, 'tiny', config)
    return config


def run_config(scenes, **changes):
    stage = {'steps': 3, 'batch': 2, 'crop_height': 64, 'crop_width': 128}
    values = {'network': 'tiny', 'scenes': str(scenes), 'validation': str(scenes), 'workers': 0,
              'precision': '32-true', 'stages': [stage, {**stage, 'train': 'second'}]}
    return TrainingConfig.from_dict({**values, **changes})


def test_masked_l1_ignores_unknown_truth():
    prediction = torch.tensor([-1.0, -2.0, -9.0], requires_grad=True)
    truth = torch.tensor([-2.0, -5.0, math.nan])
    loss = masked_l1(prediction, truth)
    assert loss.item() == 2.0  # (1 + 3) / 2
    loss.backward()
    assert prediction.grad.tolist() == [0.5, 0.5, 0.0]
    assert float(masked_l1(prediction, torch.full((3,), math.nan))) == 0


def test_truth_is_subsampled_at_cell_centres_with_values_kept():
    truth = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert subsample(truth, 2, 2).flatten().tolist() == [5, 7, 13, 15]


def test_multiscale_loss_adds_weighted_scales():
    truth = torch.full((1, 1, 4, 4), -3.0)
    predictions = [torch.full((1, 1, 2, 2), -1.0), torch.full((1, 1, 4, 4), -2.0)]
    assert float(multiscale_l1(predictions, truth, [0.5, 2.0])) == 0.5 * 2 + 2.0 * 1


def test_scale_weights_move_from_coarse_to_fine():
    early, late = scale_weights(0, 7), scale_weights(1, 7)
    assert early[0] == max(early) and late[-1] == max(late)
    assert scale_weights(0.15, 6) == pytest.approx([0.5, 0.45, 0.4, 0.4, 0.4, 0.4])


def test_learning_rate_warms_up_and_decays_to_zero():
    stage = StageConfig(steps=10, learning_rate=1.0, warmup=0.1)
    assert learning_rate(stage, 0.05) == pytest.approx(0.5)
    assert learning_rate(stage, 0.1) == pytest.approx(1.0)
    assert learning_rate(stage, 0.55) == pytest.approx(0.5)
    assert learning_rate(stage, 1.0) == pytest.approx(0.0)


def test_average_follows_the_weights():
    network = torch.nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = WeightAverage(network, 0.5)
    network.weight.data.fill_(1.0)
    average.update(network)  # decay min(0.5, 2 / 11)
    assert float(average.network.weight) == pytest.approx(9 / 11)


def test_zoom_scales_disparity_with_the_width():
    """A scene of one disparity keeps images and disparity consistent however it is cut."""
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 255, (3, 96, 230), dtype=np.uint8)
    scene = {'left': texture[:, :, 10:202], 'right': texture[:, :, 20:212],
             'disparity': np.full((96, 192), 10, np.float16),
             'disparity_right': np.full((96, 192), 10, np.float16)}
    for _ in range(12):
        left, right, disparity = crop_and_zoom(scene, 64, 128, rng)
        assert left.shape == right.shape == (64, 128, 3)
        shift = float(disparity[0, 0])
        assert (disparity == shift).all() and 5 < shift < 22
        x = np.arange(40, 120)
        there = np.stack([np.interp(x - shift, np.arange(128), row)
                          for row in right[:, :, 0].astype(float)])
        error = np.abs(left[:, x, 0] - there).mean()
        assert error < np.abs(left[:, x, 0] - right[:, x, 0].astype(float)).mean() * 0.6


def test_photographs_stay_images_and_differ_between_views():
    rng = np.random.default_rng(1)
    flat = np.full((96, 96, 3), 128, np.uint8)
    differs = 0
    for _ in range(10):
        left, right = photograph(flat, flat, rng)
        assert left.dtype == right.dtype == np.uint8 and left.shape == flat.shape
        differs += bool((left != right).any())
    assert differs >= 8


def test_samples_are_the_same_for_the_same_number(scenes):
    one, two = (PoolSamples(scenes, 64, 128, seed=3).sample(7) for _ in range(2))
    assert all(torch.equal(a.nan_to_num(9), b.nan_to_num(9))
               for a, b in zip(one, two, strict=True))
    assert float(one[2].nan_to_num(0).max()) <= 0
    ranks = [PoolSamples(scenes, 64, 128, 3, Order(rank=r, world=2)) for r in (0, 1)]
    first = next(iter(ranks[1]))
    assert torch.equal(first[0], PoolSamples(scenes, 64, 128, seed=3).sample(1)[0])


def test_a_run_goes_through_its_stages_and_can_be_loaded(scenes, tiny, tmp_path):
    steps = []
    Trainer(run_config(scenes), tmp_path).run(lambda p: steps.append((p.stage, p.step)))
    assert steps == [(0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (1, 6)]
    _, info = load_checkpoint(tmp_path / 'weights.safetensors')
    assert info.steps == 6 and info.config == tiny
    rows = list(csv.DictReader((tmp_path / 'metrics.csv').open()))
    assert len(rows) == 2 and float(rows[-1]['val_epe']) > 0


def test_the_second_stage_leaves_the_first_alone(scenes, tiny, tmp_path):
    trainer = Trainer(run_config(scenes), tmp_path)
    before = {}
    trainer.run(lambda p: before.update(
        {k: v.clone() for k, v in trainer.network.state_dict().items()}) if p.step == 3 else None)
    after = trainer.network.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in after if k.startswith('stage1'))
    assert any(not torch.equal(before[k], after[k]) for k in after if k.startswith('stage2'))


class KilledError(Exception):
    """Stands for the end of the process."""


def test_a_killed_run_resumes_to_the_same_weights(scenes, tiny, tmp_path):
    config = run_config(scenes, validate_minutes=0.0)
    Trainer(config, tmp_path / 'whole').run()

    def kill(progress):
        if progress.step == 5:
            raise KilledError

    with pytest.raises(KilledError):
        Trainer(config, tmp_path / 'cut').run(kill)
    Trainer(config, tmp_path / 'cut', resume=True).run()
    whole, cut = (load_checkpoint(tmp_path / f / 'weights.safetensors')[0].state_dict()
                  for f in ('whole', 'cut'))
    assert all(torch.allclose(whole[k], cut[k], atol=1e-6) for k in whole)


def test_resuming_with_other_settings_is_refused(scenes, tiny, tmp_path):
    Trainer(run_config(scenes), tmp_path).run()
    with pytest.raises(TrainingError, match='seed was 0, is 5'):
        Trainer(run_config(scenes, seed=5), tmp_path, resume=True)
    with pytest.raises(TrainingError, match='resume it, or give another folder'):
        Trainer(run_config(scenes), tmp_path)
    with pytest.raises(TrainingError, match=r'state\.pt is missing'):
        Trainer(run_config(scenes), tmp_path / 'nothing', resume=True)


def test_damaged_state_is_named(scenes, tiny, tmp_path):
    (tmp_path / 'state.pt').write_bytes(b'not a checkpoint')
    with pytest.raises(TrainingError, match='damaged'):
        Trainer(run_config(scenes), tmp_path, resume=True)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_checkpoint(scenes, tiny, tmp_path):
    config = run_config(scenes, validate_minutes=0.0)
    trainer = Trainer(config, tmp_path)

    def poison(progress):
        if progress.step == 2:
            next(trainer.network.parameters()).data.fill_(math.nan)

    with pytest.raises(TrainingError, match='step 2'):
        trainer.run(poison)
    assert load_checkpoint(tmp_path / 'weights.safetensors')[1].steps == 2


@pytest.mark.parametrize('values, message', [
    ({'stages': []}, 'no stages'),
    ({'stages': [{'steps': 3, 'minutes': 4}]}, 'give one of them'),
    ({'stages': [{'steps': 3, 'crop_width': 100}]}, 'multiple of 64'),
    ({'stages': [{'steps': 3, 'train': 'third'}]}, 'third'),
    ({'stages': [{'step': 3}]}, 'step'),
    ({'netwrok': 'crl', 'stages': [{'steps': 3}]}, 'netwrok'),
    ({'stages': ['first']}, "'first' is no stage"),
    ({'stages': [{'steps': 'many'}]}, "steps is 'many': give a whole number"),
    ({'stages': [{'steps': 3, 'learning_rate': 0}]}, 'learning_rate is 0'),
    ({'stages': [{'steps': 3, 'batch': 0}]}, 'batch is 0: give 1 or more'),
    ({'stages': [{'steps': 3, 'crop_height': 0}]}, 'crop_height is 0'),
    ({'stages': [{'steps': 3}], 'scene_count': 'all'}, "scene_count is 'all'"),
    ({'stages': [{'steps': 3}], 'workers': -1}, 'workers is -1'),
    ({'stages': [{'steps': 3}], 'ema': 2}, r'ema is 2.0: give 0 to 1'),
])
def test_wrong_settings_are_named(values, message):
    with pytest.raises(TrainingError, match=message):
        TrainingConfig.from_dict(values)


def test_only_a_cascade_has_a_second_stage(scenes, tmp_path, monkeypatch):
    config = NetworkConfig('tiny-c', 'dispnetc', width=0.05, max_displacement=4)
    monkeypatch.setitem(registry.CONFIGS, 'tiny-c', config)
    stages = [{'steps': 1, 'batch': 1, 'train': 'second', 'crop_height': 64, 'crop_width': 64}]
    with pytest.raises(TrainingError, match='needs a cascade'):
        Trainer(run_config(scenes, network='tiny-c', stages=stages), tmp_path).run()


def test_unreadable_yaml_is_named(tmp_path):
    path = tmp_path / 'run.yaml'
    path.write_text('stages: [')
    with pytest.raises(TrainingError, match='cannot read'):
        TrainingConfig.read(path)
    path.write_text('just words')
    with pytest.raises(TrainingError, match='no settings'):
        TrainingConfig.read(path)
