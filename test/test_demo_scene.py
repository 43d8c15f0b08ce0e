# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's rendered drive: exact disparity, no aliasing, the same on every run."""

import math

import numpy as np
import pytest

from depth_learning_ros.demo.hall import Thing, hall
from depth_learning_ros.demo.light import bake, lights
from depth_learning_ros.demo.render import Renderer, View
from depth_learning_ros.demo.ripmap import Ripmap
from depth_learning_ros.demo.scene import MAX_FRAMES, NO_FAULTS, DemoScene, pose_at
from depth_learning_ros.demo.sensor import Sensor
from depth_learning_ros.demo.surfaces import Cylinder, Quad, Rays, Sphere, box, dot
from depth_learning_ros.demo.textures import NAMES, paint
from depth_learning_ros.geometry.warp import seen_in_both, warp_right_to_left
from depth_learning_ros.types import StereoCamera

AHEAD = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
# Column 20 and row 10 look straight ahead; a step of 1 px is 1/40 of the depth.
CAMERA = StereoCamera(width=41, height=21, focal_px=40.0, cx=20.0, cy=10.0, baseline_m=0.1)
WALL = Quad((0.0, 0.0, 3.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 10.0, 10.0)


def depth_of(*surfaces, position=(0.0, 0.0, 0.0)):
    things = [Thing(surface, 'terracotta', repeat_m=(1.0, 1.0)) for surface in surfaces]
    return Renderer(things).render(View(position, AHEAD, CAMERA))[1]


def test_wall_has_one_depth():
    np.testing.assert_allclose(depth_of(WALL), 3.0, rtol=1e-6)


def test_floor_depth_by_hand():
    floor = Quad((0.0, 0.9, 50.0), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0), 200.0, 200.0)
    depth = depth_of(floor)
    # Row 16 looks down by 6/40 = 0.15: it meets the floor 0.9 m below after 6 m.
    np.testing.assert_allclose(depth[16], 6.0, rtol=1e-6)
    np.testing.assert_allclose(depth[20], 3.6, rtol=1e-6)
    assert np.isinf(depth[:11]).all()  # the horizon and above


def test_ball_and_tube_in_the_middle_by_hand():
    ball, tube = Sphere((0.0, 0.0, 4.0), 0.5), Cylinder((0.0, 0.0, 4.0), 0.5, 0.35)
    assert depth_of(ball)[10, 20] == pytest.approx(3.5, rel=1e-6)
    depth = depth_of(tube)
    assert depth[10, 20] == pytest.approx(3.5, rel=1e-6)
    # At 3.5 m a row is 0.0875 m: the tube's half height 0.175 ends exactly at row 12.
    assert depth[11, 20] == pytest.approx(3.5, rel=1e-6)
    assert np.isinf(depth[13, 20])
    # (0.3, 0.4, 0.5): beside the middle by 0.3 the surface is 0.4 before the centre, at 3.6 m.
    rays = Rays((0.0, 0.0, 0.0), AHEAD, np.float32([0.3 / 3.6]), np.float32([0.0]))
    assert tube.depth(rays)[0] == pytest.approx(3.6, rel=1e-5)
    assert ball.depth(rays)[0] == pytest.approx(3.6, rel=1e-5)


