# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc

from fake_cuda import FakeCuda
import numpy as np
import pytest

from depth_learning_ros.engine import cuda_driver
from depth_learning_ros.engine.cuda_driver import CudaDriver, CudaError, Gpu
from depth_learning_ros.engine.pinned import MOST_LENT, PinnedPool
from depth_learning_ros.errors import EngineError


def test_the_gpu_is_described():
    cuda = FakeCuda(name='Orin', capability=(8, 7), driver=12060, memory=8 << 30)
    assert CudaDriver(cuda).gpu() == Gpu('Orin', '8.7', '12.6', 8 << 30, False)


def test_no_driver(monkeypatch):
    monkeypatch.setattr(cuda_driver, 'LIBRARY', 'libcuda-that-is-not-there.so.1')
    cuda_driver._load.cache_clear()
    try:
        with pytest.raises(EngineError, match='no NVIDIA driver is installed here'):
            CudaDriver()
        assert cuda_driver.find_gpu() is None
        assert 'libcuda-that-is-not-there' in cuda_driver.why_no_gpu()
    finally:
        cuda_driver._load.cache_clear()


def test_no_gpu():
    with pytest.raises(EngineError, match=r'there is no GPU 0.*shows 0.*--gpus all'):
        CudaDriver(FakeCuda(devices=0))


def test_a_driver_that_does_not_start():
    with pytest.raises(EngineError, match='does not start: no CUDA-capable device'):
        CudaDriver(FakeCuda(devices=-1))


def test_errors_are_the_drivers_words():
    driver = CudaDriver(FakeCuda(memory=1000))
    with pytest.raises(CudaError, match=r'cuMemAlloc_v2 failed: out of memory \(2\)') as caught:
        driver.allocate(1001)
    assert caught.value.code == cuda_driver.OUT_OF_MEMORY


def test_copies_happen_when_somebody_waits():
    cuda = FakeCuda()
    driver = CudaDriver(cuda)
    stream, address = driver.stream(), driver.allocate(4)
    given, back = np.array([1, 2, 3, 4], np.uint8), np.zeros(4, np.uint8)
    driver.upload(address, given.ctypes.data, 4, stream)
    driver.download(back.ctypes.data, address, 4, stream)
    assert not back.any()
    driver.synchronize(stream)
    assert back.tolist() == [1, 2, 3, 4]


def test_a_broken_capture_leaves_the_stream_usable():
    cuda = FakeCuda()
    driver = CudaDriver(cuda)
    stream = driver.stream()
    with pytest.raises(ValueError, match='broken'), driver.capture(stream):
        raise ValueError('broken')
    assert not cuda.capturing


def test_pinned_arrays_come_back_when_the_last_view_dies():
    cuda = FakeCuda()
    pool = PinnedPool(CudaDriver(cuda), (2, 3), np.dtype(np.float32))
    array = pool.take()
    assert array.shape == (2, 3)
    assert array.flags.writeable
    address, view = array.ctypes.data, array[1]
    del array
    gc.collect()
    assert pool.lent == 1  # the view still needs it
    del view
    gc.collect()
    assert pool.lent == 0
    assert pool.take().ctypes.data == address
    assert len(cuda.host_memory) == 1


def test_few_pinned_arrays_are_lent():
    pool = PinnedPool(CudaDriver(FakeCuda()), (4,), np.dtype(np.uint8))
    arrays = [pool.take() for _ in range(MOST_LENT)]
    assert all(array is not None for array in arrays)
    assert pool.take() is None


def test_a_closed_pool_frees_what_comes_back_late():
    cuda = FakeCuda()
    pool = PinnedPool(CudaDriver(cuda), (4,), np.dtype(np.uint8))
    kept = pool.take()
    del_later = pool.take()
    del del_later
    gc.collect()
    pool.close()
    assert len(cuda.host_memory) == 1
    kept[:] = 7  # still ours
    del kept
    gc.collect()
    assert not cuda.host_memory
