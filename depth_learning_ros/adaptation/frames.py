# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of the target: kept on disk, each with the role it plays, so a run can be gone on with.

Held-out frames are whole stretches of the logs, not every n-th frame: a neighbour in time shows
almost the same picture, and would tell the gate about frames that were trained on. Only the first
and the last frame of a stretch have a neighbour of another role.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
import re

import numpy as np

from depth_learning_ros.adaptation.check_pairs import CHECKED_PAIRS, PairError, check_pairs
from depth_learning_ros.adaptation.pictures import NOISE_GRAY, SAME_PICTURE, Pictures
from depth_learning_ros.adaptation.spread import spread
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write, disk_full, is_disk_full
from depth_learning_ros.types import StereoPair

#: Roles of five stretches of a log, one after the other.
TRAIN, VALIDATION, HELD_OUT = 'train', 'validation', 'held-out'
ROLES = (TRAIN, TRAIN, HELD_OUT, TRAIN, VALIDATION)
#: In the name of a frame that has no role as yet.
NEW = 'new'
_NUMBERED = re.compile(r'\d{6,}')
STRETCHES = 10  # logs are cut into at least so many, where they have the frames
LONGEST_STRETCH = 40
MIN_FRAMES = 10


def stretch_length(frames: int) -> int:
    """Give how many frames in a row play one role, of so many frames."""
    return min(LONGEST_STRETCH, max(1, frames // STRETCHES))


@dataclass(frozen=True)
class Stretches:
    """Which role each frame of a log plays: it depends on where the frame lies, and nothing else.

    Attributes:
        length: frames of a stretch.
        first: how many frames of other logs lie before the first one.
    """

    length: int
    first: int = 0

    def role(self, index: int) -> str:
        """Give the role of a frame of the log, counted from 0."""
        return ROLES[(self.first + index) // self.length % len(ROLES)]


def lay_out(counts: Sequence[int], length: int) -> list[Stretches]:
    """Give the stretches of logs of so many frames: they go on from log to log.

    A log that is no longer than a stretch plays one role as a whole, that of its first frame. So
    every stretch is still played by somebody: one of such logs begins in it.
    """
    return [Stretches(length, first - first % length if count <= length else first)
            for first, count in zip(accumulate(counts, initial=0), counts, strict=False)]


class FrameStore:
    """A folder of frames, ``ROLE-NUMBER.npz`` each.

    Args:
        folder: made where it does not exist; what is there is kept.

    Raises:
        DataError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _make(folder)
        self.refresh()

    def refresh(self) -> None:
        """Look at the folder again."""
        self.paths: dict[str, list[Path]] = {
            role: frames_called(self.folder, role) for role in (TRAIN, VALIDATION, HELD_OUT)}

    def __len__(self) -> int:
        return sum(len(paths) for paths in self.paths.values())

    def count(self, role: str) -> int:
        return len(self.paths[role])

    def load(self, role: str, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Give left and right, uint8 [H, W, 3]."""
        return read_frame(self.paths[role][index])

    def add(self, pair: StereoPair, role: str, number: int) -> Path:
        """Keep a frame.

        Raises:
            DataError: the disk is full, or the folder cannot be written.
        """
        path = add_frame(self.folder, role, number, pair)
        if path not in self.paths[role]:
            self.paths[role].append(path)
        return path

    def adopt(self, path: Path, role: str, number: int) -> Path:
        """Take over a frame that was written into the folder, and give its name."""
        named = self.folder / f'{role}-{number:06d}.npz'
        path.rename(named)
        self.paths[role].append(named)
        return named

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
    """Chooses what of logs is kept, and says what is not and why.

    Roles are dealt when all is taken in: how much of a log is of use shows only then.

    Args:
        store: where to.
        noise_gray: see `Pictures`.

    Attributes:
        skipped: frames that were not kept, by cause.
    """

    def __init__(self, store: FrameStore, noise_gray: float = NOISE_GRAY) -> None:
        self.store = store
        self.skipped: Counter[str] = Counter()
        self._pictures = Pictures(noise_gray)
        self._logs: list[list[Path]] = []
        self._number = 0

    def take(self, pairs: Iterable[StereoPair], name: str = '') -> int:
        """Choose from the frames of a log; gives how many are kept.

        Raises:
            DataError: no network can learn from the log; it says its name and why. Or the disk is
                full.
        """
        kept = [path for path in map(self._keep, pairs) if path is not None]
        try:
            if kept:
                check_pairs([read_frame(kept[i]) for i in spread(len(kept), CHECKED_PAIRS)], name)
        except PairError as fault:
            # a few frames, perhaps of a bare wall, do not condemn a log
            if len(kept) >= CHECKED_PAIRS or not fault.may_be_chance:
                raise
            self.skipped[fault.what] += len(kept)
            for path in kept:
                self._pictures.forget(path)
                path.unlink()
            return 0
        self._logs.append(kept)
        return len(kept)

    def deal(self) -> None:
        """Give all frames that were taken in their roles."""
        counts = [len(log) for log in self._logs]
        number = 0
        for log, stretches in zip(self._logs, lay_out(counts, stretch_length(sum(counts))),
                                  strict=True):
            for index, path in enumerate(log):
                self.store.adopt(path, stretches.role(index), number)
                number += 1
        self._logs.clear()

    def _keep(self, pair: StereoPair) -> Path | None:
        reason = self._pictures.refusal(pair)
        if reason:
            self.skipped[reason] += 1
            return None
        path = add_frame(self.store.folder, NEW, self._number, pair)
        self._pictures.add(path, pair.left)
        self._number += 1
        return path


def check_enough(store: FrameStore, skipped: Counter[str], batch: int) -> None:
    """Refuse to adapt to next to nothing.

    Raises:
        DataError: too few frames were kept; it says how many were left out and why.
    """
    causes = '; '.join(f'{reason} ({count}x)' for reason, count in skipped.most_common(4))
    left_out = f'. Left out: {causes}' if causes else ''
    needed = max(MIN_FRAMES, batch)
    if len(store) < needed:
        still = ', or set noise_gray to 0, which leaves out only the very same' \
            if skipped[SAME_PICTURE] else ''
        raise DataError(f'{len(store)} usable frames are too few: at least {needed} different '
                        f'ones are needed{left_out}. Record a longer log of the moving '
                        f'robot{still}')
    for role in (TRAIN, VALIDATION, HELD_OUT):
        if not store.count(role):
            raise DataError(f'{len(store)} usable frames leave none for {role}{left_out}. Record '
                            f'a longer log')


def frames_called(folder: Path, name: str) -> list[Path]:
    """Give the frames of a folder that have a role, or `NEW`, in their names, in order."""
    return sorted(path for path in folder.glob(f'{name}-*.npz')
                  if _NUMBERED.fullmatch(path.stem, len(name) + 1))


def add_frame(folder: Path, name: str, number: int, pair: StereoPair) -> Path:
    """Write a frame into a folder, and give its path.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    path = folder / f'{name}-{number:06d}.npz'
    _make(folder)  # somebody may have cleared it away
    write_frame(path, pair)
    return path


def read_frame(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Give left and right of a frame, uint8 [H, W, 3]."""
    with np.load(path) as arrays:
        views = [arrays[side] for side in ('left', 'right')]
    left, right = (np.repeat(view, 3, 2) if view.shape[2] == 1 else view for view in views)
    return left, right


def write_frame(path: Path, pair: StereoPair) -> None:
    """Write a frame.

    Raises:
        DataError: the disk is full, or the folder cannot be written.
    """
    views = {side: _without_repeats(getattr(pair, side)) for side in ('left', 'right')}
    with atomic_write(path, force=True) as file:
        np.savez(file, **views)  # type: ignore[arg-type]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise (disk_full(folder) if is_disk_full(error) else DataError(
            f'cannot make the folder {folder}: {error.strerror}; choose another one')) from error


def _without_repeats(image: np.ndarray) -> np.ndarray:
    """Keep one channel of a gray image: a third of the disk."""
    gray = image[..., :1]
    return np.ascontiguousarray(gray if (image == gray).all() else image)
