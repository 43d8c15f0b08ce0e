# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training that is asked to end: nothing that was learned is lost."""

import csv
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Event
import time

import pytest
from tiny_run import TINY, tiny_config
import torch
import yaml

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import render_to_pool
from depth_learning_ros.models import registry
from depth_learning_ros.models.checkpoint import load_checkpoint, read_info
from depth_learning_ros.training.loop import Trainer

ROOT = Path(__file__).parent.parent
COMMAND = """
import sys
from tiny_run import TINY
from depth_learning_ros.cli import main
from depth_learning_ros.models import registry
if __name__ == '__main__':
    registry.CONFIGS['tiny'] = TINY
    sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('scenes')
    list(render_to_pool(folder, SceneGenerator(1, 160, 80), range(3)))
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(registry.CONFIGS, 'tiny', TINY)


def test_a_stopped_run_saves_its_last_step_and_goes_on_to_the_same_weights(scenes, tmp_path):
    config = tiny_config(scenes, 4, validate_minutes=99.0)
    whole, cut = tmp_path / 'whole', tmp_path / 'cut'
    Trainer(config, whole).run()
    stop = Event()

    def stop_after_two(progress):
        if progress.step == 1:  # of the first step: the second is the last one
            stop.set()

    assert not Trainer(config, cut).run(stop_after_two, stop=stop)
    assert read_info(cut / 'weights.safetensors').steps == 2
    assert not (cut / 'metrics.csv').exists() or not rows(cut)  # no time for a validation
    resumed = Trainer(config, cut, resume=True)
    assert resumed.state.step == 2
    assert resumed.run()
    weights = [load_checkpoint(f / 'weights.safetensors')[0].state_dict() for f in (whole, cut)]
    assert all(torch.equal(a, b) for a, b in zip(*(w.values() for w in weights), strict=True))


def test_a_stop_in_the_last_step_does_not_undo_the_run(scenes, tmp_path):
    stop = Event()
    stop.set()
    assert Trainer(tiny_config(scenes, 1), tmp_path / 'run').run(stop=stop)
    assert [row['step'] for row in rows(tmp_path / 'run')] == ['1']


@pytest.mark.skipif(os.name != 'posix', reason='groups of processes')
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_terminal_interrupts_the_command_and_its_workers(scenes, tmp_path, number):
    script = tmp_path / 'command.py'
    script.write_text(COMMAND)
    settings = tmp_path / 'run.yaml'
    settings.write_text(yaml.safe_dump({
        **tiny_config(scenes, 100_000).to_dict(), 'scene_count': 3, 'validation_count': 3,
        'validate_minutes': 99.0, 'workers': 1, 'start_from': None}))
    folder, progress = tmp_path / 'run', tmp_path / 'progress.txt'
    with progress.open('w') as errors:
        process = subprocess.Popen(
            [sys.executable, str(script), 'train', str(settings), '-o', str(folder),
             '--threads', '1'], stderr=errors, stdout=errors, start_new_session=True,
            env={**os.environ, 'PYTHONPATH': f'{ROOT}{os.pathsep}{ROOT / "test"}'})
        try:
            deadline = time.monotonic() + 120
            while 'train:' not in progress.read_text():
                assert process.poll() is None, progress.read_text()
                assert time.monotonic() < deadline, progress.read_text()
                time.sleep(0.1)
            if number == signal.SIGINT:  # to the whole group, as a terminal does
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            assert process.wait(60) == 130, progress.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    said = progress.read_text()
    assert 'add --resume' in said
    assert 'Traceback' not in said
    assert read_info(folder / 'weights.safetensors').steps >= 1
    assert not list(folder.glob('*.part*'))


def rows(folder):
    with (folder / 'metrics.csv').open() as file:
        return list(csv.DictReader(file))
