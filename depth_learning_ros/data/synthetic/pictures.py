# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The user's own pictures as textures: any picture is something that a surface can look like."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from depth_learning_ros.data.images import read_image
from depth_learning_ros.data.synthetic.dice import Dice
from depth_learning_ros.data.synthetic.textures import SIZE
from depth_learning_ros.errors import DataError

SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.tif', '.tiff', '.webp')
LONGEST_SIDE = 1024  # pictures are kept in memory at this size
KEPT = 64
SMALLEST_SIDE = 64


class Pictures:
    """Pictures anywhere below a folder.

    Raises:
        DataError: the folder is missing or holds no pictures.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise DataError(f'{folder} is no folder of pictures')
        self.folder = folder
        self.paths = sorted(path for path in folder.rglob('*')
                            if path.suffix.lower() in SUFFIXES and path.is_file())
        if not self.paths:
            raise DataError(f'{folder} holds no pictures: looked for *{" *".join(SUFFIXES)} in it '
                            f'and below')
        self._kept: dict[int, np.ndarray] = {}

    def digest(self) -> str:
        """Hash of names and sizes: scenes made of other pictures are other scenes."""
        listing = [f'{path.relative_to(self.folder)} {path.stat().st_size}'
                   for path in self.paths]
        return hashlib.sha256('\n'.join(listing).encode()).hexdigest()[:16]

    def texture(self, dice: Dice) -> Tensor:
        """Cut a square from one of the pictures: (3, SIZE, SIZE) in 0..1.

        Raises:
            DataError: the picture is damaged or too small.
        """
        picture = self._picture(dice.integer(0, len(self.paths) - 1))
        height, width = picture.shape[:2]
        side = max(SMALLEST_SIDE, int(min(height, width) * dice.between(0.3, 1)))
        y, x = dice.integer(0, height - side), dice.integer(0, width - side)
        cut = np.ascontiguousarray(picture[y:y + side, x:x + side])
        smaller = cv2.INTER_AREA if side > SIZE else cv2.INTER_LINEAR
        cut = cv2.resize(cut, (SIZE, SIZE), interpolation=smaller)
        return torch.from_numpy(cut).permute(2, 0, 1).float().div(255).to(dice.device)

    def _picture(self, number: int) -> np.ndarray:
        if number not in self._kept:
            if len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]  # the one that came first
            self._kept[number] = self._load(number)
        return self._kept[number]

    def _load(self, number: int) -> np.ndarray:
        path = self.paths[number]
        picture = read_image(path)
        height, width = picture.shape[:2]
        if min(height, width) < SMALLEST_SIDE:
            raise DataError(f'{path} is {width}x{height}: a texture needs at least '
                            f'{SMALLEST_SIDE} pixels a side; take it out of {self.folder}')
        scale = LONGEST_SIDE / max(height, width)
        if scale < 1:
            size = (max(SMALLEST_SIDE, round(width * scale)),
                    max(SMALLEST_SIDE, round(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return picture
