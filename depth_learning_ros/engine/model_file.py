# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an exported model says about itself, read without onnx or any backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import IO, Any

from depth_learning_ros.engine.reference import METADATA_KEY, Reference
from depth_learning_ros.errors import EngineError, ModelError
from depth_learning_ros.models.tensorfile import HASH_KEY, read_metadata

FORMAT_VERSION = 1
# Field numbers of onnx.ModelProto and onnx.StringStringEntryProto (onnx.proto).
_METADATA_FIELD = 14
_KEY_FIELD, _VALUE_FIELD = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LARGEST_METADATA = 64_000_000


@dataclass(frozen=True)
class ModelFile:
    """An exported model, its weights checked.

    Attributes:
        path: the .onnx file.
        sha256: of that file. It holds the checksum of its weights file, so it stands for both.
        metadata: as it was exported; all values are strings.
    """

    path: Path
    sha256: str
    metadata: dict[str, str]

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.metadata['model']

    @property
    def precision(self) -> str:
        """Precision of the numbers in the graph: ``fp32`` or ``fp16``."""
        return self.metadata['precision']

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the images it takes: ``left`` and ``right``, or ``left`` alone."""
        return tuple(json.loads(self.metadata['inputs']))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what it gives, in the order of the graph."""
        return tuple(json.loads(self.metadata['outputs']))

    @property
    def fixed_size(self) -> tuple[int | None, int | None]:
        """Height and width, None where they are free."""
        height, width = json.loads(self.metadata['size'])
        return height, width

    @property
    def reference(self) -> Reference:
        """PyTorch's answer to the fixed pair."""
        return Reference.from_text(self.metadata[METADATA_KEY])

    def described(self) -> dict[str, Any]:
        """Metadata for people and logs: without the reference's bytes."""
        return {key: value for key, value in self.metadata.items() if key != METADATA_KEY}


def read_model_file(path: Path | str) -> ModelFile:
    """Read an exported model's metadata and check that its weights are whole.

    Raises:
        EngineError: the file is missing, damaged, or was not exported by this package.
        ModelError: the weights file beside it is missing or damaged.
    """
    path = Path(path)
    metadata = read_onnx_metadata(path)
    version = metadata.get('depth_learning_format')
    if version is None:
        raise EngineError(f"{path} was not exported by 'depth-learning export': it does not say "
                          f'what its inputs and outputs mean')
    if version != str(FORMAT_VERSION):
        raise EngineError(f'{path} has format version {version}, this program reads '
                          f'{FORMAT_VERSION}: export the model again')
    _check_weights(path, metadata)
    return ModelFile(path, file_sha256(path), metadata)


def read_onnx_metadata(path: Path) -> dict[str, str]:
    """Give the metadata of any ONNX file.

    Raises:
        EngineError: the file is missing or damaged.
    """
    try:
        with path.open('rb') as file:
            return dict(_metadata_entries(file, path.stat().st_size))
    except OSError as error:
        raise EngineError(f'cannot read the model {path}: {error.strerror}') from error
    except _NotOnnxError as error:
        raise EngineError(f'{path} is no whole ONNX file ({error}): export the model again, or '
                          f'get the file again') from error


def is_export_of(onnx: Path, weights: Path) -> bool:
    """Whether an exported file holds the values of a weights file; false if either is broken."""
    try:
        exported = read_onnx_metadata(onnx).get('weights_sha256')
        return exported is not None and exported == read_metadata(weights).get(HASH_KEY)
    except (EngineError, ModelError):
        return False


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check_weights(path: Path, metadata: dict[str, str]) -> None:
    name = metadata.get('weights_file')
    if not name:
        return
    weights = path.with_name(name)
    if not weights.is_file():
        raise ModelError(f'{path.name} needs its weights beside it: {weights} is missing')
    if file_sha256(weights) != metadata['weights_file_sha256']:
        raise ModelError(f'the weights {weights} are damaged, or not those that {path.name} was '
                         f'exported from: get both files again, or export again')


class _NotOnnxError(ValueError):
    """What is wrong, in words."""


def _metadata_entries(file: IO[bytes], size: int) -> Iterator[tuple[str, str]]:
    """Walk the top level of the protobuf, skipping the graph."""
    fields = 0
    while file.tell() < size:
        number, wire = divmod(_varint(file), 8)
        fields += 1
        if wire == _VARINT:
            _varint(file)
        elif wire in (_FIXED64, _FIXED32):
            file.seek(8 if wire == _FIXED64 else 4, 1)
        elif wire == _BYTES:
            length = _varint(file)
            if file.tell() + length > size:
                raise _NotOnnxError('it ends too early')
            if number == _METADATA_FIELD and length <= _LARGEST_METADATA:
                yield _string_pair(file.read(length))
            else:
                file.seek(length, 1)
        else:
            raise _NotOnnxError('it is not in that format')
    if not fields:
        raise _NotOnnxError('it is empty')


def _string_pair(data: bytes) -> tuple[str, str]:
    pair = {_KEY_FIELD: '', _VALUE_FIELD: ''}
    at = 0
    while at < len(data):
        number = data[at] >> 3
        length, at = _varint_in(data, at + 1)
        try:
            pair[number] = data[at:at + length].decode()
        except UnicodeDecodeError as error:
            raise _NotOnnxError('its metadata is damaged') from error
        at += length
    return pair[_KEY_FIELD], pair[_VALUE_FIELD]


def _varint(file: IO[bytes]) -> int:
    value, shift = 0, 0
    while True:
        byte = file.read(1)
        if not byte:
            raise _NotOnnxError('it ends too early')
        value |= (byte[0] & 127) << shift
        shift += 7
        if byte[0] < 128:
            return value
        if shift > 63:
            raise _NotOnnxError('it is not in that format')


def _varint_in(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while at < len(data):
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at
    raise _NotOnnxError('its metadata is damaged')
