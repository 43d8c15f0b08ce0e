# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Counts what a synchroniser of another library leaves over, which it does in silence."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Sequence

from depth_learning_ros.stream.sync import RESTART_NS, SIDES, nearest

OnDrop = Callable[[str, 'float | None'], None]
"""Takes the side, and the milliseconds to the nearest stamp of the other side, if there is one."""


class SyncWatch:
    """Follows a synchroniser that keeps so many messages a side and drops those of oldest stamp.

    Args:
        queue_size: of the synchroniser.
        on_drop: told of each message that it gave up.
        sides: names of its inputs.
    """

    def __init__(self, queue_size: int, on_drop: OnDrop, sides: Sequence[str] = SIDES) -> None:
        self._queue_size, self._on_drop = queue_size, on_drop
        self._waiting: dict[str, list[int]] = {side: [] for side in sides}
        self._recent: dict[str, deque[int]] = {
            side: deque(maxlen=4 * queue_size) for side in sides}
        self._newest: dict[str, int] = {}

    def arrived(self, side: str, stamp_ns: int) -> bool:
        """Take note of a message before the synchroniser does.

        Returns:
            True when time was set back: the synchroniser must forget what it has, as it would
            prefer the stamps of the future to those of now.
        """
        newest = self._newest.get(side, stamp_ns)
        restarted = stamp_ns < newest - RESTART_NS
        if restarted:
            self.forget()
            newest = stamp_ns
        self._newest[side] = max(newest, stamp_ns)
        self._recent[side].append(stamp_ns)
        waiting = self._waiting[side]
        insort(waiting, stamp_ns)
        if len(waiting) > self._queue_size:
            self._drop(side, waiting.pop(0))
        return restarted

    def paired(self, *stamps_ns: int) -> None:
        """Take note of a match, its stamps in the order of the sides."""
        for waiting, stamp_ns in zip(self._waiting.values(), stamps_ns, strict=True):
            if stamp_ns in waiting:
                waiting.remove(stamp_ns)

    def forget(self) -> None:
        """Begin anew; what waits is lost."""
        for side, waiting in self._waiting.items():
            for stamp_ns in waiting:
                self._drop(side, stamp_ns)
            waiting.clear()
        for recent in self._recent.values():
            recent.clear()
        self._newest.clear()

    def _drop(self, side: str, stamp_ns: int) -> None:
        gaps = [abs(nearest(recent, stamp_ns) - stamp_ns) / 1e6
                for other, recent in self._recent.items() if other != side and recent]
        self._on_drop(side, min(gaps) if gaps else None)
