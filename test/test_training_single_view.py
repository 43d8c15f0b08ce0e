# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning from one image: the loop, with networks of thumbnail size."""

from __future__ import annotations

from dataclasses import replace
import math

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from mono_training import HEIGHT, WIDTH, log_folder, monodepth_output, run_config  # noqa: E402

from depth_learning_ros.data.synthetic.mono import (  # noqa: E402
    BASELINE_M,
)
from depth_learning_ros.errors import TrainingError  # noqa: E402
from depth_learning_ros.models import registry  # noqa: E402
from depth_learning_ros.models.checkpoint import (  # noqa: E402
    CheckpointInfo,
    load_checkpoint,
    save_checkpoint,
)
from depth_learning_ros.training.loop import Trainer  # noqa: E402
from depth_learning_ros.training.single_view import SingleViewTask  # noqa: E402


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """Two tiny scenes, written as the pool keeps them."""
    folder = tmp_path_factory.mktemp('mono')
    rng = np.random.default_rng(0)
    for number in range(2):
        views = {side: rng.integers(0, 255, (3, 72, 160), np.uint8) for side in ('left', 'right')}
        maps = {name: np.full((72, 160), 4.5, np.float16)
                for name in ('disparity', 'disparity_right')}
        np.savez(folder / f'{number:08d}.npz', **views, **maps)
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """A thumbnail of each single-view network, and of a cascade."""
    for name in ('svs-small', 'monodepth-small', 'deep3d', 'viewsyn', 'crl-small'):
        config = replace(registry.config_of(name), name=f'tiny-{name}', width=1 / 32,
                         channel_multiple=2, max_displacement=3 if 'svs' in name else 6,
                         local_match=0, levels=17, input_height=HEIGHT, input_width=WIDTH)
        monkeypatch.setitem(registry.CONFIGS, config.name, config)


def test_a_run_through_all_stages_says_which_camera_it_imagines(tmp_path, scenes, tiny):
    trainer = Trainer(run_config(scenes, ['select', 'view', 'stereo', 'joint']), tmp_path)
    trainer.run()
    info = load_checkpoint(tmp_path / 'weights.safetensors')[1]
    assert info.notes['virtual_baseline_m'] == 0.54
    assert info.notes['training_size'] == [HEIGHT, WIDTH]
    assert info.notes['focal_px'] == pytest.approx(0.578 * WIDTH, abs=0.01)
    assert info.steps == 4
    assert trainer.state.samples == 8


@pytest.mark.parametrize('name', ['monodepth-small', 'deep3d', 'viewsyn'])
def test_other_networks_of_one_image_learn(tmp_path, scenes, tiny, name):
    trainer = Trainer(run_config(scenes, 'view', network=f'tiny-{name}'), tmp_path)
    before = [p.clone() for p in trainer.network.parameters()]
    trainer.run()
    assert any(not torch.equal(a, b) for a, b in
               zip(before, trainer.network.parameters(), strict=True))
    mean = load_checkpoint(tmp_path / 'weights.safetensors')[1].mean_left
    assert mean == ((0, 0, 0) if name == 'viewsyn' else (0.5, 0.5, 0.5))


def test_a_robots_own_pairs_teach_its_own_rig(tmp_path, scenes, tiny):
    log = log_folder(tmp_path / 'log', {'focal_px': 90.0, 'baseline_m': 0.12})
    trainer = Trainer(run_config(scenes, 'view', data=[log], scenes_weight=0), tmp_path / 'run')
    before = {name: p.clone() for name, p in trainer.network.named_parameters()}
    trainer.run()
    changed = {name.split('.')[0] for name, p in trainer.network.named_parameters()
               if not torch.equal(before[name], p)}
    assert changed == {'view'}
    notes = load_checkpoint(tmp_path / 'run' / 'weights.safetensors')[1].notes
    assert notes['virtual_baseline_m'] == 0.12
    assert notes['focal_px'] == pytest.approx(90 / 150 * WIDTH)


@pytest.mark.parametrize('weight', [0, 1])
def test_pairs_without_ground_truth_teach_all_of_svs(tmp_path, scenes, tiny, weight):
    """With rendered scenes of the same rig beside them, or without."""
    log = log_folder(tmp_path / 'log', {'focal_px': 0.578 * 150, 'baseline_m': 0.54})
    config = run_config(scenes, 'pairs', data=[log], scenes_weight=weight)
    trainer = Trainer(config, tmp_path / 'run')
    before = {name: p.clone() for name, p in trainer.network.named_parameters()}
    trainer.run()
    same = [name for name, p in trainer.network.named_parameters() if torch.equal(before[name], p)]
    assert not same
    samples = trainer.task.samples(config, trainer.sets, config.stages[0], 0)
    known = [bool(torch.isfinite(samples.sample(number)[2]).any()) for number in range(8)]
    assert any(known) == bool(weight) and not all(known)


