# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Collects the things of a scene and gives them their looks.

Lengths are in baselines, so a thing at depth z has a disparity of focal_px / z pixels. Layouts are
drawn in terms of the disparity wanted, since that is what the network must learn to spread over.
"""

from __future__ import annotations

import math

from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.looks import PLAIN, draw_grain, draw_textures
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.scene import Scene, Surface, Thing, Vector
from depth_learning_ros.data.synthetic.surfaces import box
from depth_learning_ros.data.synthetic.surroundings import draw_surroundings
from depth_learning_ros.data.synthetic.textures import TextureBank
from depth_learning_ros.data.synthetic.waves import Waves

TEXTURES_PER_SCENE = 11
MAX_DISPARITY = 192.0
MAX_OCCLUDERS = 6


class Builder:
    """One scene in the making.

    Args:
        dice: all that is random comes from here.
        width, height: of the images in pixels.
        focal_px: focal length.
        horizon: row of the principal point, as a share of the height.
        options: which parts may be used.
    """

    def __init__(self, dice: Dice, width: int, height: int, focal_px: float,
                 horizon: float, options: GeneratorOptions) -> None:
        self.dice, self.options = dice, options
        self.width, self.height = width, height
        self.focal_px, self.horizon = focal_px, horizon
        self.things: list[Thing] = []
        self.occluders: list[int] = []

    def texture(self, plain_chance: float = 0.15) -> int:
        """Number of a texture; the nearly plain one with that chance."""
        if self.options.weak_looks and self.dice.chance(plain_chance):
            return PLAIN
        return self.dice.integer(1, TEXTURES_PER_SCENE - 1)

    def add(self, surface: Surface, texture: int | None = None, shadow: bool = False,
            gloss: float | None = None, mirror: float | None = None) -> None:
        """Add a surface with a random look unless told."""
        dice = self.dice
        if texture is None:
            texture = self.texture()
        if gloss is None:
            gloss = dice.between(0.1, 0.7) if dice.chance(0.12) else 0.0
        if mirror is None:
            mirror = dice.between(0.1, 0.6) if dice.chance(0.06) else 0.0
        grain = dice.between(0.05, 0.5) if dice.chance(0.7) else 0.0
        if shadow and len(self.occluders) < MAX_OCCLUDERS:
            self.occluders.append(len(self.things))
        self.things.append(Thing(surface, texture, gloss,
                                 mirror if self.options.reflections else 0.0,
                                 grain if self.options.grain else 0.0))

    def add_box(self, center: Vector, half: Vector, turn: float = 0.0, repeat: float = 1.0,
                texture: int | None = None, shadow: bool = False, gloss: float = 0.0,
                mirror: float = 0.0, mixed: float = 0.0) -> None:
        """Add those faces of a box that a camera can see; ``mixed`` of them look otherwise."""
        if texture is None:
            texture = self.texture()
        for number, face in enumerate(box(center, half, turn, repeat)):
            outward = [m - c for m, c in zip(face.center, center, strict=True)]
            towards = sum(o * -m for o, m in zip(outward, face.center, strict=True))
            if towards <= 0 and towards + outward[0] <= 0:  # the right camera is at x = 1
                continue
            look = None if mixed and self.dice.chance(mixed) else texture
            self.add(face, look, shadow and number == 4, gloss, mirror)

    def place(self, disparity: float, column: float, row: float) -> Vector:
        """Give the point seen at (column, row), as shares of the image, with that disparity."""
        z = self.focal_px / disparity
        x = (column * self.width - (self.width - 1) / 2) / self.focal_px * z
        y = (row - self.horizon) * self.height / self.focal_px * z
        return (x, y, z)

    def size(self, disparity: float, pixels: float) -> float:
        """Length that covers so many pixels at that disparity."""
        return pixels / disparity

    def finish(self, bank: TextureBank, sun: float = 0.5) -> Scene:
        """Draw textures and light; ``sun`` is the chance of hard light."""
        dice, options = self.dice, self.options
        textures = draw_textures(dice, bank, TEXTURES_PER_SCENE, options)
        light = (dice.between(-1, 1), -dice.between(0.2, 1.5), dice.between(-1, 0.3))
        norm = math.sqrt(sum(a * a for a in light))
        occluders = tuple(self.occluders) if dice.chance(0.6) else ()
        ambient = dice.between(0.12, 0.4) if dice.chance(sun) else dice.between(0.4, 0.85)
        exposure = dice.log_between(0.25, 0.65) if options.exposure else 0.0
        patches = None
        if options.leaf_shadows and dice.chance(0.4 * sun * sun):
            size = dice.log_between(0.3, 5)
            patches = Waves.draw(dice, 4, size, 6 * size, 0.5)
        grain = draw_grain(dice) if options.grain else None
        surroundings = None
        if options.reflections:
            surroundings = draw_surroundings(dice, TEXTURES_PER_SCENE)
        return Scene(self.things, textures, self.width, self.height, self.focal_px, self.horizon,
                     (light[0] / norm, light[1] / norm, light[2] / norm), ambient, occluders,
                     exposure, grain, patches, surroundings)


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


def draw_disparity(dice: Dice, low: float, high: float) -> float:
    """Between uniform (much of the near range) and log-uniform (most of it far)."""
    return dice.between(low, high) if dice.chance(0.4) else dice.log_between(low, high)
