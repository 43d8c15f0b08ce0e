# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write parts of an exported graph in forms that CPU runtimes compute faster: equal values.

Measured on crl-small at 1242x375 under OpenVINO (processor time, bf16 / fp32), each on its own:
the prediction layers 4 / 8 % less time, with their inputs unjoined another 4 / 5 %; the halving of
the images 2 / 5 %; the enlarging of the correction 5 / 2 %. On svs-small the enlarging of the
selection by products takes away 40 / 55 % of the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from depth_learning_ros.engine.onnx_graph import drop_unread

# Prediction layers at 1/2 and full resolution. Their one output channel wastes most of the vector
# units, which work on 16 at a time: these compute a block of pixels as so many channels instead.
# Coarser ones cost nothing, and their maps are no multiple of a block.
HEADS = ('predict0.weight', 'residual1.weight')
BLOCK = 4
# What lies between camera bytes and a network: nothing that changes the number of channels.
_LAYOUT = ('Cast', 'Transpose', 'Slice', 'Mul', 'Sub', 'Add', 'Unsqueeze', 'Squeeze', 'Pad',
           'Resize', 'Gather', 'Identity')


def to_fast(model: onnx.ModelProto) -> Counter[str]:
    """Rewrite a float32 graph in place; returns how many nodes of each type were replaced."""
    graph = model.graph
    weights = _weights(graph)
    constants = _constants(graph)
    sizes = _sizes(model)
    channels = {name: shape[0] for name, shape in sizes.items()}
    done: Counter[str] = Counter()
    for rewrite in (
            lambda node: _heads(graph, node, weights, channels),
            lambda node: _image_pool(graph, node, channels),
            lambda node: _enlarge(graph, node, constants, channels),
            lambda node: _enlarge_selection(graph, node, constants, sizes)):
        _replace(graph, rewrite, done)
    drop_unread(graph)
    onnx.checker.check_model(model)
    return done


def _replace(graph: onnx.GraphProto, rewrite: Callable[[NodeProto], list[NodeProto] | None],
             done: Counter[str]) -> None:
    nodes: list[NodeProto] = []
    for node in list(graph.node):
        replacement = rewrite(node)
        if replacement is not None:
            done[node.op_type] += 1
        nodes += [node] if replacement is None else replacement
    del graph.node[:]
    graph.node.extend(nodes)


