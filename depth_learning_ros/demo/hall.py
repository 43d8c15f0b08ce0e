# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The hall that the demo's robot drives through: what stands where, and what it is made of.

A list of things, to be read like a floor plan. x is right, y down (the floor is 0, so heights are
negative), z ahead; metres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from depth_learning_ros.demo.surfaces import Cylinder, Quad, Sphere, Surface, Vector, box

HALF_WIDTH_M, HEIGHT_M = 2.8, 3.2
BACK_M, FRONT_M = -1.5, 14.0
LAMPS_Z_M = (1.0, 4.4, 7.8, 11.2)
LAMP_SIZE_M = (1.2, 0.24)


@dataclass(frozen=True)
class Thing:
    """A surface and its finish.

    Attributes:
        surface: where it is.
        texture: name of a texture.
        variant: which one of that kind.
        repeat_m: metres that one repeat of the texture covers, along u and v; None = it is
            stretched over the whole face once.
        glow: light it gives off; None = it is lit.
        casts: whether it throws a shadow (the hall's shell cannot).
    """

    surface: Surface
    texture: str
    variant: int = 0
    repeat_m: tuple[float, float] | None = None
    glow: float | None = None
    casts: bool = True


def hall() -> list[Thing]:
    """Return all things of the hall."""
    return [*_shell(), *_lamps(), *_left_side(), *_right_side(), *_middle()]


def _shell() -> Iterator[Thing]:
    length, middle = FRONT_M - BACK_M, (FRONT_M + BACK_M) / 2
    width, mid_y = 2 * HALF_WIDTH_M, -HEIGHT_M / 2
    right, ahead, down = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
    back = (0.0, 0.0, -1.0)
    floor = Quad((0.0, 0.0, middle), right, back, width, length)
    ceiling = Quad((0.0, -HEIGHT_M, middle), right, ahead, width, length)
    left = Quad((-HALF_WIDTH_M, mid_y, middle), ahead, down, length, HEIGHT_M)
    other = Quad((HALF_WIDTH_M, mid_y, middle), back, down, length, HEIGHT_M)
    end = Quad((0.0, mid_y, FRONT_M), right, down, width, HEIGHT_M)
    yield Thing(floor, 'pavers', repeat_m=(1.8, 1.8), casts=False)
    yield Thing(ceiling, 'ceiling', repeat_m=(1.2, 1.2), casts=False)
    yield Thing(left, 'bricks', repeat_m=(1.5, 1.5), casts=False)
    yield Thing(other, 'plaster', repeat_m=(2.1, 2.1), casts=False)
    yield Thing(end, 'bricks', 1, (1.5, 1.5), casts=False)


def _lamps() -> Iterator[Thing]:
    for z in LAMPS_Z_M:
        faces = box((0.0, -HEIGHT_M + 0.05, z), (LAMP_SIZE_M[0], 0.1, LAMP_SIZE_M[1]))
        yield from _finish(faces, 'plaster', repeat_m=(1.0, 1.0), glow=1.3, casts=False)
        under = Quad((0.0, -HEIGHT_M + 0.1, z), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), *LAMP_SIZE_M)
        yield Thing(under, 'plaster', repeat_m=(1.0, 1.0), glow=1.9, casts=False)
    for z in (2.7, 6.1, 9.5):
        beam = box((0.0, -HEIGHT_M + 0.11, z), (2 * HALF_WIDTH_M, 0.22, 0.16))
        yield from _finish(beam, 'metal', repeat_m=(0.8, 0.8), casts=False)
        under = Quad((0.0, -HEIGHT_M + 0.22, z), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0),
                     2 * HALF_WIDTH_M, 0.16)
        yield Thing(under, 'metal', repeat_m=(0.8, 0.8), casts=False)


def _finish(faces: Mapping[str, Quad], texture: str, variant: int = 0,
            repeat_m: tuple[float, float] | None = None, glow: float | None = None,
            casts: bool = True, **other: str) -> Iterator[Thing]:
    """Give all faces a texture, and those named in ``other`` another one."""
    for name, face in faces.items():
        yield Thing(face, other.get(name, texture), variant, repeat_m, glow, casts)


