# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a camera that never stops: on disk, so many and no more, as different as can be.

When one too many is there, that one goes whose picture is most like that of another of its role.
So an hour before the same wall leaves a few frames of the wall, and does not push out the rest.

A picture that is there already, in whatever role, is not taken again, so a log that is read twice
brings nothing that was learned from into what is held out.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from pathlib import Path
import threading

from depth_learning_ros.adaptation.check_pairs import CHECKED_PAIRS, PairError, check_pairs
from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    ROLES,
    TRAIN,
    VALIDATION,
    FrameStore,
    Stretches,
    stretch_length,
)
from depth_learning_ros.adaptation.pictures import NOISE_GRAY, Pictures
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoPair

MIN_CAPACITY = 10


class ReplayBuffer:
    """A bounded `FrameStore` that is filled while it is used; for several threads.

    Frames of a camera play roles in stretches, counted on from process to process. The first few
    of a process are held back until they were found to be rectified stereo pairs.

    Args:
        folder: where the frames are; what is there is kept.
        capacity: frames of all roles together.
        noise_gray: see `Pictures`.

    Attributes:
        store: the frames, each with its role.
        seen: frames offered.
        kept: frames taken in since the beginning, those that had to go again among them.
        skipped: of those offered, not kept, by cause.

    Raises:
        DataError: the capacity is too small.
    """

    def __init__(self, folder: Path, capacity: int, noise_gray: float = NOISE_GRAY) -> None:
        if capacity < MIN_CAPACITY:
            raise DataError(f'the replay buffer holds {capacity} frames: give {MIN_CAPACITY} or '
                            f'more')
        self.capacity = capacity
        self.store = FrameStore(folder)
        self.seen = self.kept = 0
        self.skipped: Counter[str] = Counter()
        self._limits = {role: max(1, capacity * ROLES.count(role) // len(ROLES))
                        for role in (TRAIN, VALIDATION, HELD_OUT)}
        self._pictures = Pictures(noise_gray)
        for role, paths in self.store.paths.items():
            for index, path in enumerate(paths):
                self._pictures.add(path, self.store.load(role, index)[0])
        numbers = [int(path.stem.rpartition('-')[2]) for path in self._paths()]
        self._number = max(numbers, default=-1) + 1
        self._stretches = Stretches(stretch_length(capacity))
        self._unchecked: list[StereoPair] | None = []  # None: the camera was found to be fine
        self._held = False
        self._lock = threading.Lock()
        self._evict_all()

    def offer(self, pair: StereoPair, role: str = '') -> bool:
        """Keep a frame, or count why not; another one may have to go.

        Args:
            pair: the frame.
            role: that it plays, where its log was checked and laid out; empty for a camera.

        Returns:
            Whether it was kept; the first ones of a camera are, unless they turn out to be none.

        Raises:
            DataError: the frames of the camera are no stereo pairs: those that it gave until now
                are dropped. Or the disk is full.
        """
        with self._lock:
            self.seen += 1
            if self._held and len(self.store) >= 2 * self.capacity:
                self.skipped['no room until the round ends'] += 1
                return False
            if role or self._unchecked is None:
                return self._keep(pair, role)
            self._unchecked.append(pair)
            if len(self._unchecked) >= CHECKED_PAIRS:
                self._check_camera()
            return True

    def hold(self) -> FrameStore:
        """Keep all that is there until `release`, and return it as it is now.

        Raises:
            DataError: somebody deleted frames; those that are left can be held by another call.
        """
        with self._lock:
            gone = self._forget_deleted()
            if gone:
                raise DataError(f'{gone} frames in {self.store.folder} were deleted: there are '
                                f'{len(self.store)} now')
            self._held = True
            return FrameStore(self.store.folder)

    def release(self) -> None:
        """Let frames go again."""
        with self._lock:
            self._held = False
            self._evict_all()

    def bytes_on_disk(self) -> int:
        """Return the size of all frames; those that somebody deleted are forgotten."""
        with self._lock:
            self._forget_deleted()
            return sum(path.stat().st_size for path in self._paths())

    def _paths(self) -> list[Path]:
        return [path for paths in self.store.paths.values() for path in paths]

    def _check_camera(self) -> None:
        """Keep the frames that were held back, or drop them and say why."""
        held_back, self._unchecked = self._unchecked or [], []
        try:
            check_pairs([(pair.left, pair.right) for pair in held_back], 'the camera')
        except PairError as fault:
            self.skipped[fault.what] += len(held_back)
            raise
        self._unchecked = None
        for pair in held_back:
            self._keep(pair, '')

    def _keep(self, pair: StereoPair, role: str) -> bool:
        reason = self._pictures.refusal(pair)
        if reason:
            self.skipped[reason] += 1
            return False
        path = self.store.add(pair, role or self._stretches.role(self._number), self._number)
        self._pictures.add(path, pair.left)
        self._number += 1
        self.kept += 1
        if not self._held:
            self._evict_all()
        return True

    def _evict_all(self) -> None:
        for role, limit in self._limits.items():
            paths = self.store.paths[role]
            while len(paths) > limit:
                gone = self._pictures.most_alike(paths)
                self._forget(gone)
                gone.unlink(missing_ok=True)

    def _forget_deleted(self) -> int:
        gone = [path for path in self._paths() if not path.exists()]
        for path in gone:
            self._forget(path)
        return len(gone)

    def _forget(self, path: Path) -> None:
        self._pictures.forget(path)
        for paths in self.store.paths.values():
            with suppress(ValueError):
                paths.remove(path)
