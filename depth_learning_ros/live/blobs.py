# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Serialised samples into and out of Cyclone DDS, with as few copies as it allows.

The Python package copies each sample four times on its way out, and three times on its way in,
all under the interpreter's lock: 4 ms for a cloud of 640x480. Here what is sent is gathered from
its pieces by one copy, what has come is looked at where Cyclone DDS has put it, and other threads
run meanwhile. These are functions of its C interface (dds.h, ddsi_serdata.h).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import ctypes
import threading
from typing import Any, NamedTuple

from cyclonedds.core import DDSException
from cyclonedds.internal import DDS, dds_c_t
import numpy as np

_HEADER_BYTES = 4  # of CDR: Cyclone DDS takes them for granted
_KIND_DATA = 2  # enum ddsi_serdata_kind
_ANY_STATE = 0
BAD_PARAMETER = -3
# after a pointer and a hash of 32 bits; `_counts_references` looks whether it is so
_COUNTER_AT = ctypes.sizeof(ctypes.c_void_p) + 4
_WORTH_KEEPING_BYTES = 64 << 10
_MOST_KEPT = 3  # as many as a writer holds for subscribers, and one that is filled
TIMEOUT = DDSException.DDS_RETCODE_TIMEOUT

_Pointer = ctypes.c_void_p


class _Piece(ctypes.Structure):
    """struct iovec."""

    _fields_ = (('base', ctypes.c_void_p), ('size', ctypes.c_size_t))


def _function(name: str, result: Any, *arguments: Any) -> Any:
    """Return a C function, during which other threads run."""
    return ctypes.CFUNCTYPE(result, *arguments)((name, DDS._dll_handle))


_sertype_of = _function('dds_get_entity_sertype', ctypes.c_int32, ctypes.c_int32,
                        ctypes.POINTER(_Pointer))
_gather = _function('ddsi_serdata_from_ser_iov', _Pointer, _Pointer, ctypes.c_int,
                    ctypes.c_size_t, ctypes.POINTER(_Piece), ctypes.c_size_t)
_write = _function('dds_writecdr', ctypes.c_int32, ctypes.c_int32, _Pointer)
_take = _function('dds_takecdr', ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(_Pointer),
                  ctypes.c_uint32, ctypes.POINTER(dds_c_t.sample_info), ctypes.c_uint32)
_size_of = _function('ddsi_serdata_size', ctypes.c_uint32, _Pointer)
_look_into = _function('ddsi_serdata_to_ser_ref', _Pointer, _Pointer, ctypes.c_size_t,
                       ctypes.c_size_t, ctypes.POINTER(_Piece))
_add = _function('ddsi_serdata_ref', _Pointer, _Pointer)
_release = _function('ddsi_serdata_unref', None, _Pointer)


class Received(NamedTuple):
    """A message that has come.

    Attributes:
        cdr: its bytes, read-only, in Cyclone DDS's memory: kept as long as anything looks at it.
        sent_ns: by the clock of the writer's machine.
        writer: DDS's handle of who wrote it.
    """

    cdr: bytes | memoryview
    sent_ns: int
    writer: int = 0


class _Memory:
    """The bytes of a sample of Cyclone DDS, which lives as long as an array looks into it.

    Takes over a reference to the sample.
    """

    def __init__(self, handle: int, writable: bool = False) -> None:
        size, piece = _size_of(handle), _Piece()
        self.handle = _look_into(handle, 0, size, ctypes.byref(piece))
        _release(handle)
        self.__array_interface__ = {
            'version': 3, 'typestr': '|u1', 'shape': (size,), 'data': (piece.base, not writable)}

    def __del__(self, _release: Any = _release) -> None:  # also when the module is gone
        _release(self.handle)


class Blobs:
    """Takes the messages of a reader.

    Args:
        reader: DDS's handle of it.
        most: that are taken at once.
    """

    def __init__(self, reader: int, most: int) -> None:
        self._reader, self._most = reader, most
        self._handles = (_Pointer * most)()
        self._infos = (dds_c_t.sample_info * most)()

    def take(self) -> list[Received]:
        """Return what has come; for one thread.

        Raises:
            DDSException: the reader is gone.
        """
        count = _take(self._reader, self._handles, self._most, self._infos, _ANY_STATE)
        if count < 0:
            raise DDSException(count, 'dds_takecdr')
        found = []
        for index in range(count):
            handle, info = self._handles[index] or 0, self._infos[index]
            if not info.valid_data:  # a publisher went away
                _release(handle)
                continue
            found.append(Received(np.asarray(_Memory(handle)).data, info.source_timestamp,
                               info.publication_handle))
        return found


