# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""MCAP from front to back (https://mcap.dev/spec): without its end, or of another profile."""

from __future__ import annotations

from collections.abc import Iterator
import struct
import sys
from typing import BinaryIO

from lz4.frame import LZ4FrameDecompressor
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.metadata import parse_qos

from depth_learning_ros.replay.sequential import CutError, Message, SequentialReader, file_size

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b'\x89MCAP0\r\n'
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 3, 4, 5, 6, 15
_FORMATS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros1msg': MessageDefinitionFormat.MSG,
            'ros2idl': MessageDefinitionFormat.IDL, 'omgidl': MessageDefinitionFormat.IDL}
_Schemas = dict[int, tuple[str, MessageDefinition]]


class SequentialMcap(SequentialReader):
    """One MCAP file with CDR or ROS 1 messages."""

    def scan(self) -> Iterator[Message]:
        """Yield all messages."""
        schemas: _Schemas = {}
        with open(self.path, 'rb') as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise CutError('the file does not begin as MCAP')
            for kind, content, cut in _file_records(file):
                if kind == _DATA_END:
                    return
                if kind == _CHUNK:
                    for inner_kind, inner, inner_cut in _chunk_records(content, cut):
                        if not inner_cut:
                            yield from self._take(inner_kind, inner, schemas)
                elif not cut:
                    yield from self._take(kind, content, schemas)
                if cut:
                    break
            raise CutError(f'the file ends after {file.tell()} bytes, before its end mark')

    def _take(self, kind: int, content: memoryview, schemas: _Schemas) -> Iterator[Message]:
        if kind == _MESSAGE and len(content) >= 22:
            channel, _, log_time_ns, _ = struct.unpack_from('<HIQQ', content)
            if channel in self._found:
                yield Message(channel, log_time_ns, bytes(content[22:]))
        elif kind == _SCHEMA:
            (number,) = struct.unpack_from('<H', content)
            name, encoding, text = _strings(content[2:], 3)
            form = _FORMATS.get(encoding, MessageDefinitionFormat.NONE)
            schemas[number] = (_full_name(name), MessageDefinition(form, text))
        elif kind == _CHANNEL:
            number, schema = struct.unpack_from('<HH', content)
            topic, encoding = _strings(content[4:], 2)
            at = 4 + 8 + len(topic.encode()) + len(encoding.encode()) + 4
            table = dict(_pairs(content[at:]))
            name, definition = schemas.get(
                schema, ('', MessageDefinition(MessageDefinitionFormat.NONE, '')))
            self._found[number] = Connection(
                number, topic, name, definition, table.get('topic_type_hash', ''), 0,
                ConnectionExtRosbag2(encoding, parse_qos(table.get('offered_qos_profiles', ''))),
                self)


def _file_records(file: BinaryIO) -> Iterator[tuple[int, memoryview, bool]]:
    """Yield (kind, content, whether it is cut) of the records of a file."""
    size = file_size(file)
    while len(head := file.read(9)) == 9:
        kind, length = struct.unpack('<BQ', head)
        content = file.read(min(length, size))  # a damaged length can be anything
        yield kind, memoryview(content), len(content) < length


def _chunk_records(chunk: memoryview, cut: bool) -> Iterator[tuple[int, memoryview, bool]]:
    """Yield the records of a chunk, of a cut one those that are whole."""
    if len(chunk) < 32:
        return
    (length,) = struct.unpack_from('<I', chunk, 28)
    compression = bytes(chunk[32:32 + length]).decode('ascii', 'replace')
    records = _decompress(chunk[32 + length + 8:], compression, cut)
    at = 0
    while at + 9 <= len(records):
        kind, length = struct.unpack_from('<BQ', records, at)
        content = records[at + 9:at + 9 + length]
        yield kind, content, len(content) < length
        at += 9 + length


def _decompress(data: memoryview, compression: str, cut: bool) -> memoryview:
    """Decompress as much as there is.

    Raises:
        CutError: the data is whole, but wrong.
    """
    if not compression:
        return data
    try:
        if compression == 'zstd':
            return memoryview(zstd.ZstdDecompressor().decompress(data))
        if compression == 'lz4':
            return memoryview(LZ4FrameDecompressor().decompress(data))
    except (zstd.ZstdError, RuntimeError, EOFError) as error:
        if cut:
            return memoryview(b'')
        raise CutError(f'a {compression} chunk is damaged: {error}') from error
    raise CutError(f'the chunks are compressed with {compression!r}: expected zstd or lz4')


def _strings(content: memoryview, count: int) -> list[str]:
    found, at = [], 0
    for _ in range(count):
        (length,) = struct.unpack_from('<I', content, at)
        found.append(bytes(content[at + 4:at + 4 + length]).decode('utf-8', 'replace'))
        at += 4 + length
    return found


def _pairs(content: memoryview) -> Iterator[tuple[str, str]]:
    while len(content) >= 8:
        key, value = _strings(content, 2)
        yield key, value
        content = content[8 + len(key.encode()) + len(value.encode()):]


def _full_name(name: str) -> str:
    """Return ``sensor_msgs/msg/Image`` for ROS 1's ``sensor_msgs/Image`` too."""
    package, _, rest = name.partition('/')
    return name if '/' in rest or not rest else f'{package}/msg/{rest}'
