# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Large arrays whose memory is used again once nobody holds them any more."""

from __future__ import annotations

from collections import deque
import math
import weakref

import numpy as np
from numpy.typing import DTypeLike


class ArrayPool:
    """Hands out arrays like ``numpy.empty``, and takes their memory back by itself.

    The operating system clears fresh memory page by page when it is first written, which for a
    cloud takes longer than computing it. An array given out here returns its memory when it and
    everything that looks into it (views, memoryviews, tensors) is gone, not earlier, so results
    may be kept as long as one likes: then the pool just allocates more.

    Args:
        spares: how many free blocks to keep.
    """

    def __init__(self, spares: int = 3) -> None:
        # append and pop of a deque are atomic: the last reference may fall in another thread
        self._spares: deque[np.ndarray] = deque(maxlen=spares)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> np.ndarray:
        """Return an array of undefined values, C-contiguous."""
        kind = np.dtype(dtype)
        block = self._block(math.prod(shape) * kind.itemsize)
        # Views of `owner` refer to it and not to the block behind it, because numpy looks
        # through arrays but not through a memoryview: the end of `owner` is the end of all.
        owner = np.frombuffer(block.data, kind)
        weakref.finalize(owner, self._spares.append, block).atexit = False
        return owner.reshape(shape)

    def _block(self, size: int) -> np.ndarray:
        while True:
            try:
                block = self._spares.pop()
            except IndexError:
                return np.empty(size, np.uint8)
            if block.size == size:  # others are of an earlier image size: let them go
                return block
