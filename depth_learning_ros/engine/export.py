# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write a network as an ONNX file, and let nobody have it before it gave PyTorch's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata as installed
import json
import logging
from pathlib import Path
import tempfile
from typing import Any
import warnings

import numpy as np
import onnx
import torch

from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo
from depth_learning_ros.engine.fast_graph import to_fast
from depth_learning_ros.engine.graphs import Graph, load_graph
from depth_learning_ros.engine.half_graph import to_half
from depth_learning_ros.engine.model_file import FORMAT_VERSION, file_sha256, read_model_file
from depth_learning_ros.engine.mono import engine_metadata
from depth_learning_ros.engine.mono_graph import MonoGraph
from depth_learning_ros.engine.onnx_graph import link_weights, set_metadata
from depth_learning_ros.engine.reference import (
    HEIGHT,
    METADATA_KEY,
    WIDTH,
    MeasuredError,
    Reference,
    compare,
    fixed_pair,
)
from depth_learning_ros.errors import EngineError
from depth_learning_ros.files import atomic_path, check_output
from depth_learning_ros.models.checkpoint import CheckpointInfo, find_weights
from depth_learning_ros.models.tensorfile import HASH_KEY, read_metadata

OPSET = 18
PRECISIONS = ('fp32', 'fp16')
# Sizes at which every file with free sizes is run before it gets its name: graphs that were traced
# at one size are known to fail, or to be wrong, at others. (N, H, W): below and not on the
# network's multiple of 64, more than one pair; then at the reference's own size.
CHECKED_SHAPES = ((1, 50, 100), (2, 70, 130))
# Free sizes are traced at this one, which stands for all: neither square nor the smallest.
TRACED_HEIGHT, TRACED_WIDTH = 128, 192
# An fp32 file repeats PyTorch up to the order of sums; fp16 has 11 bits in its trunk.
TOLERANCE_PX = {'fp32': 0.01, 'fp16': 0.1}
# Of the right view that a mono model imagines, mean; it is for looking at.
TOLERANCE_GRAY = 1.0

