# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a replay did: figures that can be printed, written as JSON and compared."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
import threading
import time
from typing import Any

import numpy as np

_MAX_CAUSES = 20
_OTHER = 'other causes'


@dataclass(frozen=True)
class Spread:
    """Median, 95th percentile and worst of some figures."""

    median: float
    p95: float
    worst: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Return the spread; None when there are no values."""
        found = np.fromiter(values, np.float64)
        if not found.size:
            return None
        return cls(*(round(float(v), 3) for v in (
            np.median(found), np.percentile(found, 95), found.max())))


@dataclass(frozen=True)
class ReplayReport:
    """What a replay did.

    Attributes:
        source, output: paths.
        model, backend, precision: what computed.
        topics: the topics used: ``left``, ``right``, ``left_info``, ``right_info``.
        sync: ``exact`` or ``approximate``.
        frames: pairs that were processed and written.
        seconds: wall time from opening the bag to the output under its final name, without
            ``prepare_seconds``.
        prepare_seconds: time that opening the engine and preparing it for the image size took.
        frames_per_second: ``frames / seconds``: end to end.
        latency_ms: time that a pair is worked on, from the bag's bytes to bytes in the file; the
            sum of its stages, without waiting in the replay's own queues.
        stages_ms: the same for each stage: ``read``, ``decode``, ``engine``, ``depth``,
            ``points``, ``write``.
        stamp_gap_ms: distance between the two stamps of the pairs.
        dropped: images without a partner, by topic and cause.
        drop_gap_ms: for these, the distance to the nearest stamp on the other side, by topic.
        skipped: pairs and messages that could not be processed, by cause.
        messages: messages written, by topic.
        damage: why the bag could not be read to its end; None when it is whole.
        warnings: what the user should know.
    """

    source: str
    output: str
    model: str
    backend: str
    precision: str
    topics: Mapping[str, str]
    sync: str
    frames: int
    seconds: float
    prepare_seconds: float
    frames_per_second: float
    latency_ms: Spread | None
    stages_ms: Mapping[str, Spread]
    stamp_gap_ms: Spread | None
    dropped: Mapping[str, Mapping[str, int]]
    drop_gap_ms: Mapping[str, Spread]
    skipped: Mapping[str, int]
    messages: Mapping[str, int]
    damage: str | None
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, texts and numbers."""
        return asdict(self)


class Statistics:
    """Collects figures while a replay runs, from several threads, in a few bytes a frame."""

    def __init__(self) -> None:
        self.frames = 0
        self.prepare_seconds = 0.0
        self.skipped: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.stamp_gaps_ms = array('d')
        self._latencies_ms = array('d')
        self._stages_ms: dict[str, array[float]] = {}
        self._lock = threading.Lock()
        self._start = time.perf_counter()

    def skip(self, cause: str) -> None:
        """Count something that could not be used."""
        with self._lock:
            known = cause in self.skipped or len(self.skipped) < _MAX_CAUSES
            self.skipped[cause if known else _OTHER] += 1

    def warn(self, text: str) -> None:
        """Remember something to tell, once."""
        with self._lock:
            if text not in self.warnings:
                self.warnings.append(text)

    def add_frame(self, seconds: Mapping[str, float]) -> None:
        """Count a frame and the seconds of its stages."""
        self.frames += 1
        self._latencies_ms.append(1000 * sum(seconds.values()))
        for name, value in seconds.items():
            self._stages_ms.setdefault(name, array('d')).append(1000 * value)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Count the time of the block apart."""
        start = time.perf_counter()
        yield
        self.prepare_seconds += time.perf_counter() - start

    @property
    def seconds(self) -> float:
        """Wall time since the start, without preparing the engine."""
        return time.perf_counter() - self._start - self.prepare_seconds

    def timing(self) -> dict[str, Any]:
        """Return the fields of the report that are about time."""
        seconds = self.seconds
        return {
            'frames': self.frames, 'seconds': round(seconds, 3),
            'prepare_seconds': round(self.prepare_seconds, 3),
            'frames_per_second': round(self.frames / seconds, 2),
            'latency_ms': Spread.of(self._latencies_ms),
            'stages_ms': {name: spread for name, values in self._stages_ms.items()
                          if (spread := Spread.of(values)) is not None},
            'stamp_gap_ms': Spread.of(self.stamp_gaps_ms)}
