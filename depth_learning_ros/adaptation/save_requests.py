# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Threads that wait until another one has written something, and hear how that went."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
import threading

from depth_learning_ros.errors import TrainingError


class SaveRequests:
    """All who ask before the next answer get that answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted: Future[None] | None = None

    @property
    def pending(self) -> bool:
        """Whether somebody waits."""
        return self._wanted is not None

    def ask(self) -> Future[None]:
        """Return what is done, or has an exception, at the next answer."""
        with self._lock:
            self._wanted = self._wanted or Future()
            return self._wanted

    def answer(self, error: Exception | None = None) -> None:
        """Tell those who wait that it is written, or why it is not."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
        if wanted is not None and error is not None:
            wanted.set_exception(error)
        elif wanted is not None:
            wanted.set_result(None)


def wait_for(written: Future[None], timeout_s: float) -> None:
    """Wait for an answer, and raise what it says.

    Raises:
        TrainingError: there is none yet.
    """
    try:
        written.result(timeout_s)
    except TookTooLong:
        raise TrainingError(f'the step that is being computed takes longer than {timeout_s:g} s: '
                            f'the round is saved as soon as it ends') from None
