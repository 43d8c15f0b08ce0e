# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from depth_learning_ros.geometry.pool import ArrayPool


def address(array: np.ndarray) -> int:
    return array.__array_interface__['data'][0]


def test_arrays_are_like_those_of_numpy_empty():
    array = ArrayPool().empty((3, 5, 4))
    assert array.shape == (3, 5, 4) and array.dtype == np.float32
    assert array.flags.c_contiguous and array.flags.writeable and array.flags.aligned
    assert ArrayPool().empty((7,), np.uint16).nbytes == 14


def test_memory_is_used_again_when_the_array_is_gone():
    pool = ArrayPool()
    array = pool.empty((100, 100))
    first = address(array)
    del array
    again = pool.empty((50, 200))
    assert address(again) == first


@pytest.mark.parametrize('look', [
    lambda array: array[5:7, ::2], lambda array: array.view(np.uint8).reshape(-1)[3:],
    lambda array: memoryview(array), lambda array: array.T[1], lambda array: array[0].data,
    lambda array: np.asarray(memoryview(array[1:]))],
    ids=['slice', 'view', 'memoryview', 'row of the transposed', 'data', 'through memoryview'])
def test_memory_is_not_touched_while_anything_looks_into_it(look):
    pool = ArrayPool()
    array = pool.empty((100, 100))
    array[...] = 7
    kept = look(array)
    before = bytes(memoryview(np.ascontiguousarray(kept)).cast('B'))
    del array
    for _ in range(5):
        pool.empty((100, 100))[...] = 1
    assert bytes(memoryview(np.ascontiguousarray(kept)).cast('B')) == before


def test_another_size_gets_other_memory():
    pool = ArrayPool()
    del_me = pool.empty((10, 10))
    del del_me
    assert pool.empty((20, 20)).nbytes == 1600


def test_spares_are_limited_and_the_pool_may_go_first():
    pool = ArrayPool(spares=2)
    arrays = [pool.empty((10,)) for _ in range(5)]
    assert len({address(array) for array in arrays}) == 5
    arrays.clear()
    assert len(pool._spares) == 2
    array = pool.empty((10,))
    del pool
    array[...] = 1
