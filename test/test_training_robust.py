# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training through kill -9, full disks, bad numbers, foreign weights; and in several processes."""

import csv
import errno
import logging
import math
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from tiny_run import TINY, record_gradients, tiny_config
import torch
from torch.utils.data import DataLoader, IterableDataset

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import render_to_pool
from depth_learning_ros.errors import DataError, TrainingError
from depth_learning_ros.models import registry, torch_file
from depth_learning_ros.models.checkpoint import load_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.training.augment import CameraFaults, photograph
from depth_learning_ros.training.blame import blame
from depth_learning_ros.training.config import TrainingConfig
from depth_learning_ros.training.loop import Trainer
from depth_learning_ros.training.losses import masked_l1
from depth_learning_ros.training.metrics import Metrics
from depth_learning_ros.training.processes import open_fabric
from depth_learning_ros.training.samples import Order

SCRIPT = Path(__file__).with_name('tiny_run.py')
ROOT = SCRIPT.parent.parent


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    """Scenes of which some have ground truth in one half alone."""
    folder = tmp_path_factory.mktemp('scenes')
    list(render_to_pool(folder, SceneGenerator(1, 160, 80), range(3)))
    for path in sorted(folder.glob('*.npz'))[:2]:
        with np.load(path) as arrays:
            scene = dict(arrays)
        for name in ('disparity', 'disparity_right'):
            scene[name][:40] = np.nan
        np.savez(path, **scene)
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(registry.CONFIGS, 'tiny', TINY)


