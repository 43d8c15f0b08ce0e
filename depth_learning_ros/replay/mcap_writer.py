# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes MCAP files that rosbag2, Foxglove and the mcap tools read, at the speed of the disk.

Format: https://mcap.dev/spec. Messages are collected as references to their buffers and go to the
file in one ``writev`` a chunk, so that no pixel is copied on its way; every chunk has its index,
and the summary at the end lets readers seek. What is kept in memory is one chunk and some hundred
bytes of index for each chunk written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
import struct
import sys
from types import TracebackType
from typing import Any

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b'\x89MCAP0\r\n'
COMPRESSIONS = ('none', 'zstd')
CHUNK_BYTES = 1 << 20
ZSTD_LEVEL = 1
_MAX_PIECES = 512  # the system's limit for one writev is 1024
_NEVER = (1 << 63) - 1

HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = 11, 12, 13, 14, 15


class McapWriter:
    """A context manager; a file is complete only after `finish`.

    Args:
        path: file to write to; it is emptied.
        compression: ``none`` or ``zstd`` (whole chunks, as rosbag2 does).
        library: name of the writing program, kept in the file.

    Raises:
        OSError: by any method, when the disk is full or fails.
    """

    def __init__(self, path: str | os.PathLike[str], compression: str = 'none',
                 library: str = 'depth_learning_ros') -> None:
        if compression not in COMPRESSIONS:
            raise ValueError(f'compression is {compression!r}: expected one of {COMPRESSIONS}')
        self._compression = '' if compression == 'none' else compression
        self._file = open(path, 'wb', buffering=0)
        self._position = 0
        self._schemas: dict[str, tuple[int, bytes]] = {}
        self._channels: list[bytes] = []
        self.counts: dict[int, int] = {}
        self.start_ns, self.end_ns = _NEVER, 0
        self._chunk = _Chunk()
        self._chunk_indexes = bytearray()
        self._chunk_count = 0
        self._write([MAGIC, _record(HEADER, _string('ros2') + _string(library))])

    def add_channel(self, topic: str, type_name: str, definition: str, *,
                    schema_encoding: str = 'ros2msg', message_encoding: str = 'cdr',
                    metadata: Mapping[str, str] | None = None) -> int:
        """Announce a topic and return the number to give to `write`."""
        if type_name not in self._schemas:
            number = len(self._schemas) + 1
            record = _record(SCHEMA, struct.pack('<H', number) + _string(type_name)
                             + _string(schema_encoding) + _string(definition))
            self._schemas[type_name] = (number, record)
            self._chunk.add_record(record)
        channel = len(self._channels) + 1
        record = _record(CHANNEL, struct.pack('<HH', channel, self._schemas[type_name][0])
                         + _string(topic) + _string(message_encoding) + _map(metadata or {}))
        self._channels.append(record)
        self.counts[channel] = 0
        self._chunk.add_record(record)
        return channel

    def write(self, channel: int, log_time_ns: int, pieces: Sequence[Any]) -> None:
        """Append a message, given as buffers that must not change until the next chunk is out."""
        self._chunk.add_message(channel, self.counts[channel], log_time_ns, pieces)
        self.counts[channel] += 1
        self.start_ns = min(self.start_ns, log_time_ns)
        self.end_ns = max(self.end_ns, log_time_ns)
        if self._chunk.size >= CHUNK_BYTES or len(self._chunk.pieces) >= _MAX_PIECES:
            self._close_chunk()

    @property
    def message_count(self) -> int:
        return sum(self.counts.values())

    def finish(self, metadata: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Write the index and close the file.

        Args:
            metadata: named tables of text to keep in the file.
        """
        self._close_chunk()
        tables = bytearray()
        for name, table in (metadata or {}).items():
            record = _record(METADATA, _string(name) + _map(table))
            tables += _record(METADATA_INDEX, struct.pack('<QQ', self._position, len(record))
                              + _string(name))
            self._write([record])
        self._write([_record(DATA_END, struct.pack('<I', 0))])
        self._write_summary(tables, len(metadata or {}))
        self.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()

    def __enter__(self) -> McapWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _close_chunk(self) -> None:
        chunk, self._chunk = self._chunk, _Chunk()
        if not chunk.pieces:
            return
        pieces: list[Any] = chunk.pieces
        stored = chunk.size
        if self._compression:
            pieces = [zstd.compress(b''.join(pieces), ZSTD_LEVEL)]
            stored = len(pieces[0])
        # A chunk of channels only (no messages yet) has no times: the specification asks for 0.
        times = struct.pack('<QQ', chunk.start_ns if chunk.index else 0, chunk.end_ns)
        head = (times + struct.pack('<QI', chunk.size, 0) + _string(self._compression)
                + struct.pack('<Q', stored))
        start = self._position
        self._write([struct.pack('<BQ', CHUNK, len(head) + stored), head, *pieces])
        length = self._position - start
        offsets = bytearray()
        records = bytearray()
        for channel, entries in chunk.index.items():
            offsets += struct.pack('<HQ', channel, self._position + len(records))
            records += _record(MESSAGE_INDEX, struct.pack('<HI', channel, len(entries)) + entries)
        self._write([records])
        self._chunk_indexes += _record(
            CHUNK_INDEX, times + struct.pack('<QQI', start, length, len(offsets)) + offsets
            + struct.pack('<Q', len(records)) + _string(self._compression)
            + struct.pack('<QQ', stored, chunk.size))
        self._chunk_count += 1

    def _write_summary(self, metadata_indexes: bytearray, metadata_count: int) -> None:
        start = self._position
        counts = b''.join(struct.pack('<HQ', *item) for item in sorted(self.counts.items()))
        statistics = struct.pack(
            '<QHIIIIQQI', self.message_count, len(self._schemas), len(self._channels), 0,
            metadata_count, self._chunk_count, self.start_ns if self.message_count else 0,
            self.end_ns, len(counts)) + counts
        groups = (
            (SCHEMA, b''.join(record for _, record in self._schemas.values())),
            (CHANNEL, b''.join(self._channels)),
            (CHUNK_INDEX, self._chunk_indexes),
            (METADATA_INDEX, metadata_indexes),
            (STATISTICS, _record(STATISTICS, statistics)))
        offsets = bytearray()
        for kind, records in groups:
            if records:
                offsets += _record(SUMMARY_OFFSET, struct.pack(
                    '<BQQ', kind, self._position, len(records)))
                self._write([records])
        offsets_start = self._position
        footer = _record(FOOTER, struct.pack('<QQI', start, offsets_start, 0))
        self._write([offsets, footer, MAGIC])

    def _write(self, pieces: Sequence[Any]) -> None:
        """Write all pieces, however many calls the system needs for that."""
        queue = [view for view in (memoryview(p) for p in pieces) if view.nbytes]
        while queue:
            written = os.writev(self._file.fileno(), queue[:_MAX_PIECES * 2])
            self._position += written
            done = 0
            while done < len(queue) and written >= queue[done].nbytes:
                written -= queue[done].nbytes
                done += 1
            del queue[:done]
            if queue and written:
                queue[0] = queue[0][written:]


class _Chunk:
    """Records that will be written together."""

    def __init__(self) -> None:
        self.pieces: list[Any] = []
        self.size = 0
        self.start_ns, self.end_ns = _NEVER, 0
        self.index: dict[int, bytearray] = {}

    def add_record(self, record: bytes) -> None:
        self.pieces.append(record)
        self.size += len(record)

    def add_message(self, channel: int, sequence: int, log_time_ns: int,
                    pieces: Sequence[Any]) -> None:
        views = [memoryview(piece).cast('B') for piece in pieces]
        length = sum(view.nbytes for view in views)
        head = struct.pack('<BQHIQQ', MESSAGE, 22 + length, channel, sequence & 0xFFFFFFFF,
                           log_time_ns, log_time_ns)
        entry = struct.pack('<QQ', log_time_ns, self.size)
        self.index.setdefault(channel, bytearray()).extend(entry)
        self.pieces += [head, *views]
        self.size += len(head) + length
        self.start_ns = min(self.start_ns, log_time_ns)
        self.end_ns = max(self.end_ns, log_time_ns)


def _record(kind: int, content: bytes | bytearray) -> bytes:
    return struct.pack('<BQ', kind, len(content)) + content


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack('<I', len(data)) + data


def _map(table: Mapping[str, str]) -> bytes:
    content = b''.join(_string(key) + _string(value) for key, value in table.items())
    return struct.pack('<I', len(content)) + content