def _heads(graph: onnx.GraphProto, node: NodeProto, weights: dict[str, TensorProto],
           channels: dict[str, int]) -> list[NodeProto] | None:
    """Conv to one channel -> strided Conv to BLOCK^2 channels, then DepthToSpace.

    Where its input is a join that nobody else reads, each part gets its own convolution: a sum
    of small blocks is cheaper than a copy of large maps.
    """
    if node.op_type != 'Conv' or not node.input[1].endswith(HEADS):
        return None
    weight = numpy_helper.to_array(weights[node.input[1]])
    bias = numpy_helper.to_array(weights[node.input[2]])
    blocked = block_weight(weight, BLOCK)
    parts = _join_parts(graph, node.input[0], channels, weight.shape[1])
    name = node.output[0]
    sums: list[NodeProto] = []
    total = ''
    start = 0
    for number, (part, count) in enumerate(parts):
        inputs = [part, _add_weight(graph, f'{node.input[1]}.blocked.{number}',
                                    blocked[:, start:start + count])]
        start += count
        if number == 0:
            inputs.append(_add_weight(graph, f'{node.input[2]}.blocked',
                                      np.repeat(bias, BLOCK * BLOCK)))
        result = f'{name}.part{number}'
        sums.append(helper.make_node(
            'Conv', inputs, [result], name=result, strides=[BLOCK, BLOCK],
            kernel_shape=list(blocked.shape[2:]), pads=[weight.shape[2] // 2] * 4))
        if number:
            sums.append(helper.make_node('Add', [total, result], [f'{name}.sum{number}'],
                                         name=f'{name}.sum{number}'))
        total = sums[-1].output[0]
    return [*sums, helper.make_node('DepthToSpace', [total], [name], name=f'{name}.pixels',
                                    blocksize=BLOCK, mode='CRD')]


def block_weight(weight: np.ndarray, block: int) -> np.ndarray:
    """Give (block^2, C, k + block - 1, k + block - 1) of a (1, C, k, k) kernel.

    Channel u * block + v computes the pixel at row u, column v of each block.
    """
    _, count, height, width = weight.shape
    blocked = np.zeros((block, block, count, height + block - 1, width + block - 1), np.float32)
    for row in range(block):
        for column in range(block):
            blocked[row, column, :, row:row + height, column:column + width] = weight[0]
    return blocked.reshape(block * block, *blocked.shape[2:])


def _join_parts(graph: onnx.GraphProto, value: str, channels: dict[str, int],
                total: int) -> list[tuple[str, int]]:
    """Give what a value is joined of, with channel counts; itself where that is of no use."""
    readers = sum(list(node.input).count(value) for node in graph.node)
    for node in graph.node:
        if value in node.output and node.op_type == 'Concat' and readers == 1:
            parts = [(name, channels.get(name, 0)) for name in node.input]
            if all(count for _, count in parts) and sum(c for _, c in parts) == total:
                return parts
    return [(value, total)]


def _image_pool(graph: onnx.GraphProto, node: NodeProto,
                channels: dict[str, int]) -> list[NodeProto] | None:
    """AveragePool 2x2 of an image -> Conv: pooling first spreads three channels to sixteen."""
    if node.op_type != 'AveragePool' or _attribute(node, 'kernel_shape') != [2, 2]:
        return None
    if _attribute(node, 'strides') != [2, 2]:
        return None
    if node.input[0] in channels:
        if channels[node.input[0]] != 3:
            return None
    elif not _is_camera_image(graph, node.input[0]):
        return None
    name = 'halving.weight'
    if not any(tensor.name == name for tensor in graph.initializer):
        kernel = np.zeros((3, 3, 2, 2), np.float32)
        kernel[range(3), range(3)] = 0.25
        _add_weight(graph, name, kernel)
    return [helper.make_node('Conv', [node.input[0], name], list(node.output), name=node.name,
                             kernel_shape=[2, 2], strides=[2, 2])]


def _is_camera_image(graph: onnx.GraphProto, value: str) -> bool:
    """Tell whether a value is an input of the graph but for layout, padding and scale."""
    makers = {output: node for node in graph.node for output in node.output}
    while value in makers:
        if makers[value].op_type not in _LAYOUT:
            return False
        value = makers[value].input[0]
    return any(value == image.name for image in graph.input)


def _enlarge(graph: onnx.GraphProto, node: NodeProto, constants: dict[str, np.ndarray],
             channels: dict[str, int]) -> list[NodeProto] | None:
    """Bilinear enlarging by two of a one-channel map -> ConvTranspose of the extended map."""
    if node.op_type != 'Resize' or _attribute(node, 'mode') != b'linear':
        return None
    if constants.get(node.input[2], np.empty(0)).tolist() != [1, 1, 2, 2]:
        return None
    if channels.get(node.input[0], 1) != 1:
        return None
    if not any(tensor.name == 'enlarging.weight' for tensor in graph.initializer):
        taps = np.array([0.25, 0.75, 0.75, 0.25], np.float32)
        _add_weight(graph, 'enlarging.weight', np.outer(taps, taps)[None, None])
        for name, values in (('pads', [0, 0, 1, 1, 0, 0, 1, 1]), ('starts', [2, 2]),
                             ('ends', [-2, -2]), ('axes', [2, 3])):
            _add_weight(graph, f'enlarging.{name}', np.array(values, np.int64))
    name = node.output[0]
    return [
        helper.make_node('Pad', [node.input[0], 'enlarging.pads'], [f'{name}.extended'],
                         name=f'{name}.extended', mode='edge'),
        helper.make_node('ConvTranspose', [f'{name}.extended', 'enlarging.weight'],
                         [f'{name}.enlarged'], name=f'{name}.enlarged', kernel_shape=[4, 4],
                         strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node('Slice', [f'{name}.enlarged', 'enlarging.starts', 'enlarging.ends',
                                   'enlarging.axes'], [name], name=f'{name}.cut')]


def _enlarge_selection(graph: onnx.GraphProto, node: NodeProto, constants: dict[str, np.ndarray],
                       sizes: dict[str, tuple[int, int, int]]) -> list[NodeProto] | None:
    """Bilinear enlarging of what is then split into its channels -> two matrix products.

    Runtimes enlarge pixel by pixel with all channels side by side, and then gather each channel
    from the whole map: of svs-small's 65 shifts, half of all its time. Products leave channel
    after channel in memory, where splitting costs nothing.
    """
    if node.op_type != 'Resize' or _attribute(node, 'mode') != b'linear':
        return None
    scales = constants.get(node.input[2], np.empty(0)).tolist()
    _, height, width = sizes.get(node.input[0], (0, 0, 0))
    if scales[:2] != [1, 1] or len(scales) != 4 or not height or not width:
        return None
    if not _is_split(graph, node.output[0]):
        return None
    name = node.output[0]
    across = _add_weight(graph, f'{name}.across', enlarging(width, int(scales[3])))
    down = _add_weight(graph, f'{name}.down', enlarging(height, int(scales[2])).T)
    wide = f'{name}.wide'
    return [helper.make_node('MatMul', [node.input[0], across], [wide], name=wide),
            helper.make_node('MatMul', [down, wide], [name], name=f'{name}.high')]


def enlarging(count: int, factor: int) -> np.ndarray:
    """Give the matrix (count, count * factor) that interpolates a row about pixel centres."""
    places = np.clip((np.arange(count * factor) + 0.5) / factor - 0.5, 0, count - 1)
    near = np.floor(places).astype(int)
    far = np.minimum(near + 1, count - 1)
    weights = np.zeros((count, count * factor), np.float32)
    columns = np.arange(count * factor)
    weights[near, columns] += 1 - (places - near)
    weights[far, columns] += places - near
    return weights


def _is_split(graph: onnx.GraphProto, value: str) -> bool:
    """Tell whether all that is done with a value is to split it (and ask for its size)."""
    readers = [node for node in graph.node if value in node.input and node.op_type != 'Shape']
    return bool(readers) and all(
        node.op_type == 'Split' or (node.op_type in ('Cast', 'Identity')
                                    and _is_split(graph, node.output[0])) for node in readers)


def _add_weight(graph: onnx.GraphProto, name: str, values: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    return name


def _attribute(node: NodeProto, name: str) -> object:
    for attribute in node.attribute:
        if attribute.name == name:
            return helper.get_attribute_value(attribute)
    return None


def _weights(graph: onnx.GraphProto) -> dict[str, TensorProto]:
    """Give the weights by name; the exporter stores equal ones once, behind an Identity."""
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == 'Identity' and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights


def _constants(graph: onnx.GraphProto) -> dict[str, np.ndarray]:
    return {node.output[0]: numpy_helper.to_array(node.attribute[0].t) for node in graph.node
            if node.op_type == 'Constant' and node.attribute[0].name == 'value'}


def _sizes(model: onnx.ModelProto) -> dict[str, tuple[int, int, int]]:
    """Give (C, H, W) of every (N, C, H, W) value whose C is known; 0 where H or W is free."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    found = {}
    for value in [*inferred.graph.input, *inferred.graph.value_info]:
        sizes = value.type.tensor_type.shape.dim
        if len(sizes) == 4 and sizes[1].dim_value:
            found[value.name] = (sizes[1].dim_value, sizes[2].dim_value, sizes[3].dim_value)
    return found
