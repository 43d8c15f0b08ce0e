# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""int8 by explicit quantisation: ranges measured on images, written into the graph as Q/DQ pairs.

Quantised are the trunk's convolutions, per channel for weights and per tensor for activations,
both symmetric, as TensorRT wants it. The first convolution (it sees the images), everything that
gives or carries a disparity, and the correlation keep their precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import tempfile

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.onnx_graph import drop_unread
from depth_learning_ros.engine.typed_graph import is_head
from depth_learning_ros.errors import EngineError

OPSET = 19  # the first whose DequantizeLinear gives float16
# Of the magnitudes of a tensor, what is beyond this share is clipped: a few outliers would else
# take the steps away from everything that matters.
PERCENTILE = 99.99
# Calibration images are cut to this (height, width): all activations of a pair are held at once.
CROP = (256, 512)
FEWEST_IMAGES = 8
_SAMPLES = 200_000
_LARGEST = 127


@dataclass(frozen=True)
class Ranges:
    """Magnitudes of the tensors that are quantised.

    Attributes:
        largest: tensor -> magnitude that becomes 127.
        images: how many pairs they were measured on.
        kept: weights of the convolutions that stay in float16.
    """

    largest: Mapping[str, float]
    images: int
    kept: frozenset[str] = frozenset()

    @property
    def sha256(self) -> str:
        """Checksum, for the identity of an engine."""
        text = json.dumps([dict(self.largest), sorted(self.kept)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def calibrate(model: onnx.ModelProto, frames: Iterable[Mapping[str, np.ndarray]],
              on_progress: Callable[[int, int | None], None] | None = None) -> Ranges:
    """Measure the ranges.

    Args:
        model: the float32 graph of ``typed_graph.load_graph``.
        frames: the images by input name, uint8 [1, H, W, 3] RGB: typical ones, of all kinds.
        on_progress: told how many are done.

    Raises:
        EngineError: there are too few, or onnxruntime is not installed.
    """
    try:
        from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine
    except ModuleNotFoundError as error:
        raise EngineError("calibrating needs onnxruntime: pip install "
                          "'depth_learning_ros[cpu]'") from error
    names = sorted({node.input[0] for node in quantised(model.graph)})
    inputs = tuple(value.name for value in model.graph.input)
    largest = dict.fromkeys(names, 0.0)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'watched.onnx')
        _save_watched(model, names, file)
        info = EngineInfo('calibration', '', '', 'fp32', '', inputs, tuple(names))
        with OnnxRuntimeEngine(file, info) as engine:
            for frame in frames:
                found = engine.infer({name: _crop(frame[name]) for name in inputs})
                for name, values in found.items():
                    largest[name] = max(largest[name], _magnitude(values))
                count += 1
                if on_progress is not None:
                    on_progress(count, None)
    if count < FEWEST_IMAGES:
        raise EngineError(f'{count} pairs of images are too few to calibrate on: give at least '
                          f'{FEWEST_IMAGES}, of all the scenes that the robot sees')
    return Ranges(largest, count)


def quantise(model: onnx.ModelProto, ranges: Ranges) -> int:
    """Write Q/DQ pairs into a graph typed in float16, in place.

    Returns:
        How many convolutions are quantised.

    Raises:
        EngineError: the ranges are of another graph.
    """
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    chosen = {node.output[0]: node for node in quantised(graph, typed=True)
              if node.input[1].removesuffix('.half') not in ranges.kept}
    nodes: list[NodeProto] = []
    done: dict[str, str] = {}
    for node in graph.node:
        if node.output[0] in chosen:
            source = node.input[0]
            name = _float_name(source, makers)
            if name not in ranges.largest:
                raise EngineError(f'there is no range of {name!r}: calibrate on this model')
            if source not in done:
                done[source] = f'{source}.int8'
                nodes += _quantised_activation(graph, source, done[source],
                                               ranges.largest[name])
            node.input[0] = done[source]
            if f'{node.input[1]}.int8' not in done:
                done[f'{node.input[1]}.int8'] = node.input[1]
                nodes += [_quantised_weight(graph, weights[node.input[1]], node.op_type)]
            node.input[1] = f'{node.input[1]}.int8'
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    drop_unread(graph)
    for entry in model.opset_import:
        if entry.domain in ('', 'ai.onnx'):
            entry.version = OPSET
    onnx.checker.check_model(model)
    return len(chosen)


def quantised(graph: onnx.GraphProto, typed: bool = False) -> list[NodeProto]:
    """List the convolutions that are quantised.

    Args:
        graph: in float32, or (``typed``) with its trunk in float16.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type not in ('Conv', 'ConvTranspose') or node.input[1] not in weights:
            continue
        if is_head(node, graph) or node.input[1].startswith('halving.'):
            continue
        dims = weights[node.input[1]].dims
        channels = dims[1] if node.op_type == 'Conv' else dims[0]
        kind = TensorProto.FLOAT16 if typed else TensorProto.FLOAT
        if channels > 3 and weights[node.input[1]].data_type == kind:
            found.append(node)
    return found


def _quantised_activation(graph: onnx.GraphProto, source: str, target: str,
                          largest: float) -> list[NodeProto]:
    scale = np.float16(max(largest / _LARGEST, np.finfo(np.float16).tiny))
    graph.initializer.append(numpy_helper.from_array(np.asarray(scale), f'{target}.scale'))
    graph.initializer.append(numpy_helper.from_array(np.asarray(np.int8(0)), f'{target}.zero'))
    extra = [f'{target}.scale', f'{target}.zero']
    return [helper.make_node('QuantizeLinear', [source, *extra], [f'{target}.steps'],
                             name=f'{target}.quantise'),
            helper.make_node('DequantizeLinear', [f'{target}.steps', *extra], [target],
                             name=f'{target}.dequantise')]


def _quantised_weight(graph: onnx.GraphProto, tensor: TensorProto, kind: str) -> NodeProto:
    """Store a weight as int8 with one scale for each output channel."""
    values = numpy_helper.to_array(tensor).astype(np.float32)
    axis = 0 if kind == 'Conv' else 1
    rest = tuple(number for number in range(values.ndim) if number != axis)
    scales = np.abs(values).max(rest) / _LARGEST
    scales = np.maximum(scales, np.finfo(np.float16).tiny).astype(np.float16)
    shape = [1] * values.ndim
    shape[axis] = -1
    steps = np.rint(values / scales.astype(np.float32).reshape(shape))
    name = f'{tensor.name}.int8'
    for suffix, array in (('steps', np.clip(steps, -_LARGEST, _LARGEST).astype(np.int8)),
                          ('scale', scales), ('zero', np.zeros(scales.shape, np.int8))):
        graph.initializer.append(numpy_helper.from_array(array, f'{name}.{suffix}'))
    return helper.make_node('DequantizeLinear', [f'{name}.steps', f'{name}.scale', f'{name}.zero'],
                            [name], name=f'{name}.dequantise', axis=axis)


def _float_name(name: str, makers: Mapping[str, NodeProto]) -> str:
    """Follow what `to_half` put in between back to the name in the float32 graph."""
    maker = makers.get(name)
    while maker is not None and maker.op_type in ('Cast', 'Identity'):
        name = maker.input[0]
        maker = makers.get(name)
    return name.removesuffix('.half')


def _save_watched(model: onnx.ModelProto, names: list[str], file: Path) -> None:
    """Save the graph with the tensors as its outputs."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    for name in names:
        watched.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    drop_unread(watched.graph)
    onnx.save_model(watched, str(file))


def _crop(image: np.ndarray) -> np.ndarray:
    """Cut the middle out, the same in both images."""
    height, width = image.shape[1:3]
    top, left = max(0, (height - CROP[0]) // 2), max(0, (width - CROP[1]) // 2)
    return np.ascontiguousarray(image[:, top:top + CROP[0], left:left + CROP[1]])


def _magnitude(values: np.ndarray) -> float:
    sizes = np.abs(values.ravel())
    step = max(1, sizes.size // _SAMPLES)
    return float(np.percentile(sizes[::step], PERCENTILE))
