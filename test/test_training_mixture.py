# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning from data sets: sparse truth, mixing by weight, configuration, resuming."""

from __future__ import annotations

import errno
import subprocess
import sys

from data_set_files import constant, write_floats, write_gray, write_image, write_kitti2015
import numpy as np
import pytest
import torch
import yaml

from depth_learning_ros.cli import main, train
from depth_learning_ros.data.scene import StereoSample
from depth_learning_ros.data.sets.registry import open_data_set
from depth_learning_ros.data.synthetic import pool as pool_module
from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import render_to_pool
from depth_learning_ros.errors import DataError, TrainingError
from depth_learning_ros.models import registry
from depth_learning_ros.models.checkpoint import read_info
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.training import mixture
from depth_learning_ros.training.config import TrainingConfig
from depth_learning_ros.training.loop import Trainer
from depth_learning_ros.training.mixture import Mixture, SetSupply, open_sets, supply_for
from depth_learning_ros.training.samples import PoolSamples, PoolSupply, Samples
from depth_learning_ros.types import StereoPair

HEIGHT, WIDTH = 64, 128
STAGE = {'steps': 2, 'batch': 2, 'crop_height': 64, 'crop_width': 64}


@pytest.fixture(scope='module')
def pool(tmp_path_factory):
    folder = tmp_path_factory.mktemp('scenes')
    list(render_to_pool(folder, SceneGenerator(1, 128, 64), range(3)))
    return folder


@pytest.fixture(scope='module')
def kitti(tmp_path_factory):
    folder = tmp_path_factory.mktemp('kitti')
    write_kitti2015(folder, 2, WIDTH, HEIGHT)
    return folder


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(registry.CONFIGS, 'tiny', NetworkConfig(
        'tiny', 'dispfulnet', width=0.05, channel_multiple=4, max_displacement=4))


def settings(pool, data=(), **changes):
    return TrainingConfig.from_dict({
        'network': 'tiny', 'scenes': str(pool), 'validation': str(pool), 'workers': 0,
        'precision': '32-true', 'stages': [STAGE], 'data': data, **changes})


def entry(kitti, **changes):
    return {'set': 'kitti2015', 'root': str(kitti), **changes}


class OneScene:
    """A source that is no folder, as a bag would be one."""

    def __init__(self, left=10, right=20, disparity=None, disparity_right=None):
        views = (np.full((HEIGHT, WIDTH, 3), value, np.uint8) for value in (left, right))
        self.sample = StereoSample('bag', 'scene', StereoPair(*views), disparity, disparity_right)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.sample


def windows(source, count=20, height=32, width=64):
    supply = SetSupply(source, 'bag')
    for number in range(count):
        yield supply.window(number, height, width, np.random.default_rng(number))


def test_sparse_truth_is_zoomed_without_blending():
    truth = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    truth[::4, ::4] = 10
    zooms = set()
    for _, _, disparity in windows(OneScene(disparity=truth)):
        known = disparity[np.isfinite(disparity)]
        # One value only, 10 x the zoom: nothing was mixed with its unknown neighbours.
        assert len(set(known)) == 1 and 10 * 0.6 < known[0] < 10 * 2.1
        assert 0.02 < np.isfinite(disparity).mean() < 0.12  # 1 of 16 at any zoom
        zooms.add(float(known[0]))
    assert len(zooms) > 10


def test_views_are_swapped_only_when_the_right_disparity_is_known():
    left, right = (np.full((HEIGHT, WIDTH), value, np.float32) for value in (5, 6))
    for image, _, _ in windows(OneScene(disparity=left)):
        assert (image == 10).all()
    seen = set()
    for image, other, disparity in windows(OneScene(disparity=left, disparity_right=right)):
        swapped = bool((image == 20).all())
        assert (other == (10 if swapped else 20)).all()
        seen.add(swapped)
        assert (disparity == disparity[0, 0]).all()
    assert seen == {True, False}


def test_windows_without_any_truth_are_cut_again(monkeypatch):
    truth = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    truth[48:] = 8  # the lower quarter; a window shows 19 to 40 of the 64 rows

    def empty():
        return sum(bool(np.isnan(d).all()) for _, _, d in windows(OneScene(disparity=truth), 60))

    often = empty()
    monkeypatch.setattr(mixture, 'CUTS', 1)
    # About half of the single cuts are empty, so a few of those of five.
    assert often < 6 < 15 < empty()
    nothing = np.full((HEIGHT, WIDTH), np.nan, np.float32)
    assert all(np.isnan(d).all() for _, _, d in windows(OneScene(disparity=nothing), 3))


def test_a_scene_without_truth_is_named():
    with pytest.raises(TrainingError, match='bag/scene has no ground truth'):
        list(windows(OneScene()))


