# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Behaves as message_filters of Jazzy, its queues of oldest stamps among it."""

from __future__ import annotations

from functools import reduce


class SimpleFilter:
    def __init__(self):
        self.callbacks = {}

    def registerCallback(self, cb, *args):  # noqa: N802
        self.callbacks[len(self.callbacks)] = (cb, args)
        return len(self.callbacks) - 1

    def signalMessage(self, *msg):  # noqa: N802
        for callback, extra in self.callbacks.values():
            callback(*(msg + extra))


class Subscriber(SimpleFilter):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.sub = args[0].create_subscription(*args[1:], self.callback, **kwargs)

    def callback(self, msg):
        self.signalMessage(msg)


def _nanoseconds(msg):
    return msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec


class TimeSynchronizer(SimpleFilter):
    def __init__(self, fs, queue_size):
        super().__init__()
        self.queue_size = queue_size
        self.queues = [{} for _ in fs]
        for index, (each, queue) in enumerate(zip(fs, self.queues, strict=True)):
            each.registerCallback(self.add, queue, index)

    def add(self, msg, my_queue, my_queue_index=None):
        self._keep(msg, my_queue)
        for stamp in sorted(reduce(set.intersection, [set(q) for q in self.queues])):
            self.signalMessage(*[queue.pop(stamp) for queue in self.queues])

    def _keep(self, msg, my_queue):
        my_queue[_nanoseconds(msg)] = msg
        while len(my_queue) > self.queue_size:
            del my_queue[min(my_queue)]


class ApproximateTimeSynchronizer(TimeSynchronizer):
    def __init__(self, fs, queue_size, slop):
        super().__init__(fs, queue_size)
        self._slop_ns = slop * 1e9

    def add(self, msg, my_queue, my_queue_index=None):
        self._keep(msg, my_queue)
        stamp, other = _nanoseconds(msg), self.queues[1 - my_queue_index]
        near = [s for s in sorted(other, key=lambda s: abs(s - stamp))
                if abs(s - stamp) < self._slop_ns]
        if near and stamp in my_queue:
            pair = {my_queue_index: my_queue.pop(stamp),
                    1 - my_queue_index: other.pop(near[0])}
            self.signalMessage(pair[0], pair[1])
