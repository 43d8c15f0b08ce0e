# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Have TensorRT build a typed ONNX graph, with a memory limit, progress and a report of layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
import re
import time
from typing import Any

from depth_learning_ros.engine.engine_file import Shapes
from depth_learning_ros.engine.tensorrt_library import (
    Library,
    driver_hint,
    is_out_of_memory,
)
from depth_learning_ros.engine.trusted_file import read_trusted
from depth_learning_ros.errors import EngineError
from depth_learning_ros.files import atomic_write

# Where no limit was given and the GPU's memory ran out, half of this is tried first.
LARGEST_WORKSPACE_MB = 8192
SMALLEST_WORKSPACE_MB = 64
_REQUESTED = re.compile(r'[Rr]equested size was (\d+)')
OnProgress = Callable[[int, 'int | None'], None]


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        shapes: the sizes that the engine takes.
        compute_capabilities: what to build for; empty: the library's own choice (TensorRT: the
            GPU at hand; TensorRT for RTX without a GPU: everything it knows but Turing).
        workspace_mb: memory that a layer may use for itself; None: all of the GPU's.
        timing_cache: file that keeps what was timed for the next build (TensorRT; the one for RTX
            times nothing while it builds).
        dla_core: run what it can on that core of a Jetson's deep learning accelerator.
        level: 0 builds fast, 5 searches longest; None: the library's choice.
    """

    shapes: Shapes
    compute_capabilities: tuple[str, ...] = ()
    workspace_mb: int | None = None
    timing_cache: Path | None = None
    dla_core: int | None = None
    level: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a build gave.

    Attributes:
        data: the engine's bytes.
        seconds: how long the library took.
        layers: how many layers of each kind, type and place went in.
        fell_back: names of the layers that stay on the GPU although a DLA core was asked for.
        workspace_mb: the limit it was built under, None: no limit.
    """

    data: bytes
    seconds: float
    layers: dict[str, int] = field(default_factory=dict)
    fell_back: tuple[str, ...] = ()
    workspace_mb: int | None = None


def build_plan(library: Library, graph: bytes, options: BuildOptions,
               on_message: Callable[[str], None],
               on_progress: OnProgress | None = None) -> Plan:
    """Build; where the memory does not suffice, again with a smaller workspace.

    Args:
        library: which TensorRT.
        graph: the typed ONNX file.
        options: how.
        on_message: told what goes on.
        on_progress: called with (done, all) steps; a KeyboardInterrupt from it stops the build.

    Raises:
        EngineError: the library refuses the graph, the options, or the memory does not suffice.
    """
    library.check_version()
    asked = options
    while True:
        with library.errors() as complaints:
            plan = _attempt(library, graph, options, on_progress)
        if plan is not None:
            return plan
        smaller = _smaller_workspace(options, complaints)
        if smaller is None:
            raise EngineError(_failure(library, options, asked, complaints))
        on_message(f'not enough memory: building again with {smaller} MB of workspace')
        options = replace(options, workspace_mb=smaller)


def _attempt(library: Library, graph: bytes, options: BuildOptions,
             on_progress: OnProgress | None) -> Plan | None:
    trt = library.module
    builder = trt.Builder(library.logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, library.logger)
    if not parser.parse(graph):
        found = [str(parser.get_error(number)) for number in range(parser.num_errors)]
        raise EngineError(f'{library.label} {library.version} cannot parse the network: '
                          f'{"; ".join(found) or "it gives no reason"}')
    config = builder.create_builder_config()
    _configure(library, builder, network, config, options)
    layers, fell_back = describe_layers(trt, network, config, options)
    timing = _load_timing_cache(config, options)
    monitor = _monitor(trt, on_progress) if on_progress else None
    if monitor is not None:
        config.progress_monitor = monitor
    start = time.perf_counter()
    data = builder.build_serialized_network(network, config)
    seconds = time.perf_counter() - start
    if monitor is not None and monitor.interrupted:
        raise KeyboardInterrupt
    if data is None:
        return None
    if timing is not None and options.timing_cache is not None:
        with atomic_write(options.timing_cache, force=True) as file:
            file.write(memoryview(config.get_timing_cache().serialize()))
    return Plan(bytes(data), seconds, layers, fell_back, options.workspace_mb)


def _configure(library: Library, builder: Any, network: Any, config: Any,
               options: BuildOptions) -> None:
    trt = library.module
    # TensorFloat-32 is on in a new configuration: float32 that is asked for shall be float32
    config.clear_flag(trt.BuilderFlag.TF32)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if options.workspace_mb is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
    if options.level is not None:
        config.builder_optimization_level = options.level
    if not options.shapes.static:
        profile = builder.create_optimization_profile()
        for number in range(network.num_inputs):
            profile.set_shape(network.get_input(number).name, *(
                (*shape, 3) for shape in (options.shapes.smallest, options.shapes.best,
                                          options.shapes.largest)))
        config.add_optimization_profile(profile)
    if options.compute_capabilities:
        if not library.portable:
            raise EngineError('TensorRT builds for the GPU at hand: leave the compute capability '
                              'out, or build with tensorrt-rtx')
        config.num_compute_capabilities = len(options.compute_capabilities)
        for number, word in enumerate(options.compute_capabilities):
            config.set_compute_capability(library.capability(word), number)
    if options.dla_core is not None:
        _use_dla(trt, builder, config, options.dla_core)


