# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pre- and post-processing around a network, and the confidence, on numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip('torch')
from torch import nn  # noqa: E402

from depth_learning_ros.engine.confidence import (  # noqa: E402
    CORRECTION_PX,
    MISMATCH,
    NOISE,
    STEP_PX,
    confidence,
)
from depth_learning_ros.engine.stereo_graph import StereoGraph  # noqa: E402
from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.crl import CascadeOutput  # noqa: E402


class Fixed(nn.Module):
    """A network that answers what it is told, and remembers what it saw."""

    def __init__(self, answer, channel_order='rgb'):
        super().__init__()
        self.config = NetworkConfig(channel_order=channel_order)
        self.answer = answer

    def forward(self, left, right):
        self.left, self.right = left, right
        return self.answer(left)


def image(height, width, rgb=(255, 0, 51)):
    return torch.tensor(rgb, dtype=torch.uint8).expand(1, height, width, 3).clone()


def constant(value, scale=1):
    return lambda left: torch.full((left.shape[0], 1, left.shape[2] // scale,
                                    left.shape[3] // scale), value)


def test_networks_see_padded_planes_in_their_own_order_and_mean():
    network = Fixed(lambda left: [constant(-3.0)(left)], 'bgr')
    graph = StereoGraph(network, mean_left=(0.1, 0.2, 0.3), mean_right=(0.0, 0.0, 0.5))
    left, right = image(5, 70), image(5, 70)
    left[0, :, -1] = 255  # repeated into the padding
    disparity, rated = graph(left, right)
    assert network.left.shape == (1, 3, 64, 128)
    assert network.left[0, :, 0, 0].tolist() == pytest.approx([0.2 - 0.1, -0.2, 1 - 0.3])
    assert network.right[0, :, 0, 0].tolist() == pytest.approx([0.2, 0, 0.5])
    assert network.left[0, :, 63, 127].tolist() == pytest.approx([0.9, 0.8, 0.7])
    assert disparity.shape == rated.shape == (1, 5, 70)
    assert disparity.unique().tolist() == [3]


def test_disparities_are_never_negative():
    disparity, _ = StereoGraph(Fixed(lambda left: [constant(2.0)(left)]))(image(4, 4), image(4, 4))
    assert disparity.unique().tolist() == [0]


def test_half_resolution_networks_are_enlarged_and_keep_their_unit():
    """DispNetS and DispNetC end at 1/2, in pixels of the full resolution."""
    disparity, _ = StereoGraph(Fixed(lambda left: [constant(-7.5, 2)(left)]))(
        image(10, 20), image(10, 20))
    assert disparity.shape == (1, 10, 20)
    assert disparity.unique().tolist() == [7.5]


def test_cascades_give_their_last_answer():
    network = Fixed(lambda left: CascadeOutput([constant(-3.0)(left)], [constant(-4.0)(left)]))
    disparity, _ = StereoGraph(network)(image(6, 6), image(6, 6))
    assert disparity.unique().tolist() == [4]


def shifted_pair(shift=4, height=8, width=32):
    torch.manual_seed(0)
    right = torch.rand(1, 3, height, width)
    left = torch.zeros_like(right)
    left[..., shift:] = right[..., :-shift]
    return left, right


def test_a_perfect_match_is_sure_and_what_nobody_saw_is_not():
    left, right = shifted_pair()
    rated = confidence(left, right, torch.full((1, 1, 8, 32), 4.0), None)
    assert rated.shape == (1, 1, 8, 32)
    # columns 0..3 match outside the right image; four more half-size columns see their errors
    assert rated[..., :4].abs().max() == 0
    assert rated[..., 12:].min() == pytest.approx(1, abs=1e-5)


def test_another_exposure_is_no_mismatch():
    left, right = shifted_pair()
    rated = confidence(left, right + 0.2, torch.full((1, 1, 8, 32), 4.0), None)
    assert rated[..., 12:].min() == pytest.approx(1, abs=1e-5)


def test_a_mismatch_lowers_it_by_the_documented_amount():
    # half-size columns of 0.5 and -0.5: a box of 5x5 around a pixel has the mean 0.2 * value, so
    # the texture is 0.8 * value, 0.4 in size; the inverted image differs by 0.8
    stripes = torch.tensor([0.5, 0.5, -0.5, -0.5]).repeat(8).expand(1, 3, 12, 32)
    rated = confidence(stripes, -stripes, torch.zeros(1, 1, 12, 32), None)
    share = 0.8 / (0.4 + NOISE)
    assert rated[..., 5:7, 16].flatten().tolist() == pytest.approx(
        [math.exp(-share / MISMATCH)] * 2, rel=1e-4)


def test_a_correction_lowers_it_by_the_documented_amount():
    flat = torch.zeros(1, 3, 8, 32)
    disparity = torch.full((1, 1, 8, 32), 4.0)
    rated = confidence(flat, flat, disparity, disparity + CORRECTION_PX)
    assert rated[..., 8:].unique().tolist() == pytest.approx([math.exp(-1)], rel=1e-5)


def test_a_step_nearby_lowers_it_by_the_documented_amount():
    flat = torch.zeros(1, 3, 8, 64)
    disparity = torch.zeros(1, 1, 8, 64)
    disparity[..., 32:] = STEP_PX  # between half-size columns 15 and 16
    rated = confidence(flat, flat, disparity, None)[0, 0, 0, ::2]
    assert rated[:13].tolist() == [1] * 13
    assert rated[13:18].tolist() == pytest.approx([math.exp(-1)] * 5)
    assert rated[18:].tolist() == [1] * 14


def test_it_falls_with_every_sign_of_doubt():
    left, right = shifted_pair(width=64)
    true = torch.full((1, 1, 8, 64), 4.0)
    noise = torch.rand(1, 3, 8, 64) - 0.5

    def mean(disparity, first, noisy=0.0):
        return float(confidence(left + noisy * noise, right, disparity, first)[..., 16:].mean())
    by_disparity = [mean(true + wrong, None) for wrong in (0, 1, 2)]
    assert by_disparity == sorted(by_disparity, reverse=True)
    assert by_disparity[0] > by_disparity[1] + 0.1
    by_correction = [mean(true, true + correction) for correction in (0, 0.5, 1, 3)]
    assert by_correction == sorted(by_correction, reverse=True)
    by_noise = [mean(true, None, noisy) for noisy in (0, 0.2, 1)]
    assert by_noise == sorted(by_noise, reverse=True)
