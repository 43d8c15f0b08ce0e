# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cars and vans, on the move or parked in rows: painted, glazed, mirroring what is around."""

from __future__ import annotations

from dataclasses import dataclass
import math

from depth_learning_ros.data.synthetic.builder import Builder
from depth_learning_ros.data.synthetic.relief import Relief
from depth_learning_ros.data.synthetic.scene import Vector
from depth_learning_ros.data.synthetic.surfaces import Quad
from depth_learning_ros.data.synthetic.waves import Waves

SALOONS = 0.6  # share of the vehicles that have a bonnet; the others are boxes


@dataclass(frozen=True)
class Pose:
    """Where a vehicle stands: (x, ground, z) below its middle, turned about the vertical."""

    x: float
    ground: float
    z: float
    turn: float

    def at(self, aside: float, up: float, ahead: float) -> Vector:
        """Give the point so far to its right, above the ground, and away along its axis."""
        dx, _, dz = self.along(aside, 0, ahead)
        return (self.x + dx, self.ground - up, self.z + dz)

    def along(self, aside: float, up: float, ahead: float) -> Vector:
        """Turn a vector of its own axes into one of the scene's."""
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return (cos * aside - sin * ahead, -up, sin * aside + cos * ahead)


def add_vehicle(b: Builder, camera_height: float) -> None:
    """A car or van anywhere on the ground."""
    dice = b.dice
    z = b.focal_px / dice.log_between(4, 110)
    x = dice.between(-0.5, 0.5) * z * b.width / b.focal_px
    turn = dice.between(-0.3, 0.3) if dice.chance(0.7) else dice.between(-1.5, 1.5)
    pose = Pose(x, camera_height, z, turn)
    half = (dice.between(1.3, 2.4), dice.between(0.6, 1.2), dice.between(2.5, 5))
    if dice.chance(SALOONS):
        add_saloon(b, pose, half)
    else:
        add_van(b, pose, half)


def add_parked_row(b: Builder, camera_height: float) -> None:
    """Cars side by side across the view, as one who parks opposite them sees them."""
    dice = b.dice
    near = b.focal_px / dice.log_between(20, 130)  # depth of the bumpers
    heading = dice.between(-0.5, 0.5)
    reach = (near + 4) * b.width / b.focal_px / 2
    x = -reach
    while x < reach and len(b.things) < 80:
        half = (dice.between(1.5, 1.9), dice.between(0.6, 0.9), dice.between(3, 4.5))
        x += half[0]
        if dice.chance(0.85):  # else nobody parks there
            z = near + half[2] + dice.between(-0.5, 0.5) + math.tan(heading) * x
            add_saloon(b, Pose(x, camera_height, max(z, half[2] + 1), heading), half)
        x += half[0] + dice.between(0.8, 2.5)


