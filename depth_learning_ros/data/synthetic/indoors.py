# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rooms, table tops and clutter at close range."""

from __future__ import annotations

from depth_learning_ros.data.synthetic.builder import MAX_DISPARITY, Builder, draw_disparity
from depth_learning_ros.data.synthetic.compounds import (
    add_chair,
    add_person,
    add_pipes,
    add_shelf,
    add_vessel,
)
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.scene import Scene
from depth_learning_ros.data.synthetic.solids import add_cloth, add_object, backdrop
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Quad
from depth_learning_ros.data.synthetic.textures import TextureBank


def add_room(b: Builder, far: float, near: float) -> tuple[float, float, float]:
    """Floor, ceiling, walls; gives half the width, the floor's y and the depth."""
    dice = b.dice
    depth = b.focal_px / far
    half = depth * b.width / b.focal_px * dice.between(0.3, 0.9)
    floor = min(depth * b.height / b.focal_px * dice.between(0.25, 0.9),
                b.height * (1 - b.horizon) / near * 1.2)
    ceiling = -floor * dice.between(0.6, 2.0)
    middle_y, half_y = (floor + ceiling) / 2, (floor - ceiling) / 2
    shift = dice.between(-0.4, 0.4) * half
    texture = b.texture(0.45)
    along = depth * 1.5
    repeat = dice.log_between(1, 8)
    b.add(Quad((shift, middle_y, depth), (half, 0, dice.between(-0.4, 0.4) * half),
               (0, half_y, 0), (repeat, repeat)), texture, gloss=0.0, mirror=0.0)
    for side in (-1, 1):
        b.add(Quad((shift + side * half, middle_y, depth / 2), (0, 0, along), (0, half_y, 0),
                   (2 * repeat, repeat)), texture if dice.chance(0.7) else None, gloss=0.0)
    for y in (floor, ceiling):
        mirror = dice.between(0.05, 0.4) if dice.chance(0.2) else 0.0
        b.add(Quad((shift, y, depth / 2), (half * 1.5, 0, 0), (0, 0, along),
                   (repeat, 2 * repeat)), b.texture(0.3), mirror=mirror)
    return half, floor, depth


def room(dice: Dice, bank: TextureBank, width: int, height: int,
         options: GeneratorOptions) -> Scene:
    """A room with furniture on the floor and things in the air."""
    b = Builder(dice, width, height, dice.log_between(350, 1000), dice.between(0.3, 0.65), options)
    far = dice.log_between(3, 30)
    near = min(MAX_DISPARITY, far * dice.log_between(3, 12))
    half, floor, depth = add_room(b, far, near)
    for _ in range(dice.integer(2, 9)):
        z = depth * dice.between(far / near * 1.5, 0.95)
        half_size = depth * dice.log_between(0.02, 0.15)
        add_furniture(b, half, floor, z, half_size)
    for _ in range(dice.integer(0, 14)):
        add_object(b, draw_disparity(dice, far * 1.1, near), dice.log_between(12, 200))
    return b.finish(bank, sun=0.3)


def add_furniture(b: Builder, half: float, floor: float, z: float, half_size: float) -> None:
    """Something that stands on the floor."""
    dice = b.dice
    x = dice.between(-1, 1) * half
    tall = half_size * dice.log_between(0.4, 3)
    kinds = ['box', 'box', 'column']
    if b.options.compounds:
        kinds += ['chair', 'shelf', 'vessel', 'person']
    kind = dice.choice(kinds)
    if kind == 'box':
        b.add_box((x, floor - tall, z), (half_size, tall, half_size), dice.between(-1.5, 1.5),
                  dice.log_between(0.5, 3), shadow=True)
    elif kind == 'column':
        b.add(Cylinder((x, floor - tall, z), (0, tall, 0), half_size / 2), shadow=True)
    elif kind == 'chair':
        add_chair(b, (x, floor, z), half_size * 4, dice.between(-3.1, 3.1))
    elif kind == 'shelf':
        add_shelf(b, (x, floor, z), 1.5 * half_size, 4 * half_size, dice.between(-0.5, 0.5))
    elif kind == 'vessel':
        add_vessel(b, (x, floor, z), 2 * tall)
    else:
        add_person(b, (x, floor, z), half_size * 5)


def table(dice: Dice, bank: TextureBank, width: int, height: int,
          options: GeneratorOptions) -> Scene:
    """Close range, as Middlebury: a wall or cloth behind, things stacked and leaning before it."""
    b = Builder(dice, width, height, dice.log_between(500, 1300), dice.between(0.2, 0.6), options)
    far = dice.between(8, 45)
    near = min(MAX_DISPARITY, far * dice.between(1.6, 4.5))
    backdrop(b, far, 0.5)
    floor = b.height * dice.between(0.3, 0.9) / near
    if dice.chance(0.7):
        z = b.focal_px / far
        b.add(Quad((0, floor, z / 2), (3 * z, 0, 0), (0, 0, z), (dice.log_between(2, 20),) * 2),
              b.texture(0.3))
        for _ in range(dice.integer(0, 5) if options.compounds else 0):
            z = b.focal_px / dice.between(far * 1.05, near)
            x = dice.between(-0.5, 0.5) * z * width / b.focal_px
            add_vessel(b, (x, floor, z), z * dice.log_between(40, 200) / b.focal_px)
    for _ in range(dice.integer(3, 16)):
        add_object(b, draw_disparity(dice, far * 1.05, near), dice.log_between(30, 400))
    for _ in range(dice.integer(0, 20)):
        add_object(b, draw_disparity(dice, far * 1.05, near), dice.log_between(6, 60))
    return b.finish(bank, sun=0.3)


def clutter(dice: Dice, bank: TextureBank, width: int, height: int,
            options: GeneratorOptions) -> Scene:
    """A picture full of things one before the other, next to nothing of the wall left."""
    b = Builder(dice, width, height, dice.log_between(500, 1300), dice.between(0.2, 0.8), options)
    far = dice.between(5, 60)
    near = min(MAX_DISPARITY, far * dice.between(1.5, 5))
    backdrop(b, far, 0.4)
    if options.compounds:
        if dice.chance(0.35):
            disparity = dice.between(far * 1.02, (far + near) / 2)
            foot = b.place(disparity, dice.between(0.2, 0.8), dice.between(0.7, 1.3))
            add_shelf(b, foot, b.size(disparity, dice.between(150, 400)),
                      b.size(disparity, dice.between(200, 500)), dice.between(-0.4, 0.4))
        if dice.chance(0.2):
            add_pipes(b, near, far)
    columns = dice.integer(4, 7)
    for row, low in enumerate((0.0, 0.35, 0.7)):  # the lower the nearer, as on a table
        for column in range(columns):
            share = min(1.0, max(0.0, low + dice.between(-0.2, 0.3)))
            disparity = far * 1.05 + share * (near - far * 1.05)
            at = b.place(disparity, (column + dice.between(0, 1)) / columns,
                         (row + dice.between(0, 1)) / 3)
            pixels = dice.log_between(60, 350)
            pick = dice.between(0, 1)
            if options.compounds and pick < 0.3:
                add_vessel(b, at, b.size(disparity, pixels))
            elif options.height_fields and pick < 0.4:
                add_cloth(b, at, b.size(disparity, pixels) / 2, 0.7)
            else:
                add_object(b, disparity, pixels, at)
    return b.finish(bank, sun=0.3)
