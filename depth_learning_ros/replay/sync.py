# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Brings left and right images of one instant together, and counts what is left over."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import Counter
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from depth_learning_ros.errors import BagError

Item = TypeVar('Item')
Mode = Literal['auto', 'exact', 'approximate']
MODES = ('auto', 'exact', 'approximate')
SIDES = ('left', 'right')

QUEUE_SIZE = 10
TOLERANCE_S = 0.01
# Images waited for on each side before 'auto' decides.
_DECIDE_AFTER = 5
# A stamp this much older than the one before means a new recording, not a late message.
_RESTART_NS = 2_000_000_000


@dataclass(order=True)
class _Waiting(Generic[Item]):
    """An image that waits for its partner."""

    stamp_ns: int
    order: int
    item: Item = field(compare=False)


class StereoSync(Generic[Item]):
    """Pairs images by their stamps; hands out pairs in the order of time.

    ``exact`` pairs equal stamps. ``approximate`` pairs the images that are each other's nearest,
    if they are no more than the tolerance apart. ``auto`` looks at the first images: exact if at
    least half of the stamps coincide. At most `queue_size` images wait on each side.

    Attributes:
        mode: what is in use; ``auto`` until that is decided.
        dropped: images without a partner, by side and cause.
        drop_gaps_ms: for these, the distance to the nearest image that waited on the other side.
    """

    def __init__(self, mode: Mode = 'auto', tolerance_s: float = TOLERANCE_S,
                 queue_size: int = QUEUE_SIZE) -> None:
        if mode not in MODES:
            raise BagError(f'sync is {mode!r}: expected one of {", ".join(MODES)}')
        if not 0 <= tolerance_s < 10:
            raise BagError(f'the tolerance is {tolerance_s} s: expected 0 to 10 s')
        if queue_size < 2:
            raise BagError(f'queue_size is {queue_size}: expected 2 or more')
        self.mode: Mode = mode
        self.dropped: dict[str, Counter[str]] = {side: Counter() for side in SIDES}
        self.drop_gaps_ms: dict[str, array[float]] = {side: array('d') for side in SIDES}
        self._tolerance_ns = round(tolerance_s * 1e9)
        self._queue_size = max(queue_size, _DECIDE_AFTER) if mode == 'auto' else queue_size
        self._queues: dict[str, list[_Waiting[Item]]] = {side: [] for side in SIDES}
        self._newest: dict[str, int] = {}
        self._order = 0

    def add(self, side: str, stamp_ns: int, item: Item) -> list[tuple[Item, Item]]:
        """Take an image of one side, and return the pairs that are complete now."""
        pairs: list[tuple[Item, Item]] = []
        if stamp_ns < self._newest.get(side, stamp_ns) - _RESTART_NS:
            pairs += self.flush()
            self._newest.clear()
        self._newest[side] = max(stamp_ns, self._newest.get(side, stamp_ns))
        self._order += 1
        insort(self._queues[side], _Waiting(stamp_ns, self._order, item))
        pairs += self._match(final=False)
        for name in SIDES:
            while len(self._queues[name]) > self._queue_size:
                self._drop(name, 'no partner came')
        return pairs

    def flush(self) -> list[tuple[Item, Item]]:
        """Return the last pairs; no more images come."""
        pairs = self._match(final=True)
        for side in SIDES:
            while self._queues[side]:
                self._drop(side, 'no partner came')
        return pairs

    def _match(self, final: bool) -> list[tuple[Item, Item]]:
        if self.mode == 'auto':
            waiting = min(len(queue) for queue in self._queues.values())
            full = max(len(queue) for queue in self._queues.values()) >= self._queue_size
            if not (final or full or waiting >= _DECIDE_AFTER):
                return []
            if not waiting:
                return []
            self._decide()
        pairs = []
        find = self._next_exact if self.mode == 'exact' else self._next_approximate
        while (pair := find(final)) is not None:
            pairs.append(pair)
        return pairs

    def _decide(self) -> None:
        stamps = [{waiting.stamp_ns for waiting in queue} for queue in self._queues.values()]
        common = len(stamps[0] & stamps[1])
        fewer = min(map(len, stamps))
        self.mode = 'exact' if 2 * common >= fewer else 'approximate'

    def _next_exact(self, final: bool) -> tuple[Item, Item] | None:
        left, right = self._queues['left'], self._queues['right']
        stamps = {waiting.stamp_ns for waiting in right}
        found = next((w.stamp_ns for w in left if w.stamp_ns in stamps), None)
        return None if found is None else self._take(found, found)

    def _next_approximate(self, final: bool) -> tuple[Item, Item] | None:
        left, right = self._queues['left'], self._queues['right']
        while left and right:
            one = left[0].stamp_ns
            other = _nearest(right, one)
            # Only when both sides have gone past them can nothing nearer come.
            known = self._newest['right'] >= one and self._newest['left'] >= other
            full = max(len(left), len(right)) >= self._queue_size
            if not (final or known or full):
                return None
            if abs(one - other) > self._tolerance_ns:
                if one < other:
                    self._drop('left', 'partner further than the tolerance')
                else:
                    self._drop('right', 'partner further than the tolerance')
            elif abs(_nearest(left, other) - other) < abs(one - other):
                self._drop('left', 'partner nearer to another')
            else:
                return self._take(one, other)
        return None

    def _take(self, left_ns: int, right_ns: int) -> tuple[Item, Item]:
        """Take a pair out of the queues; what is older has no partner any more."""
        items = []
        for side, stamp_ns in (('left', left_ns), ('right', right_ns)):
            while self._queues[side][0].stamp_ns < stamp_ns:
                self._drop(side, 'no partner came')
            items.append(self._queues[side].pop(0).item)
        return items[0], items[1]

    def _drop(self, side: str, cause: str) -> None:
        stamp_ns = self._queues[side].pop(0).stamp_ns
        self.dropped[side][cause] += 1
        others = self._queues['right' if side == 'left' else 'left']
        if others:
            self.drop_gaps_ms[side].append(abs(_nearest(others, stamp_ns) - stamp_ns) / 1e6)


def _nearest(queue: list[_Waiting[Item]], stamp_ns: int) -> int:
    """Return the stamp in a queue that is nearest; of equals the earlier."""
    return min((w.stamp_ns for w in queue), key=lambda s: (abs(s - stamp_ns), s))
