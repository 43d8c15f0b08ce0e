# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole adaptations: the loop, interruptions, the outputs, and what users get wrong."""

from __future__ import annotations

from contextlib import contextmanager
import errno
import hashlib
import json
import os
from pathlib import Path
import subprocess
import sys

from adaptation_parts import accept_all, pair, small, write_folder
from adaptation_runs import make_folders, run, weights_of
import pytest
import torch

from depth_learning_ros.adaptation import adapter as adapter_module
from depth_learning_ros.adaptation import run as run_module
from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.folders import folder_log
from depth_learning_ros.adaptation.run import Outputs, adapt
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.errors import DataError, ModelError, TrainingError
from depth_learning_ros.models.checkpoint import (
    load_checkpoint,
    read_info,
    save_checkpoint,
)
from depth_learning_ros.types import StereoPair


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return make_folders(tmp_path_factory.mktemp('adapt'))


@pytest.fixture
def always(monkeypatch):
    accept_all(monkeypatch)


def test_rejected_weights_are_not_written_but_the_report_is(folders, tmp_path):
    before = hashlib.sha256((folders / 'tiny.safetensors').read_bytes()).hexdigest()
    output = tmp_path / 'new.safetensors'
    verdict = run(folders, output, small(learning_rate=1e-12))
    assert not verdict.accepted and not output.exists()
    page = (tmp_path / 'new.html').read_text()
    assert 'Rejected' in page and '://' not in page
    assert page.count('data:image/jpeg') == 2 * 5  # frames; image, disparities, errors
    result = json.loads((tmp_path / 'new.json').read_text())
    assert result['verdict']['accepted'] is False and result['verdict']['reasons']
    assert len(result['losses']) == 4 and [v['step'] for v in result['validations']] == [0, 2, 4]
    assert result['frames'] == {'train': 8, 'validation': 2, 'held-out': 2}
    assert not (tmp_path / 'new.work').exists()
    assert hashlib.sha256((folders / 'tiny.safetensors').read_bytes()).hexdigest() == before


def test_the_report_names_a_collapse_though_its_weights_are_never_the_best(folders, tmp_path,
                                                                           monkeypatch):
    real_step = Adapter.step

    def collapse(self):
        for network in (self.network, self.averaged):
            for parameter in network.parameters():
                parameter.data.zero_()
        report = real_step(self)
        self.averaged.load_state_dict(
            {name: torch.zeros_like(v) for name, v in self.averaged.state_dict().items()})
        return report

    monkeypatch.setattr(Adapter, 'step', collapse)
    verdict = run(folders, tmp_path / 'new.safetensors')
    assert not verdict.accepted and len(verdict.reasons) > 1
    assert any(reason.startswith(('the last weights: flat', 'the last weights: all zero'))
               for reason in verdict.reasons)
    found = json.loads((tmp_path / 'new.json').read_text())['validations']
    assert found[0]['harms'] == [] and any('flat' in each or 'all zero' in each
                                           for each in found[-1]['harms'])
    assert 'out of the question' in (tmp_path / 'new.html').read_text()


def test_accepted_weights_say_where_they_come_from(folders, tmp_path, always):
    output = tmp_path / 'new.safetensors'
    assert run(folders, output).accepted
    info = read_info(output)
    assert info.training_data == 'walls; then adapted to unlabelled frames (zole)'
    assert info.notes == {'place': 'lab', 'adapted': info.notes['adapted']}  # of these weights
    assert info.notes['adapted']['frames'] == 12
    page = (tmp_path / 'new.html').read_text()
    assert '<th>after</th>' in page and 'the weights of step 4 are the best' in page
    assert 'Accepted' in (tmp_path / 'new.html').read_text()
    with pytest.raises(DataError, match='exists already'):
        run(folders, output)


def test_the_report_says_that_weights_are_half_way(folders, tmp_path, always, monkeypatch):
    answers = [['too much was forgotten'], []] * 2  # of steps 2 and 4, and half way to them
    monkeypatch.setattr(adapter_module, 'harms', lambda *_: answers.pop(0))
    assert run(folders, tmp_path / 'new.safetensors').accepted
    result = json.loads((tmp_path / 'new.json').read_text())
    assert [(each['step'], each['way']) for each in result['validations']] == [
        (0, 1), (2, 1), (2, 0.5), (4, 1), (4, 0.5)]
    assert result['best_way'] == 0.5
    page = (tmp_path / 'new.html').read_text()
    assert f'the weights half way to those of step {result["best_step"]} are the best' in page
    assert page.count('too much was forgotten') == 2
    assert read_info(tmp_path / 'new.safetensors').notes['adapted']['way'] == 0.5


@pytest.fixture(scope='module')
def straight(folders, tmp_path_factory):
    """The weights of a run that nothing interrupts."""
    output = tmp_path_factory.mktemp('straight') / 'new.safetensors'
    with pytest.MonkeyPatch.context() as patch:
        accept_all(patch)
        run(folders, output)
    found = weights_of(load_checkpoint(output)[0])
    # else an interrupted run that does nothing would do as well
    assert not found.equal(weights_of(load_checkpoint(folders / 'tiny.safetensors')[0]))
    return found


