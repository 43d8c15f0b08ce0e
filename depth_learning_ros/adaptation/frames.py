# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of the target: kept on disk, each with the role it plays, so a run can be gone on with.

Held-out frames are whole stretches of the log, not every n-th frame: a neighbour in time shows
almost the same picture, and would tell the gate about frames that were trained on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write
from depth_learning_ros.types import StereoPair

#: Roles of five stretches of a log, one after the other.
TRAIN, VALIDATION, HELD_OUT = 'train', 'validation', 'held-out'
ROLES = (TRAIN, TRAIN, HELD_OUT, TRAIN, VALIDATION)
STRETCHES = 10  # a log is cut into at least so many, where it has the frames
LONGEST_STRETCH = 40
MIN_FRAMES = 10
MIN_SIDE_PX = 64

#: A frame whose gray values spread less, or of which more is black or white, shows nothing.
MIN_SPREAD = 4.0
DARK, BRIGHT = 6, 249
MAX_LOST = 0.9
#: A frame that differs less from the one before, in gray values, is the same picture again.
MIN_CHANGE = 0.4


def stretch_length(expected: int) -> int:
    """Give how many frames in a row play one role, of a log of so many frames."""
    return min(LONGEST_STRETCH, max(1, expected // STRETCHES))


class FrameStore:
    """A folder of frames, ``ROLE-NUMBER.npz`` each.

    Args:
        folder: made where it does not exist; what is there is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.refresh()

    def refresh(self) -> None:
        """Look at the folder again."""
        self.paths: dict[str, list[Path]] = {
            role: sorted(self.folder.glob(f'{role}-*.npz')) for role in (TRAIN, VALIDATION,
                                                                       HELD_OUT)}

    def __len__(self) -> int:
        return sum(len(paths) for paths in self.paths.values())

    def count(self, role: str) -> int:
        return len(self.paths[role])

    def load(self, role: str, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Give left and right, uint8 [H, W, 3]."""
        with np.load(self.paths[role][index]) as arrays:
            views = [arrays[side] for side in ('left', 'right')]
        left, right = (np.repeat(view, 3, 2) if view.shape[2] == 1 else view for view in views)
        return left, right

    def add(self, pair: StereoPair, role: str, number: int) -> Path:
        """Keep a frame.

        Raises:
            DataError: the disk is full, or the folder cannot be written.
        """
        path = self.folder / f'{role}-{number:06d}.npz'
        views = {side: _without_repeats(getattr(pair, side)) for side in ('left', 'right')}
        with atomic_write(path, force=True) as file:
            np.savez(file, **views)  # type: ignore[arg-type]
        if path not in self.paths[role]:
            self.paths[role].append(path)
        return path

    def smallest_size(self) -> tuple[int, int]:
        """Give the smallest height and width of all frames."""
        sizes = []
        for paths in self.paths.values():
            for path in paths:
                with np.load(path) as arrays:
                    sizes.append(arrays['left'].shape[:2])
        heights, widths = zip(*sizes, strict=True)
        return min(heights), min(widths)


class Intake:
    """Chooses what of a log is kept, and says what is not and why.

    Args:
        store: where to.
        expected: how many frames the log has, as far as is known.
        most: how many may be kept: every ``every``-th should be offered.
        first: number of its first frame, where other logs were taken in before.
    """

    def __init__(self, store: FrameStore, expected: int, most: int, first: int = 0) -> None:
        self.store = store
        self.every = max(1, -(-expected // most))
        self.stretch = stretch_length(expected // self.every)
        self.first = first
        self.kept = 0
        self.skipped: Counter[str] = Counter()
        self._last: np.ndarray | None = None

    def offer(self, pair: StereoPair) -> bool:
        """Keep a frame, or count why not."""
        reason = self._refusal(pair)
        if reason:
            self.skipped[reason] += 1
            return False
        role = ROLES[(self.kept // self.stretch) % len(ROLES)]
        self.store.add(pair, role, self.first + self.kept)
        self.kept += 1
        return True

    def take(self, pairs: Iterable[StereoPair]) -> int:
        """Offer all frames of a log; gives how many were kept."""
        for pair in pairs:
            self.offer(pair)
        return self.kept

    def _refusal(self, pair: StereoPair) -> str:
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
        gray = pair.left[::4, ::4].mean(2)
        last, same_size = self._last, self._last is not None and self._last.shape == gray.shape
        if last is not None and same_size and np.abs(gray - last).mean() < MIN_CHANGE:
            return 'the same picture as the frame before'
        self._last = gray
        return ''


def check_enough(store: FrameStore, skipped: Counter[str], batch: int) -> None:
    """Refuse to adapt to next to nothing.

    Raises:
        DataError: too few frames were kept; it says how many were left out and why.
    """
    causes = '; '.join(f'{reason} ({count}x)' for reason, count in skipped.most_common(4))
    left_out = f'. Left out: {causes}' if causes else ''
    needed = max(MIN_FRAMES, batch)
    if len(store) < needed:
        raise DataError(f'{len(store)} usable frames are too few: at least {needed} different '
                        f'ones are needed{left_out}. Record a longer log of the moving robot')
    for role in (TRAIN, VALIDATION, HELD_OUT):
        if not store.count(role):
            raise DataError(f'{len(store)} usable frames leave none for {role}{left_out}. Record '
                            f'a longer log')


def _without_repeats(image: np.ndarray) -> np.ndarray:
    """Keep one channel of a gray image: a third of the disk."""
    gray = image[..., :1]
    return np.ascontiguousarray(gray if (image == gray).all() else image)
