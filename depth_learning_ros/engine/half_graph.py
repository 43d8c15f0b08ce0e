# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn the trunk of an exported float32 graph into float16.

Convolutions with more than one output channel compute in float16. The prediction layers, whose
single channel *is* the disparity, and everything that is no convolution (correlation, warping,
sums of disparities, confidence) stay in float32; a float16 disparity of 100 px would move in steps
of 0.06 px.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from depth_learning_ros.engine.onnx_graph import drop_unread

_HEAVY = ('Conv', 'ConvTranspose')
# Heads and image resampling that `fast_graph` wrote as convolutions of several channels.
_PREPARED = ('.blocked', 'halving.weight')
# Cheap things between two convolutions that need not go back to float32 for themselves.
_FOLLOWERS = ('LeakyRelu',)


def to_half(model: onnx.ModelProto, also: Collection[str] = ()) -> int:
    """Rewrite a graph in place; returns how many nodes compute in float16.

    Args:
        model: the graph.
        also: outputs of further nodes that shall.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    half = _half_nodes(graph, weights) | set(also)
    nodes: list[NodeProto] = []
    casts: dict[str, str] = {}
    for node in graph.node:
        if node.output[0] not in half:
            nodes.append(node)
            continue
        for number, name in enumerate(node.input):
            if name in weights:
                node.input[number] = _half_weight(graph, weights, name)
            elif name:
                node.input[number] = _cast_input(nodes, casts, name)
        name = node.output[0]
        node.output[0] = f'{name}.half'
        casts[name] = node.output[0]
        nodes += [node, _cast(node.output[0], name, TensorProto.FLOAT)]
    del graph.node[:]
    graph.node.extend(nodes)
    _push_casts_through_joins(graph, set(casts.values()))
    drop_unread(graph)
    onnx.checker.check_model(model)
    return len(half)


def _half_nodes(graph: onnx.GraphProto, weights: dict[str, TensorProto]) -> set[str]:
    """Choose the nodes that compute in float16, by their output."""
    chosen: set[str] = set()
    for node in graph.node:
        if node.op_type in _HEAVY and node.input[1] in weights:
            if any(mark in node.input[1] for mark in _PREPARED):
                continue
            dims = weights[node.input[1]].dims
            outputs = dims[0] if node.op_type == 'Conv' else dims[1]
            takes = outputs > 1
        else:
            takes = node.op_type in _FOLLOWERS and node.input[0] in chosen
        if takes:
            chosen.add(node.output[0])
    return chosen


def _half_weight(graph: onnx.GraphProto, weights: dict[str, TensorProto], name: str) -> str:
    halved = f'{name}.half'
    if halved not in weights:
        values = numpy_helper.to_array(weights[name]).astype(np.float16)
        graph.initializer.append(numpy_helper.from_array(values, halved))
        weights[halved] = graph.initializer[-1]
    return halved


def _cast_input(nodes: list[NodeProto], casts: dict[str, str], name: str) -> str:
    """Give the float16 twin of a float32 value."""
    if name not in casts:
        casts[name] = f'{name}.as_half'
        nodes.append(_cast(name, casts[name], TensorProto.FLOAT16))
    return casts[name]


def _push_casts_through_joins(graph: onnx.GraphProto, half_values: set[str]) -> None:
    """Join in float16 what is only wanted in float16: a Concat of large maps moves half."""
    users: dict[str, list[NodeProto]] = defaultdict(list)
    makers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    nodes: list[NodeProto] = []
    for node in graph.node:
        wanted = users[node.output[0]] if node.op_type == 'Concat' else []
        if wanted and all(_is_cast(user, TensorProto.FLOAT16) for user in wanted):
            for number, name in enumerate(node.input):
                maker = makers.get(name)
                if maker is not None and maker.input[:1] and maker.input[0] in half_values:
                    node.input[number] = maker.input[0]
                else:
                    twin = f'{name}.for.{node.output[0]}'
                    nodes.append(_cast(name, twin, TensorProto.FLOAT16))
                    node.input[number] = twin
            for user in wanted:  # the cast behind the join becomes a copy of float16
                user.op_type = 'Identity'
                del user.attribute[:]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _cast(source: str, target: str, to: int) -> NodeProto:
    return helper.make_node('Cast', [source], [target], name=f'{target}.cast', to=to)


def _is_cast(node: NodeProto, to: int) -> bool:
    return node.op_type == 'Cast' and node.attribute[0].i == to
