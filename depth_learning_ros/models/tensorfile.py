# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read and write safetensors files with numpy alone.

The format is eight bytes of header length, a JSON header, then the raw values. Written here rather
than by the safetensors library so that equal input gives equal bytes (the library shuffles its
metadata), so that the metadata can be read on a machine without it, and so that damage is noticed:
the metadata carries the SHA-256 of the values. Files stay readable by every safetensors reader.
"""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
import json
import math
from pathlib import Path
import struct
from typing import Any

import numpy as np

from depth_learning_ros.errors import ModelError
from depth_learning_ros.files import atomic_write

HASH_KEY = 'values_sha256'
_DTYPES = {'F64': '<f8', 'F32': '<f4', 'F16': '<f2', 'I64': '<i8', 'I32': '<i4', 'U8': 'u1',
           'BOOL': '?'}
_CODES = {np.dtype(name): code for code, name in _DTYPES.items()}
_ALIGNMENT = 64
_MAX_HEADER = 100_000_000  # the format's own limit


def write_tensors(path: Path | str, tensors: Mapping[str, np.ndarray],
                  metadata: Mapping[str, str], *, force: bool = False) -> None:
    """Write atomically, tensors sorted by name.

    Raises:
        DataError: the file exists and not ``force``, or cannot be written.
    """
    arrays = {name: np.asarray(tensors[name], order='C') for name in sorted(tensors)}
    header: dict[str, Any] = {}
    digest = hashlib.sha256()
    start = 0
    for name, array in arrays.items():
        header[name] = {'dtype': _CODES[array.dtype.newbyteorder('<')],
                        'shape': list(array.shape), 'data_offsets': [start, start + array.nbytes]}
        start += array.nbytes
        digest.update(array.tobytes())
    header['__metadata__'] = {**metadata, HASH_KEY: digest.hexdigest()}
    encoded = json.dumps(header, sort_keys=True, separators=(',', ':')).encode()
    encoded += b' ' * (-(len(encoded) + 8) % _ALIGNMENT)
    with atomic_write(path, force=force) as file:
        file.write(struct.pack('<Q', len(encoded)))
        file.write(encoded)
        for array in arrays.values():
            file.write(array.tobytes())


def read_metadata(path: Path | str) -> dict[str, str]:
    """Give the metadata without reading the values.

    Raises:
        ModelError: the file is missing or no whole safetensors file.
    """
    return _read_header(Path(path))[0]


def tensor_ranges(path: Path | str) -> dict[str, tuple[str, list[int], int, int]]:
    """Give (dtype code, shape, offset in the file, bytes) of each tensor.

    Raises:
        ModelError: the file is missing or no whole safetensors file.
    """
    _, entries, data_start = _read_header(Path(path))
    return {name: (entry['dtype'], entry['shape'], data_start + entry['data_offsets'][0],
                   entry['data_offsets'][1] - entry['data_offsets'][0])
            for name, entry in entries.items()}


def read_tensors(path: Path | str) -> dict[str, np.ndarray]:
    """Read and check all tensors.

    Raises:
        ModelError: the file is missing, cut short, or its values are not those that were written.
    """
    path = Path(path)
    metadata, entries, data_start = _read_header(path)
    data = path.read_bytes()[data_start:]
    expected = metadata.get(HASH_KEY)
    if expected is not None and hashlib.sha256(data).hexdigest() != expected:
        raise ModelError(f'{path} is damaged: its values do not match their checksum; get the '
                         f'file again')
    tensors = {}
    for name, entry in entries.items():
        dtype = np.dtype(_DTYPES[entry['dtype']])
        start = entry['data_offsets'][0]
        count = math.prod(entry['shape'])
        tensors[name] = np.frombuffer(data, dtype, count, start).reshape(entry['shape']).copy()
    return tensors


def _read_header(path: Path) -> tuple[dict[str, str], dict[str, Any], int]:
    """Give metadata, tensor entries and where the values start; everything checked."""
    try:
        size = path.stat().st_size
        with path.open('rb') as file:
            prefix = file.read(8)
            length = struct.unpack('<Q', prefix)[0] if len(prefix) == 8 else _MAX_HEADER + 1
            raw = file.read(length) if length <= _MAX_HEADER else b''
    except OSError as error:
        raise ModelError(f'cannot read the weights file {path}: {error.strerror}') from error
    try:
        header = json.loads(raw)
        metadata = header.pop('__metadata__', {})
        _check_entries(header, size - 8 - length)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, _BrokenFileError) else 'its header is unreadable'
        raise ModelError(f'{path} is no whole safetensors file: {reason}; is it a weights file, '
                         f'and was it copied completely?') from error
    return metadata, header, 8 + length


class _BrokenFileError(ValueError):
    """What is wrong, in words."""


def _check_entries(entries: Mapping[str, Any], data_bytes: int) -> None:
    expected_start = 0
    for name, entry in sorted(entries.items(), key=lambda item: item[1]['data_offsets']):
        start, end = entry['data_offsets']
        if entry['dtype'] not in _DTYPES:
            raise _BrokenFileError(f'layer {name} has the type {entry["dtype"]}, expected one of '
                                   f'{", ".join(_DTYPES)}')
        bytes_needed = math.prod(entry['shape']) * np.dtype(_DTYPES[entry['dtype']]).itemsize
        if start != expected_start or end - start != bytes_needed:
            raise _BrokenFileError(f'layer {name} lies at the wrong place')
        expected_start = end
    if expected_start != data_bytes:
        raise _BrokenFileError(f'it holds {data_bytes} bytes of values instead of '
                               f'{expected_start}')
