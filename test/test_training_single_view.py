# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning from one image: losses worked out by hand, samples, the loop at thumbnail size."""

from __future__ import annotations

import argparse
from dataclasses import replace
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from depth_learning_ros.cli import UsageError  # noqa: E402
from depth_learning_ros.data.sets.registry import open_data_set  # noqa: E402
from depth_learning_ros.data.synthetic.dice import Dice  # noqa: E402
from depth_learning_ros.data.synthetic.mono import (  # noqa: E402
    BASELINE_M,
    FOCAL_PX,
    hall,
    metres,
    street,
)
from depth_learning_ros.data.synthetic.render import render  # noqa: E402
from depth_learning_ros.errors import TrainingError  # noqa: E402
from depth_learning_ros.models import registry  # noqa: E402
from depth_learning_ros.models.checkpoint import (  # noqa: E402
    CheckpointInfo,
    load_checkpoint,
    save_checkpoint,
)
from depth_learning_ros.models.monodepth import MonodepthOutput  # noqa: E402
from depth_learning_ros.training.config import TrainingConfig  # noqa: E402
from depth_learning_ros.training.loop import Trainer  # noqa: E402
from depth_learning_ros.training.monodepth import (  # noqa: E402
    dissimilarity,
    monodepth_loss,
    roughness,
)
from depth_learning_ros.training.single_view import SingleViewTask  # noqa: E402
from depth_learning_ros.training.svs_losses import selection_loss, view_loss  # noqa: E402
from depth_learning_ros.training.view_samples import ViewSamples, cut  # noqa: E402

HEIGHT, WIDTH = 64, 128


# Losses

def test_view_loss_counts_gray_levels():
    imagined = torch.zeros(1, 3, 2, 4)
    assert float(view_loss(imagined, imagined + 2 / 255)) == pytest.approx(2)
    assert float(view_loss(imagined, torch.full((1, 3, 4, 8), 3 / 255))) == pytest.approx(3)


def test_selection_loss_is_shared_by_the_two_shifts_next_to_the_truth():
    selection = torch.tensor([0.1, 0.2, 0.6, 0.1]).reshape(1, 4, 1, 1)
    truth = torch.full((1, 1, 1, 1), -1.25)  # three quarters of 1, one quarter of 2
    expected = -(0.75 * math.log(0.2) + 0.25 * math.log(0.6))
    assert float(selection_loss(selection, truth, range(4))) == pytest.approx(expected)
    last = torch.full((1, 1, 1, 1), -3.0)
    assert float(selection_loss(selection, last, range(4))) == pytest.approx(-math.log(0.1))


@pytest.mark.parametrize('truth', [math.nan, -3.5, 1.0])
def test_selection_loss_leaves_out_what_is_unknown_or_out_of_reach(truth):
    selection = torch.full((1, 4, 1, 1), 0.25, requires_grad=True)
    loss = selection_loss(selection, torch.full((1, 1, 1, 1), truth), range(4))
    loss.backward()
    assert loss.item() == 0 and not selection.grad.any()


def test_selections_around_zero_have_no_such_loss():
    selection = torch.full((1, 3, 1, 1), 1 / 3)
    assert float(selection_loss(selection, torch.zeros(1, 1, 1, 1), None)) == 0


def test_equal_images_are_not_dissimilar():
    image = torch.rand(1, 3, 8, 8)
    assert float(dissimilarity(image, image).max()) == 0
    assert float(dissimilarity(image, 1 - image).mean()) > 0.5


def test_slopes_count_less_where_the_image_has_edges():
    disparity = torch.tensor([0.0, 1.0, 1.0]).reshape(1, 1, 1, 3).expand(1, 1, 2, 3)
    flat = torch.zeros(1, 3, 2, 3)
    edge = torch.tensor([0.0, 2.0, 2.0]).reshape(1, 1, 1, 3).expand(1, 3, 2, 3)
    assert float(roughness(disparity, flat)) == pytest.approx(0.5)
    assert float(roughness(disparity, edge)) == pytest.approx(0.5 * math.exp(-2))


def shifted_pair(shift):
    """A random image and what a camera to its right sees of a wall at that disparity."""
    torch.manual_seed(0)
    wide = torch.rand(1, 3, 32, 64 + shift)
    wide = torch.nn.functional.avg_pool2d(wide, 3, 1, 1)
    return wide[..., :64], wide[..., shift:]


