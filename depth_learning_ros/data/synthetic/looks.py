# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The textures of one scene: its moods, its sky, its fine grain."""

from __future__ import annotations

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.options import GeneratorOptions
from depth_learning_ros.data.synthetic.scene import SKY
from depth_learning_ros.data.synthetic.textures import TextureBank, fractal_noise, grid, ramp

PLAIN = 2  # texture number of what is nearly without texture


def draw_textures(dice: Dice, bank: TextureBank, count: int, options: GeneratorOptions) -> Tensor:
    """Give (count, 3, SIZE, SIZE) in 0..1: the sky's first, then those of things."""
    textures = bank.draw(dice, count)
    if options.weak_looks:
        textures = _weaken(dice, textures)
    if options.skies and dice.chance(0.85):
        textures[SKY] = sky(dice)
    elif dice.chance(0.6):  # bright, pale
        textures[SKY] = 1 - (1 - textures[SKY]) * dice.between(0.05, 0.4)
    return textures


def _weaken(dice: Dice, textures: Tensor) -> Tensor:
    """Take contrast away: from the plain one, from some or most others, from the whole scene."""
    share = dice.weighted([0.0, 0.25, 0.7], [5, 4, 1.5])
    for number in range(1, len(textures)):
        if number == PLAIN or dice.chance(share):
            mean = textures[number].mean((1, 2), keepdim=True)
            left = dice.log_between(0.01, 0.12 if number == PLAIN else 0.5)
            textures[number] = torch.lerp(mean, textures[number], left)
            if number == PLAIN and dice.chance(0.5):  # white paint, paper, plaster
                textures[number] = 1 - (1 - textures[number]) * dice.between(0.1, 0.6)
    if dice.chance(0.18):  # everything in pale shades of one colour
        tint = dice.between(0.45, 0.95) * (1 - dice.between(0, 0.4) * dice.uniform(3))
        textures = torch.lerp(textures, tint[:, None, None], dice.between(0.3, 0.7))
    return textures


def sky(dice: Dice) -> Tensor:
    """Paint a sky: overexposed white, blue towards the top, or clouds."""
    kind = dice.weighted(['white', 'blue', 'clouds'], [3, 3, 3])
    device = dice.device
    _, v = grid(device)
    above = ((0.5 - v) / 0.3).clamp(0, 1)  # 0 at the horizon, which the renderer puts at 0.5
    blue = torch.tensor([dice.between(0.2, 0.6), dice.between(0.4, 0.75),
                         dice.between(0.75, 1.0)], device=device)
    pale = torch.full((3,), dice.between(0.8, 1.0), device=device)
    if kind == 'white':
        blue = pale - 0.1 * dice.uniform(3)
    image = ramp(above ** dice.between(0.5, 1.5), torch.stack([pale, blue]))
    if kind == 'clouds':
        cover = torch.sigmoid(fractal_noise(dice, dice.between(1.2, 2.2), 2.0, 0.5)
                              * dice.between(1, 5) + dice.between(-2, 2))
        cloud = dice.between(0.6, 1.0)
        image = torch.lerp(image, torch.full_like(image, cloud), cover)
    return (image * dice.between(0.9, 1.15)).clamp(0, 1)


def draw_grain(dice: Dice) -> Tensor:
    """Give (SIZE, SIZE) around 0 within -1..1: pores, fibres, asphalt."""
    noise = fractal_noise(dice, dice.between(0.1, 0.9), 2.0, dice.choice([1.0, 1.0, 0.3, 3.0]))
    return (noise * dice.log_between(0.25, 0.8)).clamp(-1, 1)
