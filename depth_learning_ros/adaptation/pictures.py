# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a frame shows something, and something else than the frames that are kept.

Pictures are compared by the means of 12 x 16 blocks, less the mean of all. In a block of hundreds
of pixels the noise of a sensor averages out, and what moves does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import math
from pathlib import Path

import numpy as np

from depth_learning_ros.adaptation.nearest import NearestPoints
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
        self._groups: dict[str, NearestPoints] = {}
        self._group_of: dict[Path, str] = {}

    def __len__(self) -> int:
        return len(self._group_of)

    def refusal(self, pair: StereoPair) -> str:
        """Say why a frame is of no use beside those that are kept; empty when it is of use."""
        return shows_nothing(pair) or (SAME_PICTURE if self._knows(pair.left) else '')

    def add(self, path: Path, left: np.ndarray, group: str = '') -> None:
        """Note a frame that is kept from now on, among those of a group."""
        self.add_thumbs([path], [thumb(left)], group)

    def add_thumbs(self, paths: Sequence[Path], thumbs: Iterable[np.ndarray], group: str) -> None:
        """Note many frames at once, each by its `thumb`: less work than one by one."""
        if paths:
            self._group(group).add(paths, np.stack(list(thumbs)))
            self._group_of.update((path, group) for path in paths)

    def forget(self, path: Path) -> None:
        self._groups[self._group_of.pop(path)].remove(path)

    def move(self, renamed: Mapping[Path, tuple[Path, str]]) -> None:
        """Note new names and groups of frames; those of one group keep their order."""
        left_behind = {self._group_of[path] for path in renamed}
        found: dict[str, list[tuple[Path, np.ndarray]]] = {}
        for old in left_behind:
            points = self._groups.pop(old)
            for path, point in zip(points.names, points.points, strict=True):
                del self._group_of[path]
                name, group = renamed.get(path, (path, old))
                found.setdefault(group, []).append((name, point))
        for group, frames in found.items():
            self.add_thumbs([path for path, _ in frames], [point for _, point in frames], group)

    def most_alike(self, group: str) -> Path:
        """Return the older frame of the two of a group that are most alike; it must have two."""
        return min(self._groups[group].closest(), key=lambda path: path.stem)

    def _group(self, name: str) -> NearestPoints:
        return self._groups.setdefault(name, NearestPoints())

    def _knows(self, left: np.ndarray) -> bool:
        limit = change_by_noise(left.shape[:2], self._noise_gray)
        here = thumb(left)
        return any(group.smallest_change(here) <= limit for group in self._groups.values())


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
    # the three values of a pixel lie beside each other: a sum over long rows is much faster
    parts = left[:height, :width].reshape(rows, height // rows, columns, -1)
    sums = parts.sum(3, dtype=np.uint32).sum(1, dtype=np.uint32)
    blocks = (sums / math.prod(parts.shape[1::2])).astype(np.float32)
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
