# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Streets and halls in real sizes, seen by one kind of camera: what a single image can teach.

Depth from one camera is learned from sizes that repeat: how high the camera stands, how large
cars and storeys are. Here they do, whereas ``worlds`` draws every length at random. Lengths are
in baselines of `BASELINE_M`, as everywhere in this folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from depth_learning_ros.data.synthetic.builder import TEXTURES_PER_SCENE, Builder
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.render import StereoSample, render
from depth_learning_ros.data.synthetic.scene import Scene
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad, box
from depth_learning_ros.data.synthetic.textures import TextureBank

BASELINE_M = 0.54
#: Focal length as a share of the image's width: 370 px at 640, that of KITTI's cameras.
FOCAL_SHARE = 0.578
#: Larger than what is learned from, 640 x 192, to leave room for crops.
WIDTH, HEIGHT = 704, 216
FOCAL_PX = FOCAL_SHARE * 640
SKY, GROUND, PLANTS, FIRST_OTHER = 0, 1, 2, 3
#: A scene with more than this share of pixels nearer than a selection reaches is drawn again.
MAX_DISPARITY, MAX_TOO_NEAR = 64.0, 0.05
#: Textures have fixed parts here, which the moods of the other scenes would undo.
PARTS = GeneratorOptions.bare()


def metres(length: float) -> float:
    """Metres in baselines."""
    return length / BASELINE_M


