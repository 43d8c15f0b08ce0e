# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A worker that always takes the newest, so that nobody is served what is long past."""

from __future__ import annotations

from collections.abc import Callable
import logging
import threading
from typing import Generic, TypeVar

_log = logging.getLogger(__name__)

Item = TypeVar('Item')


class NewestWorker(Generic[Item]):
    """Calls a function in a thread of its own, always with the newest item; older ones are lost.

    At most one item waits, so an item is begun no later than the function takes once, however
    fast items come. An error of the function is logged and does not end the thread.

    Args:
        function: takes an item.
        name: of the thread.
        on_replaced: told (old, new) of each item that a newer one replaced; called by `put`.
    """

    def __init__(self, function: Callable[[Item], None], name: str,
                 on_replaced: Callable[[Item, Item], None] | None = None) -> None:
        self._function, self._on_replaced = function, on_replaced
        self._waiting: list[Item] = []  # at most one
        self._condition = threading.Condition()
        self._closed = self._busy = False
        # a daemon: a build in native code cannot be interrupted, and must not keep the process
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Hand over an item; never waits."""
        with self._condition:
            if self._closed:
                return
            replaced, self._waiting = self._waiting, [item]
            self._condition.notify_all()
        if replaced and self._on_replaced is not None:
            self._on_replaced(replaced[0], item)

    def clear(self) -> None:
        """Forget the item that waits."""
        with self._condition:
            self._waiting = []

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until nothing waits and nothing is worked on; tell whether that came about."""
        with self._condition:
            return self._condition.wait_for(
                lambda: not self._waiting and not self._busy, timeout_s)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Forget what waits, let what is worked on finish, and tell whether it did in time."""
        with self._condition:
            self._closed, self._waiting = True, []
            self._condition.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                item = self._waiting.pop()
                self._busy = True
            try:
                self._function(item)
            except Exception:  # whatever an input does to it, the next one gets its chance
                _log.exception('%s failed', self._thread.name)
            finally:
                del item
                with self._condition:
                    self._busy = False
                    self._condition.notify_all()
