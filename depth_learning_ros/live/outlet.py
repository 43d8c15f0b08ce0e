# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the results of a stream go: publishers of a DDS participant."""

from __future__ import annotations

from collections.abc import Callable, Collection
import logging
import time
from typing import Any

import numpy as np

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import make
from depth_learning_ros.live.endpoints import Writer
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import LATCHED, RESULTS
from depth_learning_ros.messages import OUTPUT_TYPES
from depth_learning_ros.stream import TF_STATIC, Outlet

_log = logging.getLogger(__name__)

_LEVELS = {'info': logging.INFO, 'warning': logging.WARNING, 'error': logging.ERROR}
_POINT_BYTES = 16  # x, y, z, rgb
_TRANSFORMS = 'tf2_msgs/msg/TFMessage'


class DdsOutlet(Outlet):
    """Publishes below a namespace, as the node does.

    Args:
        namespace: of the topics; empty for the root.
        now_ns: the time that stamps are of.
    """

    def __init__(self, participant: Participant, namespace: str = '',
                 now_ns: Callable[[], int] = time.time_ns) -> None:
        self._participant, self._now_ns = participant, now_ns
        self._writers = {
            topic: participant.publisher(f'{namespace}/{topic}', kind, RESULTS)
            for topic, kind in OUTPUT_TYPES.items()}
        self._tf_static: Writer | None = None

    @property
    def slow(self) -> dict[str, int]:
        """Messages that were dropped because a subscriber did not keep up, by topic."""
        return {writer.topic: writer.dropped for writer in self._writers.values()
                if writer.dropped}

    def wanted(self) -> Collection[str]:
        """See `Outlet`."""
        return [topic for topic, writer in self._writers.items() if writer.subscribers]

    def publish(self, topic: str, message: Any) -> None:
        """See `Outlet`."""
        writer = self._transforms() if topic == TF_STATIC else self._writers[topic]
        writer.send(*serialize(message, writer.type_name), checked=True)

    def cloud_memory(self, height: int, width: int) -> np.ndarray | None:
        """See `Outlet`."""
        room = self._writers['points2'].room(height * width * _POINT_BYTES)
        return None if room is None else room.view(np.float32).reshape(height, width, -1)

    def make(self, kind: str, /, **fields: Any) -> Any:
        """See `Outlet`."""
        return make(kind, **fields)

    def now_ns(self) -> int:
        """See `Outlet`."""
        return self._now_ns()

    def say(self, level: str, text: str) -> None:
        """See `Outlet`."""
        _log.log(_LEVELS[level], '%s', text)

    def _transforms(self) -> Writer:
        if self._tf_static is None:
            self._tf_static = self._participant.publisher(TF_STATIC, _TRANSFORMS, LATCHED)
        return self._tf_static
