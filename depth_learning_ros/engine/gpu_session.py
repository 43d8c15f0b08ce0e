# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One image size on one GPU: buffers allocated once, two frames in flight.

Three streams: while the network works on one frame, the next one is uploaded and the last one
downloaded. What the network is, TensorRT's or PyTorch's, only its `Program` knows; there are two
of them, because a captured graph keeps its addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from depth_learning_ros.engine.base import Arrays
from depth_learning_ros.engine.cuda_driver import OUT_OF_MEMORY, CudaDriver, CudaError
from depth_learning_ros.engine.pinned import PinnedPool
from depth_learning_ros.errors import EngineError

SLOTS = 2
Shape = tuple[int, int, int]


class Program(Protocol):
    """A network ready to run on tensors of its own.

    Attributes:
        addresses: where its inputs and outputs lie on the GPU, by name.
    """

    addresses: dict[str, int]

    @property
    def captured(self) -> bool:
        """Whether it runs as a CUDA graph."""

    def launch(self, stream: int) -> None:
        """Start it on a stream."""

    def close(self) -> None:
        """Free it; nothing of it runs any more."""


@dataclass
class _Slot:
    """What one frame in flight needs.

    Attributes:
        program: the network and its tensors.
        staging: page-locked arrays that the inputs go through.
        results: page-locked arrays that the outputs come to, while the frame is in flight.
        uploaded, computed, downloaded: events.
    """

    program: Program
    staging: dict[str, np.ndarray]
    results: dict[str, np.ndarray | None] = field(default_factory=dict)
    uploaded: int = 0
    computed: int = 0
    downloaded: int = 0
    busy: bool = False


def output_spec(dtype: np.dtype, shape: Shape) -> tuple[tuple[int, ...], np.dtype]:
    """Give an output's shape and type: images have colours, maps have none."""
    return ((*shape, 3) if dtype == np.uint8 else shape), dtype


class Session:
    """Runs images of one size."""

    def __init__(self, driver: CudaDriver, make_program: Callable[[int], Program],
                 inputs: Sequence[str], outputs: Mapping[str, np.dtype], shape: Shape) -> None:
        """Allocate everything.

        Args:
            driver: of the GPU.
            make_program: gives a program; told the stream that it may prepare itself on.
            inputs: names of the images, uint8 [N, H, W, 3] all.
            outputs: name -> type: float32 ones are maps [N, H, W], uint8 ones images.
            shape: (N, H, W).

        Raises:
            EngineError: the GPU's memory does not suffice, or what the program says.
        """
        self.shape = shape
        self._driver = driver
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)
        images = (*shape, 3)
        self._specs = {name: output_spec(dtype, shape) for name, dtype in outputs.items()}
        self._bytes = dict.fromkeys(self._inputs, int(np.prod(images)))
        self._bytes |= {name: int(np.prod(size)) * dtype.itemsize
                        for name, (size, dtype) in self._specs.items()}
        self._slots: list[_Slot] = []
        self._streams: list[int] = []
        self._turn = 0
        self._staging = PinnedPool(driver, images, np.dtype(np.uint8))
        self._results = {name: PinnedPool(driver, *spec) for name, spec in self._specs.items()}
        driver.use()
        try:
            self._streams += [driver.stream() for _ in range(3)]
            self._upload, self.stream, self._download = self._streams
            for _ in range(SLOTS):
                self._slots.append(self._make_slot(make_program(self.stream)))
        except CudaError as error:
            self.close()
            if error.code != OUT_OF_MEMORY:
                raise
            free, total = driver.memory()
            raise EngineError(
                f'the GPU is out of memory: {shape[2]}x{shape[1]} needs '
                f'{SLOTS * sum(self._bytes.values()) / 1e6:.0f} MB of buffers besides the '
                f"network's own memory, {free / 1e6:.0f} of {total / 1e6:.0f} MB are free"
            ) from error
        except BaseException:
            self.close()
            raise

    @property
    def captured(self) -> bool:
        """Whether the network runs as a CUDA graph."""
        return all(slot.program.captured for slot in self._slots)

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
        device = slot.program.addresses
        try:
            for name in self._inputs:  # the first one travels while the second one is staged
                np.copyto(slot.staging[name], images[name])
                self._driver.upload(device[name], slot.staging[name].ctypes.data,
                                    self._bytes[name], self._upload)
            self._driver.record(slot.uploaded, self._upload)
            self._driver.wait(self.stream, slot.uploaded)
            slot.program.launch(self.stream)
            self._driver.record(slot.computed, self.stream)
            self._driver.wait(self._download, slot.computed)
            for name in self._outputs:
                slot.results[name] = array = self._results[name].take()
                if array is not None:
                    self._driver.download(array.ctypes.data, device[name], self._bytes[name],
                                          self._download)
            self._driver.record(slot.downloaded, self._download)
        except BaseException:
            slot.busy = False
            raise
        return slot

    def collect(self, slot: _Slot) -> Arrays:
        """Wait for a frame and give its outputs, which belong to the caller."""
        self._driver.use()
        try:
            self._driver.wait_here(slot.downloaded)
            results: Arrays = {}
            for name in self._outputs:
                array = slot.results.pop(name)
                results[name] = self._copied(name, slot) if array is None else array
        finally:
            slot.busy = False
        return results

    def launch_only(self) -> None:
        """Run the network on what was uploaded last, without any copy: for timing."""
        self._slots[0].program.launch(self.stream)

    def close(self) -> None:
        """Free everything; arrays that the caller still holds stay valid."""
        self._driver.use()
        for stream in self._streams:
            with suppress(CudaError):  # work that failed has been reported already
                self._driver.synchronize(stream)
        for slot in self._slots:
            slot.program.close()
            for event in (slot.uploaded, slot.computed, slot.downloaded):
                self._driver.destroy_event(event)
            slot.staging.clear()
        self._slots.clear()
        while self._streams:
            self._driver.destroy_stream(self._streams.pop())
        self._staging.close()
        for pool in self._results.values():
            pool.close()

    def _make_slot(self, program: Program) -> _Slot:
        staging = {}
        for name in self._inputs:
            array = self._staging.take()
            assert array is not None, 'two slots stage at most four images'
            staging[name] = array
        uploaded, computed, downloaded = (self._driver.event() for _ in range(3))
        return _Slot(program, staging, {}, uploaded, computed, downloaded)

    def _copied(self, name: str, slot: _Slot) -> np.ndarray:
        """Download into ordinary memory."""
        array = np.empty(*self._specs[name])
        self._driver.download(array.ctypes.data, slot.program.addresses[name], self._bytes[name],
                              self._download)
        self._driver.synchronize(self._download)
        return array
