# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Light: diffuse and ambient, cast shadows, highlights, reflections, fine grain."""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.pyramid import TexturePyramid, change_per_pixel
from depth_learning_ros.data.synthetic.scene import Scene, Vector
from depth_learning_ros.data.synthetic.surfaces import Ellipsoid, Quad
from depth_learning_ros.data.synthetic.surroundings import look_at
from depth_learning_ros.data.synthetic.textures import SIZE

GRAIN_SCALE = 9.0  # how much finer than the texture the grain is
PATCH_SHADE = 0.25  # light that reaches a shadow of leaves
PATCH_LEVEL = -0.12  # of the waves, below which there is shadow: most of the ground is lit


@dataclass(frozen=True)
class View:
    """What one camera sees, before light; arrays (H, W).

    Attributes:
        x: (1, W), y: (H, 1): direction of the rays, with z = 1, from (origin_x, 0, 0).
        depth: along z, +inf in the sky.
        normal: (3, H, W) towards the camera; 0 in the sky.
        thing: its number, -1 in the sky.
        u, v: position on its texture.
        footprint: texels that a pixel covers.
    """

    x: Tensor
    y: Tensor
    origin_x: float
    depth: Tensor
    normal: Tensor
    thing: Tensor
    u: Tensor
    v: Tensor
    footprint: Tensor

    def of_thing(self, values: list[float]) -> Tensor:
        """Give each pixel the value of its thing; 0 in the sky."""
        table = torch.tensor([0.0, *values], device=self.depth.device)
        return table.index_select(0, (self.thing + 1).reshape(-1)).view_as(self.depth)


def shade(scene: Scene, pyramid: TexturePyramid, view: View, color: Tensor) -> Tensor:
    """Light the colours (3, H, W) of a view, >= 0; the sky shines by itself."""
    light, normal = scene.light, view.normal
    lit = (normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2]).clamp(min=0)
    solid = view.thing >= 0
    if scene.occluders or scene.patches is not None:
        z = torch.where(solid, view.depth, 0.0)
        point = (view.x * z + view.origin_x, view.y * z, z)
        lit = lit * _lit_share(scene, point, view.thing)
    brightness = scene.ambient + (1 - scene.ambient) * lit
    if scene.grain is not None:
        brightness = brightness * (1 + _grain(scene.grain, scene, view))
    shaded = color * torch.where(solid, brightness, 1.0)
    gloss = [thing.gloss for thing in scene.things]
    mirror = [thing.mirror for thing in scene.things]
    if any(gloss) or any(mirror):
        strength, share = view.of_thing(gloss), view.of_thing(mirror)
        shiny = ((strength > 0) | (share > 0)).reshape(-1).nonzero()[:, 0]
        if len(shiny):
            flat = shaded.reshape(3, -1)
            flat.index_copy_(1, shiny, _reflect(
                scene, pyramid, view, shiny, flat.index_select(1, shiny),
                strength.reshape(-1)[shiny], share.reshape(-1)[shiny]))
            shaded = flat.view_as(shaded)
    return shaded


def _grain(grain: Tensor, scene: Scene, view: View) -> Tensor:
    """Relative brightness of the fine detail, fading where a pixel covers several grains."""
    strength = view.of_thing([thing.grain for thing in scene.things])
    strength = strength * (1.5 - view.footprint * (GRAIN_SCALE / 2)).clamp(0, 1)
    x, y = view.u * (GRAIN_SCALE * SIZE), view.v * (GRAIN_SCALE * SIZE)
    x0, y0 = x.floor(), y.floor()
    fx, fy = x - x0, y - y0
    x0, y0 = x0.int() & (SIZE - 1), y0.int() & (SIZE - 1)
    x1, rows = (x0 + 1) & (SIZE - 1), (y0 * SIZE, ((y0 + 1) & (SIZE - 1)) * SIZE)
    table = grain.reshape(-1)
    a, b, c, d = (table.index_select(0, (row + column).reshape(-1)).view_as(x)
                  for row in rows for column in (x0, x1))
    return strength * torch.lerp(torch.lerp(a, b, fx), torch.lerp(c, d, fx), fy)


def _reflect(scene: Scene, pyramid: TexturePyramid, view: View, pixels: Tensor, color: Tensor,
             gloss: Tensor, mirror: Tensor) -> Tensor:
    """Add highlight and mirror image to some pixels.

    What is reflected moves otherwise than the surface between the views, as it does in reality.
    """
    width = view.depth.shape[1]
    dx = view.x.reshape(-1)[pixels % width]
    dy = view.y.reshape(-1)[pixels // width]
    n = view.normal.reshape(3, -1).index_select(1, pixels)
    length = (dx * dx + dy * dy + 1).sqrt()
    dx, dy, dz = dx / length, dy / length, 1 / length
    along = 2 * (n[0] * dx + n[1] * dy + n[2] * dz)
    rx, ry, rz = dx - along * n[0], dy - along * n[1], dz - along * n[2]
    light = scene.light
    bright = (rx * light[0] + ry * light[1] + rz * light[2]).clamp(min=0)
    for _ in range(3):  # to the 24th power
        bright = bright * bright
    bright = bright * bright * bright
    if scene.surroundings is not None and bool((mirror > 0).any()):
        seen = look_at(scene.surroundings, pyramid, rx, ry, _spread(view, pixels, rx, ry))
        facing = 1 - (n[0] * dx + n[1] * dy + n[2] * dz).abs()
        share = (mirror * (0.4 + 0.6 * facing)).clamp(max=1)  # more at grazing angles
        color = torch.lerp(color, seen, share)
    return color + gloss * bright


def _spread(view: View, pixels: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """How much mirrored directions change to the next pixel: curved things show much in little."""
    planes = [torch.full_like(view.depth, math.nan).view(-1).index_copy_(0, pixels, values)
              .view_as(view.depth) for values in (x, y)]
    return change_per_pixel(planes, 0.3).view(-1).index_select(0, pixels)


def _lit_share(scene: Scene, point: tuple[Tensor, Tensor, Tensor], thing_of: Tensor) -> Tensor:
    """1 where the light reaches a point, less in the shadow of an occluder."""
    lit = torch.ones_like(point[0])
    lx, ly, lz = scene.light
    if scene.patches is not None and ly < -0.05:
        # along the light onto the plane y = 0
        wave = scene.patches.at(point[0] - point[1] * (lx / ly), point[2] - point[1] * (lz / ly))
        lit = ((wave - PATCH_LEVEL) * 8 + 0.5).clamp(PATCH_SHADE, 1)
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
