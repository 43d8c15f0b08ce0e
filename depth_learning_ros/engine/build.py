# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From an exported file to a built engine that says what it is and how far off it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
import tempfile

import onnx

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.cuda_driver import Gpu, find_gpu
from depth_learning_ros.engine.engine_check import fixed_images, measure_file, wrong_engine
from depth_learning_ros.engine.engine_file import (
    EngineFile,
    EngineIdentity,
    EngineRecord,
    Shapes,
)
from depth_learning_ros.engine.half_emulation import emulate_half
from depth_learning_ros.engine.model_file import ModelFile
from depth_learning_ros.engine.quantize import Ranges, quantise
from depth_learning_ros.engine.reference import (
    MeasuredError,
    Reference,
    compare,
    fixed_pair,
)
from depth_learning_ros.engine.tensorrt_build import BuildOptions, OnProgress, build_plan
from depth_learning_ros.engine.tensorrt_engine import TensorRTEngine, this_platform
from depth_learning_ros.engine.tensorrt_library import CURRENT, Library
from depth_learning_ros.engine.typed_graph import (
    KEPT,
    fix_sizes,
    load_graph,
    serialized,
    type_graph,
)
from depth_learning_ros.errors import EngineError

PRECISIONS = ('fp32', 'fp16', 'int8')
TURING = '7.5'


@dataclass(frozen=True)
class BuildRequest:
    """What to build.

    Attributes:
        precision: ``fp32``, ``fp16``, or ``int8`` (with float16 where it is not quantised).
        options: sizes and limits.
        float32_parts: what stays in float32 below fp32.
        ranges: of the activations, for int8.
    """

    precision: str
    options: BuildOptions
    float32_parts: frozenset[str] = KEPT
    ranges: Ranges | None = None


def build_engine(library: Library, model: ModelFile, request: BuildRequest,
                 on_message: Callable[[str], None], on_progress: OnProgress | None = None,
                 weights: Path | None = None) -> EngineFile:
    """Build an engine, see on the CPU that its graph is right, and measure it where a GPU is.

    Args:
        library: which TensorRT.
        model: a float32 export.
        request: what.
        on_message: told what goes on.
        on_progress: of the library's own steps.
        weights: the model's .safetensors, for a reference at other sizes than the export's.

    Raises:
        EngineError: something does not fit, the library refuses, or the result is too far from
            PyTorch.
    """
    gpu = find_gpu()
    if gpu is None and not library.portable:
        raise EngineError('TensorRT builds for the GPU that it times its kernels on, and there is '
                          'none here: build there, or use tensorrt-rtx')
    request = resolved(library, request, gpu)
    check_request(library, model, request)
    for problem in library.problems():
        on_message(f'{library.label} {library.version} is known for {problem.problem} '
                   f'({problem.source}): this engine is measured like every other')
    graph = typed(model, request)
    reference, by = reference_for(model, request.options.shapes, weights, on_message)
    emulated = None
    if request.precision != 'fp32':
        emulated = emulated_error(graph, model, reference, request.options.shapes)
        if emulated is None:
            on_message('onnxruntime is not installed: the graph is not checked on the CPU')
        elif not emulated.acceptable:
            raise EngineError(f'the {request.precision} graph is wrong on the fixed pair before '
                              f'it is built: {emulated} away from PyTorch; {_remedy(request)}')
    if request.options.shapes.static:
        fix_sizes(graph, request.options.shapes.best)
    on_message(f'building {model.name} in {request.precision} with {library.label} '
               f'{library.version} for {request.options.shapes}')
    plan = build_plan(library, serialized(graph), request.options, on_message, on_progress)
    if plan.fell_back:
        on_message(f'{len(plan.fell_back)} layers run on the GPU, not on the DLA: '
                   f'{", ".join(plan.fell_back[:8])}{", ..." if len(plan.fell_back) > 8 else ""}')
    record = EngineRecord(
        metadata=model.described(), reference=reference.to_text(), reference_by=by,
        emulated=emulated, build_seconds=plan.seconds, layers=plan.layers,
        created=datetime.now(timezone.utc).isoformat(timespec='seconds'))
    file = EngineFile(identity_of(library, model, request, gpu), record, plan.data)
    if gpu is None or file.identity.obstacles(library.name, library.version, gpu,
                                              this_platform()):
        return file
    return measured(library, file, model, on_message)


def resolved(library: Library, request: BuildRequest, gpu: Gpu | None) -> BuildRequest:
    """Fill in what is built for where the request leaves it open, and what that brings along."""
    if not library.portable:
        return request
    options = request.options
    if not options.compute_capabilities:
        words = (CURRENT,) if gpu is not None else tuple(
            word for word in library.capabilities() if word != TURING)
        options = replace(options, compute_capabilities=words)
    parts = request.float32_parts
    turing = TURING in options.compute_capabilities or (
        gpu is not None and gpu.compute_capability == TURING
        and CURRENT in options.compute_capabilities)
    if turing and request.precision == 'fp32':
        raise EngineError('TensorRT for RTX has no float32 matrix product on Turing (compute '
                          'capability 7.5): build in fp16')
    if turing:
        parts = parts & {'heads'}
    return replace(request, options=options, float32_parts=parts)


def identity_of(library: Library, model: ModelFile, request: BuildRequest,
                gpu: Gpu | None) -> EngineIdentity:
    """Give the key of the engine that a resolved request leads to on this machine."""
    capabilities = tuple(
        gpu.compute_capability if word == CURRENT and gpu is not None else word
        for word in request.options.compute_capabilities)
    if not capabilities and gpu is not None:
        capabilities = (gpu.compute_capability,)
    return EngineIdentity(
        onnx_sha256=model.sha256, library=library.name, version=library.version,
        gpu='' if library.portable or gpu is None else gpu.name,
        compute_capabilities=capabilities, precision=request.precision,
        float32_parts=(tuple(sorted(request.float32_parts)) if request.precision != 'fp32'
                       else ()),
        shapes=request.options.shapes,
        calibration=request.ranges.sha256 if request.ranges else '',
        dla_core=request.options.dla_core, platform=this_platform())


