# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a frame shows something, and something else than the frames that are kept.

Pictures are compared by the means of 12 x 16 blocks, less the mean of all. In a block of hundreds
of pixels the noise of a sensor averages out, and what moves does not.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from depth_learning_ros.types import StereoPair

MIN_SIDE_PX = 64
#: A frame whose gray values spread less, or of which more is black or white, shows nothing.
MIN_SPREAD = 4.0
DARK, BRIGHT = 6, 249
MAX_LOST = 0.9
#: Standard deviation of noise, in gray levels of 255, that makes no other picture of a scene: of
#: a camera in good light. More would take a drone that hovers for a camera on a table.
NOISE_GRAY = 0.75
SAME_PICTURE = 'the same picture as one that is kept'

_BLOCKS = (12, 16)  # rows and columns
_MARGIN = 1.5  # over the change that noise makes on average: more than its chance needs


class Pictures:
    """What the frames that are kept look like.

    Args:
        noise_gray: pictures that noise of so many gray levels could tell apart are the same.
    """

    def __init__(self, noise_gray: float = NOISE_GRAY) -> None:
        self._noise_gray = noise_gray
        self._thumbs: dict[Path, np.ndarray] = {}

    def refusal(self, pair: StereoPair) -> str:
        """Say why a frame is of no use beside those that are kept; empty when it is of use."""
        return shows_nothing(pair) or (SAME_PICTURE if self._knows(pair.left) else '')

    def add(self, path: Path, left: np.ndarray) -> None:
        """Note a frame that is kept from now on."""
        self._thumbs[path] = thumb(left)

    def forget(self, path: Path) -> None:
        del self._thumbs[path]

    def most_alike(self, paths: list[Path]) -> Path:
        """Return the older frame of the two that are most alike."""
        thumbs = np.stack([self._thumbs[path] for path in paths])
        squares = (thumbs ** 2).sum(1)
        distances = squares[:, None] + squares[None] - 2 * thumbs @ thumbs.T
        np.fill_diagonal(distances, np.inf)
        one, other = np.unravel_index(int(np.argmin(distances)), distances.shape)
        return min(paths[one], paths[other], key=lambda path: path.stem)

    def _knows(self, left: np.ndarray) -> bool:
        if not self._thumbs:
            return False
        changes = np.abs(np.stack(list(self._thumbs.values())) - thumb(left)).mean(1)
        return float(changes.min()) <= change_by_noise(left.shape[:2], self._noise_gray)


def shows_nothing(pair: StereoPair) -> str:
    """Say why nothing can be learned from a frame by itself; empty when something can."""
    height, width = pair.left.shape[:2]
    if min(height, width) < MIN_SIDE_PX:
        return f'{width}x{height} is smaller than {MIN_SIDE_PX} pixels'
    for side in ('left', 'right'):
        gray = getattr(pair, side)[::4, ::4].mean(2)
        if (gray <= DARK).mean() > MAX_LOST:
            return f'{side} image is black'
        if (gray >= BRIGHT).mean() > MAX_LOST:
            return f'{side} image is saturated'
        if gray.std() < MIN_SPREAD:
            return f'{side} image shows nothing (all of one gray)'
    return ''


def thumb(left: np.ndarray) -> np.ndarray:
    """Return a small gray picture without its brightness: float32 [rows * columns]."""
    rows, columns = _BLOCKS
    height, width = (parts * side for parts, side in zip(_BLOCKS, _block(left.shape[:2]),
                                                         strict=True))
    gray = left[:height, :width].mean(2, dtype=np.float32)
    blocks = gray.reshape(rows, height // rows, columns, width // columns).mean((1, 3))
    return (blocks - blocks.mean()).reshape(-1)


def change_by_noise(shape: tuple[int, ...], noise_gray: float) -> float:
    """Return by how much two thumbs of one scene may differ, on average over their blocks.

    The mean of n pixels with noise s has noise s / sqrt(n), the difference of two of them sqrt(2)
    times that, and the mean of its magnitude is sqrt(2 / pi) of it.
    """
    pixels = math.prod(_block(shape))
    return _MARGIN * 2 / math.sqrt(math.pi) * noise_gray / math.sqrt(pixels)


def _block(shape: tuple[int, ...]) -> tuple[int, int]:
    return shape[0] // _BLOCKS[0], shape[1] // _BLOCKS[1]
