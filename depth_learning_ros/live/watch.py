# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rates and latencies of live topics, as a listener on this machine sees them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
import struct
import threading
import time

from depth_learning_ros.live.endpoints import Reader, Received
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import SENSOR_DATA
from depth_learning_ros.messages import OUTPUT_TYPES
from depth_learning_ros.stream.statistics import OLD_STAMPS_MS, Typical

_MAX_VALUES = 1000


@dataclass(frozen=True)
class TopicFigures:
    """What was seen of a topic since the figures before.

    Attributes:
        rate_hz: messages a second.
        megabytes_s: their bytes a second, in 10**6.
        since_stamp: from the stamp in the header to the arrival here; None when the stamps are
            not of the present.
        since_sent: from the writing to the arrival here: the transport alone.
        total: messages since the beginning.
    """

    topic: str
    type_name: str
    rate_hz: float
    megabytes_s: float
    since_stamp: Typical | None
    since_sent: Typical | None
    total: int


class _Figures:
    """Adds up messages of one topic."""

    def __init__(self, began_s: float | None = None) -> None:
        self._began_s = began_s  # None = with the first message
        self.count = self.bytes = 0
        self._since_stamp_ms: deque[float] = deque(maxlen=_MAX_VALUES)
        self._since_sent_ms: deque[float] = deque(maxlen=_MAX_VALUES)

    def add(self, size: int, since_sent_ms: float, since_stamp_ms: float) -> None:
        if self._began_s is None:
            self._began_s = time.monotonic()
        self.count += 1
        self.bytes += size
        self._since_sent_ms.append(since_sent_ms)
        if abs(since_stamp_ms) < OLD_STAMPS_MS:
            self._since_stamp_ms.append(since_stamp_ms)

    def of(self, topic: str, type_name: str, total: int) -> TopicFigures:
        seconds = 0.0 if self._began_s is None else time.monotonic() - self._began_s
        per_s = 1 / max(seconds, 1e-3)
        return TopicFigures(
            topic, type_name, self.count * per_s, self.bytes / 1e6 * per_s,
            Typical.of(self._since_stamp_ms), Typical.of(self._since_sent_ms), total)


class _Seen:
    """Collects what arrives on one topic: since the last table, and in all."""

    def __init__(self, topic: str, type_name: str) -> None:
        self.topic, self.type_name = topic, type_name
        self._lock = threading.Lock()
        self._lately, self._whole = _Figures(), _Figures()

    def add(self, message: Received) -> None:
        now_ns = time.time_ns()
        values = (len(message.cdr), (now_ns - message.sent_ns) / 1e6,
                  (now_ns - _header_stamp_ns(message.cdr)) / 1e6)
        with self._lock:
            self._lately.add(*values)
            self._whole.add(*values)

    def lately(self) -> TopicFigures:
        with self._lock:
            found = self._lately.of(self.topic, self.type_name, self._whole.count)
            self._lately = _Figures(time.monotonic() if self._whole.count else None)
        return found

    def whole(self) -> TopicFigures:
        with self._lock:
            return self._whole.of(self.topic, self.type_name, self._whole.count)


class Watcher:
    """Listens to topics as they appear.

    Args:
        participant: its messages must not be received by somebody else.
        topics: what to listen to; empty = everything that is named and typed like an output.
    """

    def __init__(self, participant: Participant, topics: Collection[str] = ()) -> None:
        self._participant = participant
        self._wanted = frozenset(topics)
        self._seen: dict[str, _Seen] = {}
        self._readers: list[Reader] = []

    def look(self) -> None:
        """Subscribe to topics that are new; call it every now and then."""
        for topic, type_name in sorted(self._participant.graph.published().items()):
            if topic in self._seen or not self._is_wanted(topic, type_name):
                continue
            seen = _Seen(topic, type_name)
            self._readers.append(self._participant.subscription(
                topic, type_name, SENSOR_DATA, seen.add))
            self._seen[topic] = seen

    def figures(self) -> list[TopicFigures]:
        """Return what was seen since the last call, by topic."""
        return [self._seen[topic].lately() for topic in sorted(self._seen)]

    def whole(self) -> list[TopicFigures]:
        """Return what was seen since the beginning, by topic; times of the last messages only."""
        return [self._seen[topic].whole() for topic in sorted(self._seen)]

    @property
    def missing(self) -> list[str]:
        """Topics that were asked for and that nobody publishes."""
        return sorted(self._wanted.difference(self._seen))

    def _is_wanted(self, topic: str, type_name: str) -> bool:
        if self._wanted:
            return topic in self._wanted
        return any(topic.endswith(f'/{name}') and type_name == kind
                   for name, kind in OUTPUT_TYPES.items() if not name.endswith('camera_info'))


def table(figures: Iterable[TopicFigures]) -> str:
    """Return figures as a table, one topic a line."""
    rows = [('topic', 'Hz', 'MB/s', 'ms since stamp', 'ms on the way', 'messages')]
    rows += [(f.topic, f'{f.rate_hz:.1f}', f'{f.megabytes_s:.1f}', _typical(f.since_stamp),
              _typical(f.since_sent), str(f.total)) for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return '\n'.join(
        '  '.join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in
                                             zip(row[1:], widths[1:], strict=True))])
        for row in rows)


def _typical(value: Typical | None) -> str:
    return '-' if value is None else f'{value.median_ms:.1f} / {value.worst_ms:.1f}'


def _header_stamp_ns(cdr: bytes | memoryview) -> int:
    """Return the stamp of a message that begins with a header; 0 when it is too short."""
    if len(cdr) < 12:
        return 0
    sec, nanosec = struct.unpack_from('<iI' if cdr[1] & 1 else '>iI', cdr, 4)
    return int(sec) * 10**9 + int(nanosec)
