# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes for one camera, and the samples that are cut from them and from logs."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('lightning_fabric')

from mono_training import log_folder, run_config, shifted_pair  # noqa: E402

from depth_learning_ros.data.sets.registry import open_data_set  # noqa: E402
from depth_learning_ros.data.synthetic.dice import Dice  # noqa: E402
from depth_learning_ros.data.synthetic.mono import (  # noqa: E402
    BASELINE_M,
    FOCAL_PX,
    hall,
    metres,
    street,
)
from depth_learning_ros.data.synthetic.render import render  # noqa: E402
from depth_learning_ros.training.view_samples import ViewSamples, cut  # noqa: E402


class OneBank:
    """Gives noise for every texture: a real bank takes seconds to make."""

    def draw(self, dice, count):
        return dice.uniform(count, 3, 256, 256)


@pytest.mark.parametrize('world', [street, hall])
def test_scenes_have_the_sizes_of_real_ones(world):
    """How near the ground looks follows from the camera's height: the scale that is learned."""
    lowest, highest = {street: (1.55, 1.75), hall: (1.0, 1.3)}[world]
    for seed in range(3):
        scene = world(Dice(seed), OneBank(), 48, 216)
        rows_below_horizon = 215 - scene.horizon * 216
        ground = float(render(scene).disparity[-1].min())  # what stands on it is nearer
        height_m = rows_below_horizon / ground * BASELINE_M
        # furniture, cars and kerbs can hide all of the ground, and look like a lower camera
        assert height_m < highest + 0.01
        if seed == 0:
            assert height_m > lowest - 0.01
    assert metres(0.54) == 1
    assert pytest.approx(370, abs=1) == FOCAL_PX


def test_a_scene_is_the_same_whenever_it_is_drawn():
    scenes = [street(Dice(7), OneBank(), 32, 16) for _ in range(2)]
    assert torch.equal(*(render(each).disparity for each in scenes))
    assert torch.equal(scenes[0].textures, scenes[1].textures)


def scene_of(disparity, width=160, height=80):
    left, right = shifted_pair(8)
    images = [(np.resize(each[0].numpy().transpose(1, 2, 0), (height, width, 3)) * 255
               ).astype(np.uint8) for each in (left, right)]
    known = np.full((height, width), disparity, np.float32)
    return {'left': images[0], 'right': images[1], 'disparity': known,
            'disparity_right': known + 1}


def test_cuts_keep_the_scale_of_a_whole_image():
    """An image of 1280 is one of 640 seen at half the size: disparities halve, up to the zoom."""
    rng = np.random.default_rng(0)
    for _ in range(6):
        left, right, truth, truth_right = cut(scene_of(20, 1280, 400), 64, 128, rng)
        assert left.shape == right.shape == (64, 128, 3)
        values = sorted([float(truth.mean()), float(truth_right.mean())])
        assert 10 <= values[0] <= 10 * 1.13
        assert values[1] - values[0] == pytest.approx(0.5, abs=0.07)


def test_pairs_without_ground_truth_have_unknown_maps():
    scene = {name: value for name, value in scene_of(5).items() if 'disparity' not in name}
    truth = cut(scene, 32, 64, np.random.default_rng(0))[2]
    assert np.isnan(truth).all()


def test_views_of_real_cameras_are_only_made_brighter_or_darker_together(tmp_path):
    log = log_folder(tmp_path / 'log', {'focal_px': 90.0, 'baseline_m': 0.12})
    config = run_config(tmp_path, 'view', data=[log], scenes_weight=0)
    source = open_data_set('pairs', log['root'])
    left, right, truth, _ = ViewSamples(config, [source], 64, 120, whole=150).sample(0)
    assert torch.isnan(truth).all()
    # both views of this log are the same image; mirrored they are swapped, and still the same
    assert torch.equal(left, right)
