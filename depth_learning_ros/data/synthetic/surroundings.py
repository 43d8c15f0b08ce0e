# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What shiny things mirror: ground, trees or houses, and the sky above an uneven skyline.

It is far away: what is seen of it depends on the direction alone. So the mirror image in a flat
bonnet moves between the views like something at infinity, in a curved one like something behind
the paint, and the surface itself as its depth says. Networks that match the sharper of the two
see holes in cars.
"""

from __future__ import annotations

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.pyramid import TexturePyramid
from depth_learning_ros.data.synthetic.scene import SKY, Surroundings
from depth_learning_ros.data.synthetic.textures import SIZE
from depth_learning_ros.data.synthetic.waves import Waves

GROUND = 1  # texture number of what is below
SKY_SCALE = 0.4  # of the dome, per unit of direction


def draw_surroundings(dice: Dice, textures: int) -> Surroundings:
    """Draw trees or houses of any size and sharpness.

    Args:
        textures: how many the scene has.
    """
    shortest = dice.log_between(0.02, 0.2)
    return Surroundings(
        texture=dice.integer(1, textures - 1), scale=dice.log_between(0.5, 6),
        blur=dice.log_between(0.7, 6), height=dice.between(0, 1.4),
        skyline=Waves.draw(dice, 6, shortest, 10 * shortest, 0.5),
        brightness=dice.between(0.2, 1), sky_brightness=dice.between(0.8, 2.5))


def look_at(surroundings: Surroundings, pyramid: TexturePyramid, x: Tensor, y: Tensor,
            spread: Tensor) -> Tensor:
    """Colours (3, N) in the unit directions (x, y, any).

    Args:
        x, y: to the right and down, (N,).
        spread: how much the direction changes from pixel to pixel, (N,).
    """
    rise = surroundings.height * (0.6 + surroundings.skyline.at(x, y))
    sky, ground = y < -rise, y > 0.05
    texture = torch.where(sky, SKY, torch.where(ground, GROUND, surroundings.texture)).int()
    scale = torch.where(sky, SKY_SCALE, surroundings.scale)
    seen = pyramid.look_up(texture, x * scale + 0.5, y * scale + 0.5,
                           (spread * scale * SIZE).clamp(min=surroundings.blur))
    return seen * torch.where(sky, surroundings.sky_brightness, surroundings.brightness)
