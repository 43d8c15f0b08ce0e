# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One thread that works ahead and one that works behind, with short queues and kept order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
import threading
from typing import Any, Generic, TypeVar

Item = TypeVar('Item')

_END = object()
_POLL_S = 0.1


@contextmanager
def prefetched(items: Iterable[Item], size: int) -> Iterator[Iterator[Item]]:
    """Yield an iterator over ``items``, which another thread takes up to ``size`` ahead.

    What ``items`` raises is raised by the iterator, in its place. Leaving the block stops the
    thread, also in the middle.
    """
    queue: Queue[Any] = Queue(size)
    stop = threading.Event()
    thread = threading.Thread(target=_fill, args=(items, queue, stop), daemon=True,
                              name='replay-reader')
    thread.start()
    try:
        yield _drain(queue)
    finally:
        stop.set()
        thread.join()


class _Failure:
    """Carries an exception from one thread to another."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _fill(items: Iterable[Any], queue: Queue[Any], stop: threading.Event) -> None:
    try:
        for item in items:
            if not _put(queue, item, stop):
                return
        last: object = _END
    except BaseException as error:
        last = _Failure(error)
    _put(queue, last, stop)


def _put(queue: Queue[Any], item: Any, stop: threading.Event) -> bool:
    """Put an item when there is room; False when nobody wants it any more."""
    while not stop.is_set():
        try:
            queue.put(item, timeout=_POLL_S)
        except Full:
            continue
        return True
    return False


def _drain(queue: Queue[Any]) -> Iterator[Any]:
    while (item := queue.get()) is not _END:
        if isinstance(item, _Failure):
            raise item.error
        yield item


class Background(Generic[Item]):
    """Calls a function for items in their order, in another thread; a context manager.

    An error of the function is raised by the next `put`, or at the end of the block. When the
    block itself fails, what waits is thrown away.
    """

    def __init__(self, function: Callable[[Item], None], size: int) -> None:
        self._function = function
        self._queue: Queue[Any] = Queue(size)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name='replay-writer')

    def put(self, item: Item) -> None:
        """Hand an item over; waits while the queue is full."""
        while self._error is None:
            if _put(self._queue, item, self._stop):
                return
        raise self._error

    def __enter__(self) -> Background[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stop.set()
        _put(self._queue, _END, self._stop)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                item = self._queue.get(timeout=_POLL_S)
            except Empty:
                continue
            if item is _END:
                return
            try:
                self._function(item)
            except BaseException as error:
                self._error = error
                self._stop.set()
            del item
