# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writers and readers of CDR bytes."""

from __future__ import annotations

from collections.abc import Callable
import logging
from typing import Any

from cyclonedds.core import DDSException, InstanceState, ReadCondition, SampleState, ViewState
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
import numpy as np

from depth_learning_ros.errors import LiveError
from depth_learning_ros.live.blobs import TIMEOUT, Blobs, BlobWriter, Received

_log = logging.getLogger(__name__)

_MAX_TAKEN = 16
_NEW = ViewState.Any | SampleState.NotRead | InstanceState.Any


class Writer:
    """Sends CDR bytes to a topic; from any thread.

    Attributes:
        sent, dropped: messages written, and those that subscribers had no room for in time.
    """

    def __init__(self, topic: str, type_name: str, entity: DataWriter[Any]) -> None:
        self.topic, self.type_name, self.entity = topic, type_name, entity
        self.sent = self.dropped = 0
        self._blobs = BlobWriter(entity._ref)

    @property
    def subscribers(self) -> int:
        """How many subscriptions are matched now."""
        return int(self.entity.get_publication_matched_status().current_count)

    def room(self, size: int) -> np.ndarray | None:
        """Return memory for the largest piece of the next message; see `BlobWriter.room`."""
        return self._blobs.room(size)

    def close(self) -> None:
        """Refuse further messages, before the DDS entity goes."""
        self._blobs.close()

    def send(self, *pieces: bytes | memoryview, checked: bool = False) -> bool:
        """Write a message; False when it was dropped because a subscriber does not keep up.

        Args:
            pieces: of its CDR bytes, in their order.
            checked: they are known to be of the topic's type, as `serialize` gives them.

        Raises:
            LiveError: the bytes are not of the topic's type, or the topic is closed.
        """
        status = self._blobs.write(pieces, checked)
        if status == TIMEOUT:
            self.dropped += 1
            return False
        if status < 0:
            raise LiveError(f'{self.topic} cannot be sent as {self.type_name}: '
                            f'{_reason(status)}')
        self.sent += 1
        return True


class Reader:
    """Calls a function for every message of a topic, in the thread of `Participant`.

    Attributes:
        received, failed: messages that came, and those for which the function raised.
    """

    def __init__(self, topic: str, type_name: str, entity: DataReader[Any],
                 on_message: Callable[[Received], None]) -> None:
        self.topic, self.type_name, self.entity = topic, type_name, entity
        self.received = self.failed = 0
        self.condition = ReadCondition(entity, _NEW)
        self._blobs = Blobs(entity._ref, _MAX_TAKEN)
        self._on_message = on_message

    @property
    def publishers(self) -> int:
        """How many publishers are matched now."""
        return int(self.entity.get_subscription_matched_status().current_count)

    def take(self) -> None:
        """Take what has come, and call the function for it."""
        for message in self._blobs.take():
            self.received += 1
            try:
                self._on_message(message)
            except Exception:  # one bad message must not end the reception of all others
                self.failed += 1
                _log.exception('a message of %s could not be handled', self.topic)


def user_data(qos: Qos, key: str) -> str:
    """Return what ROS 2 tells in an endpoint's user data, as ``key=value;``; empty if nothing."""
    data = qos[Policy.Userdata]
    text = '' if data is None else data.data.decode(errors='replace')
    return next((part.partition('=')[2] for part in text.split(';')
                 if part.startswith(f'{key}=')), '')


def _reason(status: int) -> str:
    return str(DDSException(status, 'dds_write'))