@pytest.mark.parametrize('at', [1, 3])
def test_a_kill_at_any_step_is_gone_on_with(folders, tmp_path, monkeypatch, always, straight,
                                            at):
    output = tmp_path / 'new.safetensors'
    real_step = Adapter.step

    def killed(self):
        if self.step_number == at:
            raise KeyboardInterrupt
        return real_step(self)

    monkeypatch.setattr(Adapter, 'step', killed)
    with pytest.raises(KeyboardInterrupt):
        run(folders, output)
    assert not output.exists() and not list(tmp_path.rglob('*.part*'))
    monkeypatch.setattr(Adapter, 'step', real_step)
    if at >= 2:  # a state was saved
        with pytest.raises(TrainingError, match='--resume'):
            run(folders, output)
        with pytest.raises(TrainingError, match="method was 'zole', is 'tonioni'"):
            run(folders, output, small(method='tonioni'), resume=True)
    run(folders, output, resume=True)
    assert weights_of(load_checkpoint(output)[0]).equal(straight)


def test_fewer_steps_than_were_taken_are_measured_all_the_same(folders, tmp_path, monkeypatch,
                                                              always):
    output = tmp_path / 'new.safetensors'
    real_step = Adapter.step

    def killed(self):
        if self.step_number == 3:
            raise KeyboardInterrupt
        return real_step(self)

    monkeypatch.setattr(run_module, 'SAVE_EVERY_S', 0.0)  # before anything is validated
    with monkeypatch.context() as patch:
        patch.setattr(Adapter, 'step', killed)
        with pytest.raises(KeyboardInterrupt):
            run(folders, output, small(steps=30, validate_steps=30))
    assert run(folders, output, small(steps=2, validate_steps=30), resume=True).accepted
    result = json.loads((tmp_path / 'new.json').read_text())
    assert [each['step'] for each in result['validations']] == [0, 3] and result['best_step'] == 3


def test_each_slow_part_says_how_far_it_is(folders, tmp_path):
    told = {}

    @contextmanager
    def meter(what, unit):
        told[what, unit] = []
        yield lambda done, total: told[what, unit].append((done, total))

    run(folders, tmp_path / 'new.safetensors', meters=meter)
    assert told == {
        ('logs', 'frame'): [(done, 12) for done in range(1, 13)],
        ('adapt', 'step'): [(done, 4) for done in range(1, 5)],
        # 2 frames: which pixels count, before, after; 1 scene: before, after
        ('judging', 'picture'): [(done, 8) for done in range(1, 9)]}


def test_an_older_result_that_stays_is_said_to_be_older(folders, tmp_path):
    output = tmp_path / 'new.safetensors'
    config = small(learning_rate=1e-12)
    run(folders, output, config)
    assert json.loads((tmp_path / 'new.json').read_text())['older_weights_kept'] is False
    page = (tmp_path / 'new.html').read_text()
    assert 'is an older one' not in page
    # no step helped: it must be said whose figures those are
    assert 'no weights were better than those it began with' in page
    assert '<th>step 4, the last</th>' in page and '<th>after</th>' not in page
    output.write_bytes(b'older')
    run(folders, output, config, force=True)
    assert json.loads((tmp_path / 'new.json').read_text())['older_weights_kept'] is True
    assert 'is an older one' in (tmp_path / 'new.html').read_text()
    assert output.read_bytes() == b'older'


