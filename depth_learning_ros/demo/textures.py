# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Procedural textures of the demo's hall, in numpy alone and always the same.

A texture is float32 [S, S, 3], RGB, 0..1 as on a screen (light is its square), and tiles. What
fits onto one face (a poster, a crate) does not need to tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from depth_learning_ros.demo.brush import Brush, blend, joints

_LARGE, _SMALL = 512, 256


def pavers(brush: Brush) -> np.ndarray:
    """Concrete slabs, four by four, each its own shade, with stains and sand."""
    x, y = brush.u * 4, brush.v * 4
    image = brush.fill((0.60, 0.58, 0.55))
    image *= brush.shades(y.astype(int), x.astype(int), 0.10)
    image *= (1 + 0.07 * brush.noise(1.3, 2) + 0.09 * brush.noise(0.6, 24))[..., None]
    pits = brush.noise(0.4, 40) > 2.2
    image = blend(image, (0.30, 0.29, 0.28), 0.7 * pits.astype(np.float32))
    joint = np.maximum(joints(x, 0.035), joints(y, 0.035))
    return blend(image, (0.24, 0.23, 0.22), 0.9 * joint)


def bricks(brush: Brush) -> np.ndarray:
    """Red bricks in stretcher bond: 6 a row, 20 rows."""
    y = brush.v * 20
    row = y.astype(int)
    x = brush.u * 6 + 0.5 * (row % 2)
    column = x.astype(int) % 6
    image = brush.fill((0.62, 0.34, 0.26)) * brush.shades(row, column, 0.22)
    image[..., 1:] *= brush.shades(row, column, 0.08)
    image *= (1 + 0.08 * brush.noise(1.0, 4) + 0.10 * brush.noise(0.5, 40))[..., None]
    joint = np.maximum(joints(x, 0.05), joints(y, 0.15))
    mortar = 0.62 + 0.05 * brush.noise(0.6, 20)
    return blend(image, mortar[..., None] * np.array((1.0, 0.97, 0.92), np.float32), joint)


def plaster(brush: Brush) -> np.ndarray:
    """Painted wall: pale, with rough patches, specks and hairline cracks."""
    image = brush.fill((0.80, 0.77, 0.68))
    image *= (1 + 0.045 * brush.noise(1.4, 2) + 0.05 * brush.noise(0.7, 16))[..., None]
    worn = np.clip((brush.noise(1.5, 2) - 1.0) * 3, 0, 1)
    image = blend(image, (0.62, 0.60, 0.56), 0.55 * worn)
    crack = np.clip(1 - np.abs(brush.noise(1.8, 2)) * 45, 0, 1)
    image = blend(image, (0.42, 0.40, 0.37), 0.55 * crack)
    return blend(image, (0.5, 0.47, 0.42), 0.6 * (brush.noise(0.3, 50) > 2.6))


def ceiling(brush: Brush) -> np.ndarray:
    """Two by two acoustic panels with holes."""
    x, y = brush.u * 2, brush.v * 2
    image = brush.fill((0.74, 0.75, 0.76)) * brush.shades(y.astype(int), x.astype(int), 0.05)
    image *= (1 + 0.04 * brush.noise(1.0, 4))[..., None]
    image = blend(image, (0.40, 0.40, 0.42), 0.8 * (brush.noise(0.25, 45) > 1.7))
    return blend(image, (0.40, 0.41, 0.43), np.maximum(joints(x, 0.03), joints(y, 0.03)))


def planks(brush: Brush) -> np.ndarray:
    """Six boards side by side, grain along v."""
    x = brush.u * 6
    column = x.astype(int)
    offsets = brush.random.uniform(0, 40, 6).astype(np.float32)[column]
    bend = 0.8 * brush.noise(1.8, 1, 3.0)
    rings = np.sin(2 * np.pi * (brush.u * 34 + offsets + bend))
    image = brush.fill((0.63, 0.45, 0.28)) * brush.shades(column * 0, column, 0.16)
    image *= (1 + 0.07 * rings + 0.09 * brush.noise(0.7, 8, 5.0))[..., None]
    return blend(image, (0.20, 0.13, 0.08), 0.9 * joints(x, 0.05))


def crate(brush: Brush) -> np.ndarray:
    """One face of a wooden crate: boards in a frame with a brace across."""
    image = planks(brush)
    u, v = brush.u, brush.v
    edge = brush.edge()
    brace = np.abs(u - v) < 0.085
    dark = (edge < 0.14) & (edge > 0.125) | (np.abs(np.abs(u - v) - 0.09) < 0.008)
    frame = brush.fill((0.70, 0.53, 0.35))
    frame *= (1 + 0.10 * brush.noise(0.7, 10, 0.3) + 0.05 * brush.noise(0.5, 30))[..., None]
    image = np.where(((edge < 0.13) | brace)[..., None], frame, image)
    image = blend(image, (0.16, 0.11, 0.07), 0.85 * dark)
    nails = np.hypot((u * 7) % 1 - 0.5, (v * 7) % 1 - 0.5) < 0.09
    return blend(image, (0.18, 0.17, 0.17), 0.8 * (nails & (edge < 0.11)))


