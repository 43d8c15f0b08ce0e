# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Any bag as one thing: topics by name, and messages as CDR bytes of ROS 2 types."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
import sys
from types import TracebackType
from typing import Any

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag1,
    ConnectionExtRosbag2,
    Qos,
    QosDurability,
)

from depth_learning_ros.cdr.store import MessageType
from depth_learning_ros.errors import BagError
from depth_learning_ros.replay.qos import RELIABLE
from depth_learning_ros.replay.storage import Storage, open_storages
from depth_learning_ros.replay.typestore import ros1_type, ros2_type

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'


@dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    Attributes:
        name: with a leading slash.
        type_name: as the bag states it, such as ``sensor_msgs/msg/Image``.
        count: messages; of a damaged bag those that can be read.
        qos: what its publishers offered; empty when the bag does not say.
    """

    name: str
    type_name: str
    count: int
    qos: Sequence[Qos]


@dataclass(frozen=True)
class RawMessage:
    """A message as it travels: CDR bytes."""

    topic: str
    log_time_ns: int
    data: bytes | memoryview


class Bag:
    """A context manager over a rosbag2 folder, a .mcap, .db3 or ROS 1 .bag file.

    Attributes:
        topics: by name.
        start_ns, end_ns: log times of the first message, and after the last.

    Raises:
        BagError: there is no bag at that path, or nothing in it can be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.topics: dict[str, Topic] = {}
        self.start_ns = self.end_ns = 0
        self._stack = ExitStack()
        self._storages: list[Storage] = []
        self._connections: dict[str, list[Connection]] = {}
        self._damage: list[str] = []

    @property
    def damage(self) -> str | None:
        """Why the bag could not be read to its end, as far as it was read; None if it is whole."""
        return '; '.join(self._damage) or None

    def __enter__(self) -> Bag:
        try:
            self._storages, self._damage = open_storages(self.path, self._stack)
            self._index()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.close()

    def message_type(self, topic: str) -> MessageType | None:
        """Return the ROS 2 type of a topic; None when it cannot be copied."""
        converted = self._ros1_converter(topic)
        if converted is not None:
            return converted[0]
        first = self._connections[topic][0]
        return None if _is_ros1(first) else ros2_type(first)

    def messages(self, topics: Collection[str], start_ns: int | None = None,
                 stop_ns: int | None = None) -> Iterator[RawMessage]:
        """Yield the messages of some topics with log times in [start_ns, stop_ns).

        A bag that turns out to be damaged ends there; see `damage`.
        """
        converters = {topic: self._data_converter(topic) for topic in topics}
        ids = {(id(c.owner), c.id): topic for topic in topics for c in self._connections[topic]}
        for storage in self._storages:
            wanted = [c for c in storage.connections if (id(c.owner), c.id) in ids]
            if not wanted:
                continue
            found = self._until_damage(storage.messages(wanted, start_ns, stop_ns))
            for connection, log_time_ns, data in found:
                topic = ids[id(connection.owner), connection.id]
                yield RawMessage(topic, log_time_ns, converters[topic](data))

    def _until_damage(self, found: Iterator[Any]) -> Iterator[Any]:
        while True:
            try:
                item = next(found)
            except StopIteration:
                return
            except Exception as error:  # a parser may raise anything on damaged bytes
                text = f'reading stopped at damaged data: {error}'
                if text not in self._damage:
                    self._damage.append(text)
                return
            yield item

    def _index(self) -> None:
        for storage in self._storages:
            for connection in storage.connections:
                name = '/' + connection.topic.lstrip('/')
                known = self._connections.setdefault(name, [])
                if not known or known[0].msgtype == connection.msgtype:
                    known.append(connection)
        self.topics = {
            name: Topic(name, found[0].msgtype, sum(c.msgcount for c in found), _qos(found[0]))
            for name, found in sorted(self._connections.items())}
        times = [(s.start_time, s.end_time) for s in self._storages if s.end_time > s.start_time]
        if not times:
            reason = f' ({self.damage})' if self.damage else ''
            raise BagError(f'{self.path} holds no messages{reason}: record it again')
        self.start_ns, self.end_ns = min(t[0] for t in times), max(t[1] for t in times)

    def _data_converter(self, topic: str) -> Callable[[bytes], bytes | memoryview]:
        converted = self._ros1_converter(topic)
        convert = _decompressed if converted is None else converted[1]

        def to_cdr(data: bytes) -> bytes | memoryview:
            try:
                return convert(data)
            except Exception:  # damaged: kept as it is, for the reader of messages to refuse
                return data

        return to_cdr

    def _ros1_converter(self, topic: str) -> tuple[MessageType, Callable[[bytes], Any]] | None:
        first = self._connections[topic][0]
        return ros1_type(first) if _is_ros1(first) else None


def _is_ros1(connection: Connection) -> bool:
    extra = connection.ext
    return isinstance(extra, ConnectionExtRosbag1) or extra.serialization_format == 'ros1'


def _decompressed(data: bytes) -> bytes:
    """Decompress a message of a message-compressed bag; CDR begins with 00 00 or 00 01."""
    return zstd.decompress(data) if data.startswith(_ZSTD_MAGIC) else data


def _qos(connection: Connection) -> Sequence[Qos]:
    extra = connection.ext
    if isinstance(extra, ConnectionExtRosbag2):
        return extra.offered_qos_profiles
    latched = QosDurability.TRANSIENT_LOCAL if extra.latching else QosDurability.VOLATILE
    return [RELIABLE._replace(durability=latched)]
