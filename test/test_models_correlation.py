# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.models.correlation import BLOCK, correlation, look_up, shifted  # noqa: E402


def brute_force(left, right, reach, two_sided):
    """Take the definition word by word: channel k compares left x with right x + k - reach."""
    batch, channels, height, width = left.shape
    out = np.zeros((batch, (2 if two_sided else 1) * reach + 1, height, width))
    for b, k, y, x in np.ndindex(out.shape):
        other = x + k - reach
        if 0 <= other < width:
            out[b, k, y, x] = sum(left[b, c, y, x] * right[b, c, y, other]
                                  for c in range(channels)) / channels
    return out


def features(*shape, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal(shape), random.standard_normal(shape)


@pytest.mark.parametrize('two_sided', [True, False])
@pytest.mark.parametrize('form', [correlation, shifted])
@pytest.mark.parametrize('width', [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_equals_brute_force(form, width, two_sided):
    left, right = features(2, 3, 2, width)
    result = form(torch.from_numpy(left), torch.from_numpy(right), 5, two_sided=two_sided)
    np.testing.assert_allclose(result.numpy(), brute_force(left, right, 5, two_sided), atol=1e-12)


def test_reach_beyond_the_image_is_zero():
    left, right = features(1, 2, 1, 4)
    result = correlation(torch.from_numpy(left), torch.from_numpy(right), 40)
    assert result.shape == (1, 81, 1, 4)
    np.testing.assert_allclose(result.numpy(), brute_force(left, right, 40, True), atol=1e-12)
    assert not result[:, :36].any() and not result[:, 44:].any()


def test_worked_by_hand():
    # one row, two channels, four columns
    left = torch.tensor([[[[1., 2., 3., 4.]], [[0., 1., 0., -1.]]]])
    right = torch.tensor([[[[5., 6., 7., 8.]], [[2., 0., 4., 6.]]]])
    both = correlation(left, right, 1)
    # k = 0 looks one to the left: x=1: (2*5 + 1*2) / 2, x=2: (3*6 + 0*0) / 2,
    # x=3: (4*7 - 1*4) / 2; x=0 finds nothing there
    assert both[0, 0, 0].tolist() == [0, 6, 9, 12]
    # k = 1, the same column: (1*5)/2, (2*6)/2, (3*7)/2, (4*8 - 6)/2
    assert both[0, 1, 0].tolist() == [2.5, 6, 10.5, 13]
    # k = 2, one to the right: (1*6 + 0)/2, (2*7 + 4)/2, (3*8)/2, nothing
    assert both[0, 2, 0].tolist() == [3, 9, 12, 0]
    one = correlation(left, right, 1, two_sided=False)
    assert torch.equal(one, both[:, :2])


def test_true_disparity_lies_at_reach_minus_d():
    # right x = left x - 3: what is at column 10 on the left is at column 7 on the right
    left = torch.zeros(1, 1, 1, 20)
    right = torch.zeros(1, 1, 1, 20)
    left[..., 10] = right[..., 7] = 1
    for two_sided in (True, False):
        best = correlation(left, right, 8, two_sided=two_sided)[0, :, 0, 10]
        assert best.argmax() == 8 - 3 and best.max() == 1


def test_is_the_mean_over_channels():
    ones = torch.ones(1, 128, 1, 60)
    assert correlation(ones, ones, 40)[0, 40].unique().tolist() == [1.0]


@pytest.mark.parametrize('two_sided', [True, False])
def test_gradient(two_sided):
    torch.manual_seed(0)
    left, right = (torch.randn(1, 2, 1, 5, dtype=torch.float64, requires_grad=True)
                   for _ in range(2))
    assert torch.autograd.gradcheck(
        lambda a, b: correlation(a, b, 2, two_sided=two_sided), (left, right))


def test_look_up_by_hand():
    volume = torch.tensor([1.0, 2.0, 4.0, 8.0]).reshape(1, 1, 1, 4).expand(1, 1, 5, 4)
    # between channels; at either end, where zeros lie beyond; outside, brought in
    places = torch.tensor([1.25, 0.0, 3.0, -7.0, 9.0]).reshape(1, 1, 5, 1) - 3
    assert look_up(volume, places, 1, origin=3)[0, 0].tolist() == [
        [1.25, 2.5, 5.0], [0, 1, 2], [4, 8, 0], [0, 1, 2], [4, 8, 0]]


def test_look_up_gives_the_volume_a_gradient_and_the_place_none():
    volume = torch.rand(1, 2, 3, 6, dtype=torch.float64, requires_grad=True)
    places = torch.rand(1, 2, 3, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda v: look_up(v, 5 * places.detach(), 2, origin=0), (volume,))
    look_up(volume, 5 * places, 2, origin=0).sum().backward()
    assert places.grad is None
