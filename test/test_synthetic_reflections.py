# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mirror images in rendered scenes, and the cars that show them."""

from dataclasses import replace
import math

import pytest
import torch

from depth_learning_ros.data.synthetic.builder import Builder
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.pyramid import TexturePyramid, change_per_pixel
from depth_learning_ros.data.synthetic.render import render
from depth_learning_ros.data.synthetic.scene import Scene, Surroundings, Thing
from depth_learning_ros.data.synthetic.surfaces import Ellipsoid, Quad, Rays
from depth_learning_ros.data.synthetic.surroundings import draw_surroundings, look_at
from depth_learning_ros.data.synthetic.textures import SIZE, TextureBank
from depth_learning_ros.data.synthetic.vehicles import Pose, add_parked_row, add_saloon
from depth_learning_ros.data.synthetic.waves import Waves

SKY, GROUND, TREES, PAINT = range(4)
#: trees up to 0.6 * 0.5 above the horizon, at half of their brightness
WOODS = Surroundings(TREES, 1.0, 1.0, 0.5, Waves(()), 0.5, 2.0)


def textures(trees=None):
    """Sky 0.4, ground 0.1, trees 0.8 or as given, black paint."""
    plain = [torch.full((3, SIZE, SIZE), value) for value in (0.4, 0.1, 0.8, 0.0)]
    if trees is not None:
        plain[TREES] = trees
    return torch.stack(plain)


def scene_of(surface, mirror, trees=None):
    return Scene([Thing(surface, PAINT, mirror=mirror)], textures(trees), 65, 33, 100.0, 0.5,
                 (0.0, -1.0, 0.0), 1.0, surroundings=WOODS)


def test_sky_stands_above_the_trees_and_these_on_the_ground():
    y = torch.tensor([-0.31, -0.29, 0.04, 0.06])
    seen = look_at(WOODS, TexturePyramid(textures()), torch.zeros(4), y, torch.zeros(4))
    assert seen.shape == (3, 4)
    assert seen[0].tolist() == pytest.approx([0.8, 0.4, 0.4, 0.05])


def test_a_skyline_is_uneven():
    jagged = replace(WOODS, skyline=Waves(((math.pi / 2, 0.0, 0.0, 0.4),)))
    # at x = 1 the wave is 0.4: the trees rise to 0.5 * (0.6 + 0.4); at x = -1 to 0.5 * 0.2
    x, y = torch.tensor([1.0, 1.0, -1.0, -1.0]), torch.tensor([-0.51, -0.49, -0.11, -0.09])
    seen = look_at(jagged, TexturePyramid(textures()), x, y, torch.zeros(4))
    assert seen[0].tolist() == pytest.approx([0.8, 0.4, 0.8, 0.4])


def test_what_a_curved_mirror_squeezes_together_is_averaged():
    checks = torch.zeros(3, SIZE, SIZE)
    checks[:, ::2, ::2] = checks[:, 1::2, 1::2] = 1.0
    pyramid = TexturePyramid(textures(checks))
    at = torch.linspace(-0.02, 0.02, 40), torch.full((40,), -0.1)
    sharp = look_at(WOODS, pyramid, *at, torch.zeros(40))
    squeezed = look_at(WOODS, pyramid, *at, torch.full((40,), 8 / SIZE))
    assert float(sharp.std()) > 0.05 and float(squeezed.std()) < 1e-4
    assert float(squeezed.mean()) == pytest.approx(0.25)  # half of them white, at half brightness


def test_change_per_pixel_by_hand():
    nothing = math.nan
    one = torch.tensor([[0.0, 0.1, 0.9], [0.0, 0.3, nothing]])
    other = torch.tensor([[0.0, 0.0, 0.0], [0.4, 0.0, 0.0]])
    # top left: 0.4 down in the other; top middle: 0.2 down, 0.8 across is an edge; top right:
    # down there is nothing, and the last column repeats the one before it
    assert change_per_pixel([one], 0.5).flatten().tolist() == pytest.approx(
        [0.1, 0.2, 0.0, 0.3, 0.2, 0.0])
    assert change_per_pixel([one, other], 0.5).flatten().tolist() == pytest.approx(
        [0.4, 0.2, 0.0, 0.4, 0.2, 0.0])