def test_samples_of_a_data_set(kitti):
    samples = Samples(SetSupply(open_data_set('kitti2015', kitti), 'kitti2015'), 32, 64, seed=1)
    one, two = samples.sample(5), samples.sample(5)
    assert all(torch.equal(a.nan_to_num(9), b.nan_to_num(9)) for a, b in zip(one, two,
                                                                             strict=True))
    left, right, truth = one
    assert left.dtype == right.dtype == torch.uint8 and left.shape == (3, 32, 64)
    assert truth.shape == (1, 32, 64) and float(truth.nan_to_num(0).max()) <= 0
    known = truth[torch.isfinite(truth)]
    assert len(known) and bool((known == known[0]).all())


def test_pool_samples_stay_the_same_beside_a_data_set(pool, kitti):
    config = settings(pool, [entry(kitti)], seed=3)
    both = supply_for(config, open_sets(config.data))
    chosen = [both.choose(number) for number in range(12)]
    assert set(chosen) == {0, 1}
    mixed, alone = Samples(both, 64, 64, 3), PoolSamples(pool, 64, 64, 3)
    for number, index in enumerate(chosen):
        same = torch.equal(mixed.sample(number)[0], alone.sample(number)[0])
        assert same == (index == 0)


def test_mixture_follows_the_weights():
    three = Mixture([(None, 3.0), (None, 0.5), (None, 1.5)], seed=7)
    chosen = np.bincount([three.choose(number) for number in range(2000)])
    assert abs(chosen / 2000 - [0.6, 0.1, 0.3]).max() < 0.03
    assert [three.choose(n) for n in range(50)] != [
        Mixture([(None, 3.0), (None, 0.5), (None, 1.5)], seed=8).choose(n) for n in range(50)]


def test_without_data_the_supply_is_the_pool(pool):
    assert isinstance(supply_for(settings(pool), []), PoolSupply)


def test_a_run_on_data_alone_needs_no_scenes(pool, kitti, tiny, tmp_path):
    config = settings(pool, [entry(kitti, split='training')], scenes_weight=0,
                      scenes=str(tmp_path / 'none'))
    Trainer(config, tmp_path / 'run').run()
    info = read_info(tmp_path / 'run/weights.safetensors')
    assert info.steps == 2 and info.training_data == 'kitti2015 split=training'


def test_a_mixed_run_says_what_it_learned_from(pool, kitti, tiny, tmp_path):
    Trainer(settings(pool, [entry(kitti)]), tmp_path / 'a').run()
    weights = tmp_path / 'a/weights.safetensors'
    first = read_info(weights).training_data
    assert first == 'synthetic scenes of depth_learning_ros.data.synthetic, kitti2015'
    Trainer(settings(pool, start_from=str(weights)), tmp_path / 'b').run()
    assert read_info(tmp_path / 'b/weights.safetensors').training_data == (
        f'{first}; then synthetic scenes of depth_learning_ros.data.synthetic')


def rewrite_state(folder, change):
    content = torch.load(folder / 'state.pt', weights_only=True)
    change(content['config'])
    torch.save(content, folder / 'state.pt')


def test_a_run_begun_before_a_setting_existed_can_be_resumed(pool, kitti, tiny, tmp_path):
    Trainer(settings(pool), tmp_path).run()

    def age(config):
        for name in ('data', 'scenes_weight'):
            del config[name]
        for stage in config['stages']:
            del stage['warmup']
        config['gone'] = 'a setting of an older version'

    rewrite_state(tmp_path, age)
    assert Trainer(settings(pool), tmp_path, resume=True).state.step == 2
    with pytest.raises(TrainingError, match=r'data was \[\], is \[.*kitti2015'):
        Trainer(settings(pool, [entry(kitti)]), tmp_path, resume=True)
    with pytest.raises(TrainingError, match='stages was'):
        Trainer(settings(pool, stages=[{**STAGE, 'warmup': 0.5}]), tmp_path, resume=True)


def test_a_data_set_may_move_but_not_change(pool, kitti, tiny, tmp_path):
    run = tmp_path / 'run'
    Trainer(settings(pool, [entry(kitti, split='training')]), run).run()
    write_kitti2015(tmp_path / 'moved', 2, WIDTH, HEIGHT)
    moved = entry(tmp_path / 'moved', split='training')
    assert Trainer(settings(pool, [moved]), run, resume=True).state.step == 2
    for other in ([{**moved, 'weight': 2}], [{**moved, 'ground_truth': 'noc'}], []):
        with pytest.raises(TrainingError, match='data was'):
            Trainer(settings(pool, other), run, resume=True)


