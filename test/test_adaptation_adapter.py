# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An adapter step by step: batches, labels, rates, what is the best, going on and going back."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from adaptation_runs import make_folders, new_adapter, weights_of
import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation import adapter as adapter_module
from depth_learning_ros.adaptation import teacher as teacher_module
from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.figures import Figures, FrameFigures
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models.checkpoint import read_info


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    return make_folders(tmp_path_factory.mktemp('adapt'))


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
    harmful = Figures((better,), 4.0, 15.0)
    found = [Figures((frame,), 3.0, 15.0),  # as it began; then of each step, and half way to it
             Figures((replace(better, consistency=0.59),), 3.0, 15.0), harmful,
             Figures((replace(better, spread_px=0.1),), 3.0, 15.0), harmful,
             harmful, harmful, Figures((better,), 3.1, 15.0)]
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


def test_half_way_may_be_good_where_the_whole_way_does_harm(folders, tmp_path, monkeypatch):
    adapter = new_adapter(folders, tmp_path, steps=9, learning_rate=1e-2)
    frame = FrameFigures(psnr=20.0, ssim=0.8, consistency=0.6, spread_px=9.0, near_zero=0.0,
                         saturated=0.0, finite=True)
    better, best = replace(frame, psnr=21.0), replace(frame, psnr=22.0)
    found = [Figures((frame,), 3.0, 15.0), Figures((best,), 4.0, 15.0),
             Figures((better,), 3.3, 15.0),  # half way to the first step
             Figures((best,), 4.0, 15.0), Figures((frame,), 3.3, 15.0)]
    monkeypatch.setattr(adapter_module, 'HeldOut', lambda *_: SimpleNamespace(
        measure=lambda predictor: found[0].frames))
    monkeypatch.setattr(adapter_module, 'synthetic_error', lambda *_: (
        lambda f: (f.synthetic_epe, f.synthetic_d1))(found.pop(0)))
    adapter.step()
    told = adapter.validate()
    assert told.harms and told.way == 1  # what is told is of the step itself
    middle = (weights_of(adapter.original) + weights_of(adapter.averaged)) / 2
    assert torch.allclose(weights_of(adapter.best), middle, atol=1e-6)
    assert not torch.allclose(middle, weights_of(adapter.original), atol=1e-6)
    assert (adapter.best_step, adapter.best_way) == (1, 0.5)

    again = new_adapter(folders, tmp_path, steps=9, learning_rate=1e-2)
    again.restore(adapter.state())
    assert (again.best_step, again.best_way) == (1, 0.5)
    assert [(v.step, v.way) for v in again.validations] == [(0, 1), (1, 1), (1, 0.5)]
    again.step()
    again.validate()  # nothing better: step 1's is kept
    assert torch.allclose(weights_of(again.best), middle, atol=1e-6)
    again.save_best(tmp_path / 'half.safetensors')
    assert read_info(tmp_path / 'half.safetensors').notes['adapted']['way'] == 0.5
    again.rollback()
    assert (again.best_step, again.best_way) == (0, 1)


def test_a_state_of_before_there_were_ways_is_gone_on_with(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path)
    adapter.step(), adapter.validate()
    state = adapter.state()
    del state['best_way']
    for each in state['validations']:
        del each['way']
    again = new_adapter(folders, tmp_path)
    again.restore(state)
    assert again.best_way == 1
    assert [v.score for v in again.validations] == [v.score for v in adapter.validations]


@pytest.mark.parametrize('changes', [
    {}, {'average': 0.9}, {'cycles': 2}, {'average': 0.5, 'label_steps': 2},
    {'average': 0.5, 'label_steps': 1, 'cycles': 2}])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(folders, tmp_path, changes):
    changes = {'learning_rate': 1e-3, **changes}
    whole = new_adapter(folders, tmp_path, **changes)
    for number in range(4):
        whole.step()
        if number % 2:
            whole.validate()
    first = new_adapter(folders, tmp_path, **changes)
    first.step(), first.step(), first.validate()
    torch.save(first.state(), tmp_path / 'state.pt')
    second = new_adapter(folders, tmp_path, **changes)
    second.restore(torch.load(tmp_path / 'state.pt', weights_only=True))
    second.step(), second.step(), second.validate()
    for name in ('network', 'averaged', 'best'):
        assert weights_of(getattr(second, name)).equal(weights_of(getattr(whole, name)))
    taught = [weights_of(each.teacher.predictor.network) for each in (whole, second)]
    assert taught[0].equal(taught[1])
    assert taught[0].equal(weights_of(whole.original)) == ('label_steps' not in changes)
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


def test_a_gradient_that_is_not_finite_spares_the_weights(folders, tmp_path, monkeypatch):
    adapter = new_adapter(folders, tmp_path)
    before = weights_of(adapter.network)

    def losses(self, batch):
        weight = next(self.network.parameters()).flatten()[0]
        return torch.sqrt(weight * 0.0), torch.tensor(0.0), 0.5  # 0, with an infinite slope

    monkeypatch.setattr(Adapter, '_losses', losses)
    with pytest.raises(TrainingError, match="the gradient's norm is nan at step 1: adapt with a"):
        adapter.step()
    assert weights_of(adapter.network).equal(before) and adapter.step_number == 0
    assert all(parameter.grad is None for parameter in adapter.network.parameters())


def test_the_loss_that_is_told_is_that_of_all_processes(folders, tmp_path, monkeypatch):
    adapter = new_adapter(folders, tmp_path)
    monkeypatch.setattr(adapter.workers, 'mean', lambda loss: float('inf'))
    with pytest.raises(TrainingError, match='the loss is inf at step 1'):  # its own is finite
        adapter.step()


def test_weights_that_no_step_made_better_are_refused_by_that_reason(folders, tmp_path):
    adapter = new_adapter(folders, tmp_path)
    adapter.step(), adapter.step()
    assert adapter.best_step == 0
    verdict = adapter.judge()
    assert not verdict.accepted
    assert verdict.reasons[0].startswith('nothing was gained: in 2 steps no weights were better')
