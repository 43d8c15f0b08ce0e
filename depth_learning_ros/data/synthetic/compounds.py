# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Things made of several solids: bottles, chairs, shelves, people, trees, pipes."""

from __future__ import annotations

import math

from depth_learning_ros.data.synthetic.builder import Builder
from depth_learning_ros.data.synthetic.looks import PLAIN
from depth_learning_ros.data.synthetic.scene import Vector
from depth_learning_ros.data.synthetic.solids import add_bush
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad


def add_vessel(b: Builder, foot: Vector, tall: float) -> None:
    """Bottle, jar, bucket or lamp shade that stands at ``foot``."""
    dice, (x, y, z) = b.dice, foot
    radius = tall * dice.between(0.12, 0.4)
    texture, gloss = b.texture(0.4), dice.choice([0.0, 0.3, 0.7])
    if dice.chance(0.5):  # a neck and shoulders
        body, shoulder = 0.6 * tall, 0.2 * tall
        narrow = dice.between(0.25, 0.6)
        b.add(Cylinder((x, y - body / 2, z), (0, -body / 2, 0), radius, (1, 1)), texture,
              True, gloss)
        mean = radius * (1 + narrow) / 2
        b.add(Cylinder((x, y - body - shoulder / 2, z), (0, -shoulder / 2, 0), mean, (1, 0.5),
                       (narrow - 1) / (narrow + 1)), texture, False, gloss)
        b.add(Cylinder((x, y - tall + 0.1 * tall, z), (0, -0.1 * tall, 0), radius * narrow,
                       (1, 0.5)), None, False, gloss)
    else:
        taper = dice.between(-0.7, 0.7)
        b.add(Cylinder((x, y - tall / 2, z), (0, -tall / 2, 0), radius, (1, 1), taper), texture,
              True, gloss)
        if dice.chance(0.6):  # a lid
            rim = radius * (1 + taper)
            b.add(Quad((x, y - tall, z), (rim, 0, 0), (0, 0, rim), outline='ellipse'),
                  gloss=gloss)


def add_chair(b: Builder, foot: Vector, tall: float, turn: float) -> None:
    """Chair or, without a back, a small table."""
    dice, (x, y, z) = b.dice, foot
    texture, half = b.texture(0.3), tall * dice.between(0.18, 0.35)
    seat = tall * dice.between(0.4, 0.6)
    cos, sin = math.cos(turn) * half, math.sin(turn) * half
    leg = half * dice.between(0.05, 0.15)
    for i, j in ((-1, -1), (1, -1), (-1, 1), (1, 1)):
        corner = (x + 0.9 * (i * cos - j * sin), y - seat / 2, z + 0.9 * (i * sin + j * cos))
        b.add(Cylinder(corner, (0, seat / 2, 0), leg), texture, gloss=0.0)
    b.add_box((x, y - seat, z), (half, half * 0.08, half), turn, texture=texture, shadow=True)
    if dice.chance(0.75):
        rest = (tall - seat) / 2
        b.add(Quad((x - sin, y - seat - rest, z + cos), (cos, 0, sin), (0, rest, 0), (1, 1),
                   dice.choice(['full', 'frame', 'fence']), float(dice.integer(2, 5))),
              texture, gloss=0.0)


def add_shelf(b: Builder, foot: Vector, half: float, tall: float, turn: float) -> None:
    """Boards with a row of books or boxes on each."""
    dice, (x, y, z) = b.dice, foot
    cos, sin = math.cos(turn), math.sin(turn)
    wood, rows = b.texture(0.3), dice.integer(2, 4)
    deep = half * dice.between(0.2, 0.4)
    b.add(Quad((x - sin * deep, y - tall / 2, z + cos * deep), (half * cos, 0, half * sin),
               (0, tall / 2, 0)), wood, gloss=0.0)
    step = tall / rows
    for row in range(rows + 1):
        b.add_box((x, y - row * step, z), (half, half * 0.03, deep), turn, texture=wood)
    for row in range(rows):
        at = -half
        while at < half * 0.9:
            thick = half * dice.log_between(0.06, 0.4)
            high = step * dice.between(0.45, 0.9)
            if dice.chance(0.9):
                out = deep * dice.between(-0.9, 0.0)
                middle = at + thick / 2
                b.add(Quad((x + cos * middle - sin * out, y - row * step - high / 2,
                            z + sin * middle + cos * out),
                           (cos * thick * 0.48, 0, sin * thick * 0.48), (0, high / 2, 0)),
                      gloss=0.0)
            at += thick


