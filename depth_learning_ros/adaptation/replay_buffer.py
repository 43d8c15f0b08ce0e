# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a camera that never stops: on disk, so many and no more, as different as can be.

When one too many is there, that one goes whose picture is most like that of another of its role.
So an hour before the same wall leaves a few frames of the wall, and does not push out the rest.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
import threading

import numpy as np

from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    ROLES,
    TRAIN,
    VALIDATION,
    FrameStore,
    Intake,
    stretch_length,
)
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoPair

MIN_CAPACITY = 10
_THUMB = (12, 16)  # rows and columns that a picture is compared by


class ReplayBuffer:
    """A bounded `FrameStore` that is filled while it is used; for several threads.

    Args:
        folder: where the frames are; what is there is kept.
        capacity: frames of all roles together.

    Attributes:
        store: the frames, each with its role.
        seen: frames offered.
        skipped: of these, not kept, by cause.

    Raises:
        DataError: the capacity is too small.
    """

    def __init__(self, folder: Path, capacity: int) -> None:
        if capacity < MIN_CAPACITY:
            raise DataError(f'the replay buffer holds {capacity} frames: give {MIN_CAPACITY} or '
                            f'more')
        self.capacity = capacity
        self.store = FrameStore(folder)
        self.seen = 0
        self._limits = {role: max(1, capacity * ROLES.count(role) // len(ROLES))
                        for role in (TRAIN, VALIDATION, HELD_OUT)}
        self._thumbs = {path: _thumb(self.store.load(role, index)[0])
                        for role, paths in self.store.paths.items()
                        for index, path in enumerate(paths)}
        numbers = [int(path.stem.rpartition('-')[2]) for path in self._thumbs]
        self._intake = Intake(self.store, capacity, capacity, max(numbers, default=-1) + 1)
        self._held = False
        self._lock = threading.Lock()
        self._evict_all()

    @property
    def skipped(self) -> Counter[str]:
        return self._intake.skipped

    @property
    def kept(self) -> int:
        """Frames that were taken in since the beginning, those that had to go again among them."""
        return self._intake.kept

    def expect(self, frames: int) -> None:
        """Say how many will be offered: a short log is cut into short stretches of each role."""
        with self._lock:
            self._intake.stretch = stretch_length(frames)

    def offer(self, pair: StereoPair) -> bool:
        """Keep a frame, or count why not; another one may have to go.

        Raises:
            DataError: the disk is full.
        """
        with self._lock:
            self.seen += 1
            if self._held and len(self.store) >= 2 * self.capacity:
                self.skipped['no room until the round ends'] += 1
                return False
            before = {path for paths in self.store.paths.values() for path in paths}
            if not self._intake.offer(pair):
                return False
            new = next(path for paths in self.store.paths.values() for path in paths
                       if path not in before)
            self._thumbs[new] = _thumb(pair.left)
            if not self._held:
                self._evict_all()
            return True

    def hold(self) -> FrameStore:
        """Keep all that is there until `release`, and return it as it is now."""
        with self._lock:
            self._held = True
            return FrameStore(self.store.folder)

    def release(self) -> None:
        """Let frames go again."""
        with self._lock:
            self._held = False
            self._evict_all()

    def bytes_on_disk(self) -> int:
        """Return the size of all frames."""
        with self._lock:
            return sum(path.stat().st_size for paths in self.store.paths.values()
                       for path in paths)

    def _evict_all(self) -> None:
        for role, limit in self._limits.items():
            paths = self.store.paths[role]
            while len(paths) > limit:
                gone = self._most_alike(paths)
                paths.remove(gone)
                del self._thumbs[gone]
                gone.unlink()

    def _most_alike(self, paths: list[Path]) -> Path:
        """Return the older frame of the two that are most alike."""
        thumbs = np.stack([self._thumbs[path] for path in paths])
        squares = (thumbs ** 2).sum(1)
        distances = squares[:, None] + squares[None] - 2 * thumbs @ thumbs.T
        np.fill_diagonal(distances, np.inf)
        one, other = np.unravel_index(int(np.argmin(distances)), distances.shape)
        return min(paths[one], paths[other], key=lambda path: path.stem)


def _thumb(left: np.ndarray) -> np.ndarray:
    """Return a small gray picture without its brightness: float32 [rows * columns]."""
    rows, columns = _THUMB
    height, width = (side // parts * parts for side, parts in zip(left.shape, _THUMB,
                                                                   strict=False))
    gray = left[:height, :width].mean(2, dtype=np.float32)
    blocks = gray.reshape(rows, height // rows, columns, width // columns).mean((1, 3))
    return (blocks - blocks.mean()).reshape(-1)
