# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""TensorRT's runtime half for tests, over the made-up GPU of fake_cuda."""

from __future__ import annotations

from collections.abc import Callable
import ctypes
from types import SimpleNamespace

from fake_cuda import FakeCuda
import numpy as np

Answer = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def fake_tensorrt(cuda: FakeCuda, *, version: str = '10.9.0', name: str = 'tensorrt',
                  wrong_by: float = 0.0, answer: Answer | None = None) -> SimpleNamespace:
    """Give a module like TensorRT's runtime half, whose one network answers by ``answer``.

    Args:
        cuda: what runs it.
        wrong_by: is added to each disparity.
        answer: disparity and confidence of float32 left and right [N, H, W, 3]; None = what
            `difference` gives.
    """
    def compute(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        disparity, confidence = (answer or difference)(left, right)
        return disparity + wrong_by, confidence

    return SimpleNamespace(
        __name__=name, __version__=version, ILogger=_ILogger, uint8='uint8', float32='float32',
        Runtime=lambda logger: _Runtime(logger, cuda, compute))


def difference(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give ``|left - right|`` in red as disparity, and ``left / 255`` in green as confidence."""
    return np.abs(left - right)[..., 0], left[..., 1] / 255


class _ILogger:
    def __init__(self) -> None:
        pass


class _Runtime:
    def __init__(self, logger, cuda: FakeCuda, compute: Answer) -> None:
        self.logger, self._cuda, self._compute = logger, cuda, compute

    def deserialize_cuda_engine(self, plan):
        if plan.startswith(b'plan'):
            return _Engine(self._cuda, self._compute)
        self.logger.log('Severity.ERROR', 'Magic tag does not match')
        return None


class _Engine:
    num_io_tensors = 4
    device_memory_size_v2 = 7_000_000

    def __init__(self, cuda: FakeCuda, compute: Answer) -> None:
        self._cuda, self._compute = cuda, compute

    def get_tensor_name(self, number):
        return ('left', 'right', 'disparity', 'confidence')[number]

    def get_tensor_dtype(self, tensor):
        return 'uint8' if tensor in ('left', 'right') else 'float32'

    def create_execution_context(self):
        if self._cuda.used() >= self._cuda.memory // 2:
            return None
        return _Context(self._cuda, self._compute)


class _Context:
    def __init__(self, cuda: FakeCuda, compute: Answer) -> None:
        self._cuda, self._compute = cuda, compute
        self.shape, self.addresses = None, {}

    def set_input_shape(self, tensor, shape):
        self.shape = shape
        return max(shape) < 5000

    def set_tensor_address(self, tensor, address):
        self.addresses[tensor] = address
        return True

    def execute_async_v3(self, stream):
        addresses, shape = dict(self.addresses), self.shape
        self._cuda.put(stream, lambda: self._run(addresses, shape))
        return True

    def _run(self, addresses, shape):
        def view(tensor, dtype, size):
            count = int(np.prod(size)) * np.dtype(dtype).itemsize
            block = (ctypes.c_uint8 * count).from_address(addresses[tensor])
            return np.frombuffer(block, dtype).reshape(size)
        left, right = (view(side, np.uint8, shape).astype(np.float32)
                       for side in ('left', 'right'))
        disparity, confidence = self._compute(left, right)
        view('disparity', np.float32, shape[:3])[...] = disparity
        view('confidence', np.float32, shape[:3])[...] = confidence
