# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene generator: what a pixel shows is what its disparity says."""

import numpy as np
import pytest
import torch

from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import ScenePool, render_to_pool
from depth_learning_ros.data.synthetic.render import Scene, Thing, occlusion, render
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad, Rays, box
from depth_learning_ros.data.synthetic.textures import RECIPES, SIZE, TextureBank, random_texture
from depth_learning_ros.data.synthetic.worlds import WORLDS
from depth_learning_ros.errors import DataError

FORWARD = Rays(torch.tensor([[-0.5, 0.0, 0.5]]), torch.tensor([[0.0]]), 0.0)


def scene_of(*things, width=65, height=33, focal_px=100.0):
    textures = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.avg_pool2d(textures, 31, 1, 15)
    return Scene([Thing(t, 1) for t in things], smooth, width, height, focal_px, 0.5,
                 (0.0, -1.0, 0.0), 1.0)


def test_a_wall_at_depth_z_has_disparity_focal_over_z():
    wall = Quad((0, 0, 8), (20, 0, 0), (0, 20, 0))
    sample = render(scene_of(wall))
    assert torch.allclose(sample.disparity, torch.full((33, 65), 100 / 8))
    assert torch.allclose(sample.disparity_right, torch.full((33, 65), 100 / 8))
    # the 12.5 leftmost columns have no match in the right image
    assert sample.occluded[:, :13].all() and not sample.occluded[:, 13:].any()


def test_an_empty_scene_is_sky_at_infinity():
    sample = render(scene_of())
    assert (sample.disparity == 0).all()
    assert torch.equal(sample.left, sample.right)
    assert not sample.occluded.any()


def test_a_slanted_floor_has_the_disparity_of_its_height():
    floor = Quad((0, 2, 50), (100, 0, 0), (0, 0, 50))
    sample = render(scene_of(floor))
    # a row y px below the horizon meets the floor at z = focal * 2 / y: disparity y / 2
    rows = torch.arange(33) - 0.5 * 33
    expected = torch.where(rows > 100 * 2 / 100, rows / 2, 0)
    assert torch.allclose(sample.disparity[:, 30], expected, atol=1e-4)


def test_sphere_cylinder_and_box_are_met_where_geometry_says():
    sphere = Ellipsoid((0, 0, 5), (1, 1, 1)).hit(FORWARD)
    assert sphere.depth[0, 1] == pytest.approx(4)
    assert torch.isinf(sphere.depth[0, 0])  # the ray at slope 0.5 passes at 2.2 from the centre
    pole = Cylinder((0, 0, 5), (0, 3, 0), 0.5).hit(FORWARD)
    assert pole.depth[0, 1] == pytest.approx(4.5)
    faces = [f.hit(FORWARD).depth[0, 1] for f in box((0, 0, 5), (1, 1, 2), 0.0)]
    assert min(faces) == pytest.approx(3)


def test_normals_face_the_camera():
    for surface in (Quad((0, 0, 4), (1, 0, 0), (0, 1, 0)), Quad((0, 0, 4), (1, 0, 0), (0, -1, 0)),
                    Ellipsoid((0, 0, 4), (1, 1, 1)), Cylinder((0, 0, 4), (0, 1, 0), 1.0)):
        normal_z = surface.hit(FORWARD).normal[2]
        assert float(normal_z.reshape(-1)[normal_z.numel() // 2]) == pytest.approx(-1)


def test_outlines_cut_figures():
    rays = Rays(torch.tensor([[0.0, 0.9]]), torch.tensor([[0.0], [0.9]]), 0.0)
    plate = {'center': (0, 0, 1), 'across': (1, 0, 0), 'down': (0, 1, 0)}
    assert torch.isfinite(Quad(**plate).hit(rays).depth).all()
    ellipse = torch.isfinite(Quad(**plate, outline='ellipse').hit(rays).depth)
    assert ellipse.tolist() == [[True, True], [True, False]]
    frame = torch.isfinite(Quad(**plate, outline='frame', bar=0.2).hit(rays).depth)
    assert frame.tolist() == [[False, True], [True, True]]


def test_nearer_things_hide_others_and_cast_occlusions():
    wall = Quad((0, 0, 10), (20, 0, 0), (0, 20, 0))
    plate = Quad((0.1, 0, 5), (0.5, 0, 0), (0, 5, 0))
    sample = render(scene_of(wall, plate, width=129))
    row = sample.disparity[16]
    assert set(row.unique().tolist()) == {10.0, 20.0}
    columns = torch.nonzero(row == 20).flatten()
    # the plate covers what lies d_near - d_far = 10 px to its left in the left image
    first = int(columns[0])
    assert sample.occluded[16, first - 9:first].all()
    assert not sample.occluded[16, first:].any()


def test_occlusion_by_hand():
    left = torch.tensor([[0.0, 0, 0, 2, 2, 0]])
    right = torch.tensor([[0.0, 2, 2, 0, 0, 0]])
    expected = [[False, True, True, False, False, False]]
    assert occlusion(left, right).tolist() == expected


@pytest.mark.parametrize('world', WORLDS, ids=lambda w: w.__name__)
def test_matching_pixels_look_alike(world):
    """Warp the right view by the left disparity: what both see must agree."""
    sample = render(world(Dice(7), TextureBank(7, 10), 192, 96))
    match = torch.arange(192) - sample.disparity
    near = match.floor().long().clamp(0, 190)
    share = (match - near)[None]
    there = torch.gather(sample.right, 2, near[None].expand(3, -1, -1))
    beside = torch.gather(sample.right, 2, near[None].expand(3, -1, -1) + 1)
    error = (sample.left - torch.lerp(there, beside, share)).abs().mean(0)
    assert float(error[~sample.occluded].median()) < 0.02
    shuffled = (sample.left - sample.right.flip(2)).abs().mean(0)
    assert float(error[~sample.occluded].mean()) < 0.5 * float(shuffled.mean())


def test_the_same_number_is_the_same_scene_and_others_differ():
    first, again = SceneGenerator(3, 96, 64), SceneGenerator(3, 96, 64)
    one, two = first[5], again[5]
    assert torch.equal(one.left, two.left) and torch.equal(one.disparity, two.disparity)
    assert not torch.equal(one.disparity, first[6].disparity)
    assert not torch.equal(one.disparity, SceneGenerator(4, 96, 64)[5].disparity)


@pytest.mark.parametrize('recipe', RECIPES, ids=lambda r: r.__name__)
def test_textures_are_images(recipe):
    image = recipe(Dice(2))
    assert image.shape == (3, SIZE, SIZE) and torch.isfinite(image).all()


def test_random_textures_stay_in_range():
    for seed in range(8):
        image = random_texture(Dice(seed))
        assert float(image.min()) >= 0 and float(image.max()) <= 1


def test_pool_renders_what_is_missing_and_reads_it_back(tmp_path):
    generator = SceneGenerator(1, 96, 64)
    assert list(render_to_pool(tmp_path, generator, range(2))) == [0, 1]
    written = (tmp_path / '00000000.npz').stat().st_mtime_ns
    list(render_to_pool(tmp_path, generator, range(2)))
    assert (tmp_path / '00000000.npz').stat().st_mtime_ns == written
    pool = ScenePool(tmp_path)
    scene = pool[1]
    assert len(pool) == 2 and scene['left'].dtype == np.uint8
    assert np.allclose(scene['disparity'], generator[1].disparity, atol=0.07)
    assert not list(tmp_path.glob('*.part'))


def test_an_empty_pool_says_what_it_looked_for(tmp_path):
    with pytest.raises(DataError, match=r'NUMBER\.npz'):
        ScenePool(tmp_path)
