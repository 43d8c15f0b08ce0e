# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Single things at a place: plates, balls, boxes, poles, cones, cushions, bushes."""

from __future__ import annotations

import math

from depth_learning_ros.data.synthetic.builder import (
    Builder,
    facing_frame,
    random_frame,
    scaled,
)
from depth_learning_ros.data.synthetic.relief import Relief
from depth_learning_ros.data.synthetic.scene import Vector
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad
from depth_learning_ros.data.synthetic.waves import Waves

KINDS = {'plate': 2.5, 'cut': 2.0, 'ball': 2.5, 'box': 3.0, 'pole': 1.5, 'fence': 0.6}


def add_object(b: Builder, disparity: float, pixels: float, at: Vector | None = None) -> None:
    """Add one random thing of about ``pixels`` size at a disparity."""
    dice = b.dice
    center = at or b.place(disparity, dice.between(-0.05, 1.1), dice.between(-0.05, 1.05))
    half = b.size(disparity, pixels) / 2
    kinds = dict(KINDS)
    if b.options.compounds:
        kinds.update({'blob': 1.2, 'cone': 1.2})
    if b.options.height_fields:
        kinds['relief'] = 1.0
    if b.options.foliage:
        kinds['bush'] = 0.7
    kind = dice.weighted(list(kinds), list(kinds.values()))
    repeat = dice.log_between(0.3, 3)
    if kind in ('plate', 'cut', 'fence', 'blob'):
        add_plate(b, kind, center, half, repeat)
    elif kind == 'ball':
        radii = tuple(half * dice.log_between(0.5, 1.6) for _ in range(3))
        b.add(Ellipsoid(center, (radii[0], radii[1], radii[2]), (2 * repeat, repeat)), shadow=True)
    elif kind == 'box':
        sides = tuple(half * dice.log_between(0.3, 1.4) for _ in range(3))
        b.add_box(center, (sides[0], sides[1], sides[2]), dice.between(-1.5, 1.5), repeat,
                  mixed=0.2)
    elif kind == 'cone':
        axis = random_frame(dice)[0] if dice.chance(0.4) else (0.0, -1.0, 0.0)
        b.add(Cylinder(center, scaled(axis, half), half * dice.log_between(0.2, 0.9),
                       (2 * repeat, repeat), dice.between(-0.9, 0.9)), shadow=True)
    elif kind == 'relief':
        add_cloth(b, center, half, 0.7)
    elif kind == 'bush':
        add_bush(b, center, half)
    else:
        add_pole(b, center, half * 2, max(0.5, dice.log_between(1.0, 18)) / disparity / 2)


def add_plate(b: Builder, kind: str, center: Vector, half: float, repeat: float) -> None:
    """Add something flat that faces the camera more or less."""
    dice = b.dice
    across, down = facing_frame(dice, 1.2 if kind == 'plate' else 0.8)
    outline = {'plate': 'full', 'fence': dice.choice(['fence', 'frame']), 'blob': 'blob',
               'cut': dice.choice(['ellipse', 'star', 'star'])}[kind]
    tall = dice.log_between(0.4, 2.5)
    waves = Waves.draw(dice, 3, 0.5, 2.5) if kind == 'blob' else None
    b.add(Quad(center, scaled(across, half), scaled(down, half * tall), (repeat, repeat * tall),
               outline, float(dice.integer(2, 9)), dice.between(0.1, 0.4), waves),
          shadow=kind == 'plate')


def add_pole(b: Builder, center: Vector, half_length: float, radius: float) -> None:
    """Pole or wire; half of them upright."""
    axis = random_frame(b.dice)[0] if b.dice.chance(0.5) else (0.0, 1.0, 0.0)
    b.add(Cylinder(center, scaled(axis, half_length), radius, (1.0, b.dice.log_between(1, 8))))


def add_cloth(b: Builder, center: Vector, half: float, tilt: float) -> None:
    """Cloth, cushion or rock that faces the camera: a height field."""
    dice = b.dice
    across, down = facing_frame(dice, tilt)
    tall = dice.log_between(0.5, 2)
    waves = Waves.draw(dice, 4, dice.log_between(0.25, 1), dice.log_between(1, 3))
    repeat = dice.log_between(0.4, 3)
    b.add(Relief(center, scaled(across, half), scaled(down, half * tall), waves,
                 half * dice.log_between(0.03, 0.3), (repeat, repeat * tall), dice.chance(0.5)))


def add_bush(b: Builder, center: Vector, radius: float, layers: int = 0) -> None:
    """Leaves: slanted layers full of holes, one behind the other."""
    dice = b.dice
    texture = b.texture(0.0)
    shortest = dice.log_between(0.06, 0.25)
    count = layers or dice.integer(3, 6)
    for number in range(count):
        across, down = facing_frame(dice, 0.6)
        place = 2 * (number + dice.between(0.2, 0.8)) / count - 1  # -1 in front, 1 behind
        size = radius * math.sqrt(max(0.2, 1 - place * place)) * dice.between(0.8, 1.2)
        middle = (center[0] + radius * dice.between(-0.3, 0.3),
                  center[1] + radius * dice.between(-0.3, 0.3), center[2] + radius * place)
        repeat = dice.log_between(0.5, 2)
        b.add(Quad(middle, scaled(across, size), scaled(down, size), (repeat, repeat), 'leaves',
                   waves=Waves.draw(dice, 5, shortest, 6 * shortest, 0.5),
                   bar=dice.between(0.4, 0.7)),
              texture, gloss=0.0, mirror=0.0)


def backdrop(b: Builder, disparity: float, tilt: float = 0.7) -> None:
    """Fill the view behind everything with a slanted wall, or with a rough one."""
    dice = b.dice
    across, down = facing_frame(dice, tilt)
    reach = b.size(disparity, 12 * b.width)
    center = b.place(disparity, dice.between(0.2, 0.8), dice.between(0.2, 0.8))
    repeat = 12 * dice.log_between(0.5, 6)
    if b.options.height_fields and dice.chance(0.15):
        lengths = (dice.log_between(0.01, 0.05), dice.log_between(0.05, 0.3))
        b.add(Relief(center, scaled(across, reach / 2), scaled(down, reach / 2),
                     Waves.draw(dice, 3, *lengths), reach * lengths[0] * dice.between(0.03, 0.2),
                     (repeat, repeat), steps=5))
        return
    b.add(Quad(center, scaled(across, reach / 2), scaled(down, reach / 2), (repeat, repeat)))
