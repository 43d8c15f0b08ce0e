# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The graph Laplacian against a matrix that is really formed, by hand, and its gradient."""

import math

import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation.laplacian import (
    GraphOptions,
    edge_weights,
    half_neighbourhood,
    quadratic_form,
)

FLAT = GraphOptions(patch_px=0, sigma=1.0, cut=1e6)


def as_map(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[None, None]


def dense_laplacian(image, current, options: GraphOptions) -> np.ndarray:
    """L = D - W over all pixels of one map, pixel by pixel as the definition says."""
    height, width = current.shape
    count = height * width
    weights = np.zeros((count, count))
    for a in range(count):
        for b in range(count):
            (ya, xa), (yb, xb) = divmod(a, width), divmod(b, width)
            far = max(abs(ya - yb), abs(xa - xb))
            patch = options.patch_px or 10**6
            if a == b or far > options.radius_px or (ya // patch, xa // patch) != (
                    yb // patch, xb // patch):
                continue
            distance2 = np.mean((image[:, ya, xa] - image[:, yb, xb]) ** 2) + (
                options.disparity_scale * (current[ya, xa] - current[yb, xb])) ** 2
            if distance2 <= (options.cut * options.sigma) ** 2:
                weights[a, b] = math.exp(-distance2 / (2 * options.sigma ** 2))
    return np.diag(weights.sum(1)) - weights


@pytest.mark.parametrize('options', [
    GraphOptions(patch_px=0, radius_px=1, sigma=0.3, cut=2.0, disparity_scale=0.1),
    GraphOptions(patch_px=3, radius_px=1, sigma=0.3, cut=2.0, disparity_scale=0.1),
    GraphOptions(patch_px=4, radius_px=2, sigma=0.5, cut=1.2, disparity_scale=0.05),
    GraphOptions(patch_px=0, radius_px=9, sigma=0.5, cut=3.0, disparity_scale=0.0)])
def test_it_is_the_quadratic_form_of_the_dense_matrix(options):
    rng = np.random.default_rng(3)
    image, current = rng.random((2, 3, 7, 6)), -8 * rng.random((2, 1, 7, 6))
    s = -8 * rng.random((2, 1, 7, 6))
    found = quadratic_form(*(torch.from_numpy(v) for v in (s, image, current)), options)
    for index in range(2):
        laplacian = dense_laplacian(image[index], current[index, 0], options)
        flat = s[index].reshape(-1)
        assert found[index].item() == pytest.approx(flat @ laplacian @ flat, rel=1e-9)


def test_the_gradient_is_two_l_s_and_goes_to_s_alone():
    options = GraphOptions(patch_px=3, sigma=0.3, cut=2.0, disparity_scale=0.1)
    rng = np.random.default_rng(4)
    values = [torch.from_numpy(v).requires_grad_() for v in (
        -8 * rng.random((1, 1, 5, 6)), rng.random((1, 3, 5, 6)), -8 * rng.random((1, 1, 5, 6)))]
    quadratic_form(*values, options).sum().backward()
    s, image, current = values
    laplacian = dense_laplacian(image[0].detach().numpy(), current[0, 0].detach().numpy(), options)
    assert np.allclose(s.grad.reshape(-1), 2 * laplacian @ s.detach().numpy().reshape(-1))
    assert image.grad is None and current.grad is None
    assert torch.autograd.gradcheck(
        lambda x: quadratic_form(x, image.detach(), current.detach(), options), (s,))


def test_a_patch_of_two_by_two_worked_by_hand():
    s = as_map([[0, 1], [3, 6]])
    same = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    # rows 1 + 9, columns 9 + 25, diagonals 36 + 4
    assert quadratic_form(s, same, same, FLAT).item() == 84.0
    # the right column's gray is such that an edge to it weighs exp(-ln 2) = 1/2
    image = as_map([[0, math.sqrt(2 * math.log(2))]] * 2)
    assert quadratic_form(s, image, same, FLAT).item() == pytest.approx(9 + 25 + 50 / 2)
    cut = GraphOptions(patch_px=0, sigma=1.0, cut=1.0)
    assert quadratic_form(s, image, same, cut).item() == 34.0
    # a step of the prediction counts like one of the image
    step = GraphOptions(patch_px=0, sigma=1.0, cut=1e6, disparity_scale=0.5)
    assert quadratic_form(s, same, 2 * image, step).item() == pytest.approx(59)
    assert quadratic_form(s, same, same, GraphOptions(patch_px=1)).item() == 0


def test_a_constant_costs_nothing_and_patches_do_not_know_each_other():
    image = torch.rand(1, 3, 8, 8)
    assert quadratic_form(torch.full((1, 1, 8, 8), -7.0), image, torch.zeros(1, 1, 8, 8),
                          FLAT).item() == 0
    steps = torch.zeros(1, 1, 8, 8)
    steps[..., 4:] = -20
    by_patch = GraphOptions(patch_px=4, sigma=1.0, cut=1e6)
    assert quadratic_form(steps, 0 * image, 0 * steps, by_patch).item() == 0
    assert quadratic_form(steps, 0 * image, 0 * steps, FLAT).item() == (8 + 2 * 7) * 400


def test_every_edge_is_met_once():
    assert half_neighbourhood(1) == [(0, 1), (1, -1), (1, 0), (1, 1)]
    assert [len(half_neighbourhood(r)) for r in (1, 2, 3)] == [4, 12, 24]
    for radius in (1, 2):
        found = half_neighbourhood(radius)
        assert not {(-y, -x) for y, x in found} & set(found)


def test_weights_are_made_edge_by_edge_never_as_a_matrix():
    zeros = torch.zeros(1, 1, 40, 50)
    sizes = [weight.numel() for _, weight in edge_weights(zeros, zeros, FLAT)]
    assert sizes == [40 * 49, 39 * 49, 39 * 50, 39 * 49]
