# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole adaptations: the loop, interruptions, the outputs, and what users get wrong."""

from __future__ import annotations

from dataclasses import replace
import errno
import hashlib
import json
import os
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace

from adaptation_parts import accept_all, pair, pairs, small, take_in, write_folder, write_scenes
import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation import adapter as adapter_module
from depth_learning_ros.adaptation import run as run_module
from depth_learning_ros.adaptation import teacher as teacher_module
from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.figures import Figures, FrameFigures
from depth_learning_ros.adaptation.folders import folder_log
from depth_learning_ros.adaptation.frames import FrameStore
from depth_learning_ros.adaptation.run import Outputs, adapt
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.errors import DataError, ModelError, TrainingError
from depth_learning_ros.models.checkpoint import (
    CheckpointInfo,
    load_checkpoint,
    read_info,
    save_checkpoint,
)
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.registry import build_network


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """A log, weights of a tiny cascade, and rendered scenes."""
    root = tmp_path_factory.mktemp('adapt')
    config = NetworkConfig('tiny', 'crl', width=0.05, channel_multiple=4, max_displacement=6,
                           two_sided=False, residual_decoder=True, unit_px=8.0,
                           second_stage_scale=2, channel_order='rgb')
    torch.manual_seed(0)
    save_checkpoint(root / 'tiny.safetensors', build_network(config),
                    CheckpointInfo('tiny', config, 'walls'))
    write_folder(root / 'log', pairs(12))
    write_scenes(root / 'learned', 2)
    write_scenes(root / 'held-out', 1)
    return root


def run(folders, output: Path, config=None, *, log='log', **options):
    return adapt([folder_log(folders / log)], folders / 'tiny.safetensors',
                 Outputs.beside(output), config or small(),
                 lambda count, held_out: (folders / 'learned', folders / 'held-out'), **options)


def new_adapter(folders, tmp_path, **changes) -> Adapter:
    store = FrameStore(tmp_path / 'frames')
    if not len(store):
        take_in(store, pairs(12))
    network, info = load_checkpoint(folders / 'tiny.safetensors')
    return Adapter(network, info, small(**changes), store, folders / 'learned',
                   folders / 'held-out')


def weights_of(network) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in network.parameters()])


@pytest.fixture
def always(monkeypatch):
    accept_all(monkeypatch)


@pytest.mark.parametrize('method', ['zole', 'tonioni', 'photometric'])
def test_each_method_takes_steps_that_change_the_weights(folders, tmp_path, method):
    adapter = new_adapter(folders, tmp_path, method=method, learning_rate=1e-3)
    before = weights_of(adapter.network)
    reports = [adapter.step() for _ in range(3)]
    assert [r.step for r in reports] == [1, 2, 3]
    assert not weights_of(adapter.network).equal(before)
    assert weights_of(adapter.original).equal(before) and weights_of(adapter.best).equal(before)
    has_synthetic = any(np.isfinite(r.synthetic_loss) for r in reports)
    assert has_synthetic == (method == 'zole')


def test_the_loss_on_rendered_pairs_falls(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path, learning_rate=3e-3, synthetic_share=0.9, steps=60,
                          clip=1e3)
    losses = [adapter.step().synthetic_loss for _ in range(16)]
    assert np.nanmean(losses[-4:]) < 0.9 * np.nanmean(losses[:4])


