# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Streets and country roads: ground to the horizon, what stands beside it, traffic, sky."""

from __future__ import annotations

from depth_learning_ros.data.synthetic.builder import Builder, draw_disparity
from depth_learning_ros.data.synthetic.compounds import add_person, add_tree
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.looks import PLAIN
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.relief import Relief
from depth_learning_ros.data.synthetic.scene import Scene, Vector
from depth_learning_ros.data.synthetic.solids import add_bush, add_object
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad
from depth_learning_ros.data.synthetic.textures import TextureBank
from depth_learning_ros.data.synthetic.vehicles import add_parked_row, add_vehicle
from depth_learning_ros.data.synthetic.waves import Waves


def road(dice: Dice, bank: TextureBank, width: int, height: int,
         options: GeneratorOptions) -> Scene:
    """A street: ground to the horizon, facades or woods, cars, trees, poles, sky."""
    b = Builder(dice, width, height, dice.log_between(350, 900), dice.between(0.25, 0.6), options)
    camera_height = dice.between(1.5, 5)
    add_ground(b, camera_height)
    if dice.chance(0.85):
        for side in (-1, 1):
            add_street_side(b, side, camera_height)
    if dice.chance(0.4):  # the street ends somewhere
        z = b.focal_px / dice.log_between(1.5, 10)
        b.add(Quad((0, camera_height - z / 3, z), (2 * z, 0, 0), (0, z / 3, 0), (8, 3)))
    for _ in range(dice.integer(1, 7)):
        add_vehicle(b, camera_height)
    if dice.chance(0.3):
        add_parked_row(b, camera_height)
    for _ in range(dice.integer(2, 9)):
        add_roadside_thing(b, camera_height)
    if dice.chance(0.3):  # wires overhead
        for _ in range(dice.integer(1, 4)):
            z = b.focal_px / dice.log_between(3, 40)
            b.add(Cylinder((0, camera_height - dice.between(6, 16), z),
                           (z, dice.between(-0.1, 0.1) * z, dice.between(-0.6, 0.6) * z),
                           dice.log_between(0.03, 0.12)), gloss=0.0)
    for _ in range(dice.integer(0, 4)):
        add_object(b, draw_disparity(dice, 3, 130), dice.log_between(10, 120))
    return b.finish(bank, sun=0.7)


def add_ground(b: Builder, camera_height: float) -> None:
    """Flat or rolling ground, with markings, kerbs and pavements."""
    dice = b.dice
    reach = b.focal_px
    repeat = dice.log_between(30, 150)
    texture = b.texture(0.2)
    if b.options.height_fields and dice.chance(0.3):
        # gentle enough that rays which skim it do not jump over a crest
        waves = Waves.draw(dice, 4, 0.01, 0.2)
        b.add(Relief((0, camera_height, reach / 2), (reach, 0, 0), (0, 0, reach / 2), waves,
                     camera_height * dice.log_between(0.01, 0.15), (2 * repeat, repeat),
                     steps=10), texture, gloss=0.0)
    else:
        slope = dice.between(-.01, .01) * reach
        b.add(Quad((0, camera_height, reach / 2), (reach, 0, 0), (0, slope, reach / 2),
                   (2 * repeat, repeat)), texture, gloss=0.0)
    if not b.options.compounds:
        return
    if dice.chance(0.5):  # markings
        width = dice.between(0.1, 0.3)
        for x in {dice.between(-1, 1), dice.between(2, 6), dice.between(-6, -2)}:
            z = dice.between(2, 8)
            for _ in range(dice.choice([1, 6])):
                long = dice.between(2, 4) if dice.chance(0.7) else 60.0
                b.add(Quad((x, camera_height * 0.998, z + long), (width, 0, 0), (0, 0, long)),
                      PLAIN, gloss=0.0, mirror=0.0)
                z += 3 * long
    for side in (-1, 1):
        if dice.chance(0.5):  # a kerb and what is behind it
            high, offset = dice.between(0.15, 0.4), dice.between(3, 9)
            b.add_box((side * (offset + 15), camera_height - high / 2, 60), (15, high / 2, 60),
                      texture=b.texture(0.3), repeat=dice.log_between(8, 40))


def add_street_side(b: Builder, side: int, camera_height: float) -> None:
    """A row of facades, walls, hedges or trees along one side."""
    dice = b.dice
    offset = side * dice.log_between(4, 25)
    woods = b.options.foliage and dice.chance(0.35)
    z = dice.between(-2, 15)
    while z < b.focal_px / 2.5 and len(b.things) < 60:
        length, tall = dice.log_between(8, 60), dice.log_between(2, 25)
        x = offset * dice.between(0.9, 1.3)
        if woods:
            length = dice.log_between(4, 20)
            size = dice.between(1.5, 6)
            add_bush(b, (x * 1.2, camera_height - size * dice.between(0.5, 1.5), z + length / 2),
                     size, dice.integer(2, 4))
        else:
            repeat = dice.log_between(0.1, 0.4)
            b.add(Quad((x, camera_height - tall, z + length / 2), (0, 0, length / 2),
                       (0, tall, 0), (length * repeat, 2 * tall * repeat)),
                  shadow=dice.chance(0.3))
            if dice.chance(0.6):  # the end of a house
                b.add(Quad((x + side * 8, camera_height - tall, z), (8, 0, 0), (0, tall, 0),
                           (16 * repeat, 2 * tall * repeat)), gloss=0.0)
        z += length + (dice.between(1, 15) if dice.chance(0.6) else 0)


def add_roadside_thing(b: Builder, camera_height: float) -> None:
    """Pole, sign, tree, bush, fence or person beside the lane."""
    dice = b.dice
    z = b.focal_px / dice.log_between(2, 60)
    x = dice.choice([-1, 1]) * dice.between(0.15, 0.9) * z * b.width / b.focal_px / 2
    foot: Vector = (x, camera_height, z)
    kinds = ['pole', 'crown']
    if b.options.compounds:
        kinds = ['pole', 'sign', 'tree', 'tree', 'rail', 'person']
    if b.options.foliage:
        kinds.append('bush')
    kind = dice.choice(kinds)
    tall = dice.between(2, 14)
    if kind in ('pole', 'crown', 'sign'):
        half = tall if kind == 'pole' else tall / 2
        b.add(Cylinder((x, camera_height - half, z), (0, half, 0), dice.log_between(0.05, 0.5),
                       (1, 4)), shadow=True)
    if kind == 'crown':
        crown = dice.between(1.5, 6)
        b.add(Ellipsoid((x, camera_height - tall, z), (crown, crown, crown), (3, 2)), shadow=True)
    elif kind == 'sign':
        size = dice.between(0.5, 1.5)
        b.add(Quad((x, camera_height - tall + size, z - 0.3), (size, 0, 0), (0, size, 0),
                   outline=dice.choice(['full', 'ellipse'])))
    elif kind == 'tree':
        add_tree(b, foot, 2 * tall)
    elif kind == 'rail':
        long = dice.between(5, 25)
        b.add(Quad((x, camera_height - 0.6, z), (0, 0, long) if dice.chance(0.6) else (long, 0, 0),
                   (0, 0.6, 0), (10, 1), 'fence', long * dice.between(0.5, 2),
                   dice.between(0.1, 0.4)))
    elif kind == 'person':
        add_person(b, foot, dice.between(2.8, 3.8))
    elif kind == 'bush':
        size = dice.between(0.8, 3)
        add_bush(b, (x, camera_height - size * 0.6, z), size)