def _crate(center_x: float, z: float, size: float, yaw: float, base: float = 0.0,
           variant: int = 0) -> Iterator[Thing]:
    yield from _finish(box((center_x, base - size / 2, z), (size, size, size), yaw), 'crate',
                       variant)


def _parcel(center_x: float, z: float, size: Vector, yaw: float, base: float = 0.0,
            variant: int = 0) -> Iterator[Thing]:
    yield from _finish(box((center_x, base - size[1] / 2, z), size, yaw), 'cardboard', variant)


def _on_wall(x_side: float, z: float, height: float, size: tuple[float, float], texture: str,
             variant: int = 0) -> Iterator[Thing]:
    """Hang a flat box on the left (-1) or right (1) wall."""
    center = (x_side * (HALF_WIDTH_M - 0.02), -height, z)
    yield from _finish(box(center, (0.04, size[1], size[0])), texture, variant, casts=False)


def _left_side() -> Iterator[Thing]:
    yield from _shelf(-2.52, 4.3)
    yield from _crate(-1.95, 7.1, 0.75, 0.2)
    yield from _crate(-2.05, 7.95, 0.72, -0.1, variant=1)
    yield from _crate(-1.98, 7.4, 0.55, 0.6, base=-0.74)
    yield from _crate(-1.25, 5.1, 0.5, 0.5, variant=1)
    yield from _parcel(-1.25, 5.05, (0.38, 0.26, 0.3), 0.1, base=-0.5)
    yield from _parcel(-1.55, 2.75, (0.5, 0.42, 0.45), -0.35, variant=1)
    yield from _pillar(-1.8, 9.5)
    yield from _on_wall(-1, 6.35, 1.75, (0.9, 1.2), 'poster', 1)
    yield from _on_wall(-1, 11.2, 1.7, (1.0, 1.3), 'poster', 2)


def _shelf(x: float, z: float) -> Iterator[Thing]:
    length, depth = 2.4, 0.46
    for height in (0.12, 0.72, 1.32, 1.92):
        yield from _finish(box((x, -height, z), (depth, 0.04, length)), 'planks',
                           repeat_m=(0.7, 0.7))
    for dz in (-length / 2, 0.0, length / 2):
        for dx in (-depth / 2, depth / 2):
            yield from _finish(box((x + dx, -1.0, z + dz), (0.05, 2.0, 0.05)), 'metal',
                               repeat_m=(0.5, 0.5))
    # height of the board, centre and length along z, height, texture
    rows = ((0.14, -0.62, 0.95, 0.42, 'cardboard'), (0.14, 0.6, 0.8, 0.36, 'crate'),
            (0.74, -0.6, 1.05, 0.34, 'books'), (0.74, 0.66, 0.9, 0.31, 'books'),
            (1.34, -0.55, 0.5, 0.38, 'cardboard'), (1.34, 0.55, 1.1, 0.33, 'books'))
    for number, (height, dz, size, tall, texture) in enumerate(rows):
        center = (x - 0.03, -height - tall / 2, z + dz)
        yield from _finish(box(center, (0.34, tall, size)), texture, number % 3, near='cardboard',
                           top='cardboard' if texture == 'books' else texture)
    yield Thing(Cylinder((x, -2.04, z - 0.6), 0.12, 0.2), 'terracotta', repeat_m=(0.5, 0.5))
    yield Thing(Sphere((x, -2.28, z - 0.6), 0.22), 'foliage', repeat_m=(0.55, 0.55))


def _pillar(x: float, z: float) -> Iterator[Thing]:
    yield Thing(Cylinder((x, -2.15, z), 0.15, 2.1), 'plaster', 1, (0.9, 0.9))
    yield Thing(Cylinder((x, -0.55, z), 0.16, 1.1), 'hazard', 0, (0.5, 0.5))