def test_labels_are_kept_or_renewed_by_the_current_weights(folders, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(adapter_module, 'label', lambda teacher, left, *rest: (
        asked.append(teacher), torch.full((len(left), 1, *left.shape[-2:]), -5.0))[1])
    monkeypatch.setattr(teacher_module, 'label_both', lambda teacher, left, right, config: (
        asked.append(teacher), [torch.full((1, 1, *left.shape[-2:]), -5.0)] * 2)[1])
    adapter = new_adapter(folders, tmp_path, labels='renewed', synthetic_share=0.0)
    adapter.step()
    assert asked == [adapter.predictor]
    asked.clear()
    adapter = new_adapter(folders, tmp_path, synthetic_share=0.0)
    for _ in range(20):
        adapter.step()
    assert len(asked) == adapter.frames.count('train')  # each frame once
    assert set(asked) == {adapter.teacher.predictor}
    assert adapter.teacher.predictor.network is adapter.original


def test_kept_labels_are_made_anew_by_the_averaged_weights(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path, label_steps=2, learning_rate=1e-2, average=0.5)
    before = weights_of(adapter.original)
    adapter.step(), adapter.step()
    assert weights_of(adapter.teacher.predictor.network).equal(before)
    averaged = weights_of(adapter.averaged).clone()
    assert not averaged.equal(before) and not averaged.equal(weights_of(adapter.network))
    adapter.step()
    assert weights_of(adapter.teacher.predictor.network).equal(averaged)
    assert weights_of(adapter.original).equal(before)


def test_the_learning_rate_decays_to_0_in_each_cycle(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path, steps=8, cycles=2, warmup_steps=2, learning_rate=1e-3)
    rates = []
    for _ in range(9):  # one more than it is long
        adapter.step()
        rates.append(1000 * adapter.optimizer.param_groups[0]['lr'])
    # cosine at 0, 1/4, 1/2 and 3/4 of a cycle; the first step is half warmed up, and the last
    # one, past the end, changes nothing
    assert rates == pytest.approx([0.5, 0.8536, 0.5, 0.1464, 1, 0.8536, 0.5, 0.1464, 0], abs=1e-4)


def test_the_network_sees_another_camera_and_the_labels_do_not(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path, augment=True, synthetic_share=0.0)
    plain = new_adapter(folders, tmp_path, augment=True, method='photometric')
    for number in range(4):
        batch = adapter.batches[number]
        assert not torch.equal(batch.left, batch.clean_left)
        assert torch.equal(plain.batches[number].left, plain.batches[number].clean_left)
    as_it_is = new_adapter(folders, tmp_path, synthetic_share=0.0)
    for number in range(4):  # of a batch, the first sample is drawn alike
        one, other = adapter.batches[number], as_it_is.batches[number]
        assert one.clean_left[0].equal(other.left[0])
        assert one.truth[0].nan_to_num().equal(other.truth[0].nan_to_num())


def test_the_photometric_term_is_added_with_its_weight(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(adapter_module, 'photometric_loss', lambda *_: torch.tensor(0.25))
    losses = [new_adapter(folders, tmp_path, synthetic_share=0.0, photometric=weight)
              .step().target_loss for weight in (0.0, 8.0)]
    assert losses[1] - losses[0] == pytest.approx(2.0, abs=1e-4)


def test_weights_that_the_gate_would_refuse_are_never_the_best(folders, tmp_path, monkeypatch):
    adapter = new_adapter(folders, tmp_path, steps=9)
    frame = FrameFigures(psnr=20.0, ssim=0.8, consistency=0.6, spread_px=9.0, near_zero=0.0,
                         saturated=0.0, finite=True)
    better = replace(frame, psnr=21.0, ssim=0.82, consistency=0.61)
    found = [Figures((frame,), 3.0, 15.0),  # as it began
             Figures((replace(better, consistency=0.59),), 3.0, 15.0),
             Figures((replace(better, spread_px=0.1),), 3.0, 15.0),
             Figures((better,), 4.0, 15.0), Figures((better,), 3.1, 15.0)]
    monkeypatch.setattr(adapter_module, 'HeldOut', lambda *_: SimpleNamespace(
        measure=lambda predictor: found[0].frames))
    monkeypatch.setattr(adapter_module, 'synthetic_error', lambda *_: (
        lambda f: (f.synthetic_epe, f.synthetic_d1))(found.pop(0)))
    best = []
    for _ in range(4):
        adapter.step()
        adapter.validate()
        best.append(adapter.best_step)
    assert best == [0, 0, 0, 4]
    assert weights_of(adapter.best).equal(weights_of(adapter.network))


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(folders, tmp_path):
    whole = new_adapter(folders, tmp_path, learning_rate=1e-3)
    for number in range(4):
        whole.step()
        if number % 2:
            whole.validate()
    first = new_adapter(folders, tmp_path, learning_rate=1e-3)
    first.step(), first.step(), first.validate()
    torch.save(first.state(), tmp_path / 'state.pt')
    second = new_adapter(folders, tmp_path, learning_rate=1e-3)
    second.restore(torch.load(tmp_path / 'state.pt', weights_only=True))
    second.step(), second.step(), second.validate()
    assert weights_of(second.network).equal(weights_of(whole.network))
    assert second.best_step == whole.best_step
    assert [v.score for v in second.validations] == [v.score for v in whole.validations]
    assert [r.step for r in second.history] == [1, 2, 3, 4]


def test_rollback_is_the_beginning(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path, learning_rate=1e-2)
    before = weights_of(adapter.network)
    adapter.step(), adapter.validate(), adapter.rollback()
    assert weights_of(adapter.network).equal(before) and weights_of(adapter.best).equal(before)
    assert adapter.step_number == 0 and not adapter.validations
    adapter.step()


def test_a_loss_that_is_not_finite_stops_the_run_and_spares_the_weights(
        folders, tmp_path, monkeypatch):
    adapter = new_adapter(folders, tmp_path)
    before = weights_of(adapter.network)
    monkeypatch.setattr(Adapter, '_losses', lambda self, batch: (
        torch.tensor(float('nan')), torch.tensor(0.0), 0.5))
    with pytest.raises(TrainingError, match='the loss is nan at step 1'):
        adapter.step()
    assert weights_of(adapter.network).equal(before)


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


def test_weights_that_no_step_made_better_are_refused_by_that_reason(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path)
    adapter.step(), adapter.step()
    assert adapter.best_step == 0
    verdict = adapter.judge()
    assert not verdict.accepted
    assert verdict.reasons[0].startswith('nothing was gained: in 2 steps no weights were better')


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
    assert info.notes['adapted']['frames'] == 12
    assert 'Accepted' in (tmp_path / 'new.html').read_text()
    with pytest.raises(DataError, match='exists already'):
        run(folders, output)


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
from test_adaptation_run import *
from depth_learning_ros.adaptation.workers import Workers
root = Path(sys.argv[2])
with Workers() as workers:
    parameter = torch.nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([1.0, 0.0]) * (1 + 2 * workers.rank)
    workers.average_gradients([parameter])
    kept = []
    step = Adapter.step
    Adapter.step = lambda self: (kept.append((self, self.batches[0].left.sum().item())),
                                 step(self))[1]
    verdict = run(root, root / 'fleet' / 'new.safetensors', small(steps=2), workers=workers)
    digest = hashlib.sha256(weights_of(kept[0][0].network).numpy().tobytes()).hexdigest()
    (root / 'fleet' / f'{workers.rank}.txt').write_text(
        f'{parameter.grad.tolist()} {verdict.accepted} {digest} {kept[0][1]}')
"""


def test_two_processes_learn_one_network_from_different_frames(folders):
    (folders / 'fleet').mkdir()
    script = folders / 'worker.py'
    script.write_text(WORKER)
    done = subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2', '--standalone',
         str(script), str(Path(__file__).parent), str(folders)],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': '',
             'PYTHONPATH': str(Path(__file__).parent.parent)},
        capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    said = [(folders / 'fleet' / f'{rank}.txt').read_text().rsplit(' ', 1) for rank in (0, 1)]
    assert said[0][0] == said[1][0]  # the same weights and the same verdict
    assert said[0][0].startswith('[2.0, 0.0] False')  # the mean of 1 and 3
    assert said[0][1] != said[1][1]  # other frames
    result = json.loads((folders / 'fleet' / 'new.json').read_text())
    assert result['processes'] == 2 and result['steps'] == 2
