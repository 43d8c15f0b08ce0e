# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teaching all of SVS by pairs without ground truth: losses worked out by hand, and the loop."""

from __future__ import annotations

from dataclasses import replace
import itertools

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from depth_learning_ros.models import registry  # noqa: E402
from depth_learning_ros.training.augment import CameraFaults  # noqa: E402
from depth_learning_ros.training.config import TrainingConfig  # noqa: E402
from depth_learning_ros.training.loop import Trainer  # noqa: E402
from depth_learning_ros.training.pair_losses import (  # noqa: E402
    agreement_loss,
    appearance_where,
    pair_loss,
    seen_from_right,
)
from depth_learning_ros.training.view_samples import in_another_light  # noqa: E402


def row(*values):
    """One row as (1, 1, 1, w)."""
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1)


# What the right camera sees

def test_what_something_nearer_hides_is_not_seen():
    """Columns 5 and 6 at disparity 3 come to lie on 2 and 3, where the background was."""
    disparity = row(0, 0, 0, 0, 0, -3, -3, 0)
    assert seen_from_right(disparity).flatten().tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


def test_what_leaves_the_right_image_is_not_seen():
    disparity = row(-2.5, -2.5, -2.5, -2.5, -2.5)
    assert seen_from_right(disparity).flatten().tolist() == [0, 0, 0, 1, 1]


def test_a_slanted_surface_hides_nothing_of_itself():
    """From 0 px at the left to 3.9 at the right edge: all neighbours move on by 0.9 px."""
    disparity = -0.1 * torch.arange(40.0).reshape(1, 1, 1, -1)
    assert bool(seen_from_right(disparity).all())


# Losses

def wall(shift, height=32, width=64):
    """A random image and what a camera to its right sees of a wall at that disparity."""
    torch.manual_seed(0)
    wide = torch.nn.functional.avg_pool2d(torch.rand(1, 3, height, width + shift), 3, 1, 1)
    return wide[..., :width], wide[..., shift:]


def maps(shift, height=32, width=64):
    """The same disparity at all seven scales; only the four finest may count."""
    fine = [torch.full((1, 1, height // s, width // s), -float(shift)) for s in (8, 4, 2, 1)]
    return [torch.full((1, 1, 1, 2), -99.0)] * 3 + fine


def test_the_true_disparity_of_a_wall_costs_nothing():
    """Its 16 columns that the right camera does not see count for nothing."""
    left, right = wall(16)
    assert float(pair_loss(maps(16), left, right)) == pytest.approx(0, abs=1e-6)
    for wrong in (0, 8, 12, 20):
        assert float(pair_loss(maps(wrong), left, right)) > 0.05


def test_a_slope_costs_a_tenth_of_its_share_of_the_width():
    """Black images differ nowhere: what is left is the slope, 1 px in one of 3 steps of 4 px.

    0.1 * (1 / 4) / 3 along the rows and nothing down the columns.
    """
    black = torch.zeros(1, 3, 4, 4)
    disparity = row(0, 0, -1, -1).expand(1, 1, 4, 4)
    assert float(pair_loss([disparity], black, black)) == pytest.approx(0.1 / 4 / 3)


def test_gradients_lead_to_the_true_disparity():
    left, right = wall(8)
    for start, towards in ((-7.6, -1), (-8.4, 1)):
        value = torch.tensor(start, requires_grad=True)
        pair_loss([value.expand(1, 1, 32, 64)], left, right).backward()
        assert np.sign(float(-value.grad)) == towards


def test_appearance_counts_where_both_see():
    """Off by 0.5 in the first column, which is masked, and with it the windows that reach it."""
    view = torch.zeros(1, 3, 5, 7)
    made = view.clone()
    made[..., 0] = 0.5
    mask = torch.ones(1, 1, 5, 7)
    mask[..., 0] = 0
    assert float(appearance_where(view, made, mask)) == pytest.approx(0, abs=1e-7)
    # of the absolute difference alone: 0.15 * 0.5 in one of 7 columns; the window adds more
    assert float(appearance_where(view, made, torch.ones(1, 1, 5, 7))) > 0.15 * 0.5 / 7


def test_both_views_agree_on_a_wall_and_differ_by_shares_of_the_width():
    left, right = row(*[-4.0] * 16), row(*[4.0] * 16)
    assert float(agreement_loss(left, right, 16)) == 0
    assert float(agreement_loss(left, right + 2, 16)) == pytest.approx(2 / 16)
    # at a quarter of the resolution 4 px are a step of one: 3 of 4 columns are seen
    coarse = row(-4.0, -4.0, -4.0, -4.0)
    assert float(agreement_loss(coarse, row(5.0, 5.0, 5.0, 9.0), 16)) == pytest.approx(1 / 16)


# Light

ONLY = dict.fromkeys(CameraFaults.__dataclass_fields__, 0.0)


def test_light_changes_both_views_in_the_same_way():
    image = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    for seed in range(6):
        left, right = in_another_light(image, image, np.random.default_rng(seed))
        assert np.array_equal(left, right) and left.shape == image.shape
    same, _ = in_another_light(image, image, np.random.default_rng(0), CameraFaults(**ONLY))
    assert np.array_equal(same, image)


def test_gray_stays_gray_in_any_light():
    image = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    faults = CameraFaults(**{**ONLY, 'gray': 1.0, 'tone': 1.0})
    for view in in_another_light(image, image, np.random.default_rng(1), faults):
        assert (view[..., 0] == view[..., 1]).all() and (view[..., 1] == view[..., 2]).all()
        order = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).argsort(None)
        assert (np.diff(view[..., 0].ravel()[order].astype(int)) >= 0).all()  # brighter stays so


def test_light_stays_within_gain_gamma_and_tint():
    """255 becomes at least 255 * 0.8 * 0.95, and nothing leaves 0..255."""
    white = np.full((4, 4, 3), 255, np.uint8)
    faults = CameraFaults(**{**ONLY, 'tone': 1.0})
    values = [in_another_light(white, white, np.random.default_rng(seed), faults)[0][0, 0]
              for seed in range(40)]
    assert np.min(values) >= 193 and np.max(values) == 255
    assert any(len(set(value.tolist())) > 1 for value in values)  # tinted


# Time

def test_the_minutes_of_a_stage_are_those_of_the_clock(tmp_path, monkeypatch):
    """A clock on which each step takes 6 s: half a minute is five steps."""
    rng = np.random.default_rng(0)
    views = {side: rng.integers(0, 255, (3, 72, 160), np.uint8) for side in ('left', 'right')}
    known = {name: np.full((72, 160), 4.5, np.float16)
             for name in ('disparity', 'disparity_right')}
    np.savez(tmp_path / '00000000.npz', **views, **known)
    tiny = replace(registry.config_of('svs-small'), name='tiny', width=1 / 32, channel_multiple=2,
                   max_displacement=3, levels=17, input_height=64, input_width=128)
    monkeypatch.setitem(registry.CONFIGS, 'tiny', tiny)
    config = TrainingConfig.from_dict({
        'network': 'tiny', 'scenes': str(tmp_path), 'validation': str(tmp_path), 'workers': 0,
        'precision': '32-true', 'stages': [
            {'train': 'pairs', 'minutes': 0.5, 'batch': 1, 'crop_height': 64, 'crop_width': 64}]})
    trainer = Trainer(config, tmp_path / 'run')
    trainer.clock = itertools.count(0, 6).__next__
    trainer.run()
    assert (trainer.state.step, trainer.state.minutes) == (5, pytest.approx(0.5))
