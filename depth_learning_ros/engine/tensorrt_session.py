# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One image size on one engine: buffers allocated once, a captured graph, two frames in flight.

Three streams: while the network works on one frame, the next one is uploaded and the last one
downloaded. The network's own launches are captured as a CUDA graph, once for each of two slots,
because a captured graph keeps its addresses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
import logging
from typing import Any

import numpy as np

from depth_learning_ros.engine.base import Arrays
from depth_learning_ros.engine.cuda_driver import OUT_OF_MEMORY, CudaDriver, CudaError
from depth_learning_ros.engine.pinned import PinnedPool
from depth_learning_ros.errors import EngineError

SLOTS = 2

log = logging.getLogger(__name__)


@dataclass
class _Slot:
    """What one frame in flight needs.

    Attributes:
        device: addresses of the tensors on the GPU, by name.
        staging: page-locked arrays that the inputs go through.
        results: page-locked arrays that the outputs come to, while the frame is in flight.
        uploaded, computed, downloaded: events.
        graph: the captured network, None where it cannot be captured.
    """

    device: dict[str, int]
    staging: dict[str, np.ndarray]
    results: dict[str, np.ndarray | None] = field(default_factory=dict)
    uploaded: int = 0
    computed: int = 0
    downloaded: int = 0
    graph: int | None = None
    busy: bool = False


def output_spec(dtype: np.dtype, shape: tuple[int, int, int]) -> tuple[
        tuple[int, ...], np.dtype]:
    """Give an output's shape and type: images have colours, maps have none."""
    return ((*shape, 3) if dtype == np.uint8 else shape), dtype


