# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The gate: what improves passes, and every kind of collapse is refused by name."""

from dataclasses import replace
import math
import re

from adaptation_parts import WIDTH, pairs
import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation import figures as figures_module
from depth_learning_ros.adaptation.figures import Figures, FrameFigures, HeldOut
from depth_learning_ros.adaptation.frames import HELD_OUT, FrameStore
from depth_learning_ros.adaptation.gate import judge
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.errors import DataError
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.types import StereoPair

FRAME = FrameFigures(psnr=20.0, ssim=0.8, consistency=0.6, spread_px=30.0, near_zero=0.05,
                     saturated=0.0, finite=True)


def figures(epe=3.0, d1=15.0, **changes) -> Figures:
    return Figures((replace(FRAME, **changes),) * 4, epe, d1)


BETTER = {'psnr': 20.4, 'ssim': 0.82, 'consistency': 0.65}


def test_better_on_every_count_is_accepted():
    verdict = judge(figures(), figures(**BETTER), 0.1)
    assert verdict.accepted and verdict.reasons == ()


def test_equal_weights_are_no_improvement():
    verdict = judge(figures(), figures(), 0.1)
    assert not verdict.accepted and len(verdict.reasons) == 3


@pytest.mark.parametrize('changes, reason', [
    ({'psnr': 19.9}, 'PSNR of the warped view did not improve: 19.9'),
    ({'ssim': 0.79}, 'SSIM of the warped view did not improve'),
    ({'consistency': 0.5}, 'left-right consistency did not improve'),
    ({'epe': 3.31}, r'forgetting: end-point error .* from 3.00 to 3.31 .*allowed 10 %'),
    ({'d1': 17.0}, 'forgetting: D1'),
    ({'epe': math.nan}, 'not finite'), ({'finite': False}, 'not finite'),
    # a flat map agrees with itself perfectly, and on a plain wall it even warps well
    ({'spread_px': 0.0, 'consistency': 1.0, 'psnr': 30.0, 'ssim': 0.95}, 'flat'),
    ({'spread_px': 7.0},
     'flat in 4 of 4 frames .*: disparities spread over 7.00 px, 30.00 px before'),
    ({'near_zero': 0.97, 'spread_px': 30.0}, 'all zero in 4 of 4 frames .*: 97 %'),
    ({'saturated': 0.8}, 'saturated in 4 of 4 frames .*: 80 %')])
def test_each_way_of_being_worse_is_named(changes, reason):
    verdict = judge(figures(), figures(**{**BETTER, **changes}), 0.1)
    assert not verdict.accepted
    assert len(verdict.reasons) == 1
    assert re.search(reason, verdict.reasons[0])


def test_growth_within_the_bound_is_allowed():
    assert judge(figures(), figures(epe=3.29, d1=16.4, **BETTER), 0.1).accepted
    assert not judge(figures(), figures(epe=3.01, **BETTER), 0.0).accepted


def test_what_many_adaptations_forget_does_not_add_up():
    first = Figures((), 2.0, 12.0)
    verdict = judge(figures(epe=2.2), figures(epe=2.4, **BETTER), 0.15, first)
    assert verdict.reasons == (
        'forgetting: end-point error on held-out rendered pairs grew from 2.00 to 2.40 (+20 %, '
        'allowed 15 %) since the first adaptation',
        'forgetting: D1 on held-out rendered pairs grew from 12.00 to 15.00 (+25 %, allowed 15 %) '
        'since the first adaptation')
    assert judge(figures(epe=2.2), figures(epe=2.29, **BETTER), 0.15, Figures((), 2.0, 15.0)
                 ).accepted


def test_a_mean_that_one_frame_makes_is_not_enough():
    frames = (replace(FRAME, **{**BETTER, 'ssim': 0.99}),) + (
        replace(FRAME, **{**BETTER, 'ssim': 0.79}),) * 3
    verdict = judge(figures(), Figures(frames, 3.0, 15.0), 0.1)
    assert verdict.reasons == ('the warped view improved in only 1 of 4 frames',)


def test_a_place_at_infinity_is_not_called_collapsed():
    far = {'near_zero': 0.95, 'spread_px': 0.3}
    assert judge(figures(**far), figures(**{**far, **BETTER}), 0.1).accepted


@pytest.mark.parametrize('lost', [1, 3])
@pytest.mark.parametrize('changes, reason', [
    ({'spread_px': 0.0, 'near_zero': 1.0, 'consistency': 1.0, 'psnr': 14.0},
     ['flat', ': disparities spread over 0.00 px, 30.00 px before',
      'all zero', ': 100 % of the disparities are below half a pixel, 5 % before']),
    ({'spread_px': 0.1}, ['flat', ': disparities spread over 0.10 px, 30.00 px before']),
    ({'saturated': 0.9}, ['saturated', ": 90 % of the disparities are at the end of the network's "
                                       'reach, 0 % before'])])
def test_a_few_frames_that_collapse_are_not_made_up_for_by_the_rest(lost, changes, reason):
    gained = replace(FRAME, psnr=22.0, ssim=0.85, consistency=0.7)
    frames = [gained] * 20
    for number in range(lost):
        frames[4 + 5 * number] = replace(gained, **changes)
    verdict = judge(Figures((FRAME,) * 20, 3.0, 15.0), Figures(tuple(frames), 3.0, 15.0), 0.1)
    where = ' in 1 of 20 frames (it is number 5)' if lost == 1 else \
        ' in 3 of 20 frames (the first is number 5)'
    assert verdict.reasons == tuple(
        name + where + rest for name, rest in zip(reason[::2], reason[1::2], strict=True))


