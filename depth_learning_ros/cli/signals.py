# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Commands that run until they are told to stop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = ('SIGINT', 'SIGTERM', 'SIGHUP')


@contextmanager
def stop_requested() -> Iterator[threading.Event]:
    """Yield an event that is set by Ctrl-C, SIGTERM or a terminal that closes.

    A second signal acts as it did before, for a user who does not want to wait.
    """
    stop = threading.Event()
    before: dict[int, Any] = {}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        restore()

    with suppress(ValueError):  # only the main thread may set handlers
        for name in _SIGNALS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None:
                before[number] = signal.signal(number, request)
    try:
        yield stop
    finally:
        with suppress(ValueError):
            restore()
