# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Compute a float16 graph on a processor that has no float16, with every rounding in its place.

Runtimes on CPUs compute float16 nodes in float32 and drop the casts between them, so a graph that
was run there says nothing about a GPU. Here each float16 result is rounded by float32 arithmetic
that no runtime may drop: to 11 significant bits, and to infinity beyond the largest float16.
(Numbers below 6e-5 keep more bits than they would have; that is an error of 3e-8 at most.)
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

LARGEST = 65504.0
# Dekker's and Veltkamp's splitting: x * 2^13 is added and taken away, which leaves 24 - 13 bits.
_SPLIT = 8193.0
_CONSTANTS = {'half.split': _SPLIT, 'half.largest': LARGEST, 'half.infinity': np.inf}


def emulate_half(model: onnx.ModelProto) -> int:
    """Rewrite a graph typed in float16 into one in float32, in place.

    Returns:
        How many values are rounded.
    """
    graph = model.graph
    half = _half_values(model)
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    nodes: list[NodeProto] = []
    rounded = 0
    for node in graph.node:
        _widen(node)
        outputs = [name for name in node.output if name in half]
        nodes.append(node)
        for name in outputs:
            if node.op_type in ('Identity', 'Concat', 'Constant', 'Clip', 'Neg', 'Transpose'):
                continue  # gives numbers that it was given, which are rounded already
            position = list(node.output).index(name)
            node.output[position] = f'{name}.exact'
            nodes += _rounding(node.output[position], name)
            rounded += 1
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]
    for name, value in _CONSTANTS.items():
        graph.initializer.append(numpy_helper.from_array(np.float32(value), name))
    onnx.checker.check_model(model)
    return rounded


def _half_values(model: onnx.ModelProto) -> set[str]:
    inferred = onnx.shape_inference.infer_shapes(model)
    return {value.name for value in inferred.graph.value_info
            if value.type.tensor_type.elem_type == TensorProto.FLOAT16}


def _widen(node: NodeProto) -> None:
    """Let a node name float32 where it named float16."""
    for attribute in node.attribute:
        if node.op_type == 'Cast' and attribute.name == 'to' \
                and attribute.i == TensorProto.FLOAT16:
            attribute.i = TensorProto.FLOAT
        elif attribute.t.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(attribute.t).astype(np.float32)
            attribute.t.CopyFrom(numpy_helper.from_array(values, attribute.t.name))


def _rounding(source: str, target: str) -> list[NodeProto]:
    def node(kind: str, inputs: list[str], output: str) -> NodeProto:
        return helper.make_node(kind, inputs, [output], name=output)
    spread, rest, value = f'{target}.spread', f'{target}.rest', f'{target}.rounded'
    size, fits, beyond = f'{target}.size', f'{target}.fits', f'{target}.beyond'
    return [node('Mul', [source, 'half.split'], spread),
            node('Sub', [spread, source], rest),
            node('Sub', [spread, rest], value),
            node('Abs', [value], size),
            node('LessOrEqual', [size, 'half.largest'], fits),
            node('Mul', [value, 'half.infinity'], beyond),
            node('Where', [fits, value, beyond], target)]
