# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Light and soft shadows of the demo's hall, computed once: nothing in it moves but the camera."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from depth_learning_ros.demo.hall import (
    BACK_M,
    FRONT_M,
    HALF_WIDTH_M,
    HEIGHT_M,
    LAMP_SIZE_M,
    LAMPS_Z_M,
    Thing,
)
from depth_learning_ros.demo.surfaces import Quad, Rays, Vector

AMBIENT = 0.11
_LAMP_POWER, _CEILING_POWER = 3.6, 0.7
_CELL_M = 0.09
_MAX_CELLS = 256
_SHADOW_SHARE = 0.995  # a shadow needs something clearly nearer to the light
_DOWNWARDS: tuple[Vector, Vector, Vector] = (
    (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.0, 1.0, 0.0))


class Light(NamedTuple):
    """A point that gives light downwards."""

    position: Vector
    power: float


def lights() -> list[Light]:
    """Return the points by which lamps and the lit ceiling are approximated."""
    found = []
    y = -HEIGHT_M + 0.12
    for z in LAMPS_Z_M:
        for share in (-0.4, 0.0, 0.4):
            found.append(Light((share * LAMP_SIZE_M[0], y, z), _LAMP_POWER / 3))
    columns, rows = 3, 8
    power = _CEILING_POWER * len(LAMPS_Z_M) / (columns * rows)
    for i in range(columns):
        for j in range(rows):
            x = ((i + 0.5) / columns - 0.5) * 2 * HALF_WIDTH_M
            z = BACK_M + (j + 0.5) / rows * (FRONT_M - BACK_M)
            found.append(Light((x, y, z), power))
    return found


def bake(things: Sequence[Thing]) -> list[np.ndarray | None]:
    """Return a map of light for each flat thing, float32 [rows, columns] from its corner (0, 0).

    Curved things, which are few, are lit without shadows by `light_on`: None.
    """
    faces = [(index, thing.surface) for index, thing in enumerate(things)
             if isinstance(thing.surface, Quad) and thing.glow is None]
    maps: list[np.ndarray | None] = [None] * len(things)
    for index, thing in enumerate(things):
        if thing.glow is not None:
            maps[index] = np.full((1, 1), thing.glow, np.float32)
    if not faces:
        return maps
    shapes = [_cells(face) for _, face in faces]
    points = np.concatenate([_centres(face, *shape)
                             for (_, face), shape in zip(faces, shapes, strict=True)])
    normals = np.repeat(np.array([face.normal for _, face in faces], np.float32),
                        [rows * columns for rows, columns in shapes], axis=0)
    light = _lit(points, normals, [thing for thing in things if thing.casts])
    start = 0
    for (index, _), (rows, columns) in zip(faces, shapes, strict=True):
        part = light[start:start + rows * columns].reshape(rows, columns)
        maps[index] = cv2.GaussianBlur(part, (0, 0), 0.7, borderType=cv2.BORDER_REPLICATE)
        start += rows * columns
    return maps


def light_on(points: Sequence[np.ndarray],
             normal: Sequence[np.ndarray | float]) -> np.ndarray:
    """Return the light on points of a curved thing, without shadows; float32 [N].

    Args:
        points: x, y and z of each.
        normal: the same of the unit normals.
    """
    total = np.full_like(points[0], AMBIENT)
    for light in _coarse_lights():
        total += _from(light, points, normal)
    return total


def _coarse_lights() -> Iterator[Light]:
    for z in LAMPS_Z_M:
        yield Light((0.0, -HEIGHT_M, z), _LAMP_POWER + _CEILING_POWER)


def _from(light: Light, points: Sequence[np.ndarray],
          normal: Sequence[np.ndarray | float]) -> np.ndarray:
    """Return what a light that shines downwards gives to points."""
    x, y, z = (p - c for p, c in zip(points, light.position, strict=True))
    square = x * x + y * y + z * z
    facing = np.maximum(-(x * normal[0] + y * normal[1] + z * normal[2]), 0)
    return light.power * facing * np.maximum(y, 0) / (square * square)


def _cells(face: Quad) -> tuple[int, int]:
    rows, columns = (min(max(2, round(size / _CELL_M)), _MAX_CELLS)
                     for size in (face.height, face.width))
    return rows, columns


def _centres(face: Quad, rows: int, columns: int) -> np.ndarray:
    u = ((np.arange(columns) + 0.5) / columns - 0.5) * face.width
    v = ((np.arange(rows) + 0.5) / rows - 0.5) * face.height
    points = (np.array(face.center) + u[None, :, None] * np.array(face.across)
              + v[:, None, None] * np.array(face.down))
    return points.reshape(-1, 3).astype(np.float32)


def _lit(points: np.ndarray, normals: np.ndarray, casters: Sequence[Thing]) -> np.ndarray:
    # What little comes from below is bounced off the floor: surfaces that look down get more.
    total = AMBIENT * (1 + 1.2 * np.maximum(normals[:, 1], 0))
    for light in lights():
        given = _from(light, tuple(points.T), tuple(normals.T))
        reached = np.flatnonzero(given > 1e-4)
        shadow = _in_shadow(light, points[reached], casters)
        total[reached] += np.where(shadow, 0, given[reached])
    return total.astype(np.float32)


def _in_shadow(light: Light, points: np.ndarray, casters: Sequence[Thing]) -> np.ndarray:
    away = points - np.array(light.position, np.float32)
    depth = away[:, 1]
    rays = Rays(light.position, _DOWNWARDS, away[:, 0] / depth, away[:, 2] / depth)
    shadow = np.zeros(len(points), bool)
    for caster in casters:
        found = caster.surface.depth(rays)
        if found is not None:
            shadow |= found < _SHADOW_SHARE * depth
    return shadow
