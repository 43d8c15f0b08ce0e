# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of scenes: rooms, roads, table tops and clouds of floating things.

Lengths are in baselines, so a thing at depth z has a disparity of focal_px / z pixels. Layouts are
drawn in terms of the disparity wanted, since that is what the network must learn to spread over.
"""

from __future__ import annotations

from collections.abc import Callable
import math

from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.render import Scene, Thing, Vector
from depth_learning_ros.data.synthetic.surfaces import Cylinder, Ellipsoid, Quad, Surface, box
from depth_learning_ros.data.synthetic.textures import TextureBank

TEXTURES_PER_SCENE = 9
MAX_DISPARITY = 192.0


class Builder:
    """Collects the things of one scene."""

    def __init__(self, dice: Dice, width: int, height: int, focal_px: float,
                 horizon: float) -> None:
        self.dice = dice
        self.width, self.height = width, height
        self.focal_px, self.horizon = focal_px, horizon
        self.things: list[Thing] = []
        self.occluders: list[int] = []

    def add(self, surface: Surface, texture: int | None = None, shadow: bool = False,
            gloss: float | None = None) -> None:
        """Add a surface with a random look unless told."""
        dice = self.dice
        if texture is None:
            texture = dice.integer(1, TEXTURES_PER_SCENE - 1)
        if gloss is None:
            gloss = dice.between(0.1, 0.7) if dice.chance(0.12) else 0.0
        if shadow and len(self.occluders) < 6:
            self.occluders.append(len(self.things))
        self.things.append(Thing(surface, texture, gloss))

    def place(self, disparity: float, column: float, row: float) -> Vector:
        """Give the point seen at (column, row), as shares of the image, with that disparity."""
        z = self.focal_px / disparity
        x = (column * self.width - (self.width - 1) / 2) / self.focal_px * z
        y = (row - self.horizon) * self.height / self.focal_px * z
        return (x, y, z)

    def size(self, disparity: float, pixels: float) -> float:
        """Length that covers so many pixels at that disparity."""
        return pixels / disparity

    def finish(self, bank: TextureBank) -> Scene:
        dice = self.dice
        textures = bank.draw(dice, TEXTURES_PER_SCENE)
        if dice.chance(0.6):  # bright, pale sky
            textures[0] = 1 - (1 - textures[0]) * dice.between(0.05, 0.4)
        light = (dice.between(-1, 1), -dice.between(0.2, 1.5), dice.between(-1, 0.3))
        norm = math.sqrt(sum(a * a for a in light))
        occluders = tuple(self.occluders) if dice.chance(0.6) else ()
        return Scene(self.things, textures, self.width, self.height, self.focal_px, self.horizon,
                     (light[0] / norm, light[1] / norm, light[2] / norm),
                     dice.between(0.25, 0.8), occluders)


def random_frame(dice: Dice) -> tuple[Vector, Vector]:
    """Two orthogonal unit vectors of a random plane."""
    a = [dice.between(-1, 1) for _ in range(3)]
    b = [dice.between(-1, 1) for _ in range(3)]
    na = math.sqrt(sum(k * k for k in a)) or 1.0
    a = [k / na for k in a]
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    b = [q - dot * p for p, q in zip(a, b, strict=True)]
    nb = math.sqrt(sum(k * k for k in b)) or 1.0
    return (a[0], a[1], a[2]), (b[0] / nb, b[1] / nb, b[2] / nb)


def facing_frame(dice: Dice, tilt: float) -> tuple[Vector, Vector]:
    """Axes of a plate that faces the camera but for about ``tilt`` radians, rolled at will."""
    yaw, pitch = dice.between(-tilt, tilt), dice.between(-tilt, tilt)
    roll = dice.between(-math.pi, math.pi) if dice.chance(0.5) else dice.between(-0.1, 0.1)
    right = (math.cos(yaw), 0.0, math.sin(yaw))
    down = (-math.sin(yaw) * math.sin(pitch), math.cos(pitch), math.cos(yaw) * math.sin(pitch))
    c, s = math.cos(roll), math.sin(roll)
    across = tuple(c * p + s * q for p, q in zip(right, down, strict=True))
    along = tuple(c * q - s * p for p, q in zip(right, down, strict=True))
    return (across[0], across[1], across[2]), (along[0], along[1], along[2])


def scaled(vector: Vector, factor: float) -> Vector:
    return (vector[0] * factor, vector[1] * factor, vector[2] * factor)


def add_object(b: Builder, disparity: float, pixels: float, at: Vector | None = None) -> None:
    """Add one random thing of about ``pixels`` size at a disparity."""
    dice = b.dice
    center = at or b.place(disparity, dice.between(-0.05, 1.1), dice.between(-0.05, 1.05))
    half = b.size(disparity, pixels) / 2
    kind = dice.weighted(['plate', 'cut', 'ball', 'box', 'pole', 'fence'],
                         [2.5, 2.0, 2.5, 2.5, 1.5, 0.6])
    repeat = dice.log_between(0.3, 3)
    if kind in ('plate', 'cut', 'fence'):
        across, down = facing_frame(dice, 1.2 if kind == 'plate' else 0.8)
        outline = {'plate': 'full', 'fence': dice.choice(['fence', 'frame']),
                   'cut': dice.choice(['ellipse', 'star', 'star'])}[kind]
        tall = dice.log_between(0.4, 2.5)
        b.add(Quad(center, scaled(across, half), scaled(down, half * tall),
                   (repeat, repeat * tall), outline, float(dice.integer(2, 9)),
                   dice.between(0.1, 0.4)), shadow=kind == 'plate')
    elif kind == 'ball':
        radii = tuple(half * dice.log_between(0.5, 1.6) for _ in range(3))
        b.add(Ellipsoid(center, (radii[0], radii[1], radii[2]), (2 * repeat, repeat)), shadow=True)
    elif kind == 'box':
        sides = tuple(half * dice.log_between(0.3, 1.4) for _ in range(3))
        texture = dice.integer(1, TEXTURES_PER_SCENE - 1)
        for face in box(center, (sides[0], sides[1], sides[2]), dice.between(-1.5, 1.5), repeat):
            b.add(face, texture if dice.chance(0.8) else None, gloss=0.0)
    else:
        add_pole(b, center, half * 2, max(0.5, dice.log_between(1.0, 18)) / disparity / 2)


def add_pole(b: Builder, center: Vector, half_length: float, radius: float) -> None:
    """Pole or wire; half of them upright."""
    axis = random_frame(b.dice)[0] if b.dice.chance(0.5) else (0.0, 1.0, 0.0)
    b.add(Cylinder(center, scaled(axis, half_length), radius, (1.0, b.dice.log_between(1, 8))))


def draw_disparity(dice: Dice, low: float, high: float) -> float:
    """Between uniform (much of the near range) and log-uniform (most of it far)."""
    return dice.between(low, high) if dice.chance(0.4) else dice.log_between(low, high)


def backdrop(b: Builder, disparity: float, tilt: float = 0.7) -> None:
    """Fill the view behind everything with a slanted wall."""
    across, down = facing_frame(b.dice, tilt)
    reach = b.size(disparity, 12 * b.width)
    center = b.place(disparity, b.dice.between(0.2, 0.8), b.dice.between(0.2, 0.8))
    repeat = 12 * b.dice.log_between(0.5, 6)
    b.add(Quad(center, scaled(across, reach / 2), scaled(down, reach / 2), (repeat, repeat)))


def floating(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """Many things in the air before a wall or the sky, like FlyingThings3D."""
    b = Builder(dice, width, height, dice.log_between(350, 1100), dice.between(0.3, 0.7))
    far = dice.log_between(2, 40)
    if dice.chance(0.9):
        backdrop(b, far)
    top = min(MAX_DISPARITY, far * dice.log_between(1.5, 20))
    top = max(top, far + 5)
    for _ in range(dice.integer(6, 36)):
        add_object(b, draw_disparity(dice, far, top), dice.log_between(12, 320))
    if dice.chance(0.3):  # wires
        for _ in range(dice.integer(1, 5)):
            disparity = draw_disparity(dice, far, top)
            center = b.place(disparity, dice.between(0, 1), dice.between(0, 1))
            add_pole(b, center, b.size(disparity, width), dice.between(0.5, 2) / disparity)
    return b.finish(bank)


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
    texture = dice.integer(1, TEXTURES_PER_SCENE - 1)
    along = depth * 1.5
    repeat = dice.log_between(1, 8)
    b.add(Quad((shift, middle_y, depth), (half, 0, dice.between(-0.4, 0.4) * half),
               (0, half_y, 0), (repeat, repeat)), texture, gloss=0.0)
    for side in (-1, 1):
        b.add(Quad((shift + side * half, middle_y, depth / 2), (0, 0, along), (0, half_y, 0),
                   (2 * repeat, repeat)), texture if dice.chance(0.7) else None, gloss=0.0)
    for y in (floor, ceiling):
        b.add(Quad((shift, y, depth / 2), (half * 1.5, 0, 0), (0, 0, along),
                   (repeat, 2 * repeat)))
    return half, floor, depth


def room(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """A room with furniture on the floor, pictures on the wall, and things in the air."""
    b = Builder(dice, width, height, dice.log_between(350, 1000), dice.between(0.3, 0.65))
    far = dice.log_between(3, 30)
    near = min(MAX_DISPARITY, far * dice.log_between(3, 12))
    half, floor, depth = add_room(b, far, near)
    for _ in range(dice.integer(2, 10)):
        z = depth * dice.between(far / near * 1.5, 0.95)
        half_size = depth * dice.log_between(0.02, 0.15)
        tall = half_size * dice.log_between(0.4, 3)
        x = dice.between(-1, 1) * half
        texture = dice.integer(1, TEXTURES_PER_SCENE - 1)
        if dice.chance(0.7):
            for face in box((x, floor - tall, z), (half_size, tall, half_size),
                            dice.between(-1.5, 1.5), dice.log_between(0.5, 3)):
                b.add(face, texture, shadow=dice.chance(0.2), gloss=0.0)
        else:
            b.add(Cylinder((x, floor - tall, z), (0, tall, 0), half_size / 2), shadow=True)
    for _ in range(dice.integer(0, 14)):
        add_object(b, draw_disparity(dice, far * 1.1, near), dice.log_between(12, 200))
    return b.finish(bank)


def road(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """A street: ground to the horizon, facades, cars, trees, poles, sky."""
    b = Builder(dice, width, height, dice.log_between(350, 900), dice.between(0.25, 0.6))
    camera_height = dice.between(1.5, 5)
    reach = b.focal_px / 1.0
    repeat = dice.log_between(30, 150)
    b.add(Quad((0, camera_height, reach / 2), (reach, 0, 0), (0, dice.between(-.01, .01) * reach,
                                                           reach / 2), (2 * repeat, repeat)),
          gloss=0.0)
    if dice.chance(0.8):
        for side in (-1, 1):
            add_street_side(b, side, camera_height)
    if dice.chance(0.4):  # the street ends somewhere
        z = b.focal_px / dice.log_between(1.5, 10)
        b.add(Quad((0, camera_height - z / 3, z), (2 * z, 0, 0), (0, z / 3, 0), (8, 3)))
    for _ in range(dice.integer(1, 9)):
        add_vehicle(b, camera_height)
    for _ in range(dice.integer(1, 10)):
        z = b.focal_px / dice.log_between(2, 60)
        x = dice.choice([-1, 1]) * dice.between(0.15, 0.9) * z * width / b.focal_px / 2
        tall = dice.between(2, 14)
        b.add(Cylinder((x, camera_height - tall, z), (0, tall, 0), dice.log_between(0.05, 0.6),
                       (1, 4)), shadow=True)
        if dice.chance(0.5):  # the crown of a tree
            crown = dice.between(1.5, 6)
            b.add(Ellipsoid((x, camera_height - 2 * tall, z), (crown, crown, crown), (3, 2)),
                  shadow=True)
    for _ in range(dice.integer(0, 6)):
        add_object(b, draw_disparity(dice, 3, 130), dice.log_between(10, 120))
    return b.finish(bank)


def add_street_side(b: Builder, side: int, camera_height: float) -> None:
    """A row of facades, hedges or walls along one side."""
    dice = b.dice
    offset = side * dice.log_between(4, 25)
    z = dice.between(-2, 15)
    while z < b.focal_px / 2.5 and len(b.things) < 40:
        length, tall = dice.log_between(8, 60), dice.log_between(2, 25)
        x = offset * dice.between(0.9, 1.3)
        repeat = dice.log_between(0.1, 0.4)
        b.add(Quad((x, camera_height - tall, z + length / 2), (0, 0, length / 2), (0, tall, 0),
                   (length * repeat, 2 * tall * repeat)), shadow=dice.chance(0.3))
        if dice.chance(0.6):  # the end of a house
            b.add(Quad((x + side * 8, camera_height - tall, z), (8, 0, 0), (0, tall, 0),
                       (16 * repeat, 2 * tall * repeat)), gloss=0.0)
        z += length + (dice.between(1, 15) if dice.chance(0.6) else 0)


def add_vehicle(b: Builder, camera_height: float) -> None:
    """A car-like pair of boxes on the ground."""
    dice = b.dice
    disparity = dice.log_between(4, 110)
    z = b.focal_px / disparity
    x = dice.between(-0.5, 0.5) * z * b.width / b.focal_px
    half = (dice.between(1.3, 2.4), dice.between(0.6, 1.2), dice.between(2.5, 5))
    turn = dice.between(-0.3, 0.3) if dice.chance(0.7) else dice.between(-1.5, 1.5)
    texture = dice.integer(1, TEXTURES_PER_SCENE - 1)
    ground = camera_height - half[1]
    for face in box((x, ground, z), half, turn, dice.log_between(0.3, 1)):
        b.add(face, texture, gloss=dice.between(0, 0.5))
    if dice.chance(0.7):
        cabin = (half[0] * 0.85, half[1] * 0.7, half[2] * 0.5)
        for face in box((x, ground - half[1] - cabin[1], z), cabin, turn, 0.5):
            b.add(face, texture if dice.chance(0.5) else None, gloss=dice.between(0, 0.7))
    if dice.chance(0.5):  # dark below
        b.add(Quad((x, camera_height - 0.02, z), (half[0], 0, 0), (0, 0, half[2])), gloss=0.0)


def table(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """Close range, as Middlebury: a wall or cloth behind, things stacked and leaning before it."""
    b = Builder(dice, width, height, dice.log_between(500, 1300), dice.between(0.2, 0.6))
    far = dice.between(8, 45)
    near = min(MAX_DISPARITY, far * dice.between(1.6, 4.5))
    backdrop(b, far, 0.5)
    if dice.chance(0.7):
        floor = b.height * dice.between(0.3, 0.9) / near
        z = b.focal_px / far
        b.add(Quad((0, floor, z / 2), (3 * z, 0, 0), (0, 0, z), (dice.log_between(2, 20),) * 2))
    for _ in range(dice.integer(3, 16)):
        add_object(b, draw_disparity(dice, far * 1.05, near), dice.log_between(30, 400))
    for _ in range(dice.integer(0, 20)):
        add_object(b, draw_disparity(dice, far * 1.05, near), dice.log_between(6, 60))
    return b.finish(bank)


WORLDS: dict[Callable[[Dice, TextureBank, int, int], Scene], float] = {
    floating: 3.0, room: 2.5, road: 2.5, table: 2.0,
}


def random_scene(dice: Dice, bank: TextureBank, width: int, height: int) -> Scene:
    """Draw a kind of world, then a scene of it."""
    return dice.weighted(list(WORLDS), list(WORLDS.values()))(dice, bank, width, height)