@pytest.mark.parametrize('at', ['write_page', 'write_json', 'save_best'])
def test_a_kill_while_the_result_is_written_is_gone_on_with(folders, tmp_path, monkeypatch, always,
                                                            straight, at):
    output = tmp_path / 'new.safetensors'
    with monkeypatch.context() as patch:
        patch.setattr(*((Adapter, at) if at == 'save_best' else (run_module, at)),
                      lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(folders, output)
    assert not output.exists()
    assert run(folders, output, resume=True).accepted
    assert weights_of(load_checkpoint(output)[0]).equal(straight)
    assert json.loads((tmp_path / 'new.json').read_text())['best_step'] == 4
    assert not (tmp_path / 'new.work').exists()


def test_a_disk_that_is_full_when_the_state_is_saved_leaves_the_one_before(
        folders, tmp_path, monkeypatch, always, straight):
    output, saved = tmp_path / 'new.safetensors', []
    real_save = torch.save

    def save(content, file):
        saved.append(content)
        if len(saved) == 2:  # as PyTorch does it: the reason is in the file alone
            file.write(b'half of it')
            file.failure = OSError(errno.ENOSPC, 'No space left on device')
            raise RuntimeError('PytorchStreamWriter failed writing file')
        return real_save(content, file)

    monkeypatch.setattr(torch, 'save', save)
    with pytest.raises(DataError, match='the disk is full'):
        run(folders, output)
    kept = torch.load(tmp_path / 'new.work' / 'state.pt', weights_only=True)
    assert kept['adapter']['step_number'] == 2 and not list(tmp_path.rglob('*.part*'))
    run(folders, output, resume=True)
    assert weights_of(load_checkpoint(output)[0]).equal(straight)


def test_weights_of_another_network_are_refused_on_resume(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, '_finish', lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    output = tmp_path / 'new.safetensors'
    with pytest.raises(KeyboardInterrupt):
        run(folders, output)
    network, info = load_checkpoint(folders / 'tiny.safetensors')
    torch.nn.init.ones_(next(network.parameters()))
    save_checkpoint(tmp_path / 'other.safetensors', network, info)
    with pytest.raises(TrainingError, match='began with other weights'):
        adapt([folder_log(folders / 'log')], tmp_path / 'other.safetensors',
              Outputs.beside(output), small(),
              lambda *_: (folders / 'learned', folders / 'held-out'), resume=True)
    state = tmp_path / 'new.work' / 'state.pt'
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(TrainingError, match='is damaged'):
        run(folders, output, resume=True)


def test_the_original_is_never_the_output(folders, tmp_path):
    link = tmp_path / 'link.safetensors'
    link.symlink_to(folders / 'tiny.safetensors')
    for path in (folders / 'tiny.safetensors', link):
        with pytest.raises(DataError, match='never overwritten'):
            run(folders, path, force=True)
    with pytest.raises(DataError, match=r'ends in \.safetensors'):
        run(folders, tmp_path / 'new.onnx')


def test_a_still_log_is_refused_before_anything_is_learned(folders, tmp_path):
    write_folder(tmp_path / 'still', [pair(0)] * 12)
    with pytest.raises(DataError, match=r'too few.*the same picture'):
        run(folders, tmp_path / 'new.safetensors', log=tmp_path / 'still')


def test_weights_of_one_camera_are_refused_before_frames_are_taken_in(folders, tmp_path):
    with pytest.raises(ModelError, match='svs-small is a svs: adaptation needs'):
        adapt([folder_log(folders / 'log')], 'svs-small',
              Outputs.beside(tmp_path / 'new.safetensors'), small(), lambda *_: (tmp_path,) * 2)
    assert not list(tmp_path.iterdir())


def test_each_process_uses_the_gpu_of_its_number(monkeypatch):
    chosen = []
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'set_device', chosen.append)
    monkeypatch.setenv('LOCAL_RANK', '2')
    with Workers() as workers:
        assert chosen == [workers.device] == [torch.device('cuda', 2)]


@pytest.mark.parametrize('local_rank', [0, 1])
def test_one_process_of_each_machine_renders_and_the_others_find_it(monkeypatch, local_rank):
    order = []
    monkeypatch.setenv('LOCAL_RANK', str(local_rank))
    workers = Workers()
    monkeypatch.setattr(workers, 'wait', lambda: order.append('wait'))
    assert workers.once_a_machine(lambda: order.append('work') or 7) == 7
    assert order == (['work', 'wait'], ['wait', 'work'])[local_rank]


WORKER = """
import sys, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import hashlib
from adaptation_parts import small
from adaptation_runs import Adapter, run, weights_of
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.errors import DataError
root = Path(sys.argv[2])
with Workers() as workers:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, 0.0]) * (1 + 2 * workers.rank)
    workers.average_gradients([parameter])
    kept = []
    try:
        run(root, root / 'fleet' / 'refused.safetensors', log='swapped', workers=workers)
    except DataError as error:
        refusal = str(error)
    step = Adapter.step
    Adapter.step = lambda self: (kept.append((self, self.batches[0].left.sum().item())),
                                 step(self))[1]
    verdict = run(root, root / 'fleet' / 'new.safetensors', small(steps=2), workers=workers)
    digest = hashlib.sha256(weights_of(kept[0][0].network).numpy().tobytes()).hexdigest()
    (root / 'fleet' / f'{workers.rank}.txt').write_text(
        f'{parameter.grad.tolist()} {verdict.accepted} {digest} {refusal}|{kept[0][1]}')
"""


def test_two_processes_learn_one_network_from_different_frames(folders):
    (folders / 'fleet').mkdir()
    wide = [pair(seed, width=320, height=160) for seed in range(4)]
    write_folder(folders / 'swapped', [StereoPair(each.right, each.left) for each in wide])
    script = folders / 'worker.py'
    script.write_text(WORKER)
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2', '--standalone',
         str(script), str(Path(__file__).parent), str(folders)],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '',
             'PYTHONPATH': str(Path(__file__).parent.parent)},
        capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    said = [(folders / 'fleet' / f'{rank}.txt').read_text().rsplit('|', 1) for rank in (0, 1)]
    assert said[0][0] == said[1][0]  # the same weights, the same verdict and the same refusal
    assert 'swapped: left and right are swapped: only' in said[0][0]
    assert said[0][0].startswith('[2.0, 0.0] False')  # the mean of 1 and 3
    assert said[0][1] != said[1][1]  # other frames
    result = json.loads((folders / 'fleet' / 'new.json').read_text())
    assert result['processes'] == 2 and result['steps'] == 2