_OUTPUTS = {'disparity': 'float32 [N, H, W], pixels, >= 0, left view',
            'confidence': 'float32 [N, H, W], 0..1, 1 = sure',
            'right': 'uint8 [N, H, W, 3] RGB, the right view as it is imagined'}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        path: the file.
        error: its difference to PyTorch on the fixed pair, measured by ``checked_by``.
        shapes: (N, H, W) at which it was run and compared.
    """

    path: Path
    error: MeasuredError
    shapes: tuple[tuple[int, int, int], ...]
    checked_by: str


def export_model(model: str | Path, output: Path, *, height: int | None = None,
                 width: int | None = None, precision: str = 'fp32', force: bool = False,
                 linked: bool = False, right_view: bool = False,
                 on_message: Callable[[str], None] | None = None) -> Export:
    """Export a network.

    Args:
        model: a shipped name or a .safetensors file.
        output: the .onnx file.
        height: fixes the images' height; None = any.
        width: fixes their width; None = any.
        precision: ``fp32``, or ``fp16`` for a trunk in float16 (correlation, warping and
            disparities stay in float32), which GPUs run faster.
        force: replace an existing file.
        linked: take the weights from ``model``, which must lie beside ``output``, instead of
            storing them again.
        right_view: let a mono model also give the right view that it imagines.
        on_message: told what takes long.

    Raises:
        EngineError: an option makes no sense, or the file does not repeat PyTorch's answers; then
            nothing is left under its name.
        ModelError: the weights are damaged or do not exist.
        DataError: the output exists and not ``force``, or cannot be written.
    """
    say = on_message or log.info
    _check_options(height, width, precision)
    check_output(output, force)
    weights = find_weights(model)
    graph, info = load_graph(weights, ('right',) if right_view else ())
    say(f'exporting {info.name}')
    proto = trace(graph, height, width)
    if precision == 'fp16':
        to_half(proto)
    else:
        to_fast(proto)
    extra = {}
    if linked:
        link_weights(proto, weights)
        extra = {'weights_file': weights.name, 'weights_file_sha256': file_sha256(weights)}
    reference = compute_reference(graph, height, width)
    metadata = _metadata(weights, info, graph, precision, (height, width), reference)
    set_metadata(proto, {**metadata, **extra})
    with atomic_path(output, force=force) as temporary:
        onnx.save_model(proto, str(temporary))
        say(f'comparing {output.name} with PyTorch')
        return _compared(temporary, output, graph, reference, _shapes(height, width, reference),
                         TOLERANCE_PX[precision])


def trace(graph: Graph, height: int | None, width: int | None) -> onnx.ModelProto:
    """Give the ONNX graph of a network, free in N and in what is None of height and width."""
    pair = _test_images(graph, (1, height or TRACED_HEIGHT, width or TRACED_WIDTH))
    images = [torch.from_numpy(image) for image in pair.values()]
    free = {axis: name for axis, name, fixed in (
        (0, 'N', height and width), (1, 'H', height), (2, 'W', width)) if not fixed}
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), _quiet():
        file = Path(folder, 'traced.onnx')
        # The exporter that traces: the newer one needs one more library, and pads and reshapes of
        # free sizes come out of it with their sizes fixed.
        torch.onnx.export(
            graph, tuple(images), file, input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_axes=dict.fromkeys((*graph.inputs, *graph.outputs), free) if free else None,
            opset_version=OPSET, dynamo=False)
        proto = onnx.load(file)
    for value in proto.graph.output:  # the exporter names sizes that it could not follow
        for axis, fixed in enumerate((1 if height and width else None, height, width)):
            size = value.type.tensor_type.shape.dim[axis]
            if fixed:
                size.dim_value = fixed
            else:
                size.dim_param = free[axis]
        for size in value.type.tensor_type.shape.dim[3:]:  # colours of the right view
            size.dim_value = 3
    return proto


def compute_reference(graph: Graph, height: int | None = None,
                      width: int | None = None) -> Reference:
    """Give PyTorch's float32 answer to the fixed pair.

    Args:
        graph: what is to be measured.
        height, width: of the pair; None = 64 x 1280, or a mono network's training size: an error
            then counts in pixels of its own, not in those of an image that it never sees so large.
    """
    usual = graph.facts.training_size if isinstance(graph, MonoGraph) else (HEIGHT, WIDTH)
    shape = (1, height or usual[0], width or usual[1])
    answer = _run(graph, _test_images(graph, shape))
    return Reference(answer['disparity'][0], answer['confidence'][0])


def reference_of(weights: Path) -> Reference:
    """Give PyTorch's float32 answer to the fixed pair for a weights file."""
    return compute_reference(load_graph(weights)[0])


def _compared(file: Path, output: Path, graph: Graph, reference: Reference,
              shapes: tuple[tuple[int, int, int], ...], tolerance_px: float) -> Export:
    """Run the written file at every shape; raise unless all answers are PyTorch's."""
    engine = _any_engine(file)
    with engine:
        for shape in shapes:
            images = _test_images(graph, shape)
            expected = _run(graph, images)
            if shape == (1, *reference.disparity.shape):  # as it will be read from the file
                expected |= {'disparity': reference.disparity[None],
                             'confidence': reference.confidence[None]}
            result = engine.infer(images)
            for number in range(shape[0]):
                error = compare(result['disparity'][number], result['confidence'][number],
                                Reference(expected['disparity'][number],
                                          expected['confidence'][number]))
                if not (error.mean_px <= tolerance_px and error.acceptable):
                    raise EngineError(
                        f'the exported graph is wrong at {shape[2]}x{shape[1]}: {error} away from '
                        f'PyTorch; {output} was not written')
            _check_right_view(result, expected, output)
    # the last shape is that of the reference
    return Export(output, error, shapes, f'{engine.info.backend} {engine.info.backend_version}')