@torch.no_grad()
def test_ground_truth_takes_the_place_of_looks(tmp_path, scenes, tiny):
    """Of samples whose disparity is known, and of no others, the loss says nothing of looks."""
    torch.manual_seed(0)
    network = registry.build_network('tiny-svs-small')
    task = SingleViewTask(network, registry.config_of('tiny-svs-small'))
    left, right = (torch.rand(2, 3, HEIGHT, WIDTH) - 0.5 for _ in range(2))
    output = network(left)
    truth = torch.full((2, 1, HEIGHT, WIDTH), -3.0)
    assert float(task.loss_without_truth(output, left, right, truth)) == 0
    truth[1] = math.nan
    both = task.loss_without_truth(output, left, right, truth)
    alone = task.loss_without_truth(network(left[1:]), left[1:], right[1:], truth[1:])
    assert float(both) == pytest.approx(float(alone), rel=1e-4) != 0


@pytest.mark.parametrize(('calibration', 'weight', 'message'), [
    (None, 0, 'put a calib.json'),
    ({'focal_px': 90.0, 'baseline_m': 0.12}, 1, 'rigs that differ')])
def test_logs_that_cannot_be_learned_from(tmp_path, scenes, tiny, calibration, weight, message):
    log = log_folder(tmp_path / 'log', calibration)
    with pytest.raises(TrainingError, match=message):
        Trainer(run_config(scenes, 'view', data=[log], scenes_weight=weight), tmp_path / 'run')


@pytest.mark.parametrize('train', ['select', 'stereo', 'joint'])
def test_stages_that_learn_from_ground_truth_refuse_pairs_alone(tmp_path, scenes, tiny, train):
    log = log_folder(tmp_path / 'log', {'focal_px': 90.0, 'baseline_m': 0.12})
    config = run_config(scenes, train, data=[log], scenes_weight=0)
    with pytest.raises(TrainingError, match='train: pairs'):
        Trainer(config, tmp_path / 'run').run()


@pytest.mark.parametrize(('network', 'train', 'message'), [
    ('tiny-svs-small', 'second', 'no part of tiny-svs-small'),
    ('tiny-monodepth-small', 'joint', 'has none: give "view"')])
def test_stages_that_a_network_does_not_have(tmp_path, scenes, tiny, network, train, message):
    with pytest.raises(TrainingError, match=message):
        Trainer(run_config(scenes, train, network=network), tmp_path).run()


@pytest.mark.parametrize('local_match', [0, 2])
def test_the_first_stage_of_a_cascade_becomes_the_stereo_part(tmp_path, scenes, tiny, local_match):
    torch.manual_seed(3)
    config = replace(registry.config_of('tiny-crl-small'), local_match=local_match)
    cascade = registry.build_network(config)
    save_checkpoint(tmp_path / 'crl.safetensors', cascade, CheckpointInfo('crl', config))
    trainer = Trainer(run_config(scenes, start_from=str(tmp_path / 'crl.safetensors')),
                      tmp_path / 'run')
    stereo = trainer.network.stereo
    assert torch.equal(stereo.conv1.weight, cascade.stage1.conv1.weight)
    # a reach of 3 instead of 6: displacements 3, 2, 1, 0 are the last four channels of the seven
    assert torch.equal(stereo.conv3.weight, cascade.stage1.conv3.weight[:, 3:])
    # with local matches five cosines and two hints follow conv2's channels: they are left out
    joined, extra = cascade.stage1.decoder.iconv2.weight, 2 * local_match + 3 if local_match else 0
    conv2 = stereo.conv2.weight.shape[0]
    assert torch.equal(stereo.decoder.iconv2.weight[:, :conv2], joined[:, :conv2])
    assert torch.equal(stereo.decoder.iconv2.weight[:, conv2:], joined[:, conv2 + extra:])


def test_weights_of_another_network_are_refused(tmp_path, scenes, tiny):
    config = registry.config_of('tiny-monodepth-small')
    other = registry.build_network(config)
    save_checkpoint(tmp_path / 'other.safetensors', other, CheckpointInfo('other', config))
    with pytest.raises(TrainingError, match='another network than tiny-svs-small'):
        Trainer(run_config(scenes, start_from=str(tmp_path / 'other.safetensors')),
                tmp_path / 'run')


def test_scenes_are_brought_to_the_size_of_the_network(tiny):
    """A scene of 176 x 54 shows 1.1 widths: its middle 160 columns become 128, disparities too."""
    network = registry.build_network('tiny-svs-small')
    task = SingleViewTask(network, registry.config_of('tiny-svs-small'))
    scene = {'left': np.zeros((3, 54, 176), np.uint8),
             'disparity': np.full((54, 176), 10, np.float16)}
    left, truth = task.validation_pair(scene)
    assert left.shape == (1, 3, HEIGHT, WIDTH) and truth.shape == (1, 1, HEIGHT, WIDTH)
    assert float(truth.max()) == 8 == float(truth.min())


def test_errors_are_counted_in_the_pixels_of_the_scenes_rig(tiny):
    """At half the baseline the same depth has half the disparity."""
    network = registry.build_network('tiny-monodepth-small')
    task = SingleViewTask(network, registry.config_of('tiny-monodepth-small'))
    task.baseline_m = BASELINE_M / 2
    output = monodepth_output(5)
    truth = torch.full((1, 1, 32, 64), 10.0)
    assert task.errors(output, truth)['val_epe'] == 0
    truth[..., :16] = 14.0  # 4 px off and more than 5 %
    truth[..., 16:32] = 12.0  # 2 px off: within the tolerance
    found = task.errors(output, truth)
    assert found['val_d1'] == pytest.approx(25)
    assert found['val_epe'] == pytest.approx((4 + 2) / 4)
