# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writers and readers of CDR bytes."""

from __future__ import annotations

from collections.abc import Callable
import ctypes
import logging
from typing import Any, NamedTuple

from cyclonedds.core import DDSException, InstanceState, ReadCondition, SampleState, ViewState
from cyclonedds.internal import DDS
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader

from depth_learning_ros.errors import LiveError

_log = logging.getLogger(__name__)

_MAX_TAKEN = 16
_NEW = ViewState.Any | SampleState.NotRead | InstanceState.Any


class _Container(ctypes.Structure):
    """How cyclonedds' Python types take a serialised sample (ddspy_sample_container)."""

    _fields_ = (('data', ctypes.c_void_p), ('size', ctypes.c_size_t))


# DataWriter.write holds the interpreter's lock while the packets go out: 8 ms for a cloud, in
# which no image can be received. Called this way it is released.
_dds_write = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_void_p)(
    ('dds_write', DDS._dll_handle))


class Received(NamedTuple):
    """A message as it came.

    Attributes:
        cdr: its bytes.
        sent_ns: when it was written, by the clock of the writer's machine.
        writer: DDS's handle of who wrote it.
    """

    cdr: bytes
    sent_ns: int
    writer: int = 0


class Writer:
    """Sends CDR bytes to a topic; from any thread.

    Attributes:
        sent, dropped: messages written, and those that subscribers had no room for in time.
    """

    def __init__(self, topic: str, type_name: str, entity: DataWriter[Any]) -> None:
        self.topic, self.type_name, self.entity = topic, type_name, entity
        self.sent = self.dropped = 0

    @property
    def subscribers(self) -> int:
        """How many subscriptions are matched now."""
        return int(self.entity.get_publication_matched_status().current_count)

    def send(self, cdr: bytes) -> bool:
        """Write a message; False when it was dropped because a subscriber does not keep up.

        Raises:
            LiveError: the bytes are not of the topic's type, or the topic is closed.
        """
        if len(cdr) % 4:
            cdr += bytes(-len(cdr) % 4)
        box = _Container(ctypes.cast(ctypes.c_char_p(cdr), ctypes.c_void_p), len(cdr))
        status = _dds_write(self.entity._ref, ctypes.byref(box))
        if status == DDSException.DDS_RETCODE_TIMEOUT:
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
        self._on_message = on_message

    @property
    def publishers(self) -> int:
        """How many publishers are matched now."""
        return int(self.entity.get_subscription_matched_status().current_count)

    def take(self) -> None:
        """Take what has come, and call the function for it."""
        for sample in self.entity.take(_MAX_TAKEN):
            info = sample.sample_info
            if not info.valid_data:  # a publisher went away
                continue
            self.received += 1
            try:
                self._on_message(Received(
                    sample.cdr, info.source_timestamp, info.publication_handle))
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
