# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""rosbag2's SQLite files row after row: cut ones, whose index is of no use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
import sqlite3
import struct
from typing import Any

from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.metadata import parse_qos

from depth_learning_ros.replay.sequential import CutError, Message, SequentialReader

MAGIC = b'SQLite format 3\0'
_FORMATS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}


class SequentialSqlite(SequentialReader):
    """One .db3 file."""

    def scan(self) -> Iterator[Message]:
        """Yield all messages in the order of recording."""
        uri = f'{self.path.resolve().as_uri()}?mode=ro&immutable=1'
        try:
            with closing(sqlite3.connect(uri, uri=True)) as database:
                # Without this SQLite refuses a file that is shorter than its header states.
                database.execute('PRAGMA writable_schema=ON')
                self._found = {c.id: c for c in self._read_connections(database)}
                rows = database.execute('SELECT topic_id, timestamp, data FROM messages')
                for number, log_time_ns, data in rows:
                    if not isinstance(data, bytes) or number not in self._found:
                        raise CutError('the database holds a row that is no message')
                    yield Message(number, log_time_ns, data)
        except sqlite3.Error as error:
            raise CutError(f'the database is damaged: {error}') from error
        if missing := missing_bytes(self.path):
            raise CutError(f'the database lacks its last {missing} bytes')

    def _read_connections(self, database: sqlite3.Connection) -> Iterator[Connection]:
        for row in _rows(database, 'topics'):
            definition = next(
                (d for d in _rows(database, 'message_definitions') if d['topic_type']
                 == row['type']), {})
            form = _FORMATS.get(definition.get('encoding', ''), MessageDefinitionFormat.NONE)
            yield Connection(
                row['id'], row['name'], row['type'],
                MessageDefinition(form, definition.get('encoded_message_definition', '')),
                row.get('type_description_hash', ''), 0,
                ConnectionExtRosbag2(row['serialization_format'],
                                     parse_qos(row.get('offered_qos_profiles', ''))), self)


def _rows(database: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    """Return a small table as dictionaries; empty when there is no such table."""
    if not database.execute('SELECT 1 FROM sqlite_master WHERE name = ?', (table,)).fetchone():
        return []
    cursor = database.execute(f'SELECT * FROM {table}')
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def missing_bytes(path: Any) -> int:
    """Return by how much a database file is shorter than its header states."""
    with open(path, 'rb') as file:
        head = file.read(100)
        size = file.seek(0, 2)
    if len(head) < 100:
        return 100 - len(head)
    (page_bytes,) = struct.unpack_from('>H', head, 16)
    (pages,) = struct.unpack_from('>I', head, 28)
    return max(0, (65536 if page_bytes == 1 else page_bytes) * pages - size)