def test_a_flat_mirror_shows_what_is_far_away_but_has_its_own_disparity():
    smooth = torch.nn.functional.avg_pool2d(
        torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)), 9, 1, 4)[0]
    pane = Quad((0, 0, 8), (20, 0, 0), (0, 20, 0))
    sample = render(scene_of(pane, 1.0, smooth))
    assert torch.allclose(sample.disparity, torch.full((33, 65), 100 / 8))
    assert torch.allclose(sample.left, sample.right, atol=1e-6)  # as of something at infinity
    assert float(sample.left.std()) > 0.01


def test_a_mirror_takes_its_share_and_more_at_grazing_angles():
    facing = render(scene_of(Quad((0, 0, 8), (20, 0, 0), (0, 20, 0)), 0.5))
    # straight on: 0.5 * 0.4 of trees at 0.8 * 0.5; the paint is black
    assert float(facing.left[0, 16, 32]) == pytest.approx(0.5 * 0.4 * 0.4, rel=1e-3)
    floor = render(scene_of(Quad((0, 1, 50), (50, 0, 0), (0, 0, 50)), 0.5))
    # row 26 looks down by 9.5 / 100: its sine is how far the mirror is faced
    slope = 0.095
    share = 0.5 * (0.4 + 0.6 * (1 - slope / math.hypot(1, slope)))
    assert float(floor.left[0, 26, 32]) == pytest.approx(share * 0.4, rel=1e-3)


def test_nothing_is_mirrored_without_surroundings():
    pane = Quad((0, 0, 8), (20, 0, 0), (0, 20, 0))
    assert float(render(replace(scene_of(pane, 1.0), surroundings=None)).left.max()) == 0
    ball = scene_of(Ellipsoid((0, 0, 8), (2, 2, 2)), 0.0)
    assert float(render(ball).left[:, 16, 32].max()) == 0


def test_drawn_surroundings_use_a_texture_of_the_scene():
    drawn = [draw_surroundings(Dice(seed), 5) for seed in range(40)]
    assert {s.texture for s in drawn} == {1, 2, 3, 4}


def test_a_trapezoid_is_narrow_where_down_points_from():
    rays = Rays(torch.tensor([[0.0, 0.45, 0.7, 0.95]]), torch.tensor([[-0.9], [0.0], [0.9]]), 0.0)
    plate = Quad((0, 0, 1), (1, 0, 0), (0, 1, 0), outline='trapezoid', bar=0.4)
    # half as wide as 0.4 + 0.6 * (b + 1) / 2: 0.43, 0.70 and 0.97
    assert torch.isfinite(plate.hit(rays).depth).tolist() == [
        [True, False, False, False], [True, True, True, False], [True, True, True, True]]


def test_a_pose_turns_and_stands_on_the_ground():
    pose = Pose(1.0, 3.0, 10.0, math.pi / 2)
    # turned by a quarter, its right is ahead and what is ahead of it is to the left
    assert pose.at(2, 1, 0) == pytest.approx((1, 2, 12))
    assert pose.at(0, 0, 2) == pytest.approx((-1, 3, 10))


@pytest.mark.parametrize('curved', [False, True])
@pytest.mark.parametrize('seed', range(6))
def test_nobody_can_look_through_a_car(seed, curved):
    """From its bumper to its roof a car is closed, but for a crack along a wavy bonnet."""
    b = Builder(Dice(seed), 160, 120, 150.0, 0.5, GeneratorOptions(height_fields=curved))
    add_saloon(b, Pose(0.5, 2.5, 12.0, 0.0), (1.7, 0.8, 4.0))
    sample = render(b.finish(TextureBank(1, 12)))
    for disparity, middle in ((sample.disparity, 80), (sample.disparity_right, 74)):
        column = disparity[:, middle - 3:middle + 4]
        solid = torch.nonzero((column > 0).any(1)).flatten()
        body = column[int(solid[0]) + 1:74]  # above the bumper's lower edge
        assert len(body) > 8
        assert float((body == 0).float().mean()) <= (0.02 if curved else 0)
        # its near end at 8 baselines, nothing nearer
        assert float(column.max()) <= 150 / 8 * 1.02


def test_a_row_of_parked_cars_crosses_the_view():
    for seed in range(8):
        b = Builder(Dice(seed), 160, 120, 150.0, 0.5, GeneratorOptions())
        add_parked_row(b, 2.5)
        assert 9 <= len(b.things) <= 110
        sample = render(b.finish(TextureBank(1, 12)))
        assert torch.isfinite(sample.left).all() and torch.isfinite(sample.disparity).all()
        assert float((sample.disparity > 0).any(0).float().mean()) > 0.3, seed