def cardboard(brush: Brush) -> np.ndarray:
    """One face of a parcel: fibres, a strip of tape and a printed label."""
    image = brush.fill((0.70, 0.55, 0.38))
    image *= (1 + 0.035 * brush.noise(0.6, 8, 0.2) + 0.05 * brush.noise(1.2, 2)
              + 0.05 * brush.noise(0.4, 40))[..., None]
    u, v = brush.u, brush.v
    tape = np.abs(u - 0.5) < 0.06
    image = blend(image, (0.78, 0.68, 0.50), 0.75 * tape)
    label = (np.abs(u - 0.74) < 0.18) & (np.abs(v - 0.72) < 0.14)
    image = blend(image, (0.92, 0.92, 0.90), 0.95 * label)
    inner = (np.abs(u - 0.74) < 0.16) & (np.abs(v - 0.72) < 0.12)
    image = blend(image, (0.10, 0.10, 0.12), 0.9 * (inner & brush.writing(48)))
    edge = brush.edge()
    return image * (0.75 + 0.25 * np.clip(edge * 40, 0, 1))[..., None]


def poster(brush: Brush) -> np.ndarray:
    """Overlapping discs and squares under a headline: edges at all scales."""
    image = brush.fill((0.90, 0.88, 0.82))
    for _ in range(70):
        color = tuple(brush.random.uniform(0.1, 0.95, 3))
        angle, radius = brush.random.uniform(0, np.pi), 0.02 + 0.2 * brush.random.uniform() ** 3
        du = brush.u - brush.random.uniform(0, 1)
        dv = brush.v - brush.random.uniform(0.22, 1)
        a, b = (du * np.cos(angle) + dv * np.sin(angle), dv * np.cos(angle) - du * np.sin(angle))
        square = brush.random.uniform() < 0.4
        reach = np.maximum(np.abs(a), np.abs(b)) if square else np.hypot(a, b)
        image[reach < radius] = color
    image[brush.v < 0.2] = (0.13, 0.22, 0.36)
    title = (brush.v > 0.05) & (brush.v < 0.16) & (np.abs(brush.u - 0.5) < 0.42)
    image[title & brush.writing(36)] = (0.95, 0.93, 0.85)
    edge = brush.edge()
    image[edge < 0.02] = (0.95, 0.95, 0.95)
    return image * (1 + 0.03 * brush.noise(0.8, 8))[..., None]


def books(brush: Brush) -> np.ndarray:
    """A row of book spines of all widths, colours and heights."""
    edges = np.cumsum(brush.random.uniform(0.02, 0.055, 60))
    edges = edges[edges < 0.985]
    number = np.searchsorted(edges, brush.u)
    count = len(edges) + 1
    tones = brush.random.uniform(0.12, 0.85, (count, 1)) * brush.random.uniform(
        0.45, 1.1, (count, 3))
    image = tones.astype(np.float32)[number]
    top = brush.random.uniform(0.02, 0.22, count).astype(np.float32)[number]
    band = np.abs(brush.v - top - 0.15 - 0.3 * (number % 3)) < 0.025
    image = blend(image, (0.9, 0.8, 0.5), 0.8 * band)
    lettering = brush.writing(64) & (np.abs(brush.v - 0.6) < 0.17) & (number % 2 == 0)
    image = blend(image, (0.93, 0.92, 0.86), 0.75 * lettering)
    bounds = np.concatenate(([0.0], edges, [1.0]))
    across = np.abs(brush.u - (bounds[number] + bounds[number + 1]) / 2)
    image *= (1 - 0.55 * (across / (bounds[number + 1] - bounds[number]) * 2) ** 4)[..., None]
    image *= (1 + 0.06 * brush.noise(0.6, 10))[..., None]
    return blend(image, (0.07, 0.06, 0.05), (brush.v < top).astype(np.float32)).astype(np.float32)


def metal(brush: Brush) -> np.ndarray:
    """Blue painted steel with scratches and rust."""
    image = brush.fill((0.20, 0.36, 0.55))
    image *= (1 + 0.10 * brush.noise(0.8, 6, 4.0) + 0.06 * brush.noise(0.4, 30))[..., None]
    rust = np.clip((brush.noise(1.2, 4) - 1.2) * 4, 0, 1)
    image = blend(image, (0.45, 0.26, 0.15), 0.8 * rust)
    scratch = (brush.noise(0.6, 20, 9.0) > 2.3).astype(np.float32)
    return blend(image, (0.70, 0.72, 0.74), 0.6 * scratch)