def _right_side() -> Iterator[Thing]:
    yield from _table(1.75, 4.9)
    yield from _parcel(1.6, 2.95, (0.42, 0.6, 0.5), 0.3, variant=2)
    yield from _plant(2.1, 7.0, 0.55)
    yield from _plant(2.25, 11.6, 0.7)
    yield from _pillar(1.8, 9.5)
    yield from _on_wall(1, 3.6, 1.7, (0.8, 1.1), 'poster', 3)
    yield from _on_wall(1, 6.2, 1.65, (1.1, 1.0), 'poster', 4)
    yield from _on_wall(1, 8.4, 1.05, (1.0, 2.1), 'door')


def _table(x: float, z: float) -> Iterator[Thing]:
    yield from _finish(box((x, -0.75, z), (0.85, 0.05, 1.7)), 'planks', 1, (0.6, 0.6))
    for dx in (-0.38, 0.38):
        for dz in (-0.8, 0.8):
            yield from _finish(box((x + dx, -0.36, z + dz), (0.06, 0.72, 0.06)), 'planks', 1,
                               (0.4, 0.4))
    yield from _parcel(x + 0.05, z - 0.35, (0.4, 0.3, 0.34), 0.4, base=-0.775, variant=1)
    yield from _finish(box((x + 0.1, -0.925, z + 0.45), (0.3, 0.3, 0.5), -0.2), 'books', 1)
    yield Thing(Sphere((x - 0.22, -0.885, z + 0.1), 0.11, 0.7), 'ball', 1, (0.6912, 0.3456))
    yield from _crate(x + 0.05, z + 0.2, 0.48, 0.15, variant=2)


def _plant(x: float, z: float, size: float) -> Iterator[Thing]:
    yield Thing(Cylinder((x, -0.35 * size, z), 0.36 * size, 0.7 * size), 'terracotta',
                repeat_m=(0.6, 0.6))
    for dx, dy, dz, radius in ((0.0, 1.2, 0.0, 0.55), (0.22, 1.75, 0.1, 0.4),
                               (-0.25, 1.7, -0.1, 0.38), (0.02, 2.15, 0.0, 0.33)):
        yield Thing(Sphere((x + dx * size, -dy * size, z + dz * size), radius * size, dy),
                    'foliage', int(10 * dy) % 2, (0.7, 0.7))


def _middle() -> Iterator[Thing]:
    floor_axes: tuple[Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
    yield Thing(Quad((0.1, -0.006, 7.6), *floor_axes, 1.5, 2.6), 'fabric', 0, (0.8, 0.8),
                casts=False)
    for x in (-1.45, 1.15):
        yield Thing(Quad((x, -0.004, 6.0), *floor_axes, 0.09, 15.0), 'hazard', 1, (0.4, 0.4),
                    casts=False)
    yield Thing(Sphere((0.62, -0.21, 5.35), 0.21), 'ball', 0, (1.32, 0.66))
    yield Thing(Sphere((-0.45, -0.28, 9.0), 0.28, 2.0), 'ball', 2, (1.76, 0.88))
    yield from _lamp_post(-0.85, 6.35)
    yield from _barrier(0.35, 11.4)
    yield from _finish(box((-1.3, -1.1, FRONT_M - 0.03), (1.3, 2.2, 0.06)), 'door', 1,
                       casts=False)
    yield from _finish(box((1.15, -1.75, FRONT_M - 0.02), (1.7, 1.3, 0.04)), 'poster', 5,
                       casts=False)


def _lamp_post(x: float, z: float) -> Iterator[Thing]:
    yield Thing(Cylinder((x, -0.03, z), 0.16, 0.06), 'metal', repeat_m=(0.5, 0.5))
    yield Thing(Cylinder((x, -0.8, z), 0.022, 1.6), 'metal', 1, (0.3, 0.3))
    yield Thing(Sphere((x, -1.68, z), 0.15), 'terracotta', 1, (0.5, 0.5))


def _barrier(x: float, z: float) -> Iterator[Thing]:
    for height in (0.85, 0.45):
        yield from _finish(box((x, -height, z), (1.9, 0.18, 0.04)), 'hazard', 1, (0.5, 0.5))
    for dx in (-0.85, 0.85):
        yield from _finish(box((x + dx, -0.5, z + 0.05), (0.06, 1.0, 0.06)), 'metal', 1,
                           (0.4, 0.4))