class BlobWriter:
    """Writes messages in pieces.

    Args:
        writer: DDS's handle of it.
    """

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._type = _Pointer()
        status = _sertype_of(writer, ctypes.byref(self._type))
        if status < 0:
            raise DDSException(status, 'dds_get_entity_sertype')
        self._kept: list[_Kept] = []
        self._layout = _Layout(0, 0, 0)
        self._lock = threading.Lock()
        self._closed = False

    def room(self, size: int) -> np.ndarray | None:
        """Return memory in which the largest piece of the next message can be made.

        When `write` then finds that piece there, it need not copy it. The memory is where that
        piece was in the message before; None when that was of another size, or all is in use.

        Args:
            size: of the piece, in bytes.

        Returns:
            uint8 [size].
        """
        with self._lock:
            if self._layout.size != size:
                return None
            kept = next((k for k in self._fitting(self._layout.total) if k.is_free()), None)
            return None if kept is None else kept.room(self._layout)

    def close(self) -> None:
        """Refuse further messages; the type, which samples are made of, goes with the writer."""
        with self._lock:
            self._closed = True
            self._kept.clear()

    def write(self, pieces: Sequence[bytes | memoryview], checked: bool = False) -> int:
        """Write a message; any thread. The pieces are not needed afterwards.

        Args:
            pieces: of its bytes.
            checked: they are known to be a message of the type. Then Cyclone DDS need not check
                them, and a sample that was sent before is filled again: clearing memory for a
                cloud, which Cyclone DDS does each time, takes as long as copying it.

        Returns:
            DDS's status: below 0 when it was not written.
        """
        arrays = [np.frombuffer(piece, np.uint8) for piece in _whole_words(pieces)]
        size = sum(a.size for a in arrays)
        with self._lock:
            if self._closed or size < _HEADER_BYTES:
                return BAD_PARAMETER
            if checked and size >= _WORTH_KEEPING_BYTES:
                handle = self._refilled(arrays, size) or self._gathered_and_kept(arrays, size)
            else:
                handle = self._gathered(arrays, size)
        return int(_write(self._writer, handle)) if handle else BAD_PARAMETER

    def _gathered(self, arrays: Sequence[np.ndarray], size: int) -> int | None:
        """Make a sample; None when the bytes are not of the type."""
        table = (_Piece * len(arrays))(*(_Piece(a.ctypes.data, a.size) for a in arrays))
        handle: int | None = _gather(self._type, _KIND_DATA, len(arrays), table, size)
        return handle

    def _gathered_and_kept(self, arrays: Sequence[np.ndarray], size: int) -> int | None:
        handle = self._gathered(arrays, size)
        if handle is None:
            return None
        self._kept = self._fitting(size)
        if len(self._kept) < _MOST_KEPT and _counts_references(handle):
            self._kept.append(_Kept(_add(handle)))
        return handle

    def _refilled(self, arrays: Sequence[np.ndarray], size: int) -> int | None:
        """Fill a sample that nobody needs any more; None when there is none of that size."""
        self._layout = _Layout.of(arrays)
        fitting = self._fitting(size)
        kept = next((k for k in fitting if k.holds(arrays, self._layout)), None) \
            or next((k for k in fitting if k.is_free()), None)
        if kept is None:
            return None
        kept.fill(arrays)
        return kept.lent()

    def _fitting(self, size: int) -> list[_Kept]:
        return [kept for kept in self._kept if kept.memory.size == size]


class _Layout(NamedTuple):
    """Where the largest piece of a message lies, and how large the whole is; in bytes."""

    begin: int
    size: int
    total: int

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray]) -> _Layout:
        largest = max(range(len(arrays)), key=lambda i: arrays[i].size)
        return cls(sum(a.size for a in arrays[:largest]), arrays[largest].size,
                   sum(a.size for a in arrays))


class _Kept:
    """A sample that was sent, and can be filled again when all subscribers have it.

    Takes over a reference to the sample.
    """

    def __init__(self, handle: int) -> None:
        memory = _Memory(handle, writable=True)
        self._handle, self.memory = memory.handle, np.asarray(memory)

    def is_free(self) -> bool:
        return _references(self._handle).value == 1

    def room(self, layout: _Layout) -> np.ndarray:
        """Return memory that keeps the sample from being free as long as it is held."""
        memory = np.asarray(_Memory(self.lent(), writable=True))
        return memory[layout.begin:layout.begin + layout.size]

    def holds(self, arrays: Sequence[np.ndarray], layout: _Layout) -> bool:
        """Tell whether the largest piece was made in `room` of this sample, and not sent yet."""
        place = self.memory.ctypes.data + layout.begin
        return _references(self._handle).value == 2 and any(
            a.ctypes.data == place for a in arrays)

    def fill(self, arrays: Sequence[np.ndarray]) -> None:
        begin = 0
        for array in arrays:
            place = self.memory[begin:begin + array.size]
            if array.ctypes.data != place.ctypes.data:
                place[:] = array
            begin += array.size

    def lent(self) -> int:
        handle: int = _add(self._handle)
        return handle


def _references(handle: int) -> Any:
    """Return the counter of a sample's references (struct ddsi_serdata)."""
    return ctypes.c_uint32.from_address(handle + _COUNTER_AT)


def _counts_references(handle: int) -> bool:
    """Tell whether the counter is where it is thought to be."""
    counter = _references(handle)
    seen = [counter.value]
    _add(handle)
    seen.append(counter.value)
    _release(handle)
    seen.append(counter.value)
    return seen == [1, 2, 1]


def _whole_words(pieces: Sequence[bytes | memoryview]) -> Iterable[bytes | memoryview]:
    """Return the pieces that hold anything, and what fills the last word, which is sent whole."""
    full = [piece for piece in pieces if len(piece)]
    missing = -sum(len(piece) for piece in full) % 4
    return [*full, bytes(missing)] if missing else full
