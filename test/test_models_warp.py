# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip('torch')
import torch.nn.functional as F  # noqa: E402

from depth_learning_ros.models.warp import warp  # noqa: E402


def brute_force(right, disparity):
    """Remap: bilinear along x, a tap outside the image counts as 0."""
    out = np.zeros(right.shape)
    for b, c, y, x in np.ndindex(right.shape):
        position = x + disparity[b, 0, y, x]
        first = math.floor(position)
        for tap, weight in ((first, 1 - (position - first)), (first + 1, position - first)):
            if 0 <= tap < right.shape[3]:
                out[b, c, y, x] += weight * right[b, c, y, tap]
    return out


def test_worked_by_hand():
    right = torch.tensor([[[[10., 20., 30., 40.]]]])
    disparity = torch.tensor([[[[0., -1., -0.25, -3.5]]]])
    # 10; 20's left neighbour 10; 30 - a quarter of the way to 20; position -0.5: half of 10
    assert warp(right, disparity).flatten().tolist() == [10, 10, 27.5, 5]


@pytest.mark.parametrize(('disparity', 'value'), [
    (0.0, 40.0), (0.5, 20.0), (1.0, 0.0), (7.0, 0.0), (-3.0, 10.0), (-3.5, 5.0), (-3.75, 2.5),
    (-4.0, 0.0), (-4.5, 0.0), (-1000.0, 0.0), (1000.0, 0.0)])
def test_the_last_column_seen_from_everywhere(disparity, value):
    right = torch.tensor([[[[10., 20., 30., 40.]]]])
    assert warp(right, torch.full((1, 1, 1, 4), disparity))[0, 0, 0, 3].item() == value


@pytest.mark.parametrize('width', [1, 2, 9])
def test_equals_brute_force(width):
    random = np.random.default_rng(1)
    right = random.standard_normal((2, 3, 4, width)).astype(np.float32)
    disparity = random.uniform(-2 * width, 2, (2, 1, 4, width)).astype(np.float32)
    result = warp(torch.from_numpy(right), torch.from_numpy(disparity)).numpy()
    np.testing.assert_allclose(result, brute_force(right, disparity), atol=2e-6)


def test_equals_grid_sample_with_aligned_corners_and_zeros():
    torch.manual_seed(2)
    height, width = 5, 11
    right = torch.randn(2, 3, height, width)
    disparity = torch.rand(2, 1, height, width) * -16 + 2
    x = torch.arange(width) + disparity[:, 0]
    y = torch.arange(height, dtype=torch.float32)[:, None].expand(2, height, width)
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], -1)
    expected = F.grid_sample(right, grid, 'bilinear', 'zeros', align_corners=True)
    torch.testing.assert_close(warp(right, disparity), expected, atol=1e-5, rtol=0)


def test_a_scene_of_one_disparity_is_undone():
    left = torch.arange(12.).repeat(3, 1)[None, None]
    right = left + 4  # left x shows what right x - 4 shows
    assert torch.equal(warp(right, torch.full((1, 1, 3, 12), -4.))[..., 4:], left[..., 4:])


def test_gradient_in_both_arguments():
    torch.manual_seed(3)
    right = torch.randn(1, 2, 2, 6, dtype=torch.float64, requires_grad=True)
    # away from whole numbers, where the bilinear kernel has a corner
    disparity = torch.tensor([-0.3, -1.6, -2.2, -8.4, 0.7, -5.5], dtype=torch.float64)
    disparity = disparity.expand(1, 1, 2, 6).clone().requires_grad_()
    # positions are float32 inside: finite differences need steps that survive it
    assert torch.autograd.gradcheck(warp, (right, disparity), eps=1e-3, atol=1e-3)


def test_gradient_worked_by_hand():
    right = torch.tensor([[[[1., 4., 9.]]]])
    disparity = torch.tensor([[[[0., -0.5, -0.25]]]], requires_grad=True)
    warp(right, disparity).sum().backward()
    # the slope of the image where the taps lie: right[1] - right[0], ..., right[2] - right[1]
    assert disparity.grad.flatten().tolist() == [3, 3, 5]


def test_not_finite_disparity_does_not_crash():
    right = torch.ones(1, 1, 1, 4)
    disparity = torch.tensor([[[[-math.inf, math.inf, 0., 0.]]]])
    assert warp(right, disparity).flatten().tolist() == [0, 0, 1, 1]
