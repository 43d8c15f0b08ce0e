# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Say in the graph itself in which precision each part computes, as TensorRT wants it.

TensorRT's strongly typed networks take every precision from the types in the ONNX file; there is
no flag that would let the builder choose. ``type_graph`` writes an exported float32 graph anew
with a float16 trunk, and keeps in float32 what the names of ``PARTS`` stand for. What each of
them is worth in pixels is measured by ``benchmarks/precision.py`` (docs/tensorrt.md).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from depth_learning_ros.engine.fast_graph import to_fast
from depth_learning_ros.engine.half_graph import to_half
from depth_learning_ros.engine.onnx_graph import drop_unread
from depth_learning_ros.errors import EngineError

# Part -> what computes in float32 where it is kept.
PARTS = {
    'correlation': 'the products of the correlation and their sums over channels',
    'heads': 'the convolutions whose output is a disparity',
    'warp': 'disparities as coordinates: warping, up-sampling, sums, confidence',
}
# Without 'warp' the graph is float16 from the first convolution to the last: kept for measuring.
KEPT: frozenset[str] = frozenset(PARTS)
LARGEST_BYTES = 2_000_000_000  # protobuf's limit for a graph that is handed over in memory


def load_graph(path: Path) -> onnx.ModelProto:
    """Read an exported file, its weights inside and in float32, ready to be typed.

    Raises:
        EngineError: it is no float32 export.
    """
    model = onnx.load(path)
    words = {entry.key: entry.value for entry in model.metadata_props}
    if words.get('precision', 'fp32') != 'fp32':
        raise EngineError(f'{path} was exported in {words["precision"]}: give the fp32 export, '
                          f'the builder writes the precision into the graph itself')
    _fold_casts_of_weights(model.graph)
    if any(node.op_type == 'Resize' for node in model.graph.node):
        to_fast(model)  # TensorRT for RTX cannot infer the shape of a Resize of free size
    return model


def type_graph(model: onnx.ModelProto, precision: str,
               float32: Collection[str] = KEPT) -> int:
    """Write the precision into a graph in place; returns how many nodes compute in float16.

    Args:
        model: what ``load_graph`` gave.
        precision: ``fp32`` (nothing changes) or ``fp16``.
        float32: names of ``PARTS`` that stay in float32 under ``fp16``.

    Raises:
        EngineError: there is no such precision or part.
    """
    unknown = sorted(set(float32) - set(PARTS))
    if unknown:
        raise EngineError(f'there is no part {unknown[0]!r} of a graph that could stay in '
                          f'float32: known are {", ".join(PARTS)}')
    if precision == 'fp32':
        return 0
    if precision != 'fp16':
        raise EngineError(f'a graph cannot be typed {precision!r}: use fp32 or fp16')
    chosen = set() if 'correlation' in float32 else _correlation(model)
    if 'warp' not in float32:
        chosen |= _disparity_arithmetic(model)
    if 'heads' not in float32:
        chosen |= {node.output[0] for node in model.graph.node if is_head(node, model.graph)}
    return to_half(model, also=chosen)


def is_head(node: NodeProto, graph: onnx.GraphProto) -> bool:
    """Whether a convolution's output is a disparity (or, blocked, pixels of one)."""
    if node.op_type not in ('Conv', 'ConvTranspose'):
        return False
    if '.blocked.' in node.input[1] or node.input[1] == 'enlarging.weight':
        return True
    dims = next((list(t.dims) for t in graph.initializer if t.name == node.input[1]), None)
    return dims is not None and (dims[0] if node.op_type == 'Conv' else dims[1]) == 1


def serialized(model: onnx.ModelProto) -> bytes:
    """Give the bytes that TensorRT parses.

    Raises:
        EngineError: the network is larger than such a file can be.
    """
    if model.ByteSize() > LARGEST_BYTES:
        raise EngineError(f'the network takes {model.ByteSize() / 1e9:.1f} GB, more than the 2 GB '
                          f'that an ONNX file in memory can hold')
    return model.SerializeToString()


def fix_sizes(model: onnx.ModelProto, shape: tuple[int, int, int]) -> None:
    """Fix (N, H, W) of the images in place: a static engine needs no profile."""
    for value in [*model.graph.input, *model.graph.output]:
        for axis, size in enumerate(shape):
            value.type.tensor_type.shape.dim[axis].dim_value = size
    del model.graph.value_info[:]


def _fold_casts_of_weights(graph: onnx.GraphProto) -> None:
    """Bring weights that are stored as float16 back to float32: the export's linked form."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type == 'Cast' and node.input[0] in weights:
            kind = helper.tensor_dtype_to_np_dtype(node.attribute[0].i)
            values = numpy_helper.to_array(weights[node.input[0]]).astype(kind)
            graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unread(graph)


def _correlation(model: onnx.ModelProto) -> set[str]:
    """Give the products of two feature maps, which alone have five axes (models/correlation)."""
    types = _types(model)
    constants = {tensor.name for tensor in model.graph.initializer}
    found = set()
    for node in model.graph.node:
        if node.op_type == 'MatMul' and not constants & set(node.input) \
                and len(types.get(node.output[0], (0, ()))[1]) == 5:
            found.add(node.output[0])
    return found


_ARITHMETIC = ('Add', 'Sub', 'Mul', 'Div', 'Neg', 'Min', 'Max', 'Abs', 'Floor', 'MatMul')


def _disparity_arithmetic(model: onnx.ModelProto) -> set[str]:
    """Give the float32 arithmetic on whole maps: disparities, coordinates, warped images."""
    types = _types(model)
    found = set()
    for node in model.graph.node:
        kind, shape = types.get(node.output[0], (0, ()))
        if node.op_type in _ARITHMETIC and kind == TensorProto.FLOAT and len(shape) >= 3:
            found.add(node.output[0])
    return found


def _types(model: onnx.ModelProto) -> dict[str, tuple[int, tuple[int | None, ...]]]:
    inferred = onnx.shape_inference.infer_shapes(model)
    found = {}
    for value in [*inferred.graph.value_info, *inferred.graph.output]:
        tensor = value.type.tensor_type
        found[value.name] = (tensor.elem_type, tuple(
            size.dim_value or None for size in tensor.shape.dim))
    return found


def weight_bytes(model: onnx.ModelProto) -> int:
    """Count the bytes of all weights as they are stored in the graph."""
    return sum(int(np.prod(tensor.dims, dtype=np.int64)) * np.dtype(
        helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize
        for tensor in model.graph.initializer)