def street(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """A street from a car: gray ground, markings, kerbs, houses, hedges, trees, cars, sky."""
    b = Builder(dice, width, height, FOCAL_PX, dice.between(0.41, 0.53), PARTS)
    ground = metres(dice.between(1.55, 1.75))
    reach = metres(300)
    repeat = dice.log_between(60, 200)
    b.add(Quad((0, ground, reach / 2), (reach, 0, 0), (0, 0, reach / 2),
               (2 * repeat, repeat)), GROUND, gloss=0.0)
    half_street = metres(dice.between(3.0, 9.0))
    centre = half_street * dice.between(-0.6, 0.6)
    _markings(b, ground, centre, half_street)
    for side in (-1, 1):
        edge = centre + side * half_street
        _kerb(b, side, edge, ground)
        if dice.chance(0.85):
            _houses(b, side, edge + side * metres(dice.log_between(1.5, 14)), ground)
        _trees(b, side, edge, ground)
        if dice.chance(0.6):
            _parked(b, side, edge, ground)
    if dice.chance(0.5):  # the street ends in a house or a wood
        z = metres(dice.log_between(30, 150))
        tall = metres(dice.between(2, 6))
        b.add(Quad((0, ground - tall, z), (3 * z, 0, 0), (0, tall, 0), (12, 2)),
              PLANTS if dice.chance(0.5) else other(dice), gloss=0.0)
    for _ in range(dice.integer(0, 4)):
        z = metres(dice.log_between(6, 70))
        x = centre + dice.choice([-0.5, 0.5]) * half_street + metres(dice.between(-0.5, 0.5))
        add_car(b, x, ground, z, dice.between(-0.06, 0.06))
    for _ in range(dice.integer(0, 4)):
        _person(b, ground, metres(dice.between(-9, 9)), metres(dice.log_between(5, 40)))
    return dress(b.finish(bank), dice, outdoors=True)


def hall(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """A hall, a shop or a corridor from a robot: floor, walls, ceiling, furniture, people."""
    b = Builder(dice, width, height, FOCAL_PX, dice.between(0.41, 0.53), PARTS)
    floor = metres(dice.between(1.0, 1.3))
    ceiling = floor - metres(dice.between(2.5, 5.0))
    depth = metres(dice.log_between(6, 30))
    half = metres(dice.log_between(1.2, 8))
    shift = half * dice.between(-0.5, 0.5)
    middle, half_tall = (floor + ceiling) / 2, (floor - ceiling) / 2
    wall = other(dice)
    b.add(Quad((shift, middle, depth), (half, 0, dice.between(-0.2, 0.2) * half),
               (0, half_tall, 0), (3, 2)), wall if dice.chance(0.6) else other(dice), gloss=0.0)
    for side in (-1, 1):
        b.add(Quad((shift + side * half, middle, depth / 2), (0, 0, depth * 0.75),
                   (0, half_tall, 0), (6, 2)), wall if dice.chance(0.7) else other(dice))
    repeat = dice.log_between(3, 15)
    for y, texture in ((floor, GROUND), (ceiling, other(dice))):
        b.add(Quad((shift, y, depth / 2), (1.5 * half, 0, 0), (0, 0, depth),
                   (repeat, 2 * repeat)), texture)
    for _ in range(dice.integer(2, 10)):
        _furniture(b, floor, shift, half, depth)
    for _ in range(dice.integer(0, 4)):
        _person(b, floor, shift + half * dice.between(-0.9, 0.9),
                metres(dice.between(3, 12)))
    return dress(b.finish(bank), dice, outdoors=False)


def other(dice: Dice) -> int:
    """Any texture but those of sky, ground and plants."""
    return dice.integer(FIRST_OTHER, TEXTURES_PER_SCENE - 1)


def dress(scene: Scene, dice: Dice, outdoors: bool) -> Scene:
    """Bring sky, ground and plants near to the colours they have outside."""
    textures = scene.textures.clone()
    if outdoors and dice.chance(0.9):  # pale, with clouds or without
        textures[SKY] = 1 - (1 - textures[SKY]) * dice.between(0.02, 0.3)
    gray = textures[GROUND].mean(0, keepdim=True)
    tint = 1 + (dice.uniform(3, 1, 1).to(gray) - 0.5) * 0.15
    level, contrast = dice.between(0.2, 0.55), dice.log_between(0.08, 0.6)
    textures[GROUND] = ((level + (gray - gray.mean()) * contrast) * tint).clamp(0, 1)
    green = textures[PLANTS].mean(0, keepdim=True)
    leaf = torch.tensor([0.7, 1.0, 0.45]).to(green)[:, None, None] * dice.between(0.4, 0.9)
    textures[PLANTS] = (leaf * (0.15 + green)).clamp(0, 1)
    return replace(scene, textures=textures)


def add_car(b: Builder, x: float, ground: float, z: float, turn: float) -> None:
    """Body and cabin in the size of a car, or a van, with a dark place below."""
    dice = b.dice
    van = dice.chance(0.15)
    half = (metres(dice.between(0.8, 0.95)), metres(dice.between(0.38, 0.5)),
            metres(dice.between(1.8, 2.4)))
    lift = metres(0.2)
    y = ground - lift - half[1]
    paint, repeat = other(dice), dice.log_between(0.2, 0.6)
    gloss = dice.between(0, 0.5)
    for face in box((x, y, z), half, turn, repeat):
        b.add(face, paint, gloss=gloss)
    tall = metres(dice.between(0.5, 0.8) if van else dice.between(0.25, 0.33))
    cabin = (half[0] * 0.9, tall, half[2] * (0.95 if van else 0.55))
    glass = paint if van else other(dice)
    for face in box((x, y - half[1] - tall, z), cabin, turn, repeat):
        b.add(face, glass, gloss=dice.between(0, 0.7))
    b.add(Quad((x, ground - 0.02, z), (half[0] * 1.1, 0, 0), (0, 0, half[2])), GROUND,
          shadow=True, gloss=0.0)


def _markings(b: Builder, ground: float, centre: float, half_street: float) -> None:
    """Paint a middle line, broken or not, and lines along the edges."""
    dice = b.dice
    paint = other(dice)
    lines = [0.0] if dice.chance(0.6) else []
    lines += [-0.93, 0.93] if dice.chance(0.5) else []
    for line in lines:
        x = centre + line * half_street
        half_wide = metres(0.08)
        if line or dice.chance(0.3):
            b.add(Quad((x, ground - 0.01, metres(100)), (half_wide, 0, 0), (0, 0, metres(100)),
                       (1, 40)), paint, gloss=0.0)
            continue
        start = metres(dice.between(3, 9))
        for number in range(8):
            z = start + number * metres(9)
            b.add(Quad((x, ground - 0.01, z), (half_wide, 0, 0), (0, 0, metres(1.5))), paint,
                  gloss=0.0)


def _kerb(b: Builder, side: int, edge: float, ground: float) -> None:
    """Raise the pavement, or let grass grow beside the street."""
    dice = b.dice
    if dice.chance(0.25):
        return
    rise = metres(dice.between(0.05, 0.18))
    wide, reach = metres(20), metres(150)
    texture = PLANTS if dice.chance(0.4) else other(dice)
    b.add(Quad((edge + side * wide, ground - rise, reach), (wide, 0, 0), (0, 0, reach),
               (20, 150)), texture, gloss=0.0)
    b.add(Quad((edge, ground - rise / 2, reach), (0, 0, reach), (0, rise / 2, 0), (150, 1)),
          GROUND, gloss=0.0)


def _houses(b: Builder, side: int, offset: float, ground: float) -> None:
    """Put facades, hedges and walls in a row, with gaps."""
    dice = b.dice
    z = metres(dice.between(-2, 8))
    while z < metres(120) and len(b.things) < 60:
        length = metres(dice.log_between(6, 30))
        hedge = dice.chance(0.35)
        half_tall = metres(dice.between(0.5, 1.5) if hedge else dice.between(1.5, 6))
        x = offset + side * metres(dice.between(0, 3))
        texture = PLANTS if hedge else other(dice)
        repeat = 0.15
        b.add(Quad((x, ground - half_tall, z + length / 2), (0, 0, length / 2),
                   (0, half_tall, 0), (length * repeat, 2 * half_tall * repeat)), texture,
              shadow=dice.chance(0.3), gloss=0.0)
        deep = metres(5)
        b.add(Quad((x + side * deep, ground - half_tall, z), (deep, 0, 0), (0, half_tall, 0),
                   (2 * deep * repeat, 2 * half_tall * repeat)), texture, gloss=0.0)
        z += length + (metres(dice.between(1, 12)) if dice.chance(0.6) else 0)


def _trees(b: Builder, side: int, edge: float, ground: float) -> None:
    """Stand trees, poles and signs beside the street."""
    dice = b.dice
    for _ in range(dice.integer(0, 5)):
        z = metres(dice.log_between(5, 80))
        x = edge + side * metres(dice.between(0.3, 6))
        tree = dice.chance(0.6)
        half_tall = metres(dice.between(1.0, 1.8) if tree else dice.between(1.2, 3.5))
        b.add(Cylinder((x, ground - half_tall, z), (0, half_tall, 0),
                       metres(dice.log_between(0.04, 0.2)), (1, 4)),
              PLANTS if tree else other(dice), shadow=True)
        if tree:
            crown = metres(dice.between(1.0, 2.8))
            b.add(Ellipsoid((x, ground - 2 * half_tall - crown * 0.6, z),
                            (crown, crown * dice.between(0.7, 1.4), crown), (3, 2)), PLANTS,
                  shadow=True)
        elif dice.chance(0.4):  # a sign
            half = metres(dice.between(0.25, 0.5))
            b.add(Quad((x, ground - 2 * half_tall, z), (half, 0, 0), (0, half, 0)), gloss=0.0)


def _parked(b: Builder, side: int, edge: float, ground: float) -> None:
    dice = b.dice
    z = metres(dice.between(4, 20))
    for _ in range(dice.integer(1, 6)):
        add_car(b, edge - side * metres(1.1), ground, z, dice.between(-0.04, 0.04))
        z += metres(dice.between(5, 12))


def _person(b: Builder, ground: float, x: float, z: float) -> None:
    """Legs, trunk and head: 1.5 to 1.9 m."""
    dice = b.dice
    tall = metres(dice.between(1.5, 1.9))
    b.add(Ellipsoid((x, ground - tall * 0.25, z), (tall * 0.07, tall * 0.26, tall * 0.09)),
          other(dice))
    b.add(Ellipsoid((x, ground - tall * 0.65, z), (tall * 0.13, tall * 0.2, tall * 0.1)),
          other(dice), shadow=True)
    b.add(Ellipsoid((x, ground - tall * 0.92, z), (tall * 0.05, tall * 0.07, tall * 0.06)),
          other(dice))


def _furniture(b: Builder, floor: float, shift: float, half: float, depth: float) -> None:
    """Stand a box or a column on the floor."""
    dice = b.dice
    z = min(metres(dice.log_between(3, 20)), depth * 0.95)
    x = shift + half * dice.between(-0.95, 0.95)
    if dice.chance(0.2):
        half_tall = metres(dice.between(0.4, 1.5))
        b.add(Cylinder((x, floor - half_tall, z), (0, half_tall, 0),
                       metres(dice.between(0.05, 0.3)), (2, 3)), other(dice), shadow=True)
        return
    sides = (metres(dice.between(0.2, 0.8)), metres(dice.between(0.2, 0.95)),
             metres(dice.between(0.2, 0.8)))
    texture = other(dice)
    for face in box((x, floor - sides[1], z), sides, dice.between(-1.5, 1.5),
                    dice.log_between(0.3, 1.5)):
        b.add(face, texture, gloss=0.0)


MONO_WORLDS: dict[Callable[[Dice, TextureBank, int, int], Scene], float] = {
    street: 3.0, hall: 1.0}


class MonoSceneGenerator(SceneGenerator):
    """A seeded supply of these scenes; arguments as those of `SceneGenerator`.

    Args:
        worlds: kinds of scenes with their weights; None = three streets to a hall.
    """

    def __init__(self, seed: int = 0, width: int = WIDTH, height: int = HEIGHT,
                 device: torch.device | str = 'cpu',
                 worlds: dict[Callable[[Dice, TextureBank, int, int], Scene], float] | None = None,
                 ) -> None:
        super().__init__(seed, width, height, device)
        self.worlds = MONO_WORLDS if worlds is None else worlds

    def __getitem__(self, number: int) -> StereoSample:
        """Render scene ``number``."""
        bank = self._bank_for(number // 16)
        for attempt in range(20):
            dice = Dice(self._mix(number * 32 + attempt + 1), self.device)
            draw = dice.weighted(list(self.worlds), list(self.worlds.values()))
            sample = render(draw(dice, bank, self.width, self.height))
            if float((sample.disparity > MAX_DISPARITY).float().mean()) <= MAX_TOO_NEAR:
                break
        return sample
