# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Protobuf's wire format, as far as files of weights need it.

A message is a row of fields. Each begins with a varint, (field number << 3) | wire type; the wire
type says how long the value is. Numbers that repeat are written either packed, as one field of
many bytes, or one field each; readers must take both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


class MalformedError(ValueError):
    """These bytes are no such message; the text says why and where."""

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f'at byte {offset} there is {reason}')


@dataclass(frozen=True)
class Message:
    """Bytes ``start`` to ``stop`` of a buffer."""

    data: memoryview
    start: int
    stop: int


@dataclass(frozen=True)
class Field:
    """One field of a message.

    Attributes:
        data: the whole buffer.
        number: as in the .proto file.
        wire: the wire type.
        start, stop: where its value lies in the buffer (of a run: all its fields, see `fields`).
        stride: bytes from one value of a run to the next, 0 for a single field.
    """

    data: memoryview
    number: int
    wire: int
    start: int
    stop: int
    stride: int = 0

    def message(self) -> Message:
        self._expect(BYTES)
        return Message(self.data, self.start, self.stop)

    def integer(self) -> int:
        self._expect(VARINT)
        return read_varint(self.data, self.start, self.stop)[0]

    def _expect(self, wire: int) -> None:
        if self.wire != wire:
            raise MalformedError(self.start, f'field {self.number} with wire type {self.wire} '
                                 f'instead of {wire}')


def read_varint(data: memoryview, start: int, stop: int) -> tuple[int, int]:
    """Give (value, offset behind it) of a number written seven bits a byte, low bits first."""
    value = 0
    for index in range(start, min(start + _MAX_VARINT_BYTES, stop)):
        byte = data[index]
        value |= (byte & 0x7f) << (7 * (index - start))
        if byte < 0x80:
            return value, index + 1
    if stop - start < _MAX_VARINT_BYTES:
        raise MalformedError(start, 'a number that is cut off')
    raise MalformedError(start, 'a number of more than ten bytes')


def fields(message: Message, runs: tuple[int, ...] = ()) -> Iterator[Field]:
    """Give the fields of a message, one after the other.

    Args:
        message: where to read.
        runs: numbers of fields whose unpacked values come as one field for a whole run of them:
            a blob of ten million values must not become ten million objects.

    Raises:
        MalformedError: the bytes are no message.
    """
    data, position, stop = message.data, message.start, message.stop
    while position < stop:
        tag_at = position
        tag, position = read_varint(data, position, stop)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise MalformedError(tag_at, 'a field with number 0')
        start = position
        if wire in (FIXED32, FIXED64) and number in runs:
            field = _run(data, number, wire, tag_at, start, stop)
        else:
            if wire == BYTES:
                length, start = read_varint(data, position, stop)
                end = start + length
            else:
                end = _end(data, number, wire, start, stop)
            field = Field(data, number, wire, start, end)
        if field.stop > stop:
            raise MalformedError(tag_at, f'field {number} of {field.stop - start} bytes, of which '
                                 f'{max(stop - start, 0)} are left')
        yield field
        position = field.stop


def _end(data: memoryview, number: int, wire: int, start: int, stop: int) -> int:
    if wire == VARINT:
        return read_varint(data, start, stop)[1]
    if wire == FIXED32:
        return start + 4
    if wire == FIXED64:
        return start + 8
    raise MalformedError(start - 1, f'field {number} with wire type {wire}, which does not exist '
                         f'in such files')


def _run(data: memoryview, number: int, wire: int, tag_at: int, start: int, stop: int) -> Field:
    """Give the unpacked values that follow each other from ``tag_at`` on, each with its tag."""
    tag = data[tag_at:start]
    stride = len(tag) + (4 if wire == FIXED32 else 8)
    count = max((stop - tag_at) // stride, 1)
    if count > 1:
        rows = np.frombuffer(data, np.uint8, count * stride, tag_at).reshape(count, stride)
        other = (rows[:, :len(tag)] != np.frombuffer(tag, np.uint8)).any(1)
        count = int(other.argmax()) if other.any() else count
    return Field(data, number, wire, start, tag_at + count * stride, stride)


def text(field: Field) -> str:
    """Read a string."""
    part = field.message()
    try:
        return bytes(part.data[part.start:part.stop]).decode()
    except UnicodeDecodeError as error:
        raise MalformedError(part.start, f'field {field.number}, which should be text and is not '
                             f'UTF-8') from error


def floats(field: Field) -> np.ndarray:
    """Read float32 values, packed or a run; packed ones are a view."""
    return _numbers(field, '<f4', FIXED32)


def doubles(field: Field) -> np.ndarray:
    """Read float64 values, packed or a run; packed ones are a view."""
    return _numbers(field, '<f8', FIXED64)


def _numbers(field: Field, dtype: str, wire: int) -> np.ndarray:
    size = np.dtype(dtype).itemsize
    if field.wire == BYTES:
        count, rest = divmod(field.stop - field.start, size)
        if rest:
            raise MalformedError(field.start, f'field {field.number} of '
                                 f'{field.stop - field.start} bytes, no multiple of {size}')
        return np.frombuffer(field.data, dtype, count, field.start)
    if field.wire != wire:
        raise MalformedError(field.start, f'field {field.number} with wire type {field.wire} '
                             f'instead of {wire}')
    stride = field.stride or size
    first = field.start - (stride - size)
    rows = np.frombuffer(field.data, np.uint8, field.stop - first, first)
    values = rows.reshape(-1, stride)[:, -size:]
    return np.ascontiguousarray(values).view(dtype)[:, 0]


def integers(field: Field) -> list[int]:
    """Read whole numbers, packed or a single one."""
    if field.wire == VARINT:
        return [field.integer()]
    part = field.message()
    values, position = [], part.start
    while position < part.stop:
        value, position = read_varint(part.data, position, part.stop)
        values.append(value)
    return values
