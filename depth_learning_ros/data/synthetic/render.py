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

from depth_learning_ros.data.synthetic.surfaces import Ellipsoid, Quad, Rays, Surface
from depth_learning_ros.data.synthetic.textures import SIZE

LEVELS = 5  # of the texture pyramid: SIZE .. SIZE / 16
SKY = 0  # texture number of the sky
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Thing:
    """A surface with its look.

    Attributes:
        texture: number in the scene's textures.
        gloss: strength of the highlight, 0 = matt.
    """

    surface: Surface
    texture: int
    gloss: float = 0.0


@dataclass(frozen=True)
class Scene:
    """Everything there is to render; lengths in baselines.

    Attributes:
        textures: (T, 3, SIZE, SIZE) in 0..1; number 0 is the sky's.
        focal_px: focal length.
        horizon: row of the principal point, as a share of the height.
        light: unit vector towards the light.
        ambient: share of the light that comes from everywhere.
        occluders: indices of the things that cast shadows.
    """

    things: list[Thing]
    textures: Tensor
    width: int
    height: int
    focal_px: float
    horizon: float
    light: Vector
    ambient: float
    occluders: tuple[int, ...] = ()


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


class TexturePyramid:
    """All textures at all levels in one flat table, for look-up by a single gather."""

    def __init__(self, textures: Tensor) -> None:
        self.count = len(textures)
        levels, self.starts = [], []
        start, level = 0, textures
        for _ in range(LEVELS):
            flat = level.permute(0, 2, 3, 1).reshape(-1, 3)
            levels.append(flat)
            self.starts.append(start)
            start += len(flat)
            level = torch.nn.functional.avg_pool2d(level, 2)
        self.table = torch.cat(levels)
        self.start_of = torch.tensor(self.starts, device=textures.device)

    def look_up(self, texture: Tensor, u: Tensor, v: Tensor, footprint: Tensor) -> Tensor:
        """Colours (N, 3) of N points.

        Args:
            texture: numbers, int64.
            u, v: positions, the texture repeats at 1.
            footprint: texels of the finest level that a pixel covers.
        """
        level = footprint.clamp(min=1).log2().add(0.3).floor().clamp(0, LEVELS - 1).long()
        size = torch.bitwise_right_shift(torch.full_like(level, SIZE), level)
        base = self.start_of[level] + texture * size * size
        x, y = (u % 1) * size - 0.5, (v % 1) * size - 0.5
        x0, y0 = x.floor(), y.floor()
        fx, fy = (x - x0)[:, None], (y - y0)[:, None]
        x0, y0 = x0.long() % size, y0.long() % size
        x1, y1 = (x0 + 1) % size, (y0 + 1) % size
        table = self.table
        top = torch.lerp(table[base + y0 * size + x0], table[base + y0 * size + x1], fx)
        bottom = torch.lerp(table[base + y1 * size + x0], table[base + y1 * size + x1], fx)
        return torch.lerp(top, bottom, fy)


def _render_view(scene: Scene, pyramid: TexturePyramid, origin_x: float) -> tuple[Tensor, Tensor]:
    height, width = scene.height, scene.width
    device = scene.textures.device
    x = (torch.arange(width, device=device, dtype=torch.float32) - (width - 1) / 2)
    y = (torch.arange(height, device=device, dtype=torch.float32) - scene.horizon * height)
    x, y = (x / scene.focal_px)[None, :], (y / scene.focal_px)[:, None]

    full = (height, width)
    depth = torch.full(full, math.inf, device=device)
    texture = torch.zeros(full, dtype=torch.long, device=device)
    # the sky is a dome: its texture goes by direction, alike in both views
    u = (x * 0.35 + 0.5).expand(full).clone()
    v = (y * 0.35 + 0.5).expand(full).clone()
    normal = torch.zeros(3, *full, device=device)
    thing_of = torch.full(full, -1, dtype=torch.long, device=device)

    for number, thing in enumerate(scene.things):
        window = _window(thing.surface, scene, origin_x)
        if window is None:
            continue
        rows, columns = window
        hit = thing.surface.hit(Rays(x[:, columns], y[rows], origin_x))
        near = hit.depth < depth[rows, columns]
        if not bool(near.any()):
            continue
        depth[rows, columns] = torch.where(near, hit.depth, depth[rows, columns])
        u[rows, columns] = torch.where(near, hit.u, u[rows, columns])
        v[rows, columns] = torch.where(near, hit.v, v[rows, columns])
        texture[rows, columns].masked_fill_(near, thing.texture)
        thing_of[rows, columns].masked_fill_(near, number)
        for axis in range(3):
            part = normal[axis, rows, columns]
            normal[axis, rows, columns] = torch.where(near, hit.normal[axis], part)

    color = pyramid.look_up(texture.reshape(-1), u.reshape(-1), v.reshape(-1),
                            _footprint(u, v).reshape(-1))
    color = color.reshape(height, width, 3).permute(2, 0, 1)
    shaded = _shade(scene, color, normal, thing_of, depth, x, y, origin_x)
    return shaded.clamp(0, 1), scene.focal_px / depth