def hazard(brush: Brush) -> np.ndarray:
    """Worn yellow and black warning stripes."""
    wave = ((brush.u + brush.v) * 3) % 1
    stripe = np.clip((0.25 - np.abs(wave - 0.5)) * 40 + 0.5, 0, 1)
    image = blend(brush.fill((0.90, 0.72, 0.12)), (0.10, 0.10, 0.11), stripe)
    worn = np.clip((brush.noise(1.1, 4) - 1.1) * 4, 0, 1)
    image = blend(image, (0.52, 0.51, 0.49), 0.8 * worn)
    return image * (1 + 0.08 * brush.noise(0.5, 16))[..., None]


def foliage(brush: Brush) -> np.ndarray:
    """Leaves: small patches of strong contrast."""
    shade = 1 / (1 + np.exp(-2.6 * brush.noise(1.0, 10)))
    image = brush.fill((0.34, 0.52, 0.20)) * (0.25 + 1.1 * shade)[..., None]
    return image * (1 + 0.12 * brush.noise(0.3, 30))[..., None]


def fabric(brush: Brush) -> np.ndarray:
    """Woven cloth with a check."""
    thread = np.sin(2 * np.pi * 40 * brush.u) * np.sin(2 * np.pi * 40 * brush.v)
    image = brush.fill((0.66, 0.62, 0.55)) * (1 + 0.10 * thread)[..., None]
    check = ((brush.u * 4) % 1 < 0.35).astype(np.float32) + ((brush.v * 4) % 1 < 0.35)
    image = blend(image, (0.52, 0.16, 0.14), 0.4 * check)
    return image * (1 + 0.07 * brush.noise(0.8, 6) + 0.05 * brush.noise(0.3, 40))[..., None]


def ball(brush: Brush) -> np.ndarray:
    """A toy ball: six coloured segments with scuffs."""
    colors = np.array([(0.85, 0.20, 0.16), (0.93, 0.91, 0.86), (0.15, 0.38, 0.68),
                       (0.93, 0.91, 0.86), (0.92, 0.72, 0.18), (0.93, 0.91, 0.86)], np.float32)
    image = colors[(brush.u * 6).astype(int) % 6]
    spots = brush.noise(1.2, 6)
    image = blend(image, (0.25, 0.24, 0.24), 0.5 * np.clip((spots - 1.3) * 4, 0, 1))
    return image * (1 + 0.06 * brush.noise(0.5, 20))[..., None]


def terracotta(brush: Brush) -> np.ndarray:
    """Rough fired clay."""
    image = brush.fill((0.68, 0.38, 0.24))
    return image * (1 + 0.10 * brush.noise(0.9, 4) + 0.08 * brush.noise(0.4, 30))[..., None]


def door(brush: Brush) -> np.ndarray:
    """A green door with four panels and a handle."""
    image = brush.fill((0.24, 0.40, 0.34))
    image *= (1 + 0.08 * brush.noise(0.8, 8, 4.0) + 0.05 * brush.noise(0.4, 30))[..., None]
    x, y = (brush.u * 2) % 1, (brush.v * 2) % 1
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    image = blend(image, (0.10, 0.17, 0.15), (np.abs(edge - 0.16) < 0.015).astype(np.float32))
    image *= np.where(edge > 0.16, 1.15, 1.0).astype(np.float32)[..., None]
    handle = np.hypot((brush.u - 0.9) * 1.2, (brush.v - 0.52) * 2.2) < 0.04
    return blend(image, (0.85, 0.78, 0.55), handle.astype(np.float32))


_RECIPES: dict[str, tuple[Callable[[Brush], np.ndarray], int]] = {
    'pavers': (pavers, _LARGE), 'bricks': (bricks, _LARGE), 'plaster': (plaster, _LARGE),
    'ceiling': (ceiling, _SMALL), 'planks': (planks, _SMALL), 'crate': (crate, _SMALL),
    'cardboard': (cardboard, _SMALL), 'poster': (poster, _SMALL), 'books': (books, _LARGE),
    'metal': (metal, _SMALL), 'hazard': (hazard, _SMALL), 'foliage': (foliage, _SMALL),
    'fabric': (fabric, _SMALL), 'ball': (ball, _SMALL), 'terracotta': (terracotta, _SMALL),
    'door': (door, _SMALL),
}
NAMES: Sequence[str] = tuple(_RECIPES)


def paint(name: str, variant: int = 0) -> np.ndarray:
    """Paint a texture.

    Args:
        name: one of `NAMES`.
        variant: another one of the same kind.

    Returns:
        float32 [S, S, 3], RGB, 0..1.
    """
    recipe, size = _RECIPES[name]
    seed = 1000 * variant + NAMES.index(name)
    return np.clip(recipe(Brush(size, seed)), 0.0, 1.0).astype(np.float32)
