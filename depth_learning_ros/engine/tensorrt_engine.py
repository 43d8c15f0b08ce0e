# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a built engine with TensorRT or TensorRT for RTX: one runner for both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import platform as platform_module
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.cuda_driver import CudaDriver, Gpu
from depth_learning_ros.engine.engine_file import EngineFile
from depth_learning_ros.engine.gpu_engine import GpuEngine
from depth_learning_ros.engine.gpu_session import Session, Shape, output_spec
from depth_learning_ros.engine.tensorrt_library import Library, driver_hint
from depth_learning_ros.engine.tensorrt_program import TensorRTProgram
from depth_learning_ros.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor


class KernelStore(Protocol):
    """Keeps what TensorRT for RTX compiles when an engine first runs on a GPU."""

    def load(self) -> bytes | None:
        """Give it, None where there is none."""

    def save(self, data: bytes) -> None:
        """Keep it; never fails."""


def this_platform() -> str:
    """Name machine and system: engines do not travel between them."""
    return f'{platform_module.system().lower()}-{platform_module.machine()}'


class TensorRTEngine(GpuEngine):
    """A built engine on the GPU."""

    def __init__(self, library: Library, file: EngineFile, info: EngineInfo, *,
                 driver: CudaDriver | None = None, kernels: KernelStore | None = None) -> None:
        """Load.

        Args:
            library: which TensorRT.
            file: the engine; whoever loaded it vouches for where it came from.
            info: what is known about the network; backend, version, precision and device are
                filled in.
            driver: of the GPU; None = the first one.
            kernels: keeps compiled kernels between runs.

        Raises:
            EngineError: there is no GPU, the engine is of another version or GPU (says which
                part), damaged, or does not fit into the memory.
        """
        super().__init__()
        library.check_version()
        self._library = library
        self._driver = driver or CudaDriver()
        self.gpu = self._driver.gpu()
        self.file = file
        self._kernels = kernels
        obstacles = file.identity.obstacles(library.name, library.version, self.gpu,
                                            this_platform())
        if obstacles:
            raise EngineError(f'this engine cannot be used: {"; ".join(obstacles)}: build it '
                              f'again')
        self._engine = _deserialize(library, file.plan, self.gpu)
        self._cache: Any = None
        self._programs: dict[Shape, TensorRTProgram] = {}
        self.info = replace(
            info, backend=library.name.replace('_', '-'), backend_version=library.version,
            precision=file.identity.precision, device=self.gpu.name)
        self._outputs = self._check_tensors()

    def infer_tensors(self, *images: Tensor) -> dict[str, Tensor]:
        """Run on PyTorch's CUDA tensors without copying them, on PyTorch's current stream.

        Args:
            images: uint8 (N, H, W, 3) on this GPU, contiguous, in the order of ``info.inputs``.

        Returns:
            The outputs by name, ready for whatever PyTorch does on that stream.

        Raises:
            EngineError: an image is not such a tensor, or they differ in size.
        """
        import torch
        for name, image in zip(self.info.inputs, images, strict=True):
            if not (image.is_cuda and image.dtype == torch.uint8 and image.dim() == 4
                    and image.shape[3] == 3 and image.is_contiguous()
                    and image.shape == images[0].shape):
                raise EngineError(f'the image {name!r} is {image.dtype} {list(image.shape)} on '
                                  f'{image.device}: expected contiguous uint8 [N, H, W, 3] on '
                                  f'the GPU, all of one size')
        session = self._session(tuple(images[0].shape))
        results = {name: torch.empty(
            output_spec(dtype, session.shape)[0], device=images[0].device,
            dtype=torch.uint8 if dtype == np.uint8 else torch.float32)
            for name, dtype in self._outputs.items()}
        addresses = {name: tensor.data_ptr() for name, tensor in
                     [*zip(self.info.inputs, images, strict=True), *results.items()]}
        stream = torch.cuda.current_stream(images[0].device).cuda_stream
        self._run_at(session, addresses, stream)
        return results

    def _run_at(self, session: Session, addresses: Mapping[str, int], stream: int) -> None:
        """Run on tensors of the caller, behind what his stream has to do.

        The network's working memory is shared with the session's own stream: each waits for the
        other.
        """
        self._driver.use()
        event = self._driver.event()
        try:
            self._driver.record(event, session.stream)
            self._driver.wait(stream, event)
            self._programs[session.shape].enqueue(addresses, stream)
            self._driver.record(event, stream)
            self._driver.wait(session.stream, event)
        finally:
            self._driver.destroy_event(event)  # takes effect when the streams are past it

    def close(self) -> None:
        """Free the GPU's memory."""
        self._save_kernels()
        super().close()
        self._programs.clear()
        self._engine = None

    def layers(self) -> str:
        """Give TensorRT's own description of the built layers (JSON)."""
        inspector = self._engine.create_engine_inspector()
        kind = self._library.module.LayerInformationFormat.JSON
        return str(inspector.get_engine_information(kind))

    def _make_session(self, shape: Shape) -> Session:
        shapes = self.file.identity.shapes
        if not shapes.hold(shape):
            raise EngineError(
                f'the images are {shape[2]}x{shape[1]}, {shape[0]} at a time; this engine was '
                f'built for {shapes}: resize them, or build one for their size')
        self._driver.use()  # a new size may come in another thread than the engine
        context = self._context()
        self._programs = {size: self._programs[size] for size in self._sessions}

        def program(stream: int) -> TensorRTProgram:
            made = TensorRTProgram(self._driver, context, self.info.inputs, self._outputs, shape,
                                   stream)
            self._programs[shape] = made
            return made
        session = Session(self._driver, program, self.info.inputs, self._outputs, shape)
        self._save_kernels()
        return session

    def _context(self) -> Any:
        """Make an execution context, with the kernels that earlier runs compiled."""
        with self._library.errors() as complaints:
            context = self._engine.create_execution_context(*self._runtime_config())
        if context is not None:
            return context
        free, total = self._driver.memory()
        needed = getattr(self._engine, 'device_memory_size_v2', 0)
        raise EngineError(
            f'{self._library.label} could not prepare the engine '
            f'({driver_hint(complaints) or "; ".join(complaints[-2:])}): it needs '
            f'{needed / 1e6:.0f} MB of working memory, {free / 1e6:.0f} of {total / 1e6:.0f} MB '
            f'are free; build it with smaller --max shapes or a smaller --workspace')

    def _runtime_config(self) -> tuple[Any, ...]:
        trt = self._library.module
        strategies = getattr(trt, 'DynamicShapesKernelSpecializationStrategy', None)
        if strategies is None:  # TensorRT itself compiled everything when it built
            return ()
        config = self._engine.create_runtime_config()
        # A captured graph keeps the kernels it was captured with: have the best ones by then.
        config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        if self._cache is None:
            self._cache = config.create_runtime_cache()
            stored = self._kernels.load() if self._kernels else None
            if stored:
                self._cache.deserialize(stored)
        config.set_runtime_cache(self._cache)
        return (config,)

    def _save_kernels(self) -> None:
        if self._kernels is not None and self._cache is not None:
            self._kernels.save(bytes(memoryview(self._cache.serialize())))

    def _check_tensors(self) -> dict[str, np.dtype]:
        """See that the engine has the tensors that its sidecar promises; give outputs' types."""
        trt = self._library.module
        types = {name: self._engine.get_tensor_dtype(name) for name in (
            self._engine.get_tensor_name(number)
            for number in range(self._engine.num_io_tensors))}
        wanted = {*self.info.inputs, *self.info.outputs}
        if set(types) != wanted:
            raise EngineError(f'the engine has the tensors {sorted(types)}, expected were '
                              f'{sorted(wanted)}: build it again')
        known: dict[Any, np.dtype] = {trt.uint8: np.dtype(np.uint8),
                                     trt.float32: np.dtype(np.float32)}
        for name, kind in types.items():
            if kind not in known or (name in self.info.inputs and kind != trt.uint8):
                raise EngineError(f'the engine has {name!r} as {kind}: build it again')
        return {name: known[types[name]] for name in self.info.outputs}


def _deserialize(library: Library, plan: bytes, gpu: Gpu) -> Any:
    """Load the library's bytes, asking it first what it thinks of them where it can say."""
    with library.errors() as complaints:
        runtime = library.module.Runtime(library.logger)
        reason = _invalidity(library, runtime, plan)
        engine = None if reason else runtime.deserialize_cuda_engine(plan)
    if engine is None:
        told = reason or driver_hint(complaints) or '; '.join(complaints[-2:])
        raise EngineError(f'{library.label} {library.version} cannot load this engine on the '
                          f'{gpu.name}: {told or "it gives no reason"}; build it again')
    return engine


def _invalidity(library: Library, runtime: Any, plan: bytes) -> str:
    """Give the library's own reasons against an engine; empty where it has none, or no say."""
    if not hasattr(runtime, 'get_engine_validity'):
        return ''
    validity, diagnostics = runtime.get_engine_validity(plan)
    if validity != library.module.EngineValidity.INVALID:
        return ''
    kinds = library.module.EngineInvalidityDiagnostics
    found = [name.lower().replace('_', ' ') for name in dir(kinds)
             if name.isupper() and int(diagnostics) & int(getattr(kinds, name))]
    return 'it calls it invalid' + (f' ({", ".join(found)})' if found else '')
