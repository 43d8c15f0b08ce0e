# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a live process is doing: rates, latency, drops by cause; in bounded memory."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
import threading
import time

WINDOW_S = 5.0
_MAX_TIMES = 1024  # of the window; enough for 200 Hz
_MAX_VALUES = 300  # latencies and gaps remembered
OLD_STAMPS_MS = 60_000.0
"""A latency beyond a minute tells of a recording or of another clock, not of slowness."""


@dataclass(frozen=True)
class Typical:
    """Median and worst of what was seen lately, in milliseconds."""

    median_ms: float
    worst_ms: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Typical | None:
        """Return them; None when there are no values."""
        found = list(values)
        return cls(median(found), max(found)) if found else None

    def __str__(self) -> str:
        return f'{self.median_ms:.1f} median, {self.worst_ms:.1f} worst'


@dataclass(frozen=True)
class Figures:
    """What `StreamStatistics` knows at one moment.

    Attributes:
        rates_in_hz: by topic, over the last seconds.
        silent_s: since the last message of each topic; None = never one.
        rate_out_hz: results published.
        latency: from the stamp of the image to its results being published.
        stages: seconds of each stage, by name, as milliseconds.
        dropped: frames lost since the start, by cause.
        gaps: for these, how far the stamps were apart.
        results: published since the start.
        idle: frames that nobody had subscribed results of.
    """

    rates_in_hz: Mapping[str, float]
    silent_s: Mapping[str, float | None]
    rate_out_hz: float
    latency: Typical | None
    stages: Mapping[str, Typical]
    dropped: Mapping[str, int]
    gaps: Mapping[str, Typical]
    results: int
    idle: int


@dataclass
class _Times:
    """Moments of the last seconds."""

    moments: deque[float] = field(default_factory=lambda: deque(maxlen=_MAX_TIMES))

    def rate_hz(self, now: float) -> float:
        while self.moments and now - self.moments[0] > WINDOW_S:
            self.moments.popleft()
        if len(self.moments) < 2:
            return 0.0
        # a topic that stopped fades out: the time since its last message counts
        period = (self.moments[-1] - self.moments[0]) / (len(self.moments) - 1)
        span = max(self.moments[-1] - self.moments[0], now - self.moments[0] - period)
        return (len(self.moments) - 1) / span if span > 0 else 0.0


class StreamStatistics:
    """Collects figures from several threads.

    Args:
        topics: names of the inputs.
        clock: seconds.
    """

    def __init__(self, topics: Iterable[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._in = {topic: _Times() for topic in topics}
        self._last: dict[str, float | None] = dict.fromkeys(self._in)
        self._out = _Times()
        self._latencies_ms: deque[float] = deque(maxlen=_MAX_VALUES)
        self._stages_ms: dict[str, deque[float]] = {}
        self._dropped: Counter[str] = Counter()
        self._gaps_ms: dict[str, deque[float]] = {}
        self._results = self._idle = 0
        self._lock = threading.Lock()

    def arrived(self, topic: str) -> None:
        """Count a message."""
        with self._lock:
            now = self._clock()
            self._in[topic].moments.append(now)
            self._last[topic] = now

    def dropped(self, cause: str, gap_ms: float | None = None, count: int = 1) -> None:
        """Count frames that are lost, and how far the stamps were apart that did not fit.

        ``cause`` must come from a fixed few: it is remembered.
        """
        with self._lock:
            self._dropped[cause] += count
            if gap_ms is not None:
                self._gaps_ms.setdefault(cause, deque(maxlen=_MAX_VALUES)).append(gap_ms)

    def published(self, latency_s: float, seconds: Mapping[str, float]) -> None:
        """Count a result, its age, and the seconds of its stages."""
        with self._lock:
            self._out.moments.append(self._clock())
            self._results += 1
            self._latencies_ms.append(1000 * latency_s)
            for name, value in seconds.items():
                self._stages_ms.setdefault(name, deque(maxlen=_MAX_VALUES)).append(1000 * value)

    def nobody_listened(self) -> None:
        """Count a frame that was not processed because nobody wants the result."""
        with self._lock:
            self._idle += 1

    def restart(self) -> None:
        """Forget latencies and gaps: the clock was set back, or another model runs."""
        with self._lock:
            self._latencies_ms.clear()
            self._gaps_ms.clear()
            self._stages_ms.clear()

    def figures(self) -> Figures:
        """Return what is known now."""
        with self._lock:
            now = self._clock()
            return Figures(
                {topic: times.rate_hz(now) for topic, times in self._in.items()},
                {topic: None if last is None else now - last
                 for topic, last in self._last.items()},
                self._out.rate_hz(now), Typical.of(self._latencies_ms),
                {name: found for name, values in self._stages_ms.items()
                 if (found := Typical.of(values)) is not None},
                dict(self._dropped),
                {cause: found for cause, values in self._gaps_ms.items()
                 if (found := Typical.of(values)) is not None},
                self._results, self._idle)
