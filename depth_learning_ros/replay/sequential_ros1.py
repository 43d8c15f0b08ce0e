# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 1 bags (format 2.0) from front to back: cut ones and those that were never indexed.

Format: http://wiki.ros.org/Bags/Format/2.0
"""

from __future__ import annotations

import bz2
from collections.abc import Iterator
import struct
from typing import BinaryIO

from lz4.frame import LZ4FrameDecompressor
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag1,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.typesys.msg import normalize_msgtype

from depth_learning_ros.replay.sequential import CutError, Message, SequentialReader, file_size

MAGIC = b'#ROSBAG V2.0\n'
_MESSAGE, _HEADER, _INDEX, _CHUNK, _CHUNK_INFO, _CONNECTION = range(2, 8)
_Fields = dict[bytes, bytes]


class SequentialRos1(SequentialReader):
    """One ROS 1 bag."""

    def scan(self) -> Iterator[Message]:
        """Yield all messages."""
        whole = False
        with open(self.path, 'rb') as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise CutError('the file does not begin as a ROS 1 bag')
            for fields, data, cut in _file_records(file):
                kind = fields.get(b'op', b'\0')[0]
                if kind == _CHUNK:
                    yield from self._take_chunk(fields, data, cut)
                elif kind == _CHUNK_INFO and not cut:
                    whole = True  # they stand at the end, after all data
                elif not cut:
                    yield from self._take(fields, data)
                if cut:
                    break
            if not whole:
                raise CutError(f'the file ends after {file.tell()} bytes, before its index')

    def _take_chunk(self, fields: _Fields, data: memoryview, cut: bool) -> Iterator[Message]:
        records = _decompress(data, fields.get(b'compression', b'none').decode(), cut)
        for inner_fields, inner, inner_cut in _memory_records(records):
            if not inner_cut:
                yield from self._take(inner_fields, inner)

    def _take(self, fields: _Fields, data: memoryview) -> Iterator[Message]:
        kind = fields.get(b'op', b'\0')[0]
        if kind == _MESSAGE:
            (number,) = struct.unpack('<I', fields[b'conn'])
            seconds, nanoseconds = struct.unpack('<II', fields[b'time'])
            if number in self._found:
                yield Message(number, seconds * 10**9 + nanoseconds, bytes(data))
        elif kind == _CONNECTION:
            (number,) = struct.unpack('<I', fields[b'conn'])
            stated = _fields(data)
            definition = stated.get(b'message_definition', b'').decode('utf-8', 'replace')
            self._found[number] = Connection(
                number, fields[b'topic'].decode(),
                normalize_msgtype(stated[b'type'].decode()),
                MessageDefinition(MessageDefinitionFormat.MSG, definition),
                stated.get(b'md5sum', b'').decode(), 0,
                ConnectionExtRosbag1(None, int(stated.get(b'latching') or b'0')), self)


def _file_records(file: BinaryIO) -> Iterator[tuple[_Fields, memoryview, bool]]:
    """Yield (header fields, data, whether the data is cut)."""
    size = file_size(file)
    while True:
        header, header_cut = _sized(file, size)
        data, cut = _sized(file, size)
        if header_cut:
            return
        yield _fields(memoryview(header)), memoryview(data), cut


def _sized(file: BinaryIO, size: int) -> tuple[bytes, bool]:
    """Return the next block and whether it is cut (at the end of the file: empty and cut)."""
    head = file.read(4)
    if len(head) < 4:
        return b'', True
    (length,) = struct.unpack('<I', head)
    data = file.read(min(length, size))  # a damaged length can be anything
    return data, len(data) < length


def _memory_records(data: memoryview) -> Iterator[tuple[_Fields, memoryview, bool]]:
    at = 0
    while at + 4 <= len(data):
        (length,) = struct.unpack_from('<I', data, at)
        if at + 8 + length > len(data):
            return
        fields = _fields(data[at + 4:at + 4 + length])
        at += 4 + length
        (length,) = struct.unpack_from('<I', data, at)
        content = data[at + 4:at + 4 + length]
        yield fields, content, len(content) < length
        at += 4 + length


def _fields(header: memoryview) -> _Fields:
    fields: _Fields = {}
    at = 0
    while at + 4 <= len(header):
        (length,) = struct.unpack_from('<I', header, at)
        name, _, value = bytes(header[at + 4:at + 4 + length]).partition(b'=')
        fields[name] = value
        at += 4 + length
    return fields


def _decompress(data: memoryview, compression: str, cut: bool) -> memoryview:
    """Decompress as much as there is.

    Raises:
        CutError: the data is whole, but wrong.
    """
    if compression == 'none':
        return data
    try:
        if compression == 'bz2':
            return memoryview(bz2.BZ2Decompressor().decompress(data))
        if compression == 'lz4':
            return memoryview(LZ4FrameDecompressor().decompress(data))
    except (OSError, RuntimeError, EOFError) as error:
        if cut:
            return memoryview(b'')
        raise CutError(f'a {compression} chunk is damaged: {error}') from error
    raise CutError(f'the chunks are compressed with {compression!r}: expected bz2 or lz4')
