# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which camera_info belongs to a pair: the newest at or before it, or the only one there is."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from depth_learning_ros.stream.sync import SIDES

Item = TypeVar('Item')

# Pairs that may wait for a camera_info which is written behind the images it belongs to.
_MAX_WAITING = 2
_MAX_KNOWN = 64


@dataclass
class _Known:
    """The camera_info messages of one side, in the order of their stamps."""

    stamps_ns: list[int] = field(default_factory=list)
    infos: list[Any] = field(default_factory=list)

    def add(self, stamp_ns: int, info: Any) -> None:
        at = bisect_right(self.stamps_ns, stamp_ns)
        if at and self.stamps_ns[at - 1] == stamp_ns:
            self.infos[at - 1] = info  # the same again, or corrected
            return
        self.stamps_ns.insert(at, stamp_ns)
        self.infos.insert(at, info)
        if len(self.infos) > _MAX_KNOWN:
            del self.stamps_ns[0], self.infos[0]

    def at(self, stamp_ns: int) -> Any:
        """Return the newest at or before the stamp, else the first one; None if there is none."""
        if not self.infos:
            return None
        return self.infos[max(0, bisect_right(self.stamps_ns, stamp_ns) - 1)]

    def covers(self, stamp_ns: int) -> bool:
        return bool(self.stamps_ns) and self.stamps_ns[-1] >= stamp_ns


@dataclass(frozen=True)
class WithInfos:
    """A pair and the camera_info messages that hold for it; None where there is none."""

    pair: Any
    left_info: Any
    right_info: Any = None


class CameraInfos:
    """Holds pairs back until their camera_info must be known.

    Args:
        sides: names of the cameras: both, or the left one alone.
    """

    def __init__(self, sides: Sequence[str] = SIDES) -> None:
        self._known = {side: _Known() for side in sides}
        self._waiting: deque[tuple[int, Any]] = deque()

    def add_info(self, side: str, stamp_ns: int, info: Any) -> list[WithInfos]:
        """Take a camera_info, and return the pairs that waited for it."""
        self._known[side].add(stamp_ns, info)
        return self._release(final=False)

    def add_pair(self, stamp_ns: int, pair: Any) -> list[WithInfos]:
        """Take a pair, and return the pairs whose camera_info is known now."""
        self._waiting.append((stamp_ns, pair))
        return self._release(final=False)

    def flush(self) -> list[WithInfos]:
        """Return the last pairs; nothing more comes."""
        return self._release(final=True)

    def _release(self, final: bool) -> list[WithInfos]:
        released = []
        while self._waiting:
            stamp_ns, pair = self._waiting[0]
            known = all(k.covers(stamp_ns) for k in self._known.values())
            if not (known or final or len(self._waiting) > _MAX_WAITING):
                break
            self._waiting.popleft()
            released.append(WithInfos(pair, *(k.at(stamp_ns) for k in self._known.values())))
        return released


class LatestInfos(Generic[Item]):
    """The same for a live camera: holds nothing back that need not be held back.

    A frame waits for a camera_info of its own stamp only if the frame before it got one, and
    never longer than until the next frame comes. So those who send camera_info with every image
    get the right one of a calibration that changes, and those who send it once lose no time.

    Args:
        sides: names of the cameras.
        on_lost: told of each frame that was lost because there is no camera_info yet.
    """

    def __init__(self, sides: Sequence[str] = SIDES,
                 on_lost: Callable[[Item], None] = lambda item: None) -> None:
        self._sides, self._on_lost = tuple(sides), on_lost
        self.clear()

    def clear(self) -> None:
        """Forget everything: time was set back."""
        self._known = {side: _Known() for side in self._sides}
        self._waiting: deque[tuple[int, Item]] = deque()
        self._last_ns: int | None = None
        self._in_step = False

    def restart(self) -> None:
        """Forget frames and all but the newest camera_info: time was set back."""
        newest = {side: known.infos[-1:] for side, known in self._known.items()}
        self.clear()
        for side, infos in newest.items():
            for info in infos:
                self._known[side].add(0, info)

    def missing(self) -> list[str]:
        """Return the sides that no camera_info came for yet."""
        return [side for side, known in self._known.items() if not known.infos]

    def add_info(self, side: str, stamp_ns: int, info: Any) -> list[tuple[Item, list[Any]]]:
        """Take a camera_info, and return the frames that waited for it with their infos."""
        self._known[side].add(stamp_ns, info)
        return self._release()

    def add_frame(self, stamp_ns: int, item: Item) -> list[tuple[Item, list[Any]]]:
        """Take a frame, and return those whose camera_info is known now, with their infos."""
        repeated = all(len(known.infos) > 1 for known in self._known.values())
        self._in_step = repeated and self._last_ns is not None and self._covered(self._last_ns)
        self._last_ns = stamp_ns
        self._waiting.append((stamp_ns, item))
        return self._release()

    def _covered(self, stamp_ns: int) -> bool:
        return all(known.covers(stamp_ns) for known in self._known.values())

    def _release(self) -> list[tuple[Item, list[Any]]]:
        released: list[tuple[Item, list[Any]]] = []
        while self._waiting:
            stamp_ns, item = self._waiting[0]
            last = len(self._waiting) == 1
            if self.missing():
                if last:
                    break
                self._waiting.popleft()
                self._on_lost(item)
                continue
            if last and self._in_step and not self._covered(stamp_ns):
                break
            self._waiting.popleft()
            released.append((item, [known.at(stamp_ns) for known in self._known.values()]))
        return released
