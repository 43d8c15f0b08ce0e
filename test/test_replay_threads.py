# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
import time

import pytest

from depth_learning_ros.replay.threads import Background, prefetched


def alive() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith('replay-')]


def test_prefetched_keeps_order():
    with prefetched(range(100), 3) as items:
        assert list(items) == list(range(100))
    assert not alive()


def test_prefetched_runs_ahead_but_not_far():
    taken = []

    def source():
        for i in range(20):
            taken.append(i)
            yield i

    with prefetched(source(), 2) as items:
        assert next(items) == 0
        deadline = time.monotonic() + 5
        while len(taken) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        # one taken out, two in the queue, one in the thread's hand
        assert taken == [0, 1, 2, 3]
    assert not alive()


def test_prefetched_hands_errors_over_in_their_place():
    def source():
        yield 1
        raise RuntimeError('broken')

    with prefetched(source(), 2) as items:
        assert next(items) == 1
        with pytest.raises(RuntimeError, match='broken'):
            next(items)
    assert not alive()


def test_background_keeps_order():
    done = []
    with Background(done.append, 2) as background:
        for i in range(100):
            background.put(i)
    assert done == list(range(100))
    assert not alive()


def test_background_raises_what_the_function_raises():
    def work(item):
        if item == 3:
            raise OSError(28, 'No space left on device')

    with pytest.raises(OSError, match='No space left'), Background(work, 1) as background:
        for i in range(1000):
            background.put(i)
    assert not alive()


def test_background_raises_at_the_end_too():
    def work(item):
        time.sleep(0.05)
        raise RuntimeError('late')

    with pytest.raises(RuntimeError, match='late'), Background(work, 5) as background:
        background.put(1)
    assert not alive()


def test_background_stops_when_the_block_fails():
    done = []

    def work(item):
        time.sleep(0.05)
        done.append(item)

    with pytest.raises(KeyboardInterrupt), Background(work, 100) as background:
        for i in range(50):
            background.put(i)
        raise KeyboardInterrupt
    assert not alive()
    assert len(done) < 25
