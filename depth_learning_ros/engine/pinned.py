# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Page-locked host memory as numpy arrays that find their own way back."""

from __future__ import annotations

import ctypes
import weakref

import numpy as np

from depth_learning_ros.engine.cuda_driver import CudaDriver

# Page-locked memory is taken from everybody else: a caller who keeps more results than this of
# one size gets copies in ordinary memory.
MOST_LENT = 8


class PinnedPool:
    """Buffers of one size, lent out as arrays and given back when the last view of one dies.

    So a result is written once, by the GPU, and belongs to the caller without being copied.
    """

    def __init__(self, driver: CudaDriver, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self._driver = driver
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._size = int(np.prod(shape)) * self._dtype.itemsize
        self._free: list[int] = []
        self._out: set[int] = set()  # whose changes no thread can interrupt
        self._closed = False

    @property
    def lent(self) -> int:
        """How many arrays somebody holds."""
        return len(self._out)

    def take(self) -> np.ndarray | None:
        """Lend an array, its content undefined; None where too many are out already."""
        if len(self._out) >= MOST_LENT:
            return None
        address = self._free.pop() if self._free else self._driver.allocate_host(self._size)
        memory = (ctypes.c_uint8 * self._size).from_address(address)
        weakref.finalize(memory, self._give_back, address).atexit = False
        self._out.add(address)
        return np.frombuffer(memoryview(memory), self._dtype).reshape(self._shape)

    def close(self) -> None:
        """Free what is not lent; the rest follows when it comes back."""
        self._closed = True
        while self._free:
            self._driver.free_host(self._free.pop())

    def _give_back(self, address: int) -> None:
        self._out.discard(address)
        if self._closed:
            self._driver.use()  # the last view may die in any thread
            self._driver.free_host(address)
        else:
            self._free.append(address)
