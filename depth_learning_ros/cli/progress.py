# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Progress on standard error: a bar on a terminal, a line now and then in a log file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
import logging
import sys
import time
from typing import Any, TextIO, TypeVar

Item = TypeVar('Item')
OnProgress = Callable[[int, 'int | None'], None]

PERCENT = '%'
"""Unit of work that is counted in shares of itself; its total may be any number."""

BAR_DELAY_S = 2.0
LINE_INTERVAL_S = 10.0
PACE_S = 60.0
"""What is left is reckoned by the pace of the last minute: the first pieces may take longer."""


class Meter:
    """Shows how far a piece of work is; nothing at all while it takes less than two seconds.

    On a terminal it is a tqdm bar. Elsewhere (a log file, a pipe) it is one line every ten
    seconds, because a bar's carriage returns make a log unreadable.
    """

    def __init__(self, label: str, total: int | None = None, unit: str = 'item', *,
                 stream: TextIO | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._label, self._total, self._unit = label, total, unit
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._start = self._last_line = clock()
        self._done = 0
        self._first: tuple[int, float] | None = None  # done, and when: a resumed run has a past
        self._recent: deque[tuple[int, float]] = deque()  # the same, some of the last minute
        self._bar: Any = self._open_bar() if self._stream.isatty() else None

    def _open_bar(self) -> Any:
        from tqdm import tqdm
        shares = {'bar_format': '{l_bar}{bar}| {elapsed}<{remaining}'}
        return tqdm(desc=self._label, total=self._total, unit=f' {self._unit}',
                    file=self._stream, delay=BAR_DELAY_S, dynamic_ncols=True, leave=False,
                    **(shares if self._unit == PERCENT else {}))

    def update(self, done: int, total: int | None = None) -> None:
        """State that ``done`` pieces of ``total`` (None: as before, or not known) are finished."""
        if total is not None:
            self._total = total
        now = self._clock()
        step, self._done = done - self._done, done
        if self._first is None:
            self._first = done, now
            if self._bar is not None:
                self._bar.initial = done
        if self._bar is not None:
            self._bar.total = self._total
            self._bar.update(step)
            return
        self._note_pace(done, now)
        if now - self._last_line >= LINE_INTERVAL_S:
            self._last_line = now
            self._print_line(now)

    def _note_pace(self, done: int, now: float) -> None:
        if not self._recent or now - self._recent[-1][1] >= PACE_S / 60:
            self._recent.append((done, now))
        while len(self._recent) > 1 and now - self._recent[1][1] >= PACE_S:
            self._recent.popleft()

    def _print_line(self, now: float) -> None:
        first, first_time = self._first or (0, self._start)
        elapsed_s, since_first_s = now - self._start, now - first_time
        goes_on = self._done > first and since_first_s > 0
        rate = (self._done - first) / since_first_s if goes_on else self._done / elapsed_s
        left = ''
        if self._total is not None and goes_on:
            past, past_time = self._recent[0]
            left_s = (now - past_time) * (self._total - self._done) / max(1, self._done - past)
            left = f', about {left_s:.0f} s left'
        if self._unit == PERCENT:
            done, speed = f'{100 * self._done / (self._total or 1):.1f} %', ''
        else:
            of = '' if self._total is None else f' of {self._total}'
            done, speed = f'{self._done}{of} {self._unit}s', f', {rate:.3g} per s'
        print(f'{self._label}: {done}, {elapsed_s:.0f} s{speed}{left}',
              file=self._stream, flush=True)

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self._bar is not None:
            self._bar.close()


@contextmanager
def progress_callback(label: str, unit: str = 'item') -> Iterator[OnProgress]:
    """Give a library function its ``on_progress(done, total)``."""
    meter = Meter(label, unit=unit)
    try:
        yield meter.update
    finally:
        meter.close()


def progress(iterable: Iterable[Item], total: int | None = None, label: str = '',
             unit: str = 'item') -> Iterator[Item]:
    """Yield the items of ``iterable``, showing how many of ``total`` were dealt with."""
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with progress_callback(label, unit) as update:
        update(0, total)
        for done, item in enumerate(iterable, 1):
            yield item
            update(done, total)


def say(message: str) -> None:
    """Tell the user what goes on, on standard error."""
    _write_line(f'depth-learning: {message}')


def _write_line(line: str) -> None:
    """Write to standard error without tearing a bar that is drawn there."""
    tqdm = sys.modules.get('tqdm')
    if tqdm is None:
        print(line, file=sys.stderr, flush=True)
    else:
        tqdm.tqdm.write(line, file=sys.stderr)


class LogHandler(logging.Handler):
    """Writes log records to standard error without tearing a bar that is drawn there."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a broken standard error must not stop the work."""
        try:
            _write_line(self.format(record))
        except (OSError, ValueError):
            self.handleError(record)
