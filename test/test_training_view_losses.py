# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of learning from one image, worked out by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from mono_training import monodepth_output, shifted_pair  # noqa: E402

from depth_learning_ros.training.monodepth import (  # noqa: E402
    dissimilarity,
    monodepth_loss,
    roughness,
)
from depth_learning_ros.training.svs_losses import selection_loss, view_loss  # noqa: E402


def test_view_loss_counts_gray_levels():
    imagined = torch.zeros(1, 3, 2, 4)
    assert float(view_loss(imagined, imagined + 2 / 255)) == pytest.approx(2)
    assert float(view_loss(imagined, torch.full((1, 3, 4, 8), 3 / 255))) == pytest.approx(3)


def test_selection_loss_is_shared_by_the_two_shifts_next_to_the_truth():
    selection = torch.tensor([0.1, 0.2, 0.6, 0.1]).reshape(1, 4, 1, 1)
    truth = torch.full((1, 1, 1, 1), -1.25)  # three quarters of 1, one quarter of 2
    expected = -(0.75 * math.log(0.2) + 0.25 * math.log(0.6))
    assert float(selection_loss(selection, truth, range(4))) == pytest.approx(expected)
    last = torch.full((1, 1, 1, 1), -3.0)
    assert float(selection_loss(selection, last, range(4))) == pytest.approx(-math.log(0.1))


@pytest.mark.parametrize('truth', [math.nan, -3.5, 1.0])
def test_selection_loss_leaves_out_what_is_unknown_or_out_of_reach(truth):
    selection = torch.full((1, 4, 1, 1), 0.25, requires_grad=True)
    loss = selection_loss(selection, torch.full((1, 1, 1, 1), truth), range(4))
    loss.backward()
    assert loss.item() == 0 and not selection.grad.any()


def test_selections_around_zero_have_no_such_loss():
    selection = torch.full((1, 3, 1, 1), 1 / 3)
    assert float(selection_loss(selection, torch.zeros(1, 1, 1, 1), None)) == 0


def test_equal_images_are_not_dissimilar():
    image = torch.rand(1, 3, 8, 8)
    assert float(dissimilarity(image, image).max()) == 0
    assert float(dissimilarity(image, 1 - image).mean()) > 0.5


def test_slopes_count_less_where_the_image_has_edges():
    disparity = torch.tensor([0.0, 1.0, 1.0]).reshape(1, 1, 1, 3).expand(1, 1, 2, 3)
    flat = torch.zeros(1, 3, 2, 3)
    edge = torch.tensor([0.0, 2.0, 2.0]).reshape(1, 1, 1, 3).expand(1, 3, 2, 3)
    assert float(roughness(disparity, flat)) == pytest.approx(0.5)
    assert float(roughness(disparity, edge)) == pytest.approx(0.5 * math.exp(-2))


def test_monodepth_loss_is_least_at_the_true_disparity():
    left, right = shifted_pair(8)
    losses = {shift: float(monodepth_loss(monodepth_output(shift), left, right))
              for shift in (0, 4, 8, 12, 16)}
    assert min(losses, key=losses.__getitem__) == 8