def _use_dla(trt: Any, builder: Any, config: Any, core: int) -> None:
    cores = builder.num_DLA_cores
    if core >= cores:
        raise EngineError(f'there is no DLA core {core}: this machine has {cores} (Jetson Orin '
                          f'and Xavier have them, Thor and desktop GPUs do not)')
    config.default_device_type = trt.DeviceType.DLA
    config.DLA_core = core
    config.set_flag(trt.BuilderFlag.GPU_FALLBACK)


def describe_layers(trt: Any, network: Any, config: Any,
                    options: BuildOptions) -> tuple[dict[str, int], tuple[str, ...]]:
    """Count layers by kind, type of their first output and place; name those off the DLA."""
    counts: Counter[str] = Counter()
    fell_back = []
    for number in range(network.num_layers):
        layer = network.get_layer(number)
        if layer.type in (trt.LayerType.CONSTANT, trt.LayerType.SHAPE):
            continue
        place = 'GPU'
        if options.dla_core is not None:
            if config.can_run_on_DLA(layer):
                place = 'DLA'
            else:
                fell_back.append(layer.name)
        kind = str(layer.type).rpartition('.')[2].lower()
        output = layer.get_output(0)
        dtype = str(output.dtype).rpartition('.')[2].lower() if output is not None else '-'
        counts[f'{kind} {dtype} {place}'] += 1
    return dict(sorted(counts.items())), tuple(fell_back)


def _load_timing_cache(config: Any, options: BuildOptions) -> Any:
    """Hand the builder what earlier builds timed; a cache that does not fit is begun anew."""
    if options.timing_cache is None:
        return None
    stored = read_trusted(options.timing_cache) if options.timing_cache.is_file() else b''
    cache = config.create_timing_cache(stored) or config.create_timing_cache(b'')
    config.set_timing_cache(cache, ignore_mismatch=False)
    return cache


def _monitor(trt: Any, on_progress: OnProgress) -> Any:
    class Monitor(trt.IProgressMonitor):
        """Adds up the steps of the outermost phases; the library nests phases in one another."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.interrupted = False
            self._steps: dict[str, tuple[int, int]] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if parent_phase is None or not self._steps:
                self._steps[phase_name] = (0, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in self._steps:
                self._steps[phase_name] = (step + 1, self._steps[phase_name][1])
            return self._tell()

        def phase_finish(self, phase_name: str) -> None:
            if phase_name in self._steps:
                self._steps[phase_name] = (self._steps[phase_name][1],) * 2
                self._tell()

        def _tell(self) -> bool:
            try:
                on_progress(sum(done for done, _ in self._steps.values()),
                            sum(steps for _, steps in self._steps.values()))
            except KeyboardInterrupt:
                self.interrupted = True  # an exception must not cross the library
            return not self.interrupted

    return Monitor()


def _smaller_workspace(options: BuildOptions, complaints: list[str]) -> int | None:
    """Give the next limit to try, None where memory is not what is missing, or none is left."""
    if not is_out_of_memory(complaints) or _over_limit(options, complaints):
        return None
    now = options.workspace_mb if options.workspace_mb is not None else LARGEST_WORKSPACE_MB
    return now // 2 if now // 2 >= SMALLEST_WORKSPACE_MB else None


def _over_limit(options: BuildOptions, complaints: list[str]) -> bool:
    """Whether it was the limit itself that did not suffice, not the GPU's memory."""
    sizes = [int(size) for size in _REQUESTED.findall(' '.join(complaints))]
    return options.workspace_mb is not None and bool(sizes) and (
        max(sizes) > options.workspace_mb << 20)


def _failure(library: Library, options: BuildOptions, asked: BuildOptions,
             complaints: list[str]) -> str:
    told = '; '.join(line[:400] for line in complaints[-3:]) or 'it gives no reason'
    hint = driver_hint(complaints)
    if is_out_of_memory(complaints):
        limit = options.workspace_mb
        hint = f'the network at {options.shapes} needs more than {limit} MB of workspace'
        if limit == asked.workspace_mb:
            hint += f': allow more than --workspace {limit}, or build for smaller images'
        else:
            hint += (f', and the GPU has less than {2 * (limit or 0)} MB free: free memory, or '
                     f'build for smaller images or without a batch of two')
    return (f'{library.label} {library.version} could not build the network: '
            f'{f"{hint} ({told})" if hint else told}')