def start(arguments, *, torchrun=0):
    command = [sys.executable]
    if torchrun:
        command += ['-m', 'torch.distributed.run', '--nproc-per-node', str(torchrun),
                    '--master-port', '0', '--rdzv-backend', 'c10d', '--rdzv-endpoint',
                    'localhost:0']
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    return subprocess.Popen([*command, str(SCRIPT), *map(str, arguments)], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def curve(folder):
    with (folder / 'metrics.csv').open() as file:
        return {row['step']: (row['loss'], row['val_epe']) for row in csv.DictReader(file)}


def test_a_run_killed_at_any_time_resumes_to_the_same_curve(scenes, tmp_path):
    steps = 6
    Trainer(tiny_config(scenes, steps), tmp_path / 'whole').run()
    folder = tmp_path / 'cut'
    process = start([scenes, folder, steps])
    deadline = time.monotonic() + 120
    while not (folder / 'metrics.csv').exists() or len(curve(folder)) < 2:
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 2 <= len(curve(folder)) < steps + 1
    if not (folder / 'state.pt').exists():  # killed within its first checkpoint
        pytest.skip('killed before the first checkpoint was there')
    Trainer(tiny_config(scenes, steps), folder, resume=True).run()
    assert curve(folder) == curve(tmp_path / 'whole')
    with (folder / 'metrics.csv').open() as file:
        assert len(file.readlines()) == 2 + steps  # header, a row a step, one at the end


def test_two_processes_have_the_gradients_of_one(scenes, tmp_path):
    trainer = Trainer(tiny_config(scenes, 2), tmp_path / 'one')
    gradients = record_gradients(trainer)
    trainer.run()
    process = start([scenes, tmp_path / 'two', 2, 'gradients'], torchrun=2)
    output = process.communicate(timeout=200)[0]
    assert process.returncode == 0, output
    other = torch.load(tmp_path / 'two' / 'gradients.pt')
    assert len(other) == len(gradients) > 20
    largest = max(float(g.abs().max()) for g in gradients)
    assert largest > 0
    for one, two in zip(gradients, other, strict=True):
        assert torch.allclose(one, two, rtol=1e-3, atol=1e-5 * largest)
    one, two = (curve(tmp_path / name) for name in ('one', 'two'))
    assert one.keys() == two.keys()
    assert all(float(one[step][0]) == pytest.approx(float(two[step][0]), rel=1e-3)
               for step in one)


def test_a_deadline_pauses_with_a_checkpoint(scenes, tmp_path):
    config = tiny_config(scenes, 3, validate_minutes=99.0)
    assert not Trainer(config, tmp_path / 'run').run(deadline=time.monotonic())
    assert list(curve(tmp_path / 'run')) == ['1']
    resumed = Trainer(config, tmp_path / 'run', resume=True)
    assert resumed.state.step == 1
    assert resumed.run(deadline=time.monotonic() + 999)
    assert list(curve(tmp_path / 'run')) == ['1', '3']
    picture = cv2.imread(str(tmp_path / 'run' / 'samples.jpg'))
    assert picture.shape == (3 * 40, 4 * 80, 3)  # three scenes: image, truth, result, error


def full_disk(content, file):
    """Write a little, then find the disk full, as torch.save does: with a RuntimeError."""
    try:
        file.write(b'something')
        raise OSError(errno.ENOSPC, 'No space left on device')
    except OSError as error:
        file.failure = error
    raise RuntimeError('PytorchStreamWriter failed writing file')


def test_a_full_disk_costs_a_checkpoint_not_the_run(scenes, tmp_path, monkeypatch, caplog):
    config = tiny_config(scenes, 3)
    trainer = Trainer(config, tmp_path)
    real = torch.save

    def fill(progress):
        if progress.step == 1:
            before.append((tmp_path / 'state.pt').read_bytes())
            monkeypatch.setattr(torch_file.torch, 'save', full_disk)
        if progress.step == 2:
            assert (tmp_path / 'state.pt').read_bytes() == before[0]
            monkeypatch.setattr(torch_file.torch, 'save', real)

    before = []
    with caplog.at_level(logging.ERROR):
        assert trainer.run(fill)
    assert 'no checkpoint at step 2' in caplog.text and 'full' in caplog.text
    assert load_checkpoint(tmp_path / 'weights.safetensors')[1].steps == 3
    assert not list(tmp_path.glob('.*.part*'))


def test_a_disk_that_stays_full_is_an_error(scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(torch_file.torch, 'save', full_disk)
    with pytest.raises(DataError, match='full'):
        Trainer(tiny_config(scenes, 1), tmp_path).run()


def test_the_truth_of_torch_save_about_a_full_disk():
    """What `full_disk` stands for: the reason is lost unless it is remembered."""
    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, 'No space left on device')

        def flush(self):
            pass

    honest = torch_file.HonestFile(Full())
    with pytest.raises((RuntimeError, OSError)):
        torch.save({'a': torch.zeros(100)}, honest)
    assert honest.failure is not None and honest.failure.errno == errno.ENOSPC


def test_weights_of_another_network_are_refused(scenes, tmp_path, monkeypatch):
    Trainer(tiny_config(scenes, 1), tmp_path / 'one').run()
    wider = NetworkConfig(**{**TINY.__dict__, 'name': 'wider', 'width': 0.1})
    monkeypatch.setitem(registry.CONFIGS, 'wider', wider)
    config = tiny_config(scenes, 1, network='wider',
                         start_from=str(tmp_path / 'one' / 'weights.safetensors'))
    with pytest.raises(TrainingError, match=r'another network than wider.*has the shape'):
        Trainer(config, tmp_path / 'two')


def test_bad_samples_are_named():
    network = torch.nn.Linear(2, 1)
    batch = [torch.tensor([[1.0, 2.0], [math.nan, 1.0], [3.0, 4.0]])]

    def loss(part):
        return network(part[0]).sum()

    said = blame(network, loss, batch, range(10, 13), lambda n: f'scene{n}.npz')
    assert said == 'by itself it comes of sample 11 (scene11.npz)'
    assert 'no sample of 10 to 12' in blame(network, loss, [torch.ones(3, 2)], range(10, 13), None)
    network.weight.data.fill_(math.inf)
    assert 'weights themselves' in blame(network, loss, batch, range(10, 13), None)


def test_a_bad_scene_stops_the_run_by_name(scenes, tmp_path, monkeypatch):
    trainer = Trainer(tiny_config(scenes, 3), tmp_path)
    real = trainer.task.loss

    def loss(model, stage, batch, share):
        dark = batch[0].float().mean((1, 2, 3)).argmin()  # one of the samples, the same each time
        value = real(model, stage, batch, share)
        return value * math.nan if float(batch[0][dark].float().mean()) == threshold[0] else value

    first = next(trainer._batches(trainer.config.stages[0]))
    threshold = [float(first[0].float().mean((1, 2, 3)).min())]
    monkeypatch.setattr(trainer.task, 'loss', loss)
    with pytest.raises(TrainingError, match=r'nan at step 0: .*sample \d \(.*\d\.npz\)'):
        trainer.run()
    assert not (tmp_path / 'state.pt').exists()


def test_masked_loss_with_counts_of_all_processes():
    prediction = torch.tensor([1.0, 2.0, 5.0])
    truth = torch.tensor([0.0, 0.0, math.nan])
    # this process has 2 values, the other one 6: the mean is 4; (1 + 2) / 4
    assert float(masked_l1(prediction, truth, lambda count: (count + 6) / 2)) == 0.75


class Numbers(IterableDataset):
    def __init__(self, order):
        self.order = order

    def __iter__(self):
        return self.order.numbers()


@pytest.mark.parametrize('workers', [0, 2])
def test_the_samples_of_a_step_do_not_depend_on_the_workers(workers):
    batches = []
    for rank in (0, 1):
        loader = DataLoader(Numbers(Order(100, 2, rank, 2)), 2, num_workers=workers)
        iterator = iter(loader)
        batches.append([next(iterator).tolist() for _ in range(3)])
    assert batches == [[[100, 101], [104, 105], [108, 109]], [[102, 103], [106, 107], [110, 111]]]


def test_torchruns_figures_must_fit():
    with pytest.raises(TrainingError, match='WORLD_SIZE is 3 and LOCAL_WORLD_SIZE 2'):
        open_fabric('32-true', {'WORLD_SIZE': '3', 'LOCAL_WORLD_SIZE': '2'})
    with pytest.raises(TrainingError, match="'two'"):
        open_fabric('32-true', {'WORLD_SIZE': 'two'})
    with pytest.raises(TrainingError, match='precision'):
        open_fabric('17-mixed', {})


def test_a_budget_stretches_the_stages(scenes):
    stages = [{'minutes': 30}, {'minutes': 10, 'train': 'second'}]
    config = tiny_config(scenes, 1, stages=stages)
    assert [stage.minutes for stage in config.within(10).stages] == [7.5, 2.5]
    with pytest.raises(TrainingError, match='steps'):
        tiny_config(scenes, 1).within(10)
    with pytest.raises(TrainingError, match='> 0'):
        config.within(0)


@pytest.mark.parametrize('values, message', [
    ({'augment': {'blurr': 1}}, 'blurr'), ({'augment': {'blur': 2}}, 'blur is 2'),
    ({'augment': 3}, 'no settings'), ({'generator': {'sea': True}}, 'sea'),
    ({'scenes': []}, 'names no folder')])
def test_wrong_parts_are_named(scenes, values, message):
    with pytest.raises((TrainingError, DataError), match=message):
        TrainingConfig.from_dict({'stages': [{'steps': 1}], **values})


def test_without_faults_a_photograph_is_the_scene():
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    none = CameraFaults(**dict.fromkeys(CameraFaults.__dataclass_fields__, 0.0))
    left, right = photograph(image, image, np.random.default_rng(1), none)
    assert np.array_equal(left, image) and np.array_equal(right, image)


@pytest.mark.parametrize('shape', [(8, 1300), (1210, 10), (1201, 1250)])
def test_noise_reaches_every_part_of_windows_larger_than_what_is_drawn_once(shape):
    """Noise of sigma 0.5 .. 6 on gray 128: it differs from column to column, also beyond 1200."""
    flat = np.full((*shape, 3), 128, np.uint8)
    faults = CameraFaults(**{**dict.fromkeys(CameraFaults.__dataclass_fields__, 0.0),
                             'noise': 1.0})
    for view in photograph(flat, flat, np.random.default_rng(1), faults):
        assert view.shape == flat.shape
        far = view[-8:, -8:].astype(float)  # the corner that is farthest from the first pixel
        assert 0.3 < far.std() < 8
        assert abs(view.mean() - 128) < 0.5


def test_corners_are_darker():
    flat = np.full((64, 128, 3), 200, np.uint8)
    faults = CameraFaults(**{**dict.fromkeys(CameraFaults.__dataclass_fields__, 0.0),
                             'vignetting': 1.0})
    for seed in range(4):
        left, right = photograph(flat, flat, np.random.default_rng(seed), faults)
        corners = [int(left[y, x, 0]) for y in (0, -1) for x in (0, -1)]
        assert min(corners) < 195 and left.max() <= 200
        assert not np.array_equal(left, right)


def test_scenes_of_several_folders_are_one_pool(scenes, tmp_path):
    more = tmp_path / 'more'
    list(render_to_pool(more, SceneGenerator(2, 160, 80), range(1)))
    config = tiny_config(scenes, 1, scenes=[str(scenes), str(more)])
    trainer = Trainer(config, tmp_path / 'run')
    samples = trainer.task.samples(config, [], config.stages[0], 0)
    assert len(samples.supply.pool) == 4
    named = {Path(samples.describe(number)).parent.name for number in range(40)}
    assert named == {scenes.name, 'more'}


def test_rows_after_the_checkpoint_are_forgotten(tmp_path):
    metrics = Metrics(tmp_path, 0)
    for step in (1, 2, 3):
        metrics.add({'step': step, 'loss': step / 2})
    (tmp_path / 'metrics.csv').open('a').write('0,4')  # killed while writing
    Metrics(tmp_path, 2).add({'step': 3, 'loss': 9})
    with (tmp_path / 'metrics.csv').open() as file:
        assert [(row['step'], row['loss']) for row in csv.DictReader(file)] == [
            ('1', '0.5'), ('2', '1.0'), ('3', '9')]


def test_tensorboard_that_is_missing_says_so(scenes, tmp_path):
    pytest.importorskip('lightning_fabric')
    try:
        import tensorboard  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ModuleNotFoundError, match='tensorboard'):
            Metrics(tmp_path, 0, tensorboard=True)
        return
    Metrics(tmp_path, 0, tensorboard=True).add({'step': 1, 'loss': 2.0})
    assert list((tmp_path / 'tensorboard').iterdir())