def monodepth_output(shift):
    maps = [torch.full((1, 1, 32 // s, 64 // s), -float(shift)) for s in (8, 4, 2, 1)]
    return MonodepthOutput(maps, torch.empty(0), torch.empty(0), maps)


def test_monodepth_loss_is_least_at_the_true_disparity():
    left, right = shifted_pair(8)
    losses = {shift: float(monodepth_loss(monodepth_output(shift), left, right))
              for shift in (0, 4, 8, 12, 16)}
    assert min(losses, key=losses.__getitem__) == 8


# Scenes and samples

class OneBank:
    """Gives noise for every texture: a real bank takes seconds to make."""

    def draw(self, dice, count):
        return dice.uniform(count, 3, 256, 256)


@pytest.mark.parametrize('world', [street, hall])
def test_scenes_have_the_sizes_of_real_ones(world):
    """How near the ground looks follows from the camera's height: the scale that is learned."""
    lowest, highest = {street: (1.55, 1.75), hall: (1.0, 1.3)}[world]
    for seed in range(3):
        scene = world(Dice(seed), OneBank(), 48, 216)
        rows_below_horizon = 215 - scene.horizon * 216
        ground = float(render(scene).disparity[-1].min())  # what stands on it is nearer
        height_m = rows_below_horizon / ground * BASELINE_M
        # furniture, cars and kerbs can hide all of the ground, and look like a lower camera
        assert height_m < highest + 0.01
        if seed == 0:
            assert height_m > lowest - 0.01
    assert metres(0.54) == 1
    assert pytest.approx(370, abs=1) == FOCAL_PX


def test_a_scene_is_the_same_whenever_it_is_drawn():
    scenes = [street(Dice(7), OneBank(), 32, 16) for _ in range(2)]
    assert torch.equal(*(render(each).disparity for each in scenes))
    assert torch.equal(scenes[0].textures, scenes[1].textures)


def scene_of(disparity, width=160, height=80):
    left, right = shifted_pair(8)
    images = [(np.resize(each[0].numpy().transpose(1, 2, 0), (height, width, 3)) * 255
               ).astype(np.uint8) for each in (left, right)]
    known = np.full((height, width), disparity, np.float32)
    return {'left': images[0], 'right': images[1], 'disparity': known,
            'disparity_right': known + 1}


def test_cuts_keep_the_scale_of_a_whole_image():
    """An image of 1280 is one of 640 seen at half the size: disparities halve, up to the zoom."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        left, right, truth, truth_right = cut(scene_of(20, 1280, 400), 64, 128, rng)
        assert left.shape == right.shape == (64, 128, 3)
        values = sorted([float(truth.mean()), float(truth_right.mean())])
        assert 10 <= values[0] <= 10 * 1.13
        assert values[1] - values[0] == pytest.approx(0.5, abs=0.07)


def test_pairs_without_ground_truth_have_unknown_maps():
    scene = {name: value for name, value in scene_of(5).items() if 'disparity' not in name}
    truth = cut(scene, 32, 64, np.random.default_rng(0))[2]
    assert np.isnan(truth).all()


def test_views_of_real_cameras_are_only_made_brighter_or_darker_together(tmp_path):
    log = log_folder(tmp_path / 'log', {'focal_px': 90.0, 'baseline_m': 0.12})
    config = run_config(tmp_path, 'view', data=[log], scenes_weight=0)
    source = open_data_set('pairs', log['root'])
    left, right, truth, _ = ViewSamples(config, [source], 64, 120, whole=150).sample(0)
    assert torch.isnan(truth).all()
    # both views of this log are the same image; mirrored they are swapped, and still the same
    assert torch.equal(left, right)


# The loop

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


def run_config(scenes, train='joint', **changes):
    stages = [{'steps': 1, 'batch': 2, 'crop_height': HEIGHT, 'crop_width': WIDTH, 'train': each}
              for each in (train if isinstance(train, list) else [train])]
    values = {'network': 'tiny-svs-small', 'scenes': str(scenes), 'validation': str(scenes),
              'workers': 0, 'precision': '32-true', 'stages': stages}
    return TrainingConfig.from_dict({**values, **changes})


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


def log_folder(folder, calibration):
    for side in ('left', 'right'):
        (folder / side).mkdir(parents=True)
        for number in range(2):
            image = np.random.default_rng(number).integers(0, 255, (80, 150, 3), np.uint8)
            cv2.imwrite(str(folder / side / f'{number}.png'), image)
    if calibration:
        (folder / 'calib.json').write_text(json.dumps(calibration))
    return {'set': 'pairs', 'root': str(folder)}


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


# Logs on the command line

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
