# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: N802, N815 - the functions are named as the driver names them
"""A GPU for tests: the CUDA driver's functions over host memory, as asynchronous as the real ones.

What is put on a stream happens when somebody waits for it, not before, and streams know of each
other by events alone: a runner that forgets to wait reads old numbers here, always, not sometimes.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes

OUT_OF_MEMORY, INVALID = 2, 1


class FakeCuda:
    """Stands for libcuda; pass it to `CudaDriver`."""

    def __init__(self, *, name: str = 'Test GPU', capability: tuple[int, int] = (8, 9),
                 driver: int = 13000, memory: int = 1 << 30, devices: int = 1,
                 can_capture: bool = True) -> None:
        self.name, self.capability, self.driver, self.memory = name, capability, driver, memory
        self.devices, self.can_capture = devices, can_capture
        self.device_memory: dict[int, ctypes.Array] = {}
        self.host_memory: dict[int, ctypes.Array] = {}
        self.streams: dict[int, list[Callable[[], None]]] = {}
        self.done: dict[int, int] = {}
        self.events: dict[int, tuple[int, int] | None] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.capturing: dict[int, list[Callable[[], None]]] = {}
        self.launched = 0
        self._next = 1000

    def put(self, stream: int, operation: Callable[[], None]) -> None:
        """Do something later, or never: while a stream is captured."""
        if stream in self.capturing:
            self.capturing[stream].append(operation)
        else:
            self.streams[stream].append(operation)

    def run(self, stream: int, count: int | None = None) -> None:
        """Do what a stream has to do, up to its ``count``-th operation."""
        operations = self.streams[stream]
        while self.done[stream] < (len(operations) if count is None else count):
            self.done[stream] += 1
            operations[self.done[stream] - 1]()

    def number(self) -> int:
        self._next += 1
        return self._next

    # the driver's functions

    def cuInit(self, flags):
        return 0 if self.devices >= 0 else 100

    def cuDeviceGetCount(self, count):
        count._obj.value = self.devices
        return 0

    def cuDeviceGet(self, device, number):
        device._obj.value = number
        return 0

    def cuDevicePrimaryCtxRetain(self, context, device):
        context._obj.value = 1
        return 0

    def cuCtxSetCurrent(self, context):
        return 0

    def cuDeviceGetName(self, buffer, size, device):
        buffer.value = self.name.encode()
        return 0

    def cuDriverGetVersion(self, version):
        version._obj.value = self.driver
        return 0

    def cuDeviceTotalMem_v2(self, total, device):
        total._obj.value = self.memory
        return 0

    def cuDeviceGetAttribute(self, value, number, device):
        value._obj.value = {75: self.capability[0], 76: self.capability[1], 18: 0}[number]
        return 0

    def cuMemGetInfo_v2(self, free, total):
        free._obj.value = self.memory - self.used()
        total._obj.value = self.memory
        return 0

    def used(self) -> int:
        return sum(len(block) for block in self.device_memory.values())

    def cuMemAlloc_v2(self, address, size):
        if self.used() + size.value > self.memory:
            return OUT_OF_MEMORY
        block = (ctypes.c_uint8 * size.value)()
        ctypes.memset(block, 0xEE, size.value)  # nobody may count on zeros
        address._obj.value = ctypes.addressof(block)
        self.device_memory[ctypes.addressof(block)] = block
        return 0

    def cuMemFree_v2(self, address):
        return 0 if self.device_memory.pop(address.value, None) is not None else INVALID

    def cuMemHostAlloc(self, address, size, flags):
        block = (ctypes.c_uint8 * size.value)()
        address._obj.value = ctypes.addressof(block)
        self.host_memory[ctypes.addressof(block)] = block
        return 0

    def cuMemFreeHost(self, address):
        return 0 if self.host_memory.pop(address.value, None) is not None else INVALID

    def _copy(self, target, source, size, stream):
        addresses = target.value, source.value, size.value
        self.put(stream.value, lambda: ctypes.memmove(*addresses))
        return 0

    cuMemcpyHtoDAsync_v2 = cuMemcpyDtoHAsync_v2 = _copy

    def cuStreamCreate(self, stream, flags):
        stream._obj.value = self.number()
        self.streams[stream._obj.value] = []
        self.done[stream._obj.value] = 0
        return 0

    def cuStreamDestroy_v2(self, stream):
        return 0 if self.streams.pop(stream.value, None) is not None else INVALID

    def cuStreamSynchronize(self, stream):
        self.run(stream.value)
        return 0

    def cuEventCreate(self, event, flags):
        event._obj.value = self.number()
        self.events[event._obj.value] = None
        return 0

    def cuEventDestroy_v2(self, event):
        del self.events[event.value]
        return 0

    def cuEventRecord(self, event, stream):
        self.events[event.value] = stream.value, len(self.streams[stream.value])
        return 0

    def cuStreamWaitEvent(self, stream, event, flags):
        recorded = self.events[event.value]
        if recorded is not None:
            self.put(stream.value, lambda: self.run(*recorded))
        return 0

    def cuEventSynchronize(self, event):
        if self.events[event.value] is not None:
            self.run(*self.events[event.value])
        return 0

    def cuEventElapsedTime(self, milliseconds, start, end):
        milliseconds._obj.value = 1.5
        return 0

    def cuStreamBeginCapture_v2(self, stream, mode):
        if not self.can_capture:
            return 900
        self.capturing[stream.value] = []
        return 0

    def cuStreamEndCapture(self, stream, graph):
        graph._obj.value = self.number()
        self.graphs[graph._obj.value] = self.capturing.pop(stream.value)
        return 0

    def cuGraphInstantiateWithFlags(self, executable, graph, flags):
        executable._obj.value = self.number()
        self.graphs[executable._obj.value] = self.graphs[graph.value]
        return 0

    def cuGraphDestroy(self, graph):
        del self.graphs[graph.value]
        return 0

    cuGraphExecDestroy = cuGraphDestroy

    def cuGraphLaunch(self, graph, stream):
        self.launched += 1
        for operation in self.graphs[graph.value]:
            self.put(stream.value, operation)
        return 0

    def cuGetErrorString(self, code, text):
        text._obj.value = {OUT_OF_MEMORY: b'out of memory', 100: b'no CUDA-capable device',
                           900: b'capture is not permitted'}.get(code, b'invalid argument')
        return 0