def add_saloon(b: Builder, pose: Pose, half: Vector) -> None:
    """A car with bonnet, slanted windows and boot: flat panels, or a bonnet in waves.

    Args:
        half: half of the body's width, height and length; the cabin comes on top.
    """
    dice, (wide, body, long) = b.dice, half
    paint, glass = b.texture(0.5), b.texture(0.5)
    shine = dice.between(0.1, 0.8) if dice.chance(0.8) else 0.0
    glazing, gloss = dice.between(0.3, 1.0), dice.between(0, 0.5)
    low, waist = 0.3 * body, 2 * body
    nose, boot = waist * dice.between(0.75, 0.95), waist * dice.between(0.8, 1)
    roof = waist + body * dice.between(0.9, 1.5)
    # along the axis from the near end: where the cabin starts and ends, at the waist and above
    front, back = -long * dice.between(0.1, 0.5), long * dice.between(0.3, 0.95)
    lean = min(dice.between(0.5, 1.6) * (roof - waist), (back - front) * 0.4)
    if dice.chance(0.35):  # it shows its tail
        front, back = -back, -front
        nose, boot = boot, nose

    def panel(start: tuple[float, float], end: tuple[float, float], texture: int,
              mirror: float, narrow: float = 1.0, curved: bool = False) -> None:
        """Span the car's width from one (ahead, up) to another."""
        middle = pose.at(0, (start[1] + end[1]) / 2, (start[0] + end[0]) / 2)
        across = pose.along(wide * narrow, 0, 0)
        down = pose.along(0, (start[1] - end[1]) / 2, (start[0] - end[0]) / 2)
        if curved:
            length = math.dist(start, end) / 2
            b.add(Relief(middle, across, down, Waves.draw(dice, 2, 2, 6),
                         min(length, wide) * dice.log_between(0.02, 0.12)), texture, False, gloss,
                  mirror)
        else:
            b.add(Quad(middle, across, down), texture, False, gloss, mirror)

    panel((-long, low), (-long, nose), paint, shine)
    panel((-long, nose), (front, waist), paint, shine,
          curved=b.options.height_fields and dice.chance(0.6))
    panel((front, waist), (front + lean, roof), glass, glazing, 0.88)
    panel((front + lean, roof), (back - lean, roof), paint, shine, 0.88)
    panel((back - lean, roof), (back, waist), glass, glazing, 0.88)
    panel((back, waist), (long, boot), paint, shine)
    panel((long, boot), (long, low), paint, shine)
    for side in (-wide, wide):
        b.add(Quad(pose.at(side, (low + waist) / 2, 0), pose.along(0, 0, long),
                   pose.along(0, (low - waist) / 2, 0)), paint, False, gloss, shine)
        b.add(Quad(pose.at(0.88 * side, (waist + roof) / 2, (front + back) / 2),
                   pose.along(0, 0, (back - front) / 2), pose.along(0, (waist - roof) / 2, 0),
                   outline='trapezoid', bar=1 - 2 * lean / (back - front)),
              glass, False, gloss, glazing)
    if dice.chance(0.5):  # a plate, lamps
        for aside in (0.0, -0.75 * wide, 0.75 * wide):
            b.add(Quad(pose.at(aside, nose * 0.7, -long * 1.005),
                       pose.along(0.2 * wide, 0, 0), pose.along(0, -0.1 * body, 0)), None, False,
                  gloss, 0.0)
    add_undercarriage(b, pose, half)


def add_van(b: Builder, pose: Pose, half: Vector) -> None:
    """A box with a smaller one on top, of paint and glass."""
    dice = b.dice
    paint = b.texture(0.6)
    shine = dice.between(0.05, 0.5) if dice.chance(0.6) else 0.0
    b.add_box(pose.at(0, half[1], 0), half, pose.turn, dice.log_between(0.3, 1), paint,
              gloss=dice.between(0, 0.5), mirror=shine, shadow=True)
    if dice.chance(0.8):
        cabin = (half[0] * 0.85, half[1] * 0.7, half[2] * dice.between(0.45, 0.8))
        back = half[2] * dice.between(-0.15, 0.2)
        b.add_box(pose.at(0, 2 * half[1] + cabin[1], back), cabin, pose.turn, 0.5,
                  paint if dice.chance(0.3) else None, gloss=dice.between(0, 0.7),
                  mirror=dice.between(0.3, 0.9))
        b.add_box(pose.at(0, 2 * half[1] + 2 * cabin[1], back),
                  (cabin[0], cabin[1] * 0.1, cabin[2]), pose.turn, 0.5, paint, mirror=shine)
    add_undercarriage(b, pose, half)


def add_undercarriage(b: Builder, pose: Pose, half: Vector) -> None:
    """Wheels, and a dark place below."""
    dice, (wide, body, long) = b.dice, half
    if b.options.compounds:
        wheel, rubber = body * dice.between(0.45, 0.6), b.texture(0.5)
        for aside in (-1.02 * wide, 1.02 * wide):
            for ahead in (-0.6 * long, 0.6 * long):
                b.add(Quad(pose.at(aside, wheel, ahead), pose.along(0, 0, wheel),
                           pose.along(0, -wheel, 0), outline='ellipse'), rubber, gloss=0.0)
    if dice.chance(0.5):
        b.add(Quad(pose.at(0, 0.02, 0), pose.along(wide, 0, 0), pose.along(0, 0, long)),
              gloss=0.0, mirror=0.0)
