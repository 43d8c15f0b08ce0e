# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An endless, seeded supply of rendered stereo pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.builder import MAX_DISPARITY
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.options import VERSION, GeneratorOptions
from depth_learning_ros.data.synthetic.pictures import Pictures
from depth_learning_ros.data.synthetic.render import StereoSample, render
from depth_learning_ros.data.synthetic.textures import TextureBank, random_texture
from depth_learning_ros.data.synthetic.worlds import random_scene

SCENES_PER_BANK = 16
#: A scene with more than this share of pixels nearer than MAX_DISPARITY is drawn again.
MAX_TOO_NEAR = 0.15
MIN_SPREAD = 0.5


class SceneGenerator:
    """Scene number n of a seed is always the same, whichever worker renders it.

    Args:
        seed: of the whole supply; choose another one for a held-out set.
        width, height: of the images in pixels.
        device: where to render.
        options: which parts of the generator are in use; None = all.
    """

    def __init__(self, seed: int = 0, width: int = 640, height: int = 320,
                 device: torch.device | str = 'cpu',
                 options: GeneratorOptions | None = None) -> None:
        self.seed, self.width, self.height = seed, width, height
        self.device = torch.device(device)
        self.options = options or GeneratorOptions()
        self.pictures = None
        if self.options.textures is not None:
            self.pictures = Pictures(Path(self.options.textures))
        self._bank: tuple[int, TextureBank] | None = None

    def __getitem__(self, number: int) -> StereoSample:
        """Render scene ``number``: images in 0..1 RGB, disparities of both views, occlusions."""
        bank = self._bank_for(number // SCENES_PER_BANK)
        for attempt in range(20):
            dice = Dice(self._mix(number * 32 + attempt + 1), self.device)
            sample = render(random_scene(dice, bank, self.width, self.height, self.options))
            too_near = float((sample.disparity > MAX_DISPARITY).float().mean())
            if too_near <= MAX_TOO_NEAR and float(sample.disparity.std()) > MIN_SPREAD:
                break
        return sample

    def _bank_for(self, block: int) -> TextureBank:
        if self._bank is None or self._bank[0] != block:
            self._bank = (block, TextureBank(self._mix(-block - 1), device=self.device,
                                             paint=self._paint))
        return self._bank[1]

    def _paint(self, dice: Dice) -> Tensor:
        if self.pictures is not None and dice.chance(self.options.picture_share):
            return self.pictures.texture(dice)
        return random_texture(dice)

    def stamp(self) -> dict[str, Any]:
        """Return what decides how the scenes look: scenes of one stamp and number are equal."""
        options = self.options.to_dict()
        options['textures'] = self.pictures and self.pictures.digest()
        return {'generator': VERSION, 'kind': type(self).__name__, 'seed': self.seed,
                'width': self.width, 'height': self.height, 'options': options}

    def _mix(self, number: int) -> int:
        """Spread (seed, number) over 62 bits (SplitMix64's finaliser): no two streams overlap."""
        x = (self.seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03) % 2**64
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return (x ^ (x >> 31)) % 2**62