class Session:
    """Runs images of one size."""

    def __init__(self, driver: CudaDriver, context: Any, inputs: Sequence[str],
                 outputs: Mapping[str, np.dtype], shape: tuple[int, int, int]) -> None:
        """Allocate everything and capture the network.

        Args:
            driver: of the GPU.
            context: TensorRT's execution context, for this session alone.
            inputs: names of the images, uint8 [N, H, W, 3] all.
            outputs: name -> type: float32 ones are maps [N, H, W], uint8 ones images.
            shape: (N, H, W).

        Raises:
            EngineError: the engine does not take that size, or the GPU's memory does not suffice.
        """
        self.shape = shape
        self._driver = driver
        self._context = context
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        self._input_shape = (*shape, 3)
        self._specs = {name: output_spec(dtype, shape) for name, dtype in outputs.items()}
        self._bytes = dict.fromkeys(self._inputs, int(np.prod(self._input_shape)))
        self._bytes |= {name: int(np.prod(size)) * dtype.itemsize
                        for name, (size, dtype) in self._specs.items()}
        self._memory: list[int] = []
        self._slots: list[_Slot] = []
        self._streams: list[int] = []
        self._turn = 0
        self._staging = PinnedPool(driver, self._input_shape, np.dtype(np.uint8))
        self._results = {name: PinnedPool(driver, *spec) for name, spec in self._specs.items()}
        try:
            for name in self._inputs:
                if not context.set_input_shape(name, self._input_shape):
                    raise EngineError(f'the engine does not take {name!r} of '
                                      f'{shape[2]}x{shape[1]}, {shape[0]} at a time')
            self._streams += [driver.stream() for _ in range(3)]
            self._upload, self.stream, self._download = self._streams
            for _ in range(SLOTS):
                self._slots.append(self._make_slot())
            self._warm_up()
        except CudaError as error:
            self.close()
            if error.code == OUT_OF_MEMORY:
                free, total = driver.memory()
                raise EngineError(
                    f'the GPU is out of memory: {shape[2]}x{shape[1]} needs '
                    f'{self.needed_bytes() / 1e6:.0f} MB of buffers, {free / 1e6:.0f} of '
                    f'{total / 1e6:.0f} MB are free') from error
            raise
        except BaseException:
            self.close()
            raise

    @property
    def captured(self) -> bool:
        """Whether the network runs as a CUDA graph."""
        return all(slot.graph is not None for slot in self._slots)

    def needed_bytes(self) -> int:
        """Count the device memory of all buffers, the network's own working memory left out."""
        return SLOTS * sum(self._bytes.values())

    def submit(self, images: Mapping[str, np.ndarray]) -> _Slot:
        """Start a frame; returns at once.

        Args:
            images: uint8 [N, H, W, 3] by name, contiguous.

        Raises:
            EngineError: two frames are in flight already.
        """
        slot = self._slots[self._turn]
        if slot.busy:
            raise EngineError(f'{SLOTS} frames are in flight already: collect one first')
        self._driver.use()
        self._turn = (self._turn + 1) % SLOTS
        slot.busy = True
        try:
            for name in self._inputs:  # the first one travels while the second one is staged
                np.copyto(slot.staging[name], images[name])
                self._driver.upload(slot.device[name], slot.staging[name].ctypes.data,
                                    self._bytes[name], self._upload)
            self._driver.record(slot.uploaded, self._upload)
            self._driver.wait(self.stream, slot.uploaded)
            self._launch(slot)
            self._driver.record(slot.computed, self.stream)
            self._driver.wait(self._download, slot.computed)
            for name in self._outputs:
                slot.results[name] = array = self._results[name].take()
                if array is not None:
                    self._driver.download(array.ctypes.data, slot.device[name],
                                          self._bytes[name], self._download)
            self._driver.record(slot.downloaded, self._download)
        except BaseException:
            slot.busy = False
            raise
        return slot

    def collect(self, slot: _Slot) -> Arrays:
        """Wait for a frame and give its outputs, which belong to the caller."""
        self._driver.use()
        self._driver.wait_here(slot.downloaded)
        results: Arrays = {}
        for name in self._outputs:
            array = slot.results.pop(name)
            results[name] = self._copied(name, slot) if array is None else array
        slot.busy = False
        return results

    def launch_only(self) -> None:
        """Run the network on what was uploaded last, without any copy: for timing."""
        self._driver.use()
        self._launch(self._slots[0])

    def run_at(self, addresses: Mapping[str, int], stream: int) -> None:
        """Run on tensors that lie on the GPU already, behind what the stream has to do.

        Args:
            addresses: of all inputs and outputs, by name.
            stream: of the caller.
        """
        self._driver.use()
        event = self._slots[0].computed
        # the network's working memory is shared with our own stream
        self._driver.record(event, self.stream)
        self._driver.wait(stream, event)
        self._enqueue(addresses, stream)
        self._driver.record(event, stream)
        self._driver.wait(self.stream, event)

    def close(self) -> None:
        """Free everything; what the caller still holds stays valid."""
        self._driver.use()
        with suppress(CudaError):  # work that failed has been reported already
            for stream in self._streams:
                self._driver.synchronize(stream)
        for slot in self._slots:
            if slot.graph is not None:
                self._driver.destroy_graph(slot.graph)
            for event in (slot.uploaded, slot.computed, slot.downloaded):
                self._driver.destroy_event(event)
            slot.staging.clear()
        self._slots.clear()
        while self._memory:
            self._driver.free(self._memory.pop())
        while self._streams:
            self._driver.destroy_stream(self._streams.pop())
        self._staging.close()
        for pool in self._results.values():
            pool.close()
        self._context = None

    def _make_slot(self) -> _Slot:
        device = {}
        for name in (*self._inputs, *self._outputs):
            device[name] = self._driver.allocate(self._bytes[name])
            self._memory.append(device[name])
        staging = {}
        for name in self._inputs:
            array = self._staging.take()
            assert array is not None, 'two slots stage at most four images'
            array.fill(128)
            staging[name] = array
            self._driver.upload(device[name], array.ctypes.data, self._bytes[name], self.stream)
        uploaded, computed, downloaded = (self._driver.event() for _ in range(3))
        return _Slot(device, staging, {}, uploaded, computed, downloaded)

    def _warm_up(self) -> None:
        """Run once (kernels are loaded, memory is taken), then capture."""
        self._enqueue(self._slots[0].device, self.stream)
        self._driver.synchronize(self.stream)
        capturable = getattr(self._context, 'is_stream_capturable', None)
        if capturable is not None and not capturable(self.stream):
            log.info('this engine cannot be captured as a CUDA graph: it runs without')
            return
        try:
            for slot in self._slots:
                with self._driver.capture(self.stream) as made:
                    self._enqueue(slot.device, self.stream)
                slot.graph = made[0]
        except CudaError as error:
            log.warning('the network could not be captured as a CUDA graph and runs without: %s',
                        error)

    def _launch(self, slot: _Slot) -> None:
        if slot.graph is not None:
            self._driver.launch(slot.graph, self.stream)
        else:
            self._enqueue(slot.device, self.stream)

    def _enqueue(self, addresses: Mapping[str, int], stream: int) -> None:
        for name in (*self._inputs, *self._outputs):
            if not self._context.set_tensor_address(name, addresses[name]):
                raise EngineError(f'TensorRT does not take the address of {name!r}')
        if not self._context.execute_async_v3(stream):
            raise EngineError('TensorRT could not start the network')

    def _copied(self, name: str, slot: _Slot) -> np.ndarray:
        """Download into ordinary memory."""
        array = np.empty(*self._specs[name])
        self._driver.download(array.ctypes.data, slot.device[name], self._bytes[name],
                              self._download)
        self._driver.synchronize(self._download)
        return array
