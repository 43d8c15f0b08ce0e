# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The scene generator: what a pixel shows is what its disparity says."""

from dataclasses import replace
import math

import numpy as np
import pytest
import torch

from depth_learning_ros.data.images import write_image
from depth_learning_ros.data.synthetic.builder import Builder
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.options import VERSION, GeneratorOptions
from depth_learning_ros.data.synthetic.pictures import Pictures
from depth_learning_ros.data.synthetic.pool import ScenePool, read_stamp, render_to_pool
from depth_learning_ros.data.synthetic.relief import Relief
from depth_learning_ros.data.synthetic.render import occlusion, render
from depth_learning_ros.data.synthetic.scene import Scene, Thing
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad, Rays, box
from depth_learning_ros.data.synthetic.textures import RECIPES, SIZE, TextureBank, random_texture
from depth_learning_ros.data.synthetic.waves import Waves
from depth_learning_ros.data.synthetic.worlds import WORLDS
from depth_learning_ros.errors import DataError

FORWARD = Rays(torch.tensor([[-0.5, 0.0, 0.5]]), torch.tensor([[0.0]]), 0.0)


@pytest.fixture(scope='module')
def bank():
    return TextureBank(7, 12)


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
        normal_z = torch.as_tensor(surface.hit(FORWARD).normal[2])
        assert float(normal_z.reshape(-1)[normal_z.numel() // 2]) == pytest.approx(-1)


def test_outlines_cut_figures():
    rays = Rays(torch.tensor([[0.0, 0.9]]), torch.tensor([[0.0], [0.9]]), 0.0)
    plate = {'center': (0, 0, 1), 'across': (1, 0, 0), 'down': (0, 1, 0)}
    assert torch.isfinite(Quad(**plate).hit(rays).depth).all()
    ellipse = torch.isfinite(Quad(**plate, outline='ellipse').hit(rays).depth)
    assert ellipse.tolist() == [[True, True], [True, False]]
    frame = torch.isfinite(Quad(**plate, outline='frame', bar=0.2).hit(rays).depth)
    assert frame.tolist() == [[False, True], [True, True]]


def test_wavy_outlines():
    rays = Rays(torch.tensor([[0.0, 0.75, 0.85]]), torch.tensor([[0.0]]), 0.0)
    level = Waves(())  # 0 everywhere
    plate = {'center': (0, 0, 1), 'across': (1, 0, 0), 'down': (0, 1, 0), 'waves': level}
    blob = torch.isfinite(Quad(**plate, outline='blob').hit(rays).depth)
    assert blob.tolist() == [[True, True, False]]  # radius^2 <= 0.65
    bare, full = (torch.isfinite(Quad(**plate, outline='leaves', bar=bar).hit(rays).depth)
                  for bar in (0.4, 0.6))
    assert not bare.any() and full.tolist() == [[True, True, True]]


def test_a_cone_is_met_where_geometry_says():
    cone = Cylinder((0, 0, 5), (0, -1, 0), 1.0, taper=0.5)  # radius 1 + 0.5 h at height h
    depth = cone.hit(Rays(torch.tensor([[0.0]]), torch.tensor([[0.0], [-0.2], [0.2]]), 0.0)).depth
    # z = 5 - (1 + 0.5 s z): z = 4 / (1 + 0.5 s), s the slope of the ray
    assert depth.flatten().tolist() == pytest.approx([4, 4 / 1.1, 4 / 0.9])


def test_an_open_cylinder_shows_its_inside():
    tube = Cylinder((0, 0, 5), (0, 0, 1), 1.0)
    hit = tube.hit(Rays(torch.tensor([[0.0, 0.2, 0.5]]), torch.tensor([[0.0]]), 0.0))
    # at slope 0.2 x is 1 at z = 5; at slope 0.5 at z = 2, before the tube begins
    assert hit.depth[0].tolist() == pytest.approx([math.inf, 5.0, math.inf])
    assert float(hit.normal[0][0, 1]) == pytest.approx(-1)


def test_a_relief_is_met_on_its_waves():
    # h = 0.3 sin(2 pi a) over the plane z = 6, towards the camera
    waves = Waves(((2 * math.pi, 0.0, 0.0, 1.0),))
    relief = Relief((0, 0, 6), (2, 0, 0), (0, 2, 0), waves, 0.3)
    for origin in (0.0, 1.0):
        rays = Rays(torch.linspace(-0.25, 0.1, 41)[None], torch.tensor([[0.0], [0.1]]), origin)
        hit = relief.hit(rays)
        a = (origin + rays.x * hit.depth) / 2
        assert torch.isfinite(hit.depth).all()
        height = 6 - hit.depth
        # the normal of the rectangle is +z: 'raised' is away from it, and seen from its back
        assert torch.allclose(height.abs(), (0.3 * torch.sin(2 * math.pi * a)).abs(), atol=1e-4)
        assert float(height.abs().max()) > 0.25


def test_a_relief_of_no_height_is_its_plane():
    rays = Rays(torch.linspace(-0.5, 0.5, 9)[None], torch.linspace(0.06, 0.5, 9)[:, None], 0.0)
    plane = {'center': (0, 2, 20), 'across': (30, 0, 0), 'down': (0, 0, 20)}
    flat = Relief(**plane, waves=Waves(((9.0, 1.0, 0.3, 1.0),)), height=1e-3)
    expected = Quad(**plane).hit(rays)
    assert torch.allclose(flat.hit(rays).depth, expected.depth, rtol=2e-3)


def test_waves_stay_within_one_and_know_their_slope():
    waves = Waves.draw(Dice(4), 5, 0.3, 2.0)
    x = torch.linspace(-1, 1, 50)[None].expand(50, 50).double().requires_grad_()
    y = torch.linspace(-1, 1, 50)[:, None].expand(50, 50).double().requires_grad_()
    value = waves.at(x, y)
    assert float(value.detach().abs().max()) <= 1
    by_x, by_y = torch.autograd.grad(value.sum(), (x, y))
    along_x, along_y = waves.gradient(x.detach(), y.detach())
    assert torch.allclose(by_x, along_x) and torch.allclose(by_y, along_y)


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


@pytest.mark.parametrize('world', WORLDS)
def test_matching_pixels_look_alike(world, bank):
    """Warp the right view by the left disparity: what both see must agree."""
    sample = render(WORLDS[world][0](Dice(7), bank, 192, 96, GeneratorOptions()))
    match = torch.arange(192) - sample.disparity
    near = match.floor().long().clamp(0, 190)
    share = (match - near)[None]
    there = torch.gather(sample.right, 2, near[None].expand(3, -1, -1))
    beside = torch.gather(sample.right, 2, near[None].expand(3, -1, -1) + 1)
    error = (sample.left - torch.lerp(there, beside, share)).abs().mean(0)
    assert float(error[~sample.occluded].median()) < 0.02
    shuffled = (sample.left - sample.right.flip(2)).abs().mean(0)
    assert float(error[~sample.occluded].mean()) < 0.5 * float(shuffled.mean())


@pytest.mark.parametrize('world', WORLDS)
def test_both_views_tell_the_same_disparity(world, bank):
    """Where the left disparity is smooth and seen by both, the right view's agrees with it."""
    checked = 0
    for seed in range(3):
        sample = render(WORLDS[world][0](Dice(seed), bank, 192, 96, GeneratorOptions()))
        match = torch.arange(192) - sample.disparity
        near = match.floor().long().clamp(0, 190)
        there = sample.disparity_right.gather(1, near)
        beside = sample.disparity_right.gather(1, near + 1)
        slope = (there - beside).abs()
        smooth = ~sample.occluded & (slope < 0.2) & (match >= 0)
        error = (torch.lerp(there, beside, match - near) - sample.disparity).abs()[smooth]
        # at edges of things and of reliefs the two views may meet other surfaces
        assert float(error.quantile(0.95)) < 0.05
        checked += int(smooth.sum())
    assert checked > 20_000


def test_every_part_can_be_left_out(bank):
    bare = GeneratorOptions.bare()
    for world, (make, _) in WORLDS.items():
        scene = make(Dice(1), bank, 96, 64, bare)
        assert not any(isinstance(t.surface, Relief) or t.mirror or t.grain
                       for t in scene.things), world
        assert scene.patches is None and scene.exposure == 0 and scene.grain is None
        assert torch.isfinite(render(scene).left).all()
    full = [make(Dice(seed), bank, 96, 64, GeneratorOptions())
            for make, _ in WORLDS.values() for seed in range(4)]
    assert any(t.mirror for scene in full for t in scene.things)
    assert any(isinstance(t.surface, Relief) for scene in full for t in scene.things)
    assert any(getattr(t.surface, 'outline', '') == 'leaves' for s in full for t in s.things)


def test_the_cameras_expose_for_the_mean():
    wall = Quad((0, 0, 8), (20, 0, 0), (0, 20, 0))
    dark = replace(scene_of(wall), ambient=0.3, light=(0.0, 0.0, 1.0))
    assert float(render(dark).left.mean()) < 0.2
    exposed = render(replace(dark, exposure=0.4))
    assert float(exposed.left.mean()) == pytest.approx(0.4, abs=0.01)
    gain = exposed.right / render(dark).right
    assert float(gain.std()) < 1e-4  # one gain for both cameras, nothing clipped here


def test_a_builder_leaves_out_only_faces_that_nobody_sees(bank):
    for seed in range(4):
        dice = Dice(seed)
        b = Builder(dice, 96, 64, 100.0, 0.5, GeneratorOptions())
        center, half = b.place(20.0, dice.between(0, 1), dice.between(0, 1)), (1.0, 0.8, 1.5)
        turn = dice.between(-1.5, 1.5)
        b.add_box(center, half, turn)
        assert 1 <= len(b.things) <= 4
        whole = scene_of(*box(center, half, turn), width=96, height=64)
        culled = scene_of(*(t.surface for t in b.things), width=96, height=64)
        for view in ('disparity', 'disparity_right'):
            differs = getattr(render(whole), view) != getattr(render(culled), view)
            assert differs.sum() <= 2  # a ray may slip through between two faces


@pytest.mark.parametrize('values, message', [
    ({'worlds': ['sea']}, 'sea'), ({'worlds': []}, 'give some of'), ({'sky': True}, 'sky'),
    ({'picture_share': 2}, 'picture_share')])
def test_wrong_generator_options_are_named(values, message):
    with pytest.raises(DataError, match=message):
        GeneratorOptions.from_dict(values)


def test_the_same_number_is_the_same_scene_and_others_differ():
    first, again = (SceneGenerator(3, 96, 64) for _ in range(2))
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


def test_scenes_of_different_generators_are_not_mixed(tmp_path, caplog):
    list(render_to_pool(tmp_path, SceneGenerator(1, 96, 64), range(1)))
    assert read_stamp(tmp_path)['generator'] == VERSION
    other = SceneGenerator(1, 96, 64, options=GeneratorOptions(grain=False))
    with pytest.raises(DataError, match=r'1 of 2 are missing.*another folder'):
        list(render_to_pool(tmp_path, other, range(2)))
    assert list(render_to_pool(tmp_path, other, range(1))) == [0]  # nothing to mix
    assert 'used as they are' in caplog.text
    (tmp_path / 'scenes.json').unlink()  # as version 1 left it
    with pytest.raises(DataError, match='generator 1, now'):
        list(render_to_pool(tmp_path, SceneGenerator(1, 96, 64), range(2)))
    (tmp_path / 'scenes.json').write_text('{"gen')
    with pytest.raises(DataError, match='damaged'):
        list(render_to_pool(tmp_path, SceneGenerator(1, 96, 64), range(1)))


def test_pictures_become_textures(tmp_path):
    red = np.zeros((80, 100, 3), np.uint8)
    red[..., 0] = 200
    (tmp_path / 'more').mkdir()
    write_image(tmp_path / 'more' / 'red.png', red)
    texture = Pictures(tmp_path).texture(Dice(1))
    assert texture.shape == (3, SIZE, SIZE)
    assert torch.allclose(texture.mean((1, 2)), torch.tensor([200 / 255, 0, 0]))
    options = GeneratorOptions(textures=str(tmp_path), picture_share=1.0)
    generator = SceneGenerator(1, 96, 64, options=options)
    assert torch.equal(generator._bank_for(0).textures[3], texture)
    before = generator.stamp()
    write_image(tmp_path / 'blue.png', red[..., ::-1])
    assert SceneGenerator(1, 96, 64, options=options).stamp() != before


def test_folders_without_pictures_are_named(tmp_path):
    with pytest.raises(DataError, match='no folder'):
        Pictures(tmp_path / 'none')
    with pytest.raises(DataError, match='holds no pictures'):
        Pictures(tmp_path)
    write_image(tmp_path / 'small.png', np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(DataError, match='20x20'):
        Pictures(tmp_path).texture(Dice(1))


def test_an_empty_pool_says_what_it_looked_for(tmp_path):
    with pytest.raises(DataError, match=r'NUMBER\.npz'):
        ScenePool(tmp_path)
