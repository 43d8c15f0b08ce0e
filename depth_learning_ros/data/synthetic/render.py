# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Render a scene from both cameras of a rectified rig, with exact disparity for each.

Every surface is met by the rays of both views alone, so no disparity is ever warped,
interpolated or rounded: what a pixel shows is what its disparity says.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.pyramid import TexturePyramid, change_per_pixel
from depth_learning_ros.data.synthetic.scene import SKY, Scene, Surface
from depth_learning_ros.data.synthetic.shading import View, shade
from depth_learning_ros.data.synthetic.surfaces import Rays
from depth_learning_ros.data.synthetic.textures import SIZE

MIN_GAIN, MAX_GAIN = 0.5, 5.0  # of the exposure


@dataclass(frozen=True)
class StereoSample:
    """A rendered pair.

    Attributes:
        left, right: (3, H, W) in 0..1, RGB.
        disparity, disparity_right: (H, W) in pixels, >= 0, of either view; 0 in the sky.
        occluded: (H, W) bool, left pixels that the right camera does not see (covered, or outside
            its image).
    """

    left: Tensor
    right: Tensor
    disparity: Tensor
    disparity_right: Tensor
    occluded: Tensor


def render(scene: Scene) -> StereoSample:
    """Render both views."""
    pyramid = TexturePyramid(scene.textures)
    left, disparity = _render_view(scene, pyramid, 0.0)
    right, disparity_right = _render_view(scene, pyramid, 1.0)
    gain = 1.0
    if scene.exposure > 0:
        gain = min(MAX_GAIN, max(MIN_GAIN, scene.exposure / float(left.mean().clamp(min=1e-3))))
    left, right = (left * gain).clamp(0, 1), (right * gain).clamp(0, 1)
    return StereoSample(left, right, disparity, disparity_right,
                        occlusion(disparity, disparity_right))


def occlusion(disparity: Tensor, disparity_right: Tensor) -> Tensor:
    """Left pixels whose match is outside the right image or covered by something nearer there."""
    width = disparity.shape[1]
    match = torch.arange(width, device=disparity.device) - disparity
    covered = torch.ones_like(disparity, dtype=torch.bool)
    for column in (match.floor(), match.ceil()):  # seen if either neighbour there shows it
        there = disparity_right.gather(1, column.long().clamp(0, width - 1))
        covered &= there > disparity + 1
    return covered | (match < 0)


def _render_view(scene: Scene, pyramid: TexturePyramid, origin_x: float) -> tuple[Tensor, Tensor]:
    view = _meet(scene, origin_x)
    table = torch.tensor([SKY, *(thing.texture for thing in scene.things)], dtype=torch.int32,
                         device=view.depth.device)
    texture = table.index_select(0, (view.thing + 1).reshape(-1))
    color = pyramid.look_up(texture, view.u.reshape(-1), view.v.reshape(-1),
                            view.footprint.reshape(-1))
    shaded = shade(scene, pyramid, view, color.view(3, scene.height, scene.width))
    return shaded, scene.focal_px / view.depth


def _meet(scene: Scene, origin_x: float) -> View:
    """Find what each ray meets first."""
    height, width = scene.height, scene.width
    device = scene.textures.device
    x = (torch.arange(width, device=device, dtype=torch.float32) - (width - 1) / 2)
    y = (torch.arange(height, device=device, dtype=torch.float32) - scene.horizon * height)
    x, y = (x / scene.focal_px)[None, :], (y / scene.focal_px)[:, None]

    full = (height, width)
    depth = torch.full(full, math.inf, device=device)
    # the sky is a dome: its texture goes by direction, alike in both views
    u = (x * 0.35 + 0.5).expand(full).clone()
    v = (y * 0.35 + 0.5).expand(full).clone()
    normal = torch.zeros(3, *full, device=device)
    thing_of = torch.full(full, -1, dtype=torch.int32, device=device)
    flat_normals = []  # of things that have the same everywhere: cheaper filled in at the end

    for number, thing in enumerate(scene.things):
        flat_normals.append((0.0, 0.0, 0.0))
        window = _window(thing.surface, scene, origin_x)
        if window is None:
            continue
        rows, columns = window
        hit = thing.surface.hit(Rays(x[:, columns], y[rows], origin_x))
        near = hit.depth < depth[rows, columns]
        if not bool(near.any()):
            continue
        for plane, found in ((depth, hit.depth), (u, hit.u), (v, hit.v)):
            part = plane[rows, columns]
            torch.where(near, found, part, out=part)
        thing_of[rows, columns].masked_fill_(near, number)
        if isinstance(hit.normal[0], Tensor):
            for plane, found in zip(normal, hit.normal, strict=True):
                part = plane[rows, columns]
                torch.where(near, found, part, out=part)
        else:
            flat_normals[-1] = hit.normal
    _fill_flat_normals(normal, thing_of, flat_normals)
    return View(x, y, origin_x, depth, normal, thing_of, u, v,
                change_per_pixel((u, v), 0.5) * SIZE)


def _fill_flat_normals(normal: Tensor, thing_of: Tensor,
                       flat_normals: list[tuple[float, float, float]]) -> None:
    """Write the normals of flat things over what was left by curved ones behind them."""
    table = torch.tensor([(0.0, 0.0, 0.0), *flat_normals], device=normal.device)
    number = (thing_of + 1).reshape(-1)
    flat = (table != 0).any(1).index_select(0, number).view_as(thing_of)
    for axis in range(3):
        values = table[:, axis].contiguous().index_select(0, number).view_as(thing_of)
        normal[axis].copy_(torch.where(flat, values, normal[axis]))


def _window(surface: Surface, scene: Scene, origin_x: float) -> tuple[slice, slice] | None:
    """The pixels that a surface can touch; None if it is out of view."""
    corners = surface.corners()
    if all(p[2] < 0.05 for p in corners):
        return None
    if any(p[2] < 0.05 for p in corners):
        return slice(0, scene.height), slice(0, scene.width)
    xs = [scene.focal_px * (p[0] - origin_x) / p[2] + (scene.width - 1) / 2 for p in corners]
    ys = [scene.focal_px * p[1] / p[2] + scene.horizon * scene.height for p in corners]
    left, right = max(0, math.floor(min(xs))), min(scene.width, math.ceil(max(xs)) + 1)
    top, bottom = max(0, math.floor(min(ys))), min(scene.height, math.ceil(max(ys)) + 1)
    if left >= right or top >= bottom:
        return None
    return slice(top, bottom), slice(left, right)
