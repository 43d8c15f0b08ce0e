# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the results of a stream go: publishers of a DDS participant."""

from __future__ import annotations

from collections.abc import Callable, Collection
import logging
import time
from typing import Any

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import make
from depth_learning_ros.live.endpoints import Writer
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import LATCHED, RELIABLE
from depth_learning_ros.messages import OUTPUT_TYPES, topics_of
from depth_learning_ros.stream.outlet import TF_STATIC, Outlet

_log = logging.getLogger(__name__)

_LEVELS = {'info': logging.INFO, 'warning': logging.WARNING, 'error': logging.ERROR}
_TRANSFORMS = 'tf2_msgs/msg/TFMessage'


class DdsOutlet(Outlet):
    """Publishes below a namespace, as the node does.

    Args:
        outputs: of the pipeline; the topics that hold them are announced.
        namespace: of the topics; empty for the root.
        now_ns: the time that stamps are of.
        on_model: told the model that is used from now on, or goes on.
    """

    def __init__(self, participant: Participant, outputs: Collection[str], namespace: str = '',
                 now_ns: Callable[[], int] = time.time_ns,
                 on_model: Callable[[str], None] = lambda model: None) -> None:
        self._participant, self._namespace, self._now_ns = participant, namespace, now_ns
        self._on_model = on_model
        self._writers: dict[str, Writer] = {}
        for topic in topics_of(outputs):
            self._writers[topic] = participant.publisher(
                f'{namespace}/{topic}', OUTPUT_TYPES[topic], RELIABLE)
        if 'scan' in outputs:
            self._writers[TF_STATIC] = participant.publisher(TF_STATIC, _TRANSFORMS, LATCHED)

    @property
    def slow(self) -> dict[str, int]:
        """Messages that were dropped because a subscriber did not keep up, by topic."""
        return {writer.topic: writer.dropped for writer in self._writers.values()
                if writer.dropped}

    def wanted(self) -> Collection[str]:
        """Return the topics that somebody subscribes to now."""
        return [topic for topic, writer in self._writers.items() if writer.subscribers]

    def publish(self, topic: str, message: Any) -> None:
        """Send a message."""
        writer = self._writers[topic]
        writer.send(b''.join(serialize(message, writer.type_name)))

    def make(self, kind: str, /, **fields: Any) -> Any:
        """Make a message."""
        return make(kind, **fields)

    def now_ns(self) -> int:
        """Return the time that stamps are of."""
        return self._now_ns()

    def say(self, level: str, text: str) -> None:
        """Log."""
        _log.log(_LEVELS[level], '%s', text)

    def model_loaded(self, model: str) -> None:
        """Show the model as the parameter's value."""
        self._on_model(model)

    def model_failed(self, model: str, running: str | None) -> None:
        """Show the model that goes on as the parameter's value."""
        if running is not None:
            self._on_model(running)
