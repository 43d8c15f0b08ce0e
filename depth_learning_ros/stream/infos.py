# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which camera_info belongs to a pair: the newest at or before it, or the only one there is."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from depth_learning_ros.stream.sync import SIDES

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
    right_info: Any


class CameraInfos:
    """Holds pairs back until their camera_info must be known."""

    def __init__(self) -> None:
        self._known = {side: _Known() for side in SIDES}
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
            released.append(WithInfos(pair, *(self._known[s].at(stamp_ns) for s in SIDES)))
        return released