@pytest.mark.parametrize('workers', [0, 1])
def test_a_damaged_file_stops_the_run_and_is_named(pool, tmp_path, workers):
    """In a process of its own, as users run it, with and without a loader process."""
    write_kitti2015(tmp_path / 'kitti', 1, WIDTH, HEIGHT)
    path = tmp_path / 'kitti/training/disp_occ_0/000000_10.png'
    path.write_bytes(path.read_bytes()[:-20])
    config = tmp_path / 'run.yaml'
    config.write_text(yaml.safe_dump({
        'network': 'dispnetc-small', 'precision': '32-true', 'workers': workers,
        'validation': str(pool), 'validation_count': 1, 'scenes_weight': 0,
        'data': [entry(tmp_path / 'kitti')],
        'stages': [{'steps': 1, 'batch': 1, 'crop_height': 64, 'crop_width': 128}]}))
    done = subprocess.run(
        [sys.executable, '-m', 'depth_learning_ros', 'train', str(config),
         '-o', str(tmp_path / 'run')], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert f'a scene cannot be learned from: {path} is cut off' in message
    assert 'checkpoint is kept' in message


def test_settings_survive_a_checkpoint(pool, kitti):
    config = settings(pool, [entry(kitti, split='training', weight=2)])
    assert config.data[0].options == {'split': 'training'} and config.data[0].weight == 2
    assert TrainingConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(('changes', 'message'), [
    ({'data': [{'set': 'kitti2015'}]}, 'give each a set: and a root:'),
    ({'data': ['kitti2015']}, 'give each a set: and a root:'),
    ({'data': {'set': 'kitti2015', 'root': 'x'}}, 'no list'),
    ({'data': [{'set': 'a', 'root': 'x', 'weight': -1}]}, 'weight of a is -1'),
    ({'data': [{'set': 'a', 'root': 'x', 'weight': 'much'}]}, "weight of a is 'much'"),
    ({'data': [{'set': 'a', 'root': 'x', 'weight': 0}]}, 'leave it out'),
    ({'scenes_weight': float('nan')}, 'scenes_weight is nan'),
    ({'scenes_weight': 0}, 'nothing is left to learn from')])
def test_wrong_data_settings_are_named(pool, changes, message):
    with pytest.raises(TrainingError, match=message):
        settings(pool, **changes)


def test_wrong_data_is_told_before_training(pool, kitti, tiny, tmp_path):
    def begin(**changes):
        Trainer(settings(pool, [entry(kitti, **changes)]), tmp_path)

    with pytest.raises(TrainingError, match=r'2 of 2 scenes of kitti2015 .* training split'):
        begin(split='testing')
    with pytest.raises(DataError, match='no option crop'):
        begin(crop=3)
    with pytest.raises(DataError, match='does not exist'):
        begin(root=str(tmp_path / 'none'))
    with pytest.raises(DataError, match="no data set 'kitti2051', did you mean 'kitti2015'"):
        begin(set='kitti2051')


def test_train_command_learns_from_data_alone(kitti, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(train, 'WIDTH', 128)
    monkeypatch.setattr(train, 'HEIGHT', 64)
    path = tmp_path / 'run.yaml'
    path.write_text(yaml.safe_dump({
        'network': 'tiny', 'scenes': str(tmp_path / 'scenes'), 'scenes_weight': 0, 'workers': 0,
        'validation': str(tmp_path / 'validation'), 'validation_count': 1,
        'precision': '32-true', 'stages': [STAGE],
        'data': [{'set': 'kitti2015', 'root': str(kitti), 'split': 'training'}]}))
    assert main(['train', str(path), '-o', str(tmp_path / 'run')]) == 0
    assert not (tmp_path / 'scenes').exists()
    assert read_info(tmp_path / 'run/weights.safetensors').steps == 2


def test_both_views_of_flyingthings3d_are_learned_from(tmp_path):
    for side, value in (('left', 10), ('right', 20)):
        name = f'TRAIN/A/0000/{side}/0006'
        write_image(tmp_path / f'frames_cleanpass/{name}.png', value, WIDTH, HEIGHT)
        write_floats(tmp_path / f'disparity/{name}.pfm', constant(6, width=WIDTH, height=HEIGHT))
    things = open_data_set('flyingthings3d', tmp_path)
    assert {int(left[0, 0, 0]) for left, _, _ in windows(things)} == {10, 20}


def test_disparities_too_large_to_learn_are_unknown(tmp_path):
    name = '000000_10.png'
    write_kitti2015(tmp_path, 1, WIDTH, HEIGHT)
    write_gray(tmp_path / 'training/disp_occ_0' / name, np.full((HEIGHT, WIDTH), 65535, np.uint16))
    cut = [d for _, _, d in windows(open_data_set('kitti2015', tmp_path), 40)]
    # 256 px x zoom, which goes from 0.7 up: little of it is below 192 px.
    assert all(np.nanmax(d, initial=0) <= 192 for d in cut)
    assert sum(bool(np.isnan(d).all()) for d in cut) > 20


def test_a_full_disk_leaves_no_half_scene(tmp_path, monkeypatch):
    def fill(file, **arrays):
        file.write(b'something')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(pool_module.np, 'savez', fill)
    with pytest.raises(DataError, match=r'disk is full.*00000000\.npz'):
        list(render_to_pool(tmp_path, SceneGenerator(1, 64, 32), range(2)))
    assert [path.name for path in tmp_path.iterdir()] == ['scenes.json']
