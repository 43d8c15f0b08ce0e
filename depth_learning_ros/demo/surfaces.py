# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where rays meet the surfaces of the demo's hall, exactly.

The world's axes are those of an optical frame at rest (REP 103): x right, y down, z ahead, metres,
the floor at y = 0. A ray's direction has length 1 along its camera's z axis, so the distance that
a surface returns *is* the depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
import math
from typing import NamedTuple, Protocol

import numpy as np

Vector = tuple[float, float, float]
NEAR_M = 0.05


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Scalar product, as a Python float: a numpy scalar would turn float32 arrays to float64."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def minus(a: Sequence[float], b: Sequence[float]) -> Vector:
    """Return the difference of two vectors."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def scaled(a: Sequence[float], factor: float) -> Vector:
    """Return a multiple of a vector."""
    return (a[0] * factor, a[1] * factor, a[2] * factor)


@dataclass(frozen=True)
class Rays:
    """Rays from one point.

    Attributes:
        origin: where all start, world, metres.
        axes: the camera's x, y and z axis in the world.
        x: float32, any shape that broadcasts with ``y``: (column - cx) / focal.
        y: float32: (row - cy) / focal.
        pixel: extent of a pixel on the plane z = 1, that is 1 / focal.
    """

    origin: Vector
    axes: tuple[Vector, Vector, Vector]
    x: np.ndarray
    y: np.ndarray
    pixel: float = 0.0

    def along(self, vector: Vector) -> np.ndarray:
        """Return the scalar product of each ray with a vector of the world."""
        in_x, in_y, in_z = (dot(axis, vector) for axis in self.axes)
        return (in_x * self.x + in_z) + in_y * self.y


class Look(NamedTuple):
    """What is needed to colour points of a surface; float32 [N] each.

    Attributes:
        u, v: position on the surface, metres.
        footprint_u, footprint_v: extent of a pixel on the surface along both, metres.
        normal: the surface's unit normal: three arrays or floats.
    """

    u: np.ndarray
    v: np.ndarray
    footprint_u: np.ndarray
    footprint_v: np.ndarray
    normal: tuple[np.ndarray, np.ndarray, np.ndarray] | Vector


class Surface(Protocol):
    """What the renderer asks of a surface."""

    def depth(self, rays: Rays) -> np.ndarray | None:
        """Return the depth where each ray meets it, inf where none; None = all miss."""

    def look(self, rays: Rays, depth: np.ndarray) -> Look:
        """Describe the points at ``depth`` of rays (vectors) that hit."""

    def corners(self) -> list[Vector]:
        """Return points whose hull holds the surface."""


@dataclass(frozen=True)
class Quad:
    """A rectangle, seen from the side from which ``across`` x ``down`` points away.

    Attributes:
        center: its middle.
        across: unit vector along u.
        down: unit vector along v; right angles to ``across``.
        width, height: extent along both, metres.
    """

    center: Vector
    across: Vector
    down: Vector
    width: float
    height: float

    @cached_property
    def normal(self) -> Vector:
        """Unit normal, towards the side it is seen from."""
        return scaled(cross(self.across, self.down), -1.0)

    def corners(self) -> list[Vector]:
        """Return the four corners, in order around the rectangle."""
        return [self.point(i * self.width, j * self.height)
                for i, j in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))]

    def point(self, u: float, v: float) -> Vector:
        """Return the point at (u, v) metres from the middle."""
        x, y, z = (c + u * a + v * d
                   for c, a, d in zip(self.center, self.across, self.down, strict=True))
        return (x, y, z)

    def faces(self, point: Sequence[float]) -> bool:
        """Tell whether it is seen from its front there."""
        return dot(self.normal, minus(point, self.center)) > 0

    def depth(self, rays: Rays) -> np.ndarray | None:
        """See `Surface.depth`."""
        if not self.faces(rays.origin):
            return None
        from_center = minus(rays.origin, self.center)
        distance = dot(self.normal, from_center)
        with np.errstate(divide='ignore', invalid='ignore', over='ignore'):
            depth = -distance / rays.along(self.normal)
            u = depth * rays.along(self.across) + dot(self.across, from_center)
            v = depth * rays.along(self.down) + dot(self.down, from_center)
            inside = ((np.abs(u) <= self.width / 2) & (np.abs(v) <= self.height / 2)
                      & (depth > NEAR_M))
        return np.where(inside, depth, np.float32(np.inf))

    def look(self, rays: Rays, depth: np.ndarray) -> Look:
        """See `Surface.look`."""
        from_center = minus(rays.origin, self.center)
        slope = rays.along(self.normal)
        u, footprint_u = self._along(self.across, from_center, rays, depth, slope)
        v, footprint_v = self._along(self.down, from_center, rays, depth, slope)
        return Look(u + self.width / 2, v + self.height / 2, footprint_u, footprint_v,
                    self.normal)

    def _along(self, edge: Vector, from_center: Vector, rays: Rays, depth: np.ndarray,
               slope: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the position along an edge and how fast it changes over the image plane.

        Along a ray r the position is depth * (edge . r), with depth = distance / (normal . r);
        its derivative by x is depth * (edge_x - (edge . r) * normal_x / (normal . r)).
        """
        ray = rays.along(edge)
        ratio = ray / slope
        by_x = dot(rays.axes[0], edge) - ratio * dot(rays.axes[0], self.normal)
        by_y = dot(rays.axes[1], edge) - ratio * dot(rays.axes[1], self.normal)
        return (depth * ray + dot(edge, from_center),
                rays.pixel * depth * np.sqrt(by_x * by_x + by_y * by_y))