def _footprint(u: Tensor, v: Tensor) -> Tensor:
    """Texels per pixel, from the change of u and v to the next pixel (small across edges)."""
    steps = torch.zeros_like(u)
    for coordinate in (u, v):
        for axis in (0, 1):
            change = coordinate.diff(dim=axis).abs()
            change = torch.where(change > 0.5, 0.0, change)
            last = change.narrow(axis, change.shape[axis] - 1, 1)
            steps = torch.maximum(steps, torch.cat([change, last], axis))
    return steps * SIZE


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


def _shade(scene: Scene, color: Tensor, normal: Tensor, thing_of: Tensor, depth: Tensor,
           x: Tensor, y: Tensor, origin_x: float) -> Tensor:
    """Lambert and ambient light, highlights, cast shadows; the sky shines by itself."""
    light = scene.light
    lit = (normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2]).clamp(min=0)
    solid = thing_of >= 0
    if scene.occluders:
        z = torch.where(solid, depth, 0.0)
        point = (x * z + origin_x, y * z, z)
        lit = lit * _lit_share(scene, point, thing_of)
    shade = scene.ambient + (1 - scene.ambient) * lit
    shaded = color * torch.where(solid, shade, 1.0)
    gloss = torch.tensor([t.gloss for t in scene.things] or [0.0], device=color.device)
    if bool((gloss > 0).any()):
        # reflection of the view ray against the light; differs between the views, as real ones do
        length = (x * x + y * y + 1).sqrt()
        along = (normal[0] * x + normal[1] * y + normal[2]) / length
        mirror = (light[0] * x + light[1] * y + light[2]) / length - 2 * along * (
            normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2])
        strength = torch.where(solid, gloss[thing_of.clamp(min=0)], 0.0)
        shaded = shaded + strength * mirror.clamp(min=0) ** 24
    return shaded


def _lit_share(scene: Scene, point: tuple[Tensor, Tensor, Tensor], thing_of: Tensor) -> Tensor:
    """1 where the light reaches a point, 0 in the shadow of an occluder."""
    lit = torch.ones_like(point[0])
    lx, ly, lz = scene.light
    for number in scene.occluders:
        surface = scene.things[number].surface
        if isinstance(surface, Ellipsoid):
            # closest approach of the ray to the light, in the unit sphere's coordinates
            p = [(c - o) / r for c, o, r in zip(point, surface.center, surface.radii, strict=True)]
            d = [a / r for a, r in zip((lx, ly, lz), surface.radii, strict=True)]
            dd = sum(a * a for a in d)
            t = -(p[0] * d[0] + p[1] * d[1] + p[2] * d[2]) / dd
            gap = sum((a + t * b) ** 2 for a, b in zip(p, d, strict=True))
            shadow = (gap < 1) & (t > 0)
        elif isinstance(surface, Quad):
            shadow = _quad_shadow(surface, point, (lx, ly, lz))
        else:
            continue
        lit = torch.where(shadow & (thing_of != number), 0.0, lit)
    return lit


def _quad_shadow(quad: Quad, point: tuple[Tensor, Tensor, Tensor], light: Vector) -> Tensor:
    a, d = quad.across, quad.down
    n = (a[1] * d[2] - a[2] * d[1], a[2] * d[0] - a[0] * d[2], a[0] * d[1] - a[1] * d[0])
    facing = sum(p * q for p, q in zip(n, light, strict=True))
    if abs(facing) < 1e-9:
        return torch.zeros_like(point[0], dtype=torch.bool)
    p = [c - o for c, o in zip(point, quad.center, strict=True)]
    t = -(p[0] * n[0] + p[1] * n[1] + p[2] * n[2]) / facing
    q = [c + t * b for c, b in zip(p, light, strict=True)]
    u = (q[0] * a[0] + q[1] * a[1] + q[2] * a[2]) / max(sum(k * k for k in a), 1e-12)
    v = (q[0] * d[0] + q[1] * d[1] + q[2] * d[2]) / max(sum(k * k for k in d), 1e-12)
    return (u.abs() <= 1) & (v.abs() <= 1) & (t > 1e-3)
