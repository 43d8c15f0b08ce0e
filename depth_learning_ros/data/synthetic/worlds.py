# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of scenes: rooms, roads, table tops, clutter and clouds of floating things."""

from __future__ import annotations

from collections.abc import Callable

from depth_learning_ros.data.synthetic.builder import MAX_DISPARITY, Builder, draw_disparity
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.indoors import clutter, room, table
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.outdoors import road
from depth_learning_ros.data.synthetic.scene import Scene
from depth_learning_ros.data.synthetic.solids import add_object, add_pole, backdrop
from depth_learning_ros.data.synthetic.textures import TextureBank

World = Callable[[Dice, TextureBank, int, int, GeneratorOptions], Scene]


def floating(dice: Dice, bank: TextureBank, width: int, height: int,
             options: GeneratorOptions) -> Scene:
    """Many things in the air before a wall or the sky, like FlyingThings3D."""
    b = Builder(dice, width, height, dice.log_between(350, 1100), dice.between(0.3, 0.7), options)
    far = dice.log_between(2, 40)
    if dice.chance(0.9):
        backdrop(b, far)
    top = min(MAX_DISPARITY, far * dice.log_between(1.5, 20))
    top = max(top, far + 5)
    for _ in range(dice.integer(8, 40)):
        add_object(b, draw_disparity(dice, far, top), dice.log_between(12, 320))
    if dice.chance(0.3):  # wires
        for _ in range(dice.integer(1, 5)):
            disparity = draw_disparity(dice, far, top)
            center = b.place(disparity, dice.between(0, 1), dice.between(0, 1))
            add_pole(b, center, b.size(disparity, width), dice.between(0.5, 2) / disparity)
    return b.finish(bank)


#: With how often each is drawn.
WORLDS: dict[str, tuple[World, float]] = {
    'floating': (floating, 2.5), 'room': (room, 2.0), 'road': (road, 3.0), 'table': (table, 1.5),
    'clutter': (clutter, 2.0),
}


def random_scene(dice: Dice, bank: TextureBank, width: int, height: int,
                 options: GeneratorOptions) -> Scene:
    """Draw a kind of world, then a scene of it."""
    worlds = [WORLDS[name] for name in options.worlds]
    world = dice.weighted([w for w, _ in worlds], [weight for _, weight in worlds])
    return world(dice, bank, width, height, options)