@dataclass(frozen=True)
class Sphere:
    """A ball; u runs around its upright axis, v from top to bottom."""

    center: Vector
    radius: float
    turn: float = 0.0

    def corners(self) -> list[Vector]:
        """Return the corners of the cube around it."""
        return _box_corners(self.center, (self.radius,) * 3)

    def depth(self, rays: Rays) -> np.ndarray | None:
        """See `Surface.depth`."""
        away = minus(rays.origin, self.center)
        a = rays.x * rays.x + rays.y * rays.y + 1
        return _nearer_root(a, rays.along(away), dot(away, away) - self.radius ** 2)

    def look(self, rays: Rays, depth: np.ndarray) -> Look:
        """See `Surface.look`."""
        away = minus(rays.origin, self.center)
        normal = tuple((depth * rays.along(axis) + offset) / self.radius
                       for axis, offset in zip(_WORLD, away, strict=True))
        u = self.radius * (np.arctan2(normal[0], normal[2]) + self.turn)
        v = self.radius * np.arccos(np.clip(-normal[1], -1, 1))
        around = np.maximum(np.hypot(normal[0], normal[2]), 0.05)
        footprint = _oblique(depth, rays, normal)
        return Look(u, v, footprint / around, footprint, normal)


@dataclass(frozen=True)
class Cylinder:
    """An upright tube without lids; u runs around it, v down from its top.

    Attributes:
        center: its middle.
        radius, height: metres.
    """

    center: Vector
    radius: float
    height: float

    def corners(self) -> list[Vector]:
        """Return the corners of the box around it."""
        return _box_corners(self.center, (self.radius, self.height / 2, self.radius))

    def depth(self, rays: Rays) -> np.ndarray | None:
        """See `Surface.depth`."""
        away = minus(rays.origin, self.center)
        dx, dz = rays.along(_WORLD[0]), rays.along(_WORLD[2])
        depth = _nearer_root(dx * dx + dz * dz, away[0] * dx + away[2] * dz,
                             away[0] ** 2 + away[2] ** 2 - self.radius ** 2)
        with np.errstate(invalid='ignore'):
            y = depth * rays.along(_WORLD[1]) + away[1]
            return np.where(np.abs(y) <= self.height / 2, depth, np.float32(np.inf))

    def look(self, rays: Rays, depth: np.ndarray) -> Look:
        """See `Surface.look`."""
        away = minus(rays.origin, self.center)
        x = (depth * rays.along(_WORLD[0]) + away[0]) / self.radius
        z = (depth * rays.along(_WORLD[2]) + away[2]) / self.radius
        normal = (x, np.zeros_like(x), z)
        return Look(self.radius * np.arctan2(x, z),
                    depth * rays.along(_WORLD[1]) + (away[1] + self.height / 2),
                    _oblique(depth, rays, normal), rays.pixel * depth, normal)


_WORLD: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _nearer_root(a: np.ndarray, half_b: np.ndarray, c: float) -> np.ndarray:
    """Return the smaller t of a t^2 + 2 half_b t + c = 0; inf where there is none in front."""
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = (-half_b - np.sqrt(half_b * half_b - a * c)) / a
        return np.where(depth > NEAR_M, depth, np.float32(np.inf))  # NaN is not > NEAR_M


def _oblique(depth: np.ndarray, rays: Rays, normal: Sequence[np.ndarray]) -> np.ndarray:
    """Return the extent of a pixel on a surface that turns away."""
    facing = sum(n * rays.along(axis) for n, axis in zip(normal, _WORLD, strict=True))
    length = np.sqrt(rays.x * rays.x + rays.y * rays.y + 1)
    return rays.pixel * depth * length / np.maximum(-facing, 0.1 * length)


def _box_corners(center: Vector, half: Vector) -> list[Vector]:
    return [(center[0] + i * half[0], center[1] + j * half[1], center[2] + k * half[2])
            for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]


def box(center: Vector, size: Vector, yaw: float = 0.0) -> dict[str, Quad]:
    """Return the faces of an upright box, all but the bottom.

    Args:
        center: its middle.
        size: extent along its own x, y and z, metres.
        yaw: turned about the vertical, radians.

    Returns:
        ``near``, ``far``, ``left``, ``right`` and ``top``, as seen from small z.
    """
    cos, sin = math.cos(yaw), math.sin(yaw)
    right, ahead, down = (cos, 0.0, -sin), (sin, 0.0, cos), (0.0, 1.0, 0.0)
    back, left = scaled(ahead, -1.0), scaled(right, -1.0)

    def face(out: Vector, reach: float, across: Vector, along: Vector, width: float,
             height: float) -> Quad:
        middle = tuple(c + o * reach / 2 for c, o in zip(center, out, strict=True))
        return Quad((middle[0], middle[1], middle[2]), across, along, width, height)

    width, height, length = size
    return {
        'near': face(back, length, right, down, width, height),
        'far': face(ahead, length, left, down, width, height),
        'left': face(left, width, back, down, length, height),
        'right': face(right, width, ahead, down, length, height),
        'top': face((0.0, -1.0, 0.0), height, right, back, width, length),
    }
