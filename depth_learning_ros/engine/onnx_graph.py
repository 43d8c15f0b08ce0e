# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Changes to an exported ONNX graph that keep its numbers: metadata, where weights lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from depth_learning_ros.models.tensorfile import tensor_ranges

_TYPES = {'F32': TensorProto.FLOAT, 'F16': TensorProto.FLOAT16}


def set_metadata(model: onnx.ModelProto, metadata: Mapping[str, str]) -> None:
    """Write the metadata, replacing what was there."""
    del model.metadata_props[:]
    helper.set_model_props(model, dict(metadata))


def link_weights(model: onnx.ModelProto, weights: Path) -> int:
    """Take every weight that a safetensors file holds from there instead of storing it again.

    Weights stored as float16 get a Cast to float32 behind them, which runtimes fold when they
    load. The .onnx must lie beside the weights file.

    Returns:
        How many weights were linked; those that the export changed stay inside.
    """
    ranges = tensor_ranges(weights)
    casts = []
    linked = 0
    for number, tensor in enumerate(model.graph.initializer):
        name = _stored_name(tensor.name, ranges)
        if name is None or tensor.data_type != TensorProto.FLOAT:
            continue
        dtype, shape, offset, length = ranges[name]
        if dtype not in _TYPES or list(tensor.dims) != shape or not _equal(tensor, weights, ranges,
                                                                           name):
            continue
        half = dtype == 'F16'
        external = TensorProto(name=f'{tensor.name}.half' if half else tensor.name,
                               data_type=_TYPES[dtype], dims=shape,
                               data_location=TensorProto.EXTERNAL)
        for key, value in (('location', weights.name), ('offset', offset), ('length', length)):
            external.external_data.add(key=key, value=str(value))
        if half:
            casts.append(helper.make_node('Cast', [external.name], [tensor.name],
                                          name=f'{tensor.name}.cast', to=TensorProto.FLOAT))
        model.graph.initializer[number].CopyFrom(external)
        linked += 1
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return linked


def drop_unread(graph: onnx.GraphProto) -> None:
    """Remove nodes and weights that nobody reads any more."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if any(output in needed for output in node.output):
            kept.append(node)
            needed.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _stored_name(initializer: str, ranges: Mapping[str, object]) -> str | None:
    name = initializer.removeprefix('network.')
    return name if name in ranges else None


def _equal(tensor: TensorProto, weights: Path,
           ranges: Mapping[str, tuple[str, list[int], int, int]], name: str) -> bool:
    """Whether the file holds the very values of the graph."""
    dtype, _, offset, length = ranges[name]
    with weights.open('rb') as file:
        file.seek(offset)
        stored = np.frombuffer(file.read(length), '<f2' if dtype == 'F16' else '<f4')
    return np.array_equal(stored.astype(np.float32), numpy_helper.to_array(tensor).ravel())
