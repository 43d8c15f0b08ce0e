# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of a camera that never stops: on disk, so many and no more, as different as can be.

When one too many is there, that one goes whose picture is most like that of another of its role.
So an hour before the same wall leaves a few frames of the wall, and does not push out the rest.

A picture that is there already, in whatever role, is not taken again, so a log that is read twice
brings nothing that was learned from into what is held out.

Frames of a camera play their roles at once, those of logs when all logs are read: how much of them
is of use shows only then. Until then they are called ``new-NUMBER.npz``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
import logging
from pathlib import Path
import threading

from depth_learning_ros.adaptation.check_pairs import CHECKED_PAIRS, PairError, check_pairs
from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    NEW,
    ROLES,
    TRAIN,
    VALIDATION,
    FrameStore,
    Stretches,
    add_frame,
    frames_called,
    read_frame,
    stretch_length,
)
from depth_learning_ros.adaptation.pictures import NOISE_GRAY, Pictures, shows_nothing, thumb
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import remove_abandoned, sync
from depth_learning_ros.types import StereoPair

_log = logging.getLogger(__name__)

MIN_CAPACITY = 10


class ReplayBuffer:
    """A bounded `FrameStore` that is filled while it is used; for several threads.

    Frames of a camera play roles in stretches, counted on from process to process. The first few
    of a process are held back until they were found to be rectified stereo pairs.

    Args:
        folder: where the frames are; what is there is kept, but for damaged files.
        capacity: frames of all roles together. While logs are read there may be as many again.
        noise_gray: see `Pictures`.

    Attributes:
        store: the frames that play a role.
        seen: frames offered.
        kept: frames taken in since the beginning, those that had to go again among them.
        skipped: of those offered, not kept, by cause.

    Raises:
        DataError: the capacity is too small, or the folder cannot be made or used.
    """

    def __init__(self, folder: Path, capacity: int, noise_gray: float = NOISE_GRAY) -> None:
        if capacity < MIN_CAPACITY:
            raise DataError(f'the replay buffer holds {capacity} frames: give {MIN_CAPACITY} or '
                            f'more')
        self.capacity = capacity
        remove_abandoned(folder)
        self.store = FrameStore(folder)
        self.seen = self.kept = 0
        self.skipped: Counter[str] = Counter()
        self._limits = {role: max(1, capacity * ROLES.count(role) // len(ROLES))
                        for role in (TRAIN, VALIDATION, HELD_OUT)} | {NEW: capacity}
        self._new = frames_called(folder, NEW)
        self._pictures = Pictures(noise_gray)
        for role, paths in self._groups():
            self._look_at(role, paths)
        self._number = max(map(_number, self._paths()), default=-1) + 1
        self._stretches = Stretches(stretch_length(capacity))
        self._unchecked: list[StereoPair] | None = []  # None: the camera was found to be fine
        self._held = False
        self._lock = threading.Lock()
        self._evict_all()

    def offer(self, pair: StereoPair) -> bool:
        """Keep a frame of a camera, or count why not; another one may have to go.

        Returns:
            Whether it was kept; the first ones that show something are, unless they turn out to
            be no stereo pairs.

        Raises:
            DataError: the frames of the camera are no stereo pairs: those that it gave until now
                are dropped. Or the disk is full.
        """
        with self._lock:
            self.seen += 1
            if not self._has_room():
                return False
            if self._unchecked is None:
                return self._keep(pair)
            nothing = shows_nothing(pair)  # it would be taken for one that does not fit together
            if nothing:
                self.skipped[nothing] += 1
                return False
            self._unchecked.append(pair)
            if len(self._unchecked) >= CHECKED_PAIRS:
                self._check_camera()
            return True

    def take(self, pair: StereoPair) -> bool:
        """Keep a frame of a log that was checked, or count why not; `deal` gives it its role.

        Raises:
            DataError: the disk is full.
        """
        with self._lock:
            self.seen += 1
            return self._has_room() and self._keep(pair, NEW)

    def deal(self) -> None:
        """Give the frames of logs their roles, those too that a process before had no time for.

        Stretches are as long as this number of frames allows, and go on in the order of roles.

        Raises:
            DataError: a frame cannot be renamed; another call goes on there.
        """
        with self._lock:
            self._forget_deleted()
            if not self._new:
                return
            stretches = Stretches(stretch_length(len(self._new)), _number(self._new[0]))
            renamed: dict[Path, tuple[Path, str]] = {}
            try:
                for index, path in enumerate(self._new):
                    role = stretches.role(index)
                    renamed[path] = self.store.adopt(path, role, _number(path)), role
                with suppress(OSError):  # a power cut must not take a role back
                    sync(self.store.folder)
            except OSError as error:
                raise DataError(f'frames in {self.store.folder} cannot be renamed: '
                                f'{error.strerror}') from error
            finally:
                self._new = [path for path in self._new if path not in renamed]
                self._pictures.move(renamed)
                self._evict_unless_held()

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

    def _groups(self) -> Iterator[tuple[str, list[Path]]]:
        yield from self.store.paths.items()
        yield NEW, self._new

    def _paths(self) -> list[Path]:
        return [path for _, paths in self._groups() for path in paths]

    def _look_at(self, role: str, paths: list[Path]) -> None:
        """Note what the frames of a role look like; those that cannot be read are removed."""
        thumbs = []
        for path in list(paths):
            try:
                thumbs.append(thumb(read_frame(path)[0]))
            except Exception as error:  # garbage makes a reader fail in any way
                _log.warning('%s is damaged, and is removed: %s', path, error or repr(error))
                paths.remove(path)
                _remove(path)
        self._pictures.add_thumbs(paths, thumbs, role)

    def _has_room(self) -> bool:
        room = not self._held or len(self._pictures) < 2 * self.capacity
        if not room:
            self.skipped['no room until the round ends'] += 1
        return room

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
            self._keep(pair)

    def _keep(self, pair: StereoPair, role: str = '') -> bool:
        reason = self._pictures.refusal(pair)
        if reason:
            self.skipped[reason] += 1
            return False
        role = role or self._stretches.role(self._number)
        if role == NEW:
            path = add_frame(self.store.folder, NEW, self._number, pair)
            self._new.append(path)
        else:
            path = self.store.add(pair, role, self._number)
        self._pictures.add(path, pair.left, role)
        self._number += 1
        self.kept += 1
        self._evict_unless_held()
        return True

    def _evict_unless_held(self) -> None:
        if not self._held:
            self._evict_all()

    def _evict_all(self) -> None:
        for role, paths in self._groups():
            while len(paths) > self._limits[role]:
                gone = self._pictures.most_alike(role)
                self._forget(gone)
                gone.unlink(missing_ok=True)

    def _forget_deleted(self) -> int:
        gone = [path for path in self._paths() if not path.exists()]
        for path in gone:
            self._forget(path)
        return len(gone)

    def _forget(self, path: Path) -> None:
        self._pictures.forget(path)
        for _, paths in self._groups():
            with suppress(ValueError):
                paths.remove(path)


def _number(path: Path) -> int:
    return int(path.stem.rpartition('-')[2])


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # a round would fail on it
        raise DataError(f'{path} is damaged and cannot be removed: {error.strerror}; remove it, '
                        f'or choose another folder') from error
