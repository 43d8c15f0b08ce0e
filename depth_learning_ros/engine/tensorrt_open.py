# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Load built engines, none before its error on this very GPU and driver is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
import json
from pathlib import Path

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.cache import CacheEntry, EngineCache
from depth_learning_ros.engine.cuda_driver import CudaDriver, Gpu
from depth_learning_ros.engine.engine_check import measure_file, wrong_engine
from depth_learning_ros.engine.engine_file import EngineFile, load_engine_file
from depth_learning_ros.engine.reference import MeasuredError
from depth_learning_ros.engine.tensorrt_engine import TensorRTEngine
from depth_learning_ros.engine.tensorrt_library import Library
from depth_learning_ros.engine.trusted_file import check_trusted
from depth_learning_ros.errors import EngineError

Say = Callable[[str], None]


def open_engine_file(path: Path, load_library: Callable[[str], Library], cache: EngineCache,
                     on_message: Say, driver: CudaDriver | None = None) -> TensorRTEngine:
    """Open an engine that 'depth-learning build' wrote; measured on this GPU before it is used.

    Args:
        path: the .engine file.
        load_library: gives the library of a name.
        cache: keeps the measurement.
        on_message: told what takes long.
        driver: of the GPU; None = the first one.

    Raises:
        EngineError: it is damaged or not to be trusted; it does not fit library, GPU or system
            (says which); it is too far from PyTorch.
    """
    file = load_engine_file(path)
    library = load_library(file.identity.library)
    driver = driver or CudaDriver()
    return load_measured(library, file, cache, on_message, driver.gpu(), driver)


def load_measured(library: Library, file: EngineFile, cache: EngineCache, on_message: Say,
                  gpu: Gpu, driver: CudaDriver) -> TensorRTEngine:
    """Load an engine and make sure that its error on this GPU and driver is known and small.

    Raises:
        EngineError: it does not load, or is too far from PyTorch.
    """
    key = {'engine_sha256': file.sha256, 'library': library.name, 'version': library.version,
           'gpu': gpu.name, 'driver': gpu.driver}
    name = f'{file.record.metadata.get("model", "engine")}-{library.name}'
    store = _CachedKernels(cache.entry(f'{name}-kernels', {**key, 'kernels': 1}))
    engine = TensorRTEngine(library, file, describe(file), driver=driver, kernels=store)
    try:
        entry = cache.entry(name, {**key, 'measured': 'fixed pair'})
        error = _stored_error(entry)
        if error is None:
            on_message(f'measuring {name} against PyTorch')
            error = measure_file(engine, file)
            entry.save({'error': asdict(error)})
        if not error.acceptable:
            raise EngineError(wrong_engine(library, file.identity, error))
    except BaseException:
        engine.close()
        raise
    engine.info = replace(engine.info, error_px=error.mean_px)
    return engine


def describe(file: EngineFile) -> EngineInfo:
    """Give what an engine's sidecar says about its network."""
    metadata = file.record.metadata
    return EngineInfo(
        str(metadata.get('model', 'engine')), '', '', '', '',
        tuple(json.loads(metadata['inputs'])), tuple(json.loads(metadata['outputs'])),
        metadata=metadata)


def _stored_error(entry: CacheEntry) -> MeasuredError | None:
    found = entry.load()
    try:
        return None if found is None else MeasuredError(**found[0]['error'])
    except (KeyError, TypeError):
        return None


class _CachedKernels:
    """Keeps what TensorRT for RTX compiled on this GPU; it is code too, and trusted alike."""

    def __init__(self, entry: CacheEntry) -> None:
        self._entry = entry

    def load(self) -> bytes | None:
        if not self._entry.blob_path.is_file():
            return None
        try:
            check_trusted(self._entry.blob_path)
        except EngineError as error:
            self._entry.reject(str(error))
            return None
        found = self._entry.load()
        return None if found is None else found[1]

    def save(self, data: bytes) -> None:
        self._entry.save({'bytes': len(data)}, data)
