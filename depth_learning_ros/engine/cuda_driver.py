# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The little of CUDA that a runner needs, by ctypes from the driver's own library.

``libcuda.so.1`` comes with every NVIDIA driver, desktop and Jetson alike, so nothing has to be
installed and no version has to match: TensorRT for RTX holds its CUDA runtime inside itself, and
cuda-python would be one more package of the right major version. The device's primary context is
used, which is the one that TensorRT and PyTorch use too, so pointers and streams can be shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import ctypes
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_uint64, c_void_p
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from depth_learning_ros.errors import EngineError

LIBRARY = 'libcuda.so.1'
OUT_OF_MEMORY = 2
_CAPTURE_THREAD_LOCAL = 1
_STREAM_NON_BLOCKING = 1
# Numbers of CUdevice_attribute (cuda.h).
_MAJOR, _MINOR, _INTEGRATED = 75, 76, 18


class CudaError(EngineError):
    """A call of the CUDA driver failed.

    Attributes:
        code: CUresult.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Gpu:
    """A GPU and its driver.

    Attributes:
        name: as the driver calls it.
        compute_capability: such as ``8.9``.
        driver: the newest CUDA that the driver knows, such as ``13.0``.
        memory_bytes: all of it; on a Jetson that is the machine's memory.
        integrated: it shares the processor's memory.
    """

    name: str
    compute_capability: str
    driver: str
    memory_bytes: int
    integrated: bool


class CudaDriver:
    """One device's primary context.

    Every method raises `CudaError` with the driver's own words where the driver refuses.
    """

    def __init__(self, library: Any = None, device: int = 0, *, look_only: bool = False) -> None:
        """Connect.

        Args:
            library: the driver's functions; None = those of this machine.
            device: which GPU.
            look_only: only `gpu` will be called: no context is made, which takes memory of the
                GPU and time.

        Raises:
            EngineError: there is no driver or no GPU.
        """
        self._cuda = _load() if library is None else library
        self._call('cuInit', 0)
        count = c_int()
        self._call('cuDeviceGetCount', byref(count))
        if count.value <= device:
            raise EngineError(f'there is no GPU {device}: the NVIDIA driver shows {count.value} '
                              f'(inside a container, start it with --gpus all)')
        self._device = c_int()
        self._call('cuDeviceGet', byref(self._device), device)
        self._context = c_void_p()
        if not look_only:
            self._call('cuDevicePrimaryCtxRetain', byref(self._context), self._device)
            self.use()

    def use(self) -> None:
        """Make the context current in the calling thread."""
        self._call('cuCtxSetCurrent', self._context)

    def gpu(self) -> Gpu:
        """Describe the device."""
        name = ctypes.create_string_buffer(128)
        self._call('cuDeviceGetName', name, len(name), self._device)
        version, memory = c_int(), c_size_t()
        self._call('cuDriverGetVersion', byref(version))
        self._call('cuDeviceTotalMem_v2', byref(memory), self._device)
        major, minor, integrated = (self._attribute(n) for n in (_MAJOR, _MINOR, _INTEGRATED))
        return Gpu(name.value.decode(), f'{major}.{minor}',
                   f'{version.value // 1000}.{version.value % 1000 // 10}', memory.value,
                   bool(integrated))

    def memory(self) -> tuple[int, int]:
        """Give free and all bytes."""
        free, total = c_size_t(), c_size_t()
        self._call('cuMemGetInfo_v2', byref(free), byref(total))
        return free.value, total.value

    def allocate(self, size: int) -> int:
        """Give the address of new device memory."""
        address = c_uint64()
        self._call('cuMemAlloc_v2', byref(address), c_size_t(size))
        return address.value

    def free(self, address: int) -> None:
        self._call('cuMemFree_v2', c_uint64(address))

    def allocate_host(self, size: int) -> int:
        """Give the address of new page-locked host memory, which copies run at full speed from."""
        address = c_void_p()
        self._call('cuMemHostAlloc', byref(address), c_size_t(size), 0)
        return int(address.value or 0)

    def free_host(self, address: int) -> None:
        self._call('cuMemFreeHost', c_void_p(address))

    def upload(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy host to device, behind what the stream already has to do."""
        self._call('cuMemcpyHtoDAsync_v2', c_uint64(target), c_void_p(source), c_size_t(size),
                   c_void_p(stream))

    def download(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy device to host, behind what the stream already has to do."""
        self._call('cuMemcpyDtoHAsync_v2', c_void_p(target), c_uint64(source), c_size_t(size),
                   c_void_p(stream))

    def stream(self) -> int:
        """Give a new stream that waits for no other one."""
        handle = c_void_p()
        self._call('cuStreamCreate', byref(handle), _STREAM_NON_BLOCKING)
        return int(handle.value or 0)

    def destroy_stream(self, stream: int) -> None:
        self._call('cuStreamDestroy_v2', c_void_p(stream))

    def synchronize(self, stream: int) -> None:
        """Wait until the stream has nothing left to do."""
        self._call('cuStreamSynchronize', c_void_p(stream))

    def event(self) -> int:
        handle = c_void_p()
        self._call('cuEventCreate', byref(handle), 0)
        return int(handle.value or 0)

    def destroy_event(self, event: int) -> None:
        self._call('cuEventDestroy_v2', c_void_p(event))

    def record(self, event: int, stream: int) -> None:
        self._call('cuEventRecord', c_void_p(event), c_void_p(stream))

    def wait(self, stream: int, event: int) -> None:
        """Let a stream wait for an event; the calling thread does not."""
        self._call('cuStreamWaitEvent', c_void_p(stream), c_void_p(event), 0)

    def wait_here(self, event: int) -> None:
        """Wait for an event."""
        self._call('cuEventSynchronize', c_void_p(event))

    def elapsed_ms(self, start: int, end: int) -> float:
        """Give the time between two recorded events."""
        value = c_float()
        self._call('cuEventElapsedTime', byref(value), c_void_p(start), c_void_p(end))
        return value.value

    @contextmanager
    def capture(self, stream: int) -> Iterator[list[int]]:
        """Record what is launched on a stream instead of doing it.

        Yields:
            A list that holds the executable graph after the block.
        """
        made: list[int] = []
        self._call('cuStreamBeginCapture_v2', c_void_p(stream), _CAPTURE_THREAD_LOCAL)
        graph = c_void_p()
        try:
            yield made
        except BaseException:
            # leaves the stream usable; what it says of the broken capture adds nothing
            self._cuda.cuStreamEndCapture(c_void_p(stream), byref(graph))
            raise
        self._call('cuStreamEndCapture', c_void_p(stream), byref(graph))
        try:
            executable = c_void_p()
            self._call('cuGraphInstantiateWithFlags', byref(executable), graph, c_uint64(0))
        finally:
            self._call('cuGraphDestroy', graph)
        made.append(int(executable.value or 0))

    def launch(self, graph: int, stream: int) -> None:
        """Run a captured graph."""
        self._call('cuGraphLaunch', c_void_p(graph), c_void_p(stream))

    def destroy_graph(self, graph: int) -> None:
        self._call('cuGraphExecDestroy', c_void_p(graph))

    def _attribute(self, number: int) -> int:
        value = c_int()
        self._call('cuDeviceGetAttribute', byref(value), number, self._device)
        return value.value

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._cuda, name)(*arguments)
        if code:
            raise CudaError(self._explain(name, code), code)

    def _explain(self, name: str, code: int) -> str:
        text = c_char_p()
        known = self._cuda.cuGetErrorString(code, byref(text)) == 0 and text.value
        words = text.value.decode() if known and text.value else f'error {code}'
        if name == 'cuInit':
            return f'the NVIDIA driver does not start: {words} ({code}); see nvidia-smi'
        return f'CUDA: {name} failed: {words} ({code})'


@lru_cache(maxsize=1)
def _load() -> Any:
    try:
        return ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise EngineError(f'no NVIDIA driver is installed here ({LIBRARY} does not load: '
                          f'{error})') from error


def find_gpu(device: int = 0) -> Gpu | None:
    """Describe a GPU, None where there is none that works."""
    try:
        return CudaDriver(device=device, look_only=True).gpu()
    except EngineError:
        return None


def why_no_gpu(device: int = 0) -> str:
    """Say why there is none that works; empty where there is one."""
    try:
        CudaDriver(device=device, look_only=True)
    except EngineError as error:
        return str(error)
    return ''