def _any_engine(file: Path) -> Engine:
    """Open the file with whatever runs ONNX here, in float32."""
    model = read_model_file(file)
    info = EngineInfo(model.name, '', '', 'fp32', '', model.inputs, model.outputs)
    try:
        from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine
        return OnnxRuntimeEngine(file, info)
    except ImportError:
        pass
    try:
        from depth_learning_ros.engine.openvino_runner import OpenVinoEngine
        return OpenVinoEngine(file, info)
    except ImportError as error:
        raise EngineError('an exported file is run before it is handed out, and neither '
                          "onnxruntime nor openvino is installed: pip install "
                          "'depth_learning_ros[cpu]'") from error


def _check_right_view(result: Arrays, expected: Arrays, output: Path) -> None:
    if 'right' not in expected:
        return
    difference = np.abs(result['right'].astype(np.float32) - expected['right']).mean()
    if not difference <= TOLERANCE_GRAY:
        raise EngineError(f'the right view of the exported graph is {difference:.3g} gray levels '
                          f'away from that of PyTorch; {output} was not written')


def _test_images(graph: Graph, shape: tuple[int, int, int]) -> Arrays:
    """Give ``shape[0]`` different pairs, or what a mono graph takes of them."""
    count, height, width = shape
    pair = dict(zip(('left', 'right'), fixed_pair(height, width), strict=True))
    return {name: np.concatenate([np.roll(pair[name], 9 * number, axis=1)
                                  for number in range(count)]) for name in graph.inputs}


def _run(graph: Graph, images: Arrays) -> Arrays:
    with torch.inference_mode():
        answers = graph(*(torch.from_numpy(image) for image in images.values()))
    return {name: answer.numpy() for name, answer in zip(graph.outputs, answers, strict=True)}


def _shapes(height: int | None, width: int | None,
            reference: Reference) -> tuple[tuple[int, int, int], ...]:
    own = (1, *reference.disparity.shape)
    if height and width:
        return (own,)
    return (*((n, height or h, width or w) for n, h, w in CHECKED_SHAPES), own)


def _metadata(weights: Path, info: CheckpointInfo, graph: Graph, precision: str,
              size: tuple[int | None, int | None], reference: Reference) -> dict[str, str]:
    versions: dict[str, Any] = {'torch': torch.__version__, 'onnx': onnx.__version__}
    try:
        versions['depth_learning_ros'] = installed.version('depth_learning_ros')
    except installed.PackageNotFoundError:
        pass  # run from the source folder
    described = engine_metadata(info)
    del described['format_version']
    name, trained_with = described.pop('name'), described.pop('tool_versions')
    return {
        **described, 'depth_learning_format': str(FORMAT_VERSION),
        'model': name, 'trained_with': trained_with,
        'weights_sha256': read_metadata(weights).get(HASH_KEY) or file_sha256(weights),
        'inputs': json.dumps(dict.fromkeys(graph.inputs, 'uint8 [N, H, W, 3] RGB')),
        'outputs': json.dumps({name: _OUTPUTS[name] for name in graph.outputs}),
        'precision': precision, 'size': json.dumps(size), 'opset': str(OPSET),
        'tool_versions': json.dumps(versions, sort_keys=True),
        METADATA_KEY: reference.to_text(),
    }


def _check_options(height: int | None, width: int | None, precision: str) -> None:
    if precision not in PRECISIONS:
        raise EngineError(f'cannot export in {precision!r}: use {" or ".join(PRECISIONS)}')
    for what, value in (('height', height), ('width', width)):
        if value is not None and value < 2:
            raise EngineError(f'the {what} is {value}: it must be at least 2 pixels')


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about tracing and its own age from the user."""
    logger = logging.getLogger('torch.onnx')
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)
