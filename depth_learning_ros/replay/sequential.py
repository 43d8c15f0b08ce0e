# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Reads bag files from front to back, for those whose index is missing, cut off or unusual.

A recording that was interrupted (power cut, full disk, killed recorder, broken copy) has no valid
index, and rosbags refuses it. These readers need none: they go through the records until the data
ends, and tell where and how it ended. They offer the part of the rosbags readers' interface that
replay uses: ``connections``, ``start_time``, ``end_time`` and ``messages(...)``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rosbags.interfaces import Connection

NEVER = (1 << 63) - 1


class CutError(Exception):
    """The data ends within a record; the message says where."""


class Message(NamedTuple):
    """A message as it lies in the file."""

    connection_id: int
    log_time_ns: int
    data: bytes


class SequentialReader:
    """Base of the readers; a context manager that looks through the file once when it opens.

    Attributes:
        damage: why the file could not be read to its end; None when it is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: list[Connection] = []
        self.damage: str | None = None
        self.start_time, self.end_time = NEVER, 0
        self._found: dict[int, Connection] = {}

    def scan(self) -> Iterator[Message]:
        """Yield all messages in the file's order, filling ``_found`` on the way.

        Raises:
            CutError: the data ends before it should.
        """
        raise NotImplementedError

    def __enter__(self) -> SequentialReader:
        counts: Counter[int] = Counter()
        try:
            for message in self.scan():
                counts[message.connection_id] += 1
                self.start_time = min(self.start_time, message.log_time_ns)
                self.end_time = max(self.end_time, message.log_time_ns + 1)
        except CutError as error:
            self.damage = str(error)
        self.connections = [
            connection._replace(msgcount=counts[number])
            for number, connection in self._found.items()]
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def messages(self, connections: Collection[Connection] = (), start: int | None = None,
                 stop: int | None = None) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield (connection, log time in ns, data) in the file's order, up to the damage."""
        wanted = {c.id: c for c in connections or self.connections}
        try:
            for number, log_time_ns, data in self.scan():
                if number not in wanted:
                    continue
                if (start is None or log_time_ns >= start) and (
                        stop is None or log_time_ns < stop):
                    yield wanted[number], log_time_ns, data
        except CutError:
            return


def file_size(file: BinaryIO) -> int:
    """Return the bytes of an open file."""
    return os.fstat(file.fileno()).st_size
