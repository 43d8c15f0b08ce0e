# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read binary .caffemodel files with numpy alone: no Caffe, no protobuf library.

A caffemodel is one NetParameter message in protobuf's wire format. Only what holds weights is
read; the field numbers are those of ``caffe.proto`` of BVLC's Caffe, which the forks that CRL,
DispNet, ZOLE and SVS ship with leave unchanged. Weights are views into the mapped file, so a file
of 330 MB costs no memory until a layer is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math
import mmap
from pathlib import Path

import numpy as np

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.wire import (
    MalformedError,
    Message,
    doubles,
    fields,
    floats,
    integers,
    text,
)

# Field numbers of caffe.proto.
_NET_LAYERS_V1, _NET_LAYER = 2, 100
_LAYER_NAME, _LAYER_TYPE, _LAYER_BLOBS = 1, 2, 7
_V1_V0_LAYER, _V1_NAME, _V1_TYPE, _V1_BLOBS = 1, 4, 5, 6
_BLOB_LEGACY_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
_BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLE_DATA = 5, 7, 8
_SHAPE_DIM = 1

_V1_TYPES = {4: 'Convolution', 14: 'InnerProduct', 39: 'Deconvolution'}

_NOT_A_CAFFEMODEL = {
    b'<': 'this is a web page: the download needs a browser, or the link has expired',
    b'\x89HDF': 'this is an HDF5 file: save the network as binary protobuf in Caffe first',
    b'version https://git-lfs': 'this is a placeholder of git-lfs: fetch the file itself',
    b'name:': 'this is a text file (.prototxt): the weights are in the .caffemodel beside it',
    b'layer': 'this is a text file (.prototxt): the weights are in the .caffemodel beside it',
    b'PK': 'this is a ZIP archive: unpack it first',
    b'\x1f\x8b': 'this is a gzip archive: unpack it first',
}


@dataclass(frozen=True, eq=False)
class CaffeLayer:
    """A layer that holds weights.

    Attributes:
        name: as the prototxt calls it.
        type: such as ``Convolution``; of old files only what matters here is spelled out.
        blobs: read-only, float32 or float64; a convolution has weights and, if any, a bias.
    """

    name: str
    type: str
    blobs: tuple[np.ndarray, ...]


def read_caffemodel(path: Path | str) -> list[CaffeLayer]:
    """Give all layers that hold weights, in the order of the file.

    Raises:
        ModelError: the file is missing, empty, cut short, or no caffemodel; names the byte.
    """
    path = Path(path)
    data = _map(path)
    try:
        layers = _net(Message(data, 0, len(data)))
    except MalformedError as error:
        raise ModelError(f'{path} is no whole caffemodel: {error} (the file has {len(data)} '
                         f'bytes); {_hint(bytes(data[:32]))}') from error
    if not layers:
        raise ModelError(f'{path} holds no layers with weights; {_hint(bytes(data[:32]))}')
    return layers


def _map(path: Path) -> memoryview:
    try:
        with path.open('rb') as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelError(f'cannot read the caffemodel {path}: {error.strerror}') from error
    except ValueError as error:  # what mmap says of an empty file
        raise ModelError(f'{path} is empty (0 bytes): get the file again') from error


def _hint(start: bytes) -> str:
    for prefix, meaning in _NOT_A_CAFFEMODEL.items():
        if start.startswith(prefix):
            return meaning
    return 'is it a binary .caffemodel, and was it downloaded completely?'


def _net(net: Message) -> list[CaffeLayer]:
    layers = []
    for field in fields(net):
        if field.number == _NET_LAYER:
            layers.append(_layer(field.message()))
        elif field.number == _NET_LAYERS_V1:
            layers.append(_v1_layer(field.message()))
    return [layer for layer in layers if layer.blobs]


def _layer(message: Message) -> CaffeLayer:
    name = kind = ''
    blobs: list[np.ndarray] = []
    for field in fields(message):
        if field.number == _LAYER_NAME:
            name = text(field)
        elif field.number == _LAYER_TYPE:
            kind = text(field)
        elif field.number == _LAYER_BLOBS:
            blobs.append(_blob(field.message()))
    return CaffeLayer(name, kind, tuple(blobs))


def _v1_layer(message: Message) -> CaffeLayer:
    """Read a layer of Caffe's format of 2014 (field ``layers``)."""
    name = kind = ''
    blobs: list[np.ndarray] = []
    for field in fields(message):
        if field.number == _V1_V0_LAYER:
            raise MalformedError(field.start, 'a layer of the oldest format (V0), which '
                                 "Caffe's upgrade_net_proto_binary converts")
        if field.number == _V1_NAME:
            name = text(field)
        elif field.number == _V1_TYPE:
            kind = _V1_TYPES.get(field.integer(), f'V1 type {field.integer()}')
        elif field.number == _V1_BLOBS:
            blobs.append(_blob(field.message()))
    return CaffeLayer(name, kind, tuple(blobs))


def _blob(message: Message) -> np.ndarray:
    """Read a BlobProto: its values, shaped; the values' gradients are skipped."""
    legacy: dict[int, int] = {}
    shape: tuple[int, ...] | None = None
    singles: list[np.ndarray] = []
    double: list[np.ndarray] = []
    readers: dict[int, tuple[list[np.ndarray], Callable[..., np.ndarray]]] = {
        _BLOB_DATA: (singles, floats), _BLOB_DOUBLE_DATA: (double, doubles)}
    for field in fields(message, runs=tuple(readers)):
        if field.number in _BLOB_LEGACY_SHAPE:
            legacy[field.number] = field.integer()
        elif field.number == _BLOB_SHAPE:
            shape = tuple(size for part in fields(field.message()) if part.number == _SHAPE_DIM
                          for size in integers(part))
        elif field.number in readers:
            parts, reader = readers[field.number]
            parts.append(reader(field))
    values = _joined(double or singles)
    if shape is None and legacy:
        shape = tuple(legacy.get(number, 0) for number in _BLOB_LEGACY_SHAPE)
    if shape is None:
        shape = (values.size,)
    if math.prod(shape) != values.size:
        raise MalformedError(message.start, f'a blob of shape {list(shape)} with {values.size} '
                             f'values instead of {math.prod(shape)}')
    return values.reshape(shape) if values.size else values


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
