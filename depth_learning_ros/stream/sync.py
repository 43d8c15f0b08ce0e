# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Brings left and right images of one instant together, and counts what is left over."""

from __future__ import annotations

from array import array
from bisect import insort
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from depth_learning_ros.errors import DataError

Item = TypeVar('Item')
Mode = Literal['auto', 'exact', 'approximate']
MODES = ('auto', 'exact', 'approximate')
SIDES = ('left', 'right')

QUEUE_SIZE = 10
TOLERANCE_S = 0.01
# Images waited for on each side before 'auto' decides.
_DECIDE_AFTER = 5
# A stamp this much older than the one before means a new recording, not a late message.
RESTART_NS = 2_000_000_000


@dataclass(order=True)
class _Waiting(Generic[Item]):
    """An image that waits for its partner."""

    stamp_ns: int
    order: int
    item: Item = field(compare=False)


class StereoSync(Generic[Item]):
    """Pairs images by their stamps.

    ``exact`` pairs equal stamps. ``approximate`` pairs the images that are each other's nearest,
    if they are no more than the tolerance apart. ``auto`` looks at the first images: exact if at
    least half of the stamps coincide. Images may come out of order: an image without a partner
    waits until `queue_size` newer ones came on its side.

    Args:
        mode, tolerance_s, queue_size: as above.
        on_drop: told the side, and the milliseconds to the nearest image of the other side, of
            each image without a partner; for who runs so long that gaps must not be collected.
        eager: ``approximate`` pairs the nearest that came so far, and does not wait a frame to
            see whether a nearer one comes.

    Attributes:
        mode: what is in use; ``auto`` until that is decided.
        dropped: images without a partner, by side and cause.
        restarts: how often a stamp was so much older than those before that all began anew.
        drop_gaps_ms: for these, the distance to the nearest image of the other side, by side.
    """

    def __init__(self, mode: Mode = 'auto', tolerance_s: float = TOLERANCE_S,
                 queue_size: int = QUEUE_SIZE,
                 on_drop: Callable[[str, float | None], None] | None = None,
                 eager: bool = False) -> None:
        if mode not in MODES:
            raise DataError(f'sync is {mode!r}: expected one of {", ".join(MODES)}')
        if not 0 <= tolerance_s < 10:
            raise DataError(f'the tolerance is {tolerance_s} s: expected 0 to 10 s')
        if queue_size < 2:
            raise DataError(f'queue_size is {queue_size}: expected 2 or more')
        self.mode: Mode = mode
        self.restarts = 0
        self._on_drop, self._eager = on_drop, eager
        self.dropped: dict[str, Counter[str]] = {side: Counter() for side in SIDES}
        self.drop_gaps_ms: dict[str, array[float]] = {side: array('d') for side in SIDES}
        self._tolerance_ns = round(tolerance_s * 1e9)
        self._queue_size = queue_size
        self._queues: dict[str, list[_Waiting[Item]]] = {side: [] for side in SIDES}
        self._recent_ns: dict[str, deque[int]] = {
            side: deque(maxlen=4 * queue_size) for side in SIDES}
        self._newest_ns: dict[str, int] = {}
        self._last_pair_ns: tuple[int, int] | None = None
        self._order = 0

    def add(self, side: str, stamp_ns: int, item: Item) -> list[tuple[Item, Item]]:
        """Take an image of one side, and return the pairs that are complete now."""
        pairs: list[tuple[Item, Item]] = []
        newest_ns = self._newest_ns.get(side, stamp_ns)
        if stamp_ns < newest_ns - RESTART_NS:
            pairs += self.flush()
            newest_ns = stamp_ns
            self.restarts += 1
        self._newest_ns[side] = max(stamp_ns, newest_ns)
        self._recent_ns[side].append(stamp_ns)
        self._order += 1
        insort(self._queues[side], _Waiting(stamp_ns, self._order, item))
        pairs += self._match(final=False)
        if len(self._queues[side]) > self._queue_size:
            self._drop_oldest(side)
        return pairs

    def flush(self) -> list[tuple[Item, Item]]:
        """Return the last pairs; what comes after has nothing to do with what came before."""
        pairs = self._match(final=True)
        for side in SIDES:
            while self._queues[side]:
                self._drop_oldest(side)
        self._newest_ns.clear()
        self._last_pair_ns = None
        return pairs

    def _match(self, final: bool) -> list[tuple[Item, Item]]:
        if self.mode == 'auto' and not self._decide(final):
            return []
        pairs = []
        while (stamps := self._find_exact() if self.mode == 'exact'
                else self._find_approximate(final)) is not None:
            pairs.append((self._take('left', stamps[0]), self._take('right', stamps[1])))
            self._last_pair_ns = stamps
        return pairs

    def _decide(self, final: bool) -> bool:
        """Choose a mode when enough images are there to tell."""
        lengths = [len(queue) for queue in self._queues.values()]
        if not min(lengths) or not (
                final or min(lengths) >= _DECIDE_AFTER or max(lengths) >= self._queue_size):
            return False
        left, right = ({w.stamp_ns for w in queue} for queue in self._queues.values())
        self.mode = 'exact' if 2 * len(left & right) >= min(len(left), len(right)) \
            else 'approximate'
        return True

    def _find_exact(self) -> tuple[int, int] | None:
        stamps = {w.stamp_ns for w in self._queues['right']}
        return next(((w.stamp_ns, w.stamp_ns) for w in self._queues['left']
                     if w.stamp_ns in stamps), None)

    def _find_approximate(self, final: bool) -> tuple[int, int] | None:
        left = [w.stamp_ns for w in self._queues['left']]
        right = [w.stamp_ns for w in self._queues['right']]
        if not left or not right:
            return None
        for one in left:
            other = nearest(right, one)
            # Only when both sides have gone past them can nothing nearer come.
            known = self._newest_ns['right'] >= one and self._newest_ns['left'] >= other
            if (final or known or self._eager) and abs(one - other) <= self._tolerance_ns \
                    and nearest(left, other) == one and not self._crosses(one, other):
                return one, other
        return None

    def _crosses(self, left_ns: int, right_ns: int) -> bool:
        """Tell whether one image is older and the other newer than those of the last pair."""
        if self._last_pair_ns is None:
            return False
        last_left, last_right = self._last_pair_ns
        return (left_ns < last_left) != (right_ns < last_right)

    def _take(self, side: str, stamp_ns: int) -> Item:
        queue = self._queues[side]
        return queue.pop(next(i for i, w in enumerate(queue) if w.stamp_ns == stamp_ns)).item

    def _drop_oldest(self, side: str) -> None:
        stamp_ns = self._queues[side].pop(0).stamp_ns
        cause = 'no partner within the tolerance' if self.mode == 'approximate' \
            else 'no partner with the same stamp'
        self.dropped[side][cause] += 1
        others = self._recent_ns['right' if side == 'left' else 'left']
        gap_ms = abs(nearest(others, stamp_ns) - stamp_ns) / 1e6 if others else None
        if self._on_drop is not None:
            self._on_drop(side, gap_ms)
        elif gap_ms is not None:
            self.drop_gaps_ms[side].append(gap_ms)


def nearest(stamps_ns: Iterable[int], stamp_ns: int) -> int:
    """Return the stamp that is nearest; of equals the earlier."""
    return min(stamps_ns, key=lambda s: (abs(s - stamp_ns), s))
