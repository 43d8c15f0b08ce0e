# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the rays of a pinhole camera meet simple surfaces, exactly.

Lengths are in baselines (the right camera stands at x = 1), axes as in REP 103's optical frame:
x right, y down, z forward. A ray is r = ((x - cx) / f, (y - cy) / f, 1), so its length to the hit
is the depth z, and the disparity is f / z pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.waves import Waves

NEAR = 0.02  # depths below this many baselines are behind or inside the camera


@dataclass(frozen=True)
class Hit:
    """What the rays of a window found; arrays (h, w).

    Attributes:
        depth: along z, +inf where the ray passes by.
        u, v: position on the surface in units of its texture.
        normal: unit normal towards the camera; three numbers where it is the same everywhere.
    """

    depth: Tensor
    u: Tensor
    v: Tensor
    normal: tuple[Tensor, Tensor, Tensor] | tuple[float, float, float]


@dataclass(frozen=True)
class Rays:
    """The rays of an image window, from a camera at (origin_x, 0, 0).

    Attributes:
        x: (1, w), y: (h, 1): direction, with z = 1.
    """

    x: Tensor
    y: Tensor
    origin_x: float


def dot(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Scalar product."""
    return sum(p * q for p, q in zip(a, b, strict=True))


def cross(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float]:
    """Vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


@dataclass(frozen=True)
class Quad:
    """A parallelogram, or a figure cut out of one.

    Attributes:
        center: of the parallelogram.
        across, down: half its edges, as vectors (orthogonal).
        repeat: how often the texture repeats over it, along both edges.
        outline: ``full``, ``ellipse``, ``star``, ``fence``, ``frame``, ``trapezoid``; or, by
            ``waves``, ``blob`` (a disc with a wavy rim) or ``leaves`` (a disc full of holes).
        detail: number of points of a star, or of bars of a fence.
        bar: thickness of bars, 0..1; share of the disc that is leaves; of a trapezoid, the edge
            where ``down`` points from as a share of the opposite one.
        waves: of the coordinates along the edges, which are -1..1 inside.
    """

    center: tuple[float, float, float]
    across: tuple[float, float, float]
    down: tuple[float, float, float]
    repeat: tuple[float, float] = (1.0, 1.0)
    outline: str = 'full'
    detail: float = 5.0
    bar: float = 0.3
    waves: Waves | None = None

    def corners(self) -> list[tuple[float, ...]]:
        """Points whose projections span the figure's."""
        return [tuple(c + i * a + j * d for c, a, d in
                      zip(self.center, self.across, self.down, strict=True))
                for i in (-1, 1) for j in (-1, 1)]

    def hit(self, rays: Rays) -> Hit:
        normal = cross(self.across, self.down)
        size = math.sqrt(dot(normal, normal)) or 1.0
        normal = (normal[0] / size, normal[1] / size, normal[2] / size)
        origin = (rays.origin_x - self.center[0], -self.center[1], -self.center[2])
        distance = -dot(normal, origin)
        slope = normal[0] * rays.x + normal[1] * rays.y + normal[2]
        depth = distance / torch.where(slope.abs() < 1e-9, torch.full_like(slope, 1e-9), slope)
        a = self._along(self.across, origin, rays, depth)
        b = self._along(self.down, origin, rays, depth)
        inside = self._inside(a, b) & (depth > NEAR)
        facing = -1.0 if distance > 0 else 1.0
        return Hit(torch.where(inside, depth, math.inf), (a + 1) * (self.repeat[0] / 2),
                   (b + 1) * (self.repeat[1] / 2),
                   (facing * normal[0], facing * normal[1], facing * normal[2]))

    @staticmethod
    def _along(edge: tuple[float, ...], origin: tuple[float, ...], rays: Rays,
               depth: Tensor) -> Tensor:
        """Coordinate of the hit along an edge, -1..1 inside."""
        scale = 1 / max(dot(edge, edge), 1e-12)
        ray = (edge[0] * rays.x + edge[1] * rays.y + edge[2]) * scale
        return dot(edge, origin) * scale + depth * ray

    def _inside(self, a: Tensor, b: Tensor) -> Tensor:
        box = torch.maximum(a.abs(), b.abs()) <= 1
        if self.outline == 'full':
            return box
        if self.outline == 'ellipse':
            return a * a + b * b <= 1
        if self.outline == 'star':
            lobe = 0.65 + 0.35 * torch.cos(self.detail * torch.atan2(b, a))
            return a * a + b * b <= lobe * lobe
        if self.outline in ('blob', 'leaves') and self.waves is not None:
            wave, radius = self.waves.at(a, b), a * a + b * b
            if self.outline == 'blob':
                return radius <= 0.65 + 0.35 * wave
            return (radius <= 0.8 + 0.2 * wave) & (wave < 2 * self.bar - 1)
        if self.outline == 'trapezoid':
            return box & (2 * a.abs() <= (1 + self.bar) + (1 - self.bar) * b)
        if self.outline == 'frame':
            return box & (torch.maximum(a.abs(), b.abs()) > 1 - self.bar)
        bars = ((a + 1) * self.detail) % 1 < self.bar  # fence: uprights and a few rails
        rails = ((b + 1) * max(1.0, self.detail / 4)) % 1 < self.bar / 2
        return box & (bars | rails)


@dataclass(frozen=True)
class Ellipsoid:
    """An axis-aligned ellipsoid."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    repeat: tuple[float, float] = (2.0, 1.0)

    def corners(self) -> list[tuple[float, ...]]:
        return [tuple(c + s * r for c, r, s in zip(self.center, self.radii, signs, strict=True))
                for signs in _SIGNS]

    def hit(self, rays: Rays) -> Hit:
        # in coordinates where it is the unit sphere around the origin
        rx, ry, rz = (1 / r for r in self.radii)
        ox = (rays.origin_x - self.center[0]) * rx
        oy, oz = -self.center[1] * ry, -self.center[2] * rz
        dx, dy, dz = rays.x * rx, rays.y * ry, rz
        a = dx * dx + dy * dy + dz * dz
        half_b = ox * dx + oy * dy + oz * dz
        c = ox * ox + oy * oy + oz * oz - 1
        root = half_b * half_b - a * c
        depth = (-half_b - root.clamp(min=0).sqrt()) / a
        px, py, pz = ox + depth * dx, oy + depth * dy, oz + depth * dz
        nx, ny, nz = px * rx, py * ry, pz * rz
        size = (nx * nx + ny * ny + nz * nz).sqrt().clamp(min=1e-9)
        u = torch.atan2(px, -pz) / (2 * math.pi) + 0.5
        v = torch.asin(py.clamp(-1, 1)) / math.pi + 0.5
        seen = (root > 0) & (depth > NEAR)
        return Hit(torch.where(seen, depth, math.inf), u * self.repeat[0], v * self.repeat[1],
                   (nx / size, ny / size, nz / size))


@dataclass(frozen=True)
class Cylinder:
    """A finite cylinder or cone: pole, wire, trunk, bucket, lamp shade; open at its ends.

    Attributes:
        center: middle of the axis.
        axis: half the axis as a vector.
        radius: at the middle, in baselines.
        taper: the radius at the axis' tip is (1 + taper) times that of the middle, at its foot
            (1 - taper) times; -1..1.
    """

    center: tuple[float, float, float]
    axis: tuple[float, float, float]
    radius: float
    repeat: tuple[float, float] = (1.0, 2.0)
    taper: float = 0.0

    def corners(self) -> list[tuple[float, ...]]:
        r = self.radius * (1 + abs(self.taper))
        return [tuple(c + end * a + s * r for c, a, s in
                      zip(self.center, self.axis, signs, strict=True))
                for end in (-1, 1) for signs in _SIGNS]

    def hit(self, rays: Rays) -> Hit:
        length = math.sqrt(dot(self.axis, self.axis))
        w = tuple(a / length for a in self.axis)
        helper = (0.0, 0.0, 1.0) if abs(w[2]) < 0.9 else (1.0, 0.0, 0.0)
        u_axis = cross(w, helper)
        size = math.sqrt(dot(u_axis, u_axis))
        u_axis = (u_axis[0] / size, u_axis[1] / size, u_axis[2] / size)
        v_axis = cross(w, u_axis)
        origin = (rays.origin_x - self.center[0], -self.center[1], -self.center[2])

        def along(axis: tuple[float, ...]) -> tuple[float, Tensor]:
            return dot(axis, origin), axis[0] * rays.x + axis[1] * rays.y + axis[2]

        (ou, du), (ov, dv), (ow, dw) = along(u_axis), along(v_axis), along(w)
        growth = self.radius * self.taper / length  # of the radius, per length along the axis
        radius = self.radius + growth * ow
        a = du * du + dv * dv - (growth * growth) * dw * dw
        a = torch.where(a.abs() < 1e-12, 1e-12, a)
        half_b = ou * du + ov * dv - growth * radius * dw
        root = half_b * half_b - a * (ou * ou + ov * ov - radius ** 2)
        spread = root.clamp(min=0).sqrt()
        first, second = (-half_b - spread) / a, (-half_b + spread) / a
        depth = torch.full_like(first, math.inf)
        for candidate in (torch.maximum(first, second), torch.minimum(first, second)):
            # the farther one is the inside of the back, seen through an open end
            valid = (root > 0) & ((ow + candidate * dw).abs() <= length) & (candidate > NEAR)
            depth = torch.where(valid, candidate, depth)
        near = torch.where(depth.isinf(), 1.0, depth)
        pu, pv, pw = ou + near * du, ov + near * dv, ow + near * dw
        return Hit(depth, (torch.atan2(pv, pu) / (2 * math.pi) + 0.5) * self.repeat[0],
                   (pw / length + 1) * (self.repeat[1] / 2),
                   self._normal_at(pu, pv, pw, growth, (u_axis, v_axis, w), rays))

    def _normal_at(self, pu: Tensor, pv: Tensor, pw: Tensor, growth: float,
                   axes: tuple[tuple[float, ...], ...],
                   rays: Rays) -> tuple[Tensor, Tensor, Tensor]:
        pull = -growth * (self.radius + growth * pw)
        n = [pu * p + pv * q + pull * r for p, q, r in zip(*axes, strict=True)]
        size = (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt().clamp(min=1e-9)
        away = n[0] * rays.x + n[1] * rays.y + n[2] > 0  # the inside faces the camera
        size = torch.where(away, -size, size)
        return n[0] / size, n[1] / size, n[2] / size


_SIGNS = [(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]


def box(center: tuple[float, float, float], half: tuple[float, float, float],
        turn: float, repeat: float = 1.0) -> list[Quad]:
    """The six faces of a box turned about the vertical axis by ``turn`` radians."""
    cos, sin = math.cos(turn), math.sin(turn)
    x = (half[0] * cos, 0.0, half[0] * sin)
    y = (0.0, half[1], 0.0)
    z = (-half[2] * sin, 0.0, half[2] * cos)
    faces = []
    for n, a, b in ((z, x, y), (x, z, y), (y, x, z)):
        for side in (-1, 1):
            middle = tuple(c + side * k for c, k in zip(center, n, strict=True))
            faces.append(Quad((middle[0], middle[1], middle[2]), a, b, (repeat, repeat)))
    return faces
