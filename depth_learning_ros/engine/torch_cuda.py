# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch on a GPU, fast: float16 trunk, channels last, captured as a CUDA graph.

For GPU machines without TensorRT, and for those that TensorRT for RTX does not know. Buffers,
uploads and frames in flight are those of the TensorRT runner.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.cuda_driver import CudaDriver
from depth_learning_ros.engine.gpu_engine import GpuEngine
from depth_learning_ros.engine.gpu_session import Session, Shape
from depth_learning_ros.engine.graphs import load_graph
from depth_learning_ros.engine.torch_half import to_half
from depth_learning_ros.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VERSION: str = torch.__version__
PRECISIONS = ('fp32', 'bf16', 'fp16')
log = logging.getLogger(__name__)

_WARM_UPS = 3  # cuDNN tries its kernels in the first; what is captured shall be its choice


class TorchCudaEngine(GpuEngine):
    """The network as PyTorch runs it on a GPU."""

    def __init__(self, weights: Path, info: EngineInfo, precision: str = 'fp16', *,
                 compile_graph: bool = False) -> None:
        """Load.

        Args:
            weights: a .safetensors file.
            info: what is known about it; backend, version, precision and device are filled in.
            precision: ``fp16`` (correlation, warping and disparities in float32), ``bf16``
                (autocast) or ``fp32``.
            compile_graph: hand the network to ``torch.compile`` as well: a minute or more for
                each size, and needs a C compiler and Triton.

        Raises:
            ModelError: the weights are damaged.
            EngineError: there is no GPU that PyTorch can use, or its memory does not suffice.
        """
        super().__init__()
        if precision not in PRECISIONS:
            raise EngineError(f'PyTorch computes in {", ".join(PRECISIONS)} on a GPU, not in '
                              f'{precision}')
        if not torch.cuda.is_available():
            raise EngineError('PyTorch finds no GPU: its build has no CUDA, or the driver is too '
                              'old for it; see torch.cuda.is_available()')
        self._driver = CudaDriver()
        self._device = torch.device('cuda', 0)
        torch.cuda.set_device(self._device)
        graph, _ = load_graph(weights, info.outputs)
        if precision == 'fp16':
            to_half(graph)
        with _readable_errors(info.model):
            self._graph: Callable[..., tuple[Tensor, ...]] = graph.to(  # type: ignore[call-overload]
                self._device, memory_format=torch.channels_last)
        if compile_graph:
            # our own capture follows, so the compiler shall not make one
            self._graph = torch.compile(self._graph, mode='max-autotune-no-cudagraphs',
                                        dynamic=False)
        self._low = precision == 'bf16'
        self._outputs = {name: np.dtype(np.uint8 if name == 'right' else np.float32)
                         for name in info.outputs}
        self.info = replace(info, backend='torch', backend_version=VERSION, precision=precision,
                            device=torch.cuda.get_device_name(self._device))

    def infer_tensors(self, *images: Tensor) -> dict[str, Tensor]:
        """Run on CUDA tensors, on PyTorch's current stream, without a copy and uncaptured.

        Args:
            images: uint8 (N, H, W, 3) on this GPU, in the order of ``info.inputs``.
        """
        with _readable_errors(self.info.model):
            return dict(zip(self._outputs, self._run(*images), strict=True))

    def close(self) -> None:
        """Free the GPU's memory."""
        super().close()
        del self._graph
        torch.cuda.empty_cache()

    def _make_session(self, shape: Shape) -> Session:
        def program(stream: int) -> TorchProgram:
            return TorchProgram(self._run, self.info.inputs, tuple(self._outputs), shape,
                                self._device, stream)
        with _readable_errors(self.info.model):
            return Session(self._driver, program, self.info.inputs, self._outputs, shape)

    def _run(self, *images: Tensor) -> tuple[Tensor, ...]:
        # fp32 means fp32: no TensorFloat-32 behind the user's back
        with (torch.inference_mode(),
              torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False,
                                         allow_tf32=False),
              torch.autocast('cuda', torch.bfloat16, enabled=self._low)):
            results = self._graph(*images)
            return tuple((result if result.dtype == torch.uint8 else result.float()).contiguous()
                         for result in results)


class TorchProgram:
    """A captured run of a PyTorch function on tensors of its own."""

    def __init__(self, run: Callable[..., tuple[Tensor, ...]], inputs: tuple[str, ...],
                 outputs: tuple[str, ...], shape: Shape, device: torch.device,
                 stream: int) -> None:
        """Run a few times, then capture.

        Args:
            run: takes the images, gives the outputs.
            inputs, outputs: their names.
            shape: (N, H, W).
            device: the GPU.
            stream: to prepare on.
        """
        self._stream = torch.cuda.ExternalStream(stream, device=device)
        self._images = [torch.full((*shape, 3), 128, dtype=torch.uint8, device=device)
                        for _ in inputs]
        torch.cuda.current_stream(device).synchronize()
        self._run = run
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                self._results = run(*self._images)
        self._stream.synchronize()
        self._graph: torch.cuda.CUDAGraph | None = None
        self._capture()
        self.addresses = {name: tensor.data_ptr() for name, tensor in
                          zip((*inputs, *outputs), (*self._images, *self._results), strict=True)}

    @property
    def captured(self) -> bool:
        """Whether it runs as a CUDA graph."""
        return self._graph is not None

    def launch(self, stream: int) -> None:
        """See `Program`."""
        with torch.cuda.stream(self._stream):
            if self._graph is not None:
                self._graph.replay()
                return
            for target, result in zip(self._results, self._run(*self._images), strict=True):
                target.copy_(result)

    def close(self) -> None:
        """See `Program`."""
        self._graph = None
        self._images, self._results = [], ()
        self.addresses = {}

    def _capture(self) -> None:
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=self._stream):
                results = self._run(*self._images)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:
            # a network that waits for the GPU somewhere, or copies from the processor
            log.warning('the network could not be captured as a CUDA graph and runs without: %s',
                        error)
            self._stream.synchronize()
            return
        self._graph, self._results = graph, results


@contextmanager
def _readable_errors(model: str) -> Iterator[None]:
    """Turn PyTorch's errors into ours; out of memory says how much is left."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        free, total = torch.cuda.mem_get_info()
        raise EngineError(f'the GPU is out of memory with {model}: {free / 1e6:.0f} of '
                          f'{total / 1e6:.0f} MB are free; use smaller images or a smaller model'
                          ) from error
    except RuntimeError as error:
        raise EngineError(f'PyTorch failed on {model}: {error}') from error