def add_person(b: Builder, foot: Vector, tall: float) -> None:
    """Head, trunk, arms and legs."""
    dice, (x, y, z) = b.dice, foot
    coat, trousers = b.texture(0.3), b.texture(0.3)
    wide = tall * dice.between(0.1, 0.16)
    b.add(Ellipsoid((x, y - 0.92 * tall, z), (0.055 * tall, 0.075 * tall, 0.065 * tall)), PLAIN)
    b.add(Ellipsoid((x, y - 0.65 * tall, z), (wide, 0.21 * tall, wide * 0.7)), coat, True, 0.0)
    for side in (-1, 1):
        stride = dice.between(-0.5, 0.5) * wide
        b.add(Cylinder((x + side * wide * 0.4 + stride / 2, y - 0.24 * tall, z),
                       (stride / 2, -0.24 * tall, stride / 3), wide * 0.35, taper=0.2),
              trousers, gloss=0.0)
        swing = dice.between(-0.1, 0.25) * tall
        b.add(Cylinder((x + side * wide + side * swing / 3, y - 0.62 * tall, z),
                       (side * swing / 3, 0.19 * tall, -swing / 3), wide * 0.22), coat, gloss=0.0)


def add_pipes(b: Builder, near: float, far: float) -> None:
    """Thick pipes along and across the view at several depths."""
    dice = b.dice
    texture, gloss = b.texture(0.5), dice.choice([0.0, 0.5])
    for _ in range(dice.integer(2, 8)):
        disparity = dice.between(far, near)
        center = b.place(disparity, dice.between(0, 1), dice.between(0, 1))
        axis = dice.choice([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.7, 0.0, 0.7)])
        half = b.size(disparity, dice.log_between(60, 600)) / 2
        radius = b.size(disparity, dice.log_between(4, 40)) / 2
        b.add(Cylinder(center, (axis[0] * half, axis[1] * half, axis[2] * half), radius,
                       (1, dice.log_between(1, 6))),
              texture if dice.chance(0.6) else None, gloss=gloss)
        end = (center[0] + axis[0] * half, center[1] + axis[1] * half, center[2] + axis[2] * half)
        b.add(Ellipsoid(end, (radius * 1.3, radius * 1.3, radius * 1.3)), texture, gloss=gloss)


def add_tree(b: Builder, foot: Vector, tall: float) -> None:
    """A trunk with branches and a crown of leaves; bare in one of four."""
    dice, (x, y, z) = b.dice, foot
    trunk = tall * dice.between(0.02, 0.06)
    bark = b.texture(0.0)
    b.add(Cylinder((x, y - tall * 0.35, z), (0, -tall * 0.35, 0), trunk, (1, 4), -0.3), bark,
          gloss=0.0)
    for _ in range(dice.integer(0, 4)):
        reach = tall * dice.between(0.1, 0.25)
        side = dice.between(-1, 1)
        at = (x + side * reach, y - tall * dice.between(0.5, 0.8), z)
        b.add(Cylinder(at, (side * reach, -reach, dice.between(-0.5, 0.5) * reach), trunk * 0.35),
              bark, gloss=0.0)
    if dice.chance(0.75):
        crown = tall * dice.between(0.2, 0.45)
        if b.options.foliage:
            add_bush(b, (x, y - tall * 0.8, z), crown, dice.integer(3, 6))
        else:
            b.add(Ellipsoid((x, y - tall * 0.8, z), (crown, crown, crown), (3, 2)), shadow=True)