def measured(library: Library, file: EngineFile, model: ModelFile,
             on_message: Callable[[str], None]) -> EngineFile:
    """Run a fresh engine on the GPU at hand and add its error.

    Raises:
        EngineError: it does not load, or is too far from PyTorch.
    """
    on_message('measuring the engine against PyTorch')
    info = EngineInfo(model.name, '', '', '', '', model.inputs, model.outputs,
                      metadata=model.described())
    with TensorRTEngine(library, file, info) as engine:
        error = measure_file(engine, file)
    if not error.acceptable:
        raise EngineError(wrong_engine(library, file.identity, error))
    return replace(file, record=replace(file.record, measured=error))


def typed(model: ModelFile, request: BuildRequest) -> onnx.ModelProto:
    """Give the graph in the request's precision, of free size."""
    graph = load_graph(model.path)
    type_graph(graph, 'fp32' if request.precision == 'fp32' else 'fp16', request.float32_parts)
    if request.precision == 'int8':
        assert request.ranges is not None, 'checked before'
        quantise(graph, request.ranges)
    return graph


def emulated_error(graph: onnx.ModelProto, model: ModelFile, reference: Reference,
                   shapes: Shapes) -> MeasuredError | None:
    """Run a typed graph on the CPU with all roundings in place; None without onnxruntime."""
    try:
        from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine
    except ModuleNotFoundError:
        return None
    emulation = onnx.ModelProto()
    emulation.CopyFrom(graph)
    emulate_half(emulation)
    info = EngineInfo(model.name, '', '', '', '', model.inputs, model.outputs,
                      metadata=model.described())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'emulated.onnx')
        onnx.save_model(emulation, str(path))
        with OnnxRuntimeEngine(path, info) as engine:
            count = 1 if None in model.fixed_size else shapes.smallest[0]
            result = engine.infer(fixed_images(info.inputs, reference, count))
    return compare(result['disparity'][0], result['confidence'][0], reference)


def reference_for(model: ModelFile, shapes: Shapes, weights: Path | None,
                  on_message: Callable[[str], None]) -> tuple[Reference, str]:
    """Give PyTorch's answer to the fixed pair at a size that the engine takes, and its author.

    Where the export holds none of such a size, PyTorch computes one; without PyTorch or the
    weights, ONNX Runtime does, which repeats PyTorch to a thousandth of a pixel in float32.

    Raises:
        EngineError: nobody can.
    """
    stored = model.reference
    count = shapes.smallest[0]
    if shapes.hold((count, *stored.disparity.shape)):
        return stored, 'PyTorch'
    _, height, width = shapes.best
    on_message(f'computing the answer to the fixed pair at {width}x{height}')
    if weights is not None:
        try:
            from depth_learning_ros.engine.export import compute_reference
            from depth_learning_ros.engine.graphs import load_graph as load_network
        except ModuleNotFoundError:
            pass
        else:
            return compute_reference(load_network(weights)[0], height, width), 'PyTorch'
    try:
        from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine
    except ModuleNotFoundError as error:
        raise EngineError(
            f'the export holds its answer at {stored.disparity.shape[1]}x'
            f'{stored.disparity.shape[0]} alone, which the engine would not take: let the shapes '
            f'include that size, or install onnxruntime') from error
    info = EngineInfo(model.name, '', '', '', '', model.inputs, model.outputs)
    with OnnxRuntimeEngine(model.path, info) as engine:
        pair = dict(zip(('left', 'right'), fixed_pair(height, width), strict=True))
        result = engine.infer({name: pair[name] for name in info.inputs})
        return (Reference(result['disparity'][0], result['confidence'][0]),
                f'ONNX Runtime {engine.info.backend_version} in float32')


def check_request(library: Library, model: ModelFile, request: BuildRequest) -> None:
    """Refuse what cannot be built.

    Raises:
        EngineError: says what, and what to do.
    """
    library.check_version()
    if request.precision not in PRECISIONS:
        raise EngineError(f'cannot build in {request.precision!r}: use {", ".join(PRECISIONS)}')
    if (request.precision == 'int8') != (request.ranges is not None):
        raise EngineError('int8 needs images to calibrate on (--calibrate BAG), other precisions '
                          'take none')
    shapes = request.options.shapes
    if shapes.smallest[0] < 1 or min(shapes.smallest[1:]) < 2 or not (
            shapes.hold(shapes.smallest) and shapes.hold(shapes.best)):
        raise EngineError(f'the shapes make no sense: smallest {shapes.smallest}, best '
                          f'{shapes.best}, largest {shapes.largest} (N, H, W)')
    for what, fixed, axis in zip(('height', 'width'), model.fixed_size, (1, 2), strict=True):
        if fixed is not None and (shapes.smallest[axis], shapes.largest[axis]) != (fixed, fixed):
            raise EngineError(f'{model.path.name} was exported for the {what} {fixed} alone: '
                              f'build for it, or export again without --{what}')
    for word in request.options.compute_capabilities:
        if library.portable:
            library.capability(word)


def _remedy(request: BuildRequest) -> str:
    if request.precision == 'int8':
        return ('calibrate on more images of the kind that the robot sees, keep more layers in '
                'fp16 (--int8-budget), or build in fp16')
    return 'build it in fp32'