@pytest.mark.parametrize('was, now, accepted', [
    ({'near_zero': 0.95, 'spread_px': 0.3}, {'near_zero': 0.951, 'spread_px': 0.299}, True),
    ({'near_zero': 0.95, 'spread_px': 0.3}, {'near_zero': 0.98, 'spread_px': 0.299}, False),
    ({'near_zero': 0.95, 'spread_px': 0.3}, {'near_zero': 0.951, 'spread_px': 0.2}, False),
    ({'saturated': 0.6}, {'saturated': 0.605}, True),
    ({'saturated': 0.6}, {'saturated': 0.63}, False)])
def test_what_was_so_before_may_be_a_little_more_so(was, now, accepted):
    assert judge(figures(**was), figures(**{**BETTER, **now}), 0.1).accepted == accepted


def test_figures_that_are_refused_are_told_apart():
    said = judge(figures(near_zero=0.8803, psnr=20.00000001),
                 figures(**{**BETTER, 'near_zero': 0.9004, 'psnr': 20.0}, epe=3.3001), 0.1).reasons
    assert said[0] == ('all zero in 4 of 4 frames (the first is number 1): 90 % of the '
                       'disparities are below half a pixel, 88 % before')
    assert said[1] == ('the PSNR of the warped view did not improve: 20.00000000 dB, '
                       '20.00000001 dB before')
    near = judge(figures(saturated=0.4996), figures(**{**BETTER, 'saturated': 0.5204}), 0.1)
    assert '52 %' in near.reasons[0] and '50 % before' in near.reasons[0]
    less = judge(figures(consistency=0.65004), figures(**{**BETTER, 'consistency': 0.65001}), 0.1)
    assert less.reasons == ('left-right consistency did not improve: 0.65001, 0.65004 before',)


class Constant(torch.nn.Module):
    """Says one disparity everywhere, or one of each column, in pixels of a frame as it is."""

    def __init__(self, value, slope=0.0):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.value, self.slope = value, slope

    def forward(self, left, right):
        zoom = left.shape[-1] / WIDTH  # it is shown enlarged frames
        columns = torch.arange(left.shape[-1]) * self.slope
        return [(zoom * self.value + columns).expand(left.shape[0], 1, *left.shape[-2:]).clone()]


INFO = CheckpointInfo('constant', NetworkConfig('constant', 'dispfulnet', max_displacement=10))


@pytest.fixture(scope='module')
def held_out(tmp_path_factory):
    store = FrameStore(tmp_path_factory.mktemp('frames'))
    for number, pair in enumerate(pairs(3)):
        store.add(pair, HELD_OUT, number)
    reference = Predictor(Constant(-6.0, -0.01), INFO, 'fp32')
    return HeldOut(store, HELD_OUT, reference, 10), reference


def measured(held_out, network):
    return Figures(held_out[0].measure(Predictor(network, INFO, 'fp32')), 3.0, 15.0)


@pytest.mark.parametrize('value, reason', [(0.0, 'all zero'), (-6.0, 'flat'), (-40.0, 'saturated'),
                                           (math.nan, 'not finite')])
def test_networks_that_collapsed_are_refused_by_name(held_out, value, reason):
    before = Figures(held_out[0].measure(held_out[1]), 3.0, 15.0)
    verdict = judge(before, measured(held_out, Constant(value)), 0.1)
    assert not verdict.accepted
    assert any(text.startswith(reason) for text in verdict.reasons), verdict.reasons


def test_the_true_disparity_warps_best_and_agrees_with_itself(held_out):
    right, wrong = (measured(held_out, Constant(v)) for v in (-6.0, -3.0))
    assert right.mean('ssim') > 0.98 > 0.5 > wrong.mean('ssim')
    assert right.mean('psnr') > wrong.mean('psnr') + 10
    assert right.mean('consistency') > 0.98


def test_networks_are_asked_about_frames_as_large_as_engines_show_them(held_out):
    shown = []
    network = Constant(-6.0)
    network.register_forward_pre_hook(lambda _, views: shown.append(tuple(views[0].shape[-2:])))
    measured(held_out, network)
    assert set(shown) == {(128, 192)}  # 64 x 128 by 1.5 is 96 x 192, padded to multiples of 64


def test_all_networks_are_asked_about_the_same_pixels(held_out):
    masks = [mask.copy() for mask in held_out[0].masks]
    measured(held_out, Constant(-40.0))
    assert all((a == b).all() and 0.5 < a.mean() < 1 for a, b in zip(masks, held_out[0].masks,
                                                                     strict=True))


def test_frames_in_which_nothing_matches_say_nothing(held_out, tmp_path, monkeypatch):
    monkeypatch.setattr(figures_module, 'match', lambda left, right, searched: np.where(
        left[..., 0] == right[..., 0], 5.0, np.nan))  # of equal views only
    reference = Predictor(Constant(-200.0), INFO, 'fp32')  # all matches are outside
    store = FrameStore(tmp_path)
    black, white = np.zeros((64, 128, 3), np.uint8), np.full((64, 128, 3), 255, np.uint8)
    store.add(StereoPair(black, white), HELD_OUT, 0)
    with pytest.raises(DataError, match='hardly a pixel of the left views of 1 held-out frames'):
        HeldOut(store, HELD_OUT, reference, 10)
    store.add(StereoPair(black, black), HELD_OUT, 1)
    found = HeldOut(store, HELD_OUT, reference, 10)
    assert found.indices == [1] and len(found.measure(reference)) == 1


def test_figures_survive_being_written_down():
    found = figures()
    assert Figures.from_dict(found.to_dict()) == found
