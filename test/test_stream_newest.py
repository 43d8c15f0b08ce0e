# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading

from depth_learning_ros.stream.newest import NewestWorker

PATIENCE_S = 120.0


class Gate:
    """A function that takes an item, and finishes when told to."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.begun = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def __call__(self, item: int) -> None:
        self.begun.release()
        assert self.open.acquire(timeout=PATIENCE_S)
        self.done.append(item)
        if item < 0:
            raise ValueError(item)


def test_the_newest_is_taken_and_the_others_are_told_of():
    gate, replaced = Gate(), []
    worker = NewestWorker(gate, 'test', lambda old, new: replaced.append((old, new)))
    worker.put(1)
    assert gate.begun.acquire(timeout=PATIENCE_S)
    for item in (2, 3, 4):
        worker.put(item)
    gate.open.release(2)
    assert worker.wait_idle(PATIENCE_S)
    assert gate.done == [1, 4] and replaced == [(2, 3), (3, 4)]
    assert worker.close(PATIENCE_S)


def test_an_error_does_not_end_it(caplog):
    gate = Gate()
    worker = NewestWorker(gate, 'test')
    gate.open.release(2)
    worker.put(-1)
    assert worker.wait_idle(PATIENCE_S)
    worker.put(2)
    assert worker.wait_idle(PATIENCE_S)
    assert gate.done == [-1, 2] and 'test failed' in caplog.text
    worker.close()


def test_closing_forgets_what_waits_and_tells_when_something_goes_on():
    gate = Gate()
    worker = NewestWorker(gate, 'test')
    worker.put(1)
    assert gate.begun.acquire(timeout=PATIENCE_S)
    worker.put(2)
    assert not worker.wait_idle(0.01)
    assert not worker.close(0.01)
    gate.open.release(2)
    assert worker.close(PATIENCE_S)
    worker.put(3)  # nobody is there any more
    assert gate.done == [1]


def test_what_waits_can_be_forgotten():
    gate = Gate()
    worker = NewestWorker(gate, 'test')
    worker.put(1)
    assert gate.begun.acquire(timeout=PATIENCE_S)
    worker.put(2)
    worker.clear()
    gate.open.release(2)
    assert worker.wait_idle(PATIENCE_S) and gate.done == [1]
    worker.close()
