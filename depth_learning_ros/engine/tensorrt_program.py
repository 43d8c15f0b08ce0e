# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT's network with tensors of its own, captured as a CUDA graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import logging
from typing import Any

import numpy as np

from depth_learning_ros.engine.cuda_driver import CudaDriver, CudaError
from depth_learning_ros.engine.gpu_session import Shape, output_spec
from depth_learning_ros.errors import EngineError

log = logging.getLogger(__name__)


class TensorRTProgram:
    """One of the two programs of a session; they share an execution context."""

    def __init__(self, driver: CudaDriver, context: Any, inputs: Sequence[str],
                 outputs: Mapping[str, np.dtype], shape: Shape, stream: int) -> None:
        """Allocate the tensors, run once (kernels load, memory is taken), and capture.

        Raises:
            EngineError: the engine does not take that size.
            CudaError: the memory does not suffice, ...
        """
        self._driver, self._context = driver, context
        self._names = (*inputs, *outputs)
        self._graph: int | None = None
        self.addresses: dict[str, int] = {}
        try:
            for name in inputs:
                if not context.set_input_shape(name, (*shape, 3)):
                    raise EngineError(f'the engine does not take {name!r} of '
                                      f'{shape[2]}x{shape[1]}, {shape[0]} at a time')
                self.addresses[name] = driver.allocate(3 * int(np.prod(shape)))
            for name, dtype in outputs.items():
                size = int(np.prod(output_spec(dtype, shape)[0]))
                self.addresses[name] = driver.allocate(size * dtype.itemsize)
            self.enqueue(self.addresses, stream)
            driver.synchronize(stream)
            self._capture(stream)
        except BaseException:
            self.close()
            raise

    @property
    def captured(self) -> bool:
        """Whether it runs as a CUDA graph."""
        return self._graph is not None

    def launch(self, stream: int) -> None:
        """See `Program`."""
        if self._graph is not None:
            self._driver.launch(self._graph, stream)
        else:
            self.enqueue(self.addresses, stream)

    def enqueue(self, addresses: Mapping[str, int], stream: int) -> None:
        """Run on any tensors, uncaptured."""
        for name in self._names:
            if not self._context.set_tensor_address(name, addresses[name]):
                raise EngineError(f'TensorRT does not take the address of {name!r}')
        if not self._context.execute_async_v3(stream):
            raise EngineError('TensorRT could not start the network')

    def close(self) -> None:
        """See `Program`."""
        if self._graph is not None:
            self._driver.destroy_graph(self._graph)
            self._graph = None
        while self.addresses:
            self._driver.free(self.addresses.popitem()[1])

    def _capture(self, stream: int) -> None:
        capturable = getattr(self._context, 'is_stream_capturable', None)
        if capturable is not None and not capturable(stream):
            log.info('this engine cannot be captured as a CUDA graph: it runs without')
            return
        try:
            with self._driver.capture(stream) as made:
                self.enqueue(self.addresses, stream)
            self._graph = made[0]
        except CudaError as error:
            log.warning('the network could not be captured as a CUDA graph and runs without: %s',
                        error)