def test_nearer_things_hide_farther_ones_whatever_their_order():
    near = Quad((0.0, 0.0, 2.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 0.49, 10.0)
    for order in ((WALL, near), (near, WALL)):
        depth = depth_of(*order)
        # Its edge 0.245 m beside the middle is 4.9 px away at 2 m.
        assert depth[0].tolist() == pytest.approx([3.0] * 16 + [2.0] * 9 + [3.0] * 16)


def test_rectangle_is_not_seen_from_behind_nor_behind_the_camera():
    assert np.isinf(depth_of(WALL, position=(0.0, 0.0, 4.0))).all()
    turned = Quad((0.0, 0.0, 3.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), 10.0, 10.0)
    assert np.isinf(depth_of(turned)).all()


def test_faces_of_a_box_look_outwards():
    for face in box((1.0, 2.0, 3.0), (0.2, 0.4, 0.6), yaw=0.3).values():
        out = np.array(face.center) - (1.0, 2.0, 3.0)
        assert dot(face.normal, out.tolist()) == pytest.approx(np.linalg.norm(out))
        assert not face.faces((1.0, 2.0, 3.0))
    size = {name: (face.width, face.height) for name, face in
            box((0.0, 0.0, 0.0), (0.2, 0.4, 0.6)).items()}
    assert size['near'] == (0.2, 0.4) and size['left'] == (0.6, 0.4) and size['top'] == (0.2, 0.6)


def test_footprint_is_how_far_the_next_pixel_lies():
    quad = Quad((0.3, 0.2, 3.0), (0.8, 0.0, 0.6), (0.0, 1.0, 0.0), 10.0, 10.0)
    camera = StereoCamera(401, 201, 400.0, 200.0, 100.0, 0.1)
    rays = View((0.0, 0.0, 0.0), AHEAD, camera).rays()
    depth = quad.depth(rays)
    look = quad.look(rays, depth)
    by_column, by_row = np.gradient(look.u, axis=1), np.gradient(look.u, axis=0)
    expected = np.hypot(by_column, by_row)[1:-1, 1:-1]
    np.testing.assert_allclose(look.footprint_u[1:-1, 1:-1], expected, rtol=2e-2)


def test_disparity_is_exact_by_warping():
    """The right image, warped by the disparity, is the left one; half a pixel off it is not."""
    scene = DemoScene(320, 192, {'left': NO_FAULTS, 'right': NO_FAULTS})
    frame = scene.frame(12)
    error = {}
    for offset in (-0.5, -0.1, 0.0, 0.1, 0.5):
        disparity = frame.disparity + np.float32(offset)
        seen = seen_in_both(disparity)
        warped = warp_right_to_left(frame.right, disparity)
        difference = np.abs(frame.left.astype(np.float32) - warped).mean(axis=2)[seen]
        # The best four fifths: what is hidden from the right camera cannot agree.
        error[offset] = np.sort(difference)[:difference.size * 4 // 5].mean()
    assert error[0.0] < 2.0  # of 255, mostly the interpolation's
    assert error[0.0] < error[0.1] < error[0.5]
    assert error[0.0] < error[-0.1] < error[-0.5]
    assert error[0.5] > 1.5 * error[0.0]


def test_frames_are_the_same_on_every_run_and_in_any_order():
    first, second = DemoScene(96, 64), DemoScene(96, 64)
    second.frame(7)
    one, two = first.frame(2), second.frame(2)
    for name in ('left', 'right', 'disparity'):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert (one.left != first.frame(3).left).any()


def test_frame_is_what_the_pipeline_takes():
    scene = DemoScene(96, 64)
    frame = scene.frame(0)
    assert frame.left.shape == frame.right.shape == (64, 96, 3)
    assert frame.left.dtype == frame.right.dtype == np.uint8
    assert frame.disparity.dtype == np.float32 and frame.disparity.shape == (64, 96)
    # The hall is closed: the truth is known everywhere, from the nearest thing to the far wall.
    assert np.isfinite(frame.disparity).all()
    depth = scene.camera.focal_px * 0.12 / frame.disparity
    assert depth.min() > 1.0 and depth.max() < 15.0


def test_cameras_differ_in_exposure_and_noise():
    scene = DemoScene(96, 64)
    frame = scene.frame(0)
    assert frame.left.mean() > 1.02 * frame.right.mean()
    flat = np.full((64, 64, 3), 0.25, np.float32)
    shots = [Sensor(falloff=0).expose(flat, np.random.default_rng(seed)) for seed in (1, 2)]
    difference = shots[0].astype(int) - shots[1]
    # 0.25 of saturation is 136 of 255; the slope of the curve there is 136 / 2.2 / 0.25 = 247,
    # the noise sqrt(0.01^2 * 0.25 + 0.0015^2) = 0.0052: 1.3 steps, in a difference 1.8.
    assert abs(shots[0].mean() - 136) < 1
    assert 1.5 < difference.std() < 2.2


def test_ripmap_shows_texels_nearby_and_their_mean_far_away():
    texture = np.zeros((64, 64, 3), np.float32)
    texture[::2] = 1  # stripes along u
    ripmap = Ripmap(texture)
    at = (np.arange(64, dtype=np.float32) + 0.5) / 64
    fine, coarse = np.full(64, 1 / 64, np.float32), np.full(64, 0.5, np.float32)
    middle = np.full(64, 0.5, np.float32)
    near = ripmap.sample(middle, at, fine, fine)
    assert near[:, 0].tolist() == [255, 0] * 32
    assert ripmap.sample(middle, at + 3, fine, fine).tolist() == near.tolist()  # it repeats
    # A pixel that spans half the texture across the stripes sees gray, along them it does not.
    gray = ripmap.sample(middle, at, fine, coarse)
    assert gray.min() >= 126 and gray.max() <= 129
    assert ripmap.sample(middle, at, coarse, fine).tolist() == near.tolist()


@pytest.mark.parametrize('name', NAMES)
def test_textures_are_pictures_and_always_the_same(name):
    texture = paint(name)
    assert texture.dtype == np.float32 and texture.shape[2] == 3
    assert texture.min() >= 0 and texture.max() <= 1 and texture.std() > 0.02
    np.testing.assert_array_equal(texture, paint(name))
    assert (texture != paint(name, 1)).any()


def test_light_and_shadow_by_hand():
    axes = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
    floor = Thing(Quad((0.0, 0.0, 5.0), *axes, 4.0, 4.0), 'pavers')
    # A roof of 2 m by 2 m, 1 m above the floor: the lamps above cannot reach under its middle.
    roof = Thing(Quad((0.0, -1.0, 5.0), *axes, 2.0, 2.0), 'planks')
    lit, shaded = bake([floor])[0], bake([floor, roof])[0]
    middle = tuple(size // 2 for size in lit.shape)
    assert shaded[middle] < 0.5 * lit[middle]
    assert shaded[0, 0] > 0.85 * lit[0, 0]
    assert min(light.position[1] for light in lights()) < -3  # all at the ceiling


def test_camera_axes_are_right_handed_and_the_drive_is_smooth():
    for time_s in np.linspace(0, 3.5, 8).tolist():
        axes = np.array(pose_at(time_s).axes())
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) == pytest.approx(1)
        step = np.subtract(pose_at(time_s + 0.1).position, pose_at(time_s).position)
        assert math.dist(step, (0, 0, 0)) < 0.1


def test_hall_leaves_the_robot_its_way():
    for thing in hall():
        corners = np.array(thing.surface.corners())
        low, high = corners.min(axis=0), corners.max(axis=0)
        for time_s in np.arange(0, MAX_FRAMES / 10, 0.1).tolist():
            position = np.array(pose_at(time_s).position)
            if thing.casts:  # all but the shell, lamps and floor marks
                gap = np.maximum(np.maximum(low - position, position - high), 0)
                assert np.linalg.norm(gap) > 0.3
