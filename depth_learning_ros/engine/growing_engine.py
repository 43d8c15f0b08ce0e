# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An engine that TensorRT builds when it is first needed, and again when images outgrow it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine, checked_images
from depth_learning_ros.engine.build import BuildRequest, build_engine, identity_of, resolved
from depth_learning_ros.engine.cache import CacheEntry, EngineCache
from depth_learning_ros.engine.cuda_driver import CudaDriver, Gpu
from depth_learning_ros.engine.engine_file import EngineFile, EngineRecord, Shape, Shapes
from depth_learning_ros.engine.model_file import ModelFile
from depth_learning_ros.engine.tensorrt_build import BuildOptions
from depth_learning_ros.engine.tensorrt_engine import TensorRTEngine
from depth_learning_ros.engine.tensorrt_library import Library
from depth_learning_ros.engine.tensorrt_open import Say, load_measured
from depth_learning_ros.engine.trusted_file import check_trusted
from depth_learning_ros.errors import EngineError
from depth_learning_ros.models.working_size import zoomed_size

MULTIPLE = 64
"""Graphs pad images to this: a size in between costs as much as the next multiple."""

FIRST_CAMERAS = ((480, 640), (375, 1242), (720, 1280))
"""The cameras that an engine is built for at once (height, width): VGA, KITTI, 720p."""


def shapes_for(cameras: Sequence[tuple[int, int]]) -> Shapes:
    """Give shapes that hold cameras' pairs as the automatic zoom shows them to a network.

    Tuned for the last camera; smaller sizes fit as well, such as the pairs without any zoom and
    the fixed pair that every engine is measured by.
    """
    shown = [zoomed_size(*size, None) for size in cameras]
    height, width = (-(-max(sides) // MULTIPLE) * MULTIPLE for sides in zip(*shown, strict=True))
    return Shapes((1, MULTIPLE, MULTIPLE), (1, *shown[-1]), (1, height, width))


FIRST_SHAPES = shapes_for(FIRST_CAMERAS)
"""What an engine takes that nobody asked for. Larger images make it grow: a profile for all sizes
would hold the working memory of the largest."""


class GrowingEngine(Engine):
    """A built engine that is built again, larger, when images do not fit."""

    def __init__(self, library: Library, model: ModelFile, precision: str, cache: EngineCache,
                 on_message: Say, *, driver: CudaDriver | None = None,
                 weights: Path | None = None) -> None:
        """Open from the cache, or build; measured in any case.

        Raises:
            EngineError: there is no GPU, it cannot be built, or it is too far from PyTorch.
        """
        self._library, self._model, self._precision = library, model, precision
        self._cache, self._on_message, self._weights = cache, on_message, weights
        self._driver = driver or CudaDriver()
        self._shapes = _first_shapes(model)
        self._engine = self._open()
        self.info = self._engine.info

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        images = checked_images(inputs, self.info)
        shape = images[self.info.inputs[0]].shape
        self._fit((shape[0], shape[1], shape[2]))
        return self._engine.infer(images)

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`."""
        self._fit((1, height, width))
        self._engine.prepare(height, width)

    def close(self) -> None:
        """See `Engine.close`."""
        self._engine.close()

    @property
    def built(self) -> TensorRTEngine:
        """The engine as it is now: for CUDA tensors, pairs in flight, timing."""
        return self._engine

    def _fit(self, shape: Shape) -> None:
        if self._shapes.hold(shape):
            return
        grown = grow(self._shapes, shape)
        self._on_message(f'the engine takes {self._shapes}: building one for {grown}')
        self._engine.close()  # two of them might not fit
        self._shapes = grown
        self._engine = self._open()
        self.info = self._engine.info

    def _open(self) -> TensorRTEngine:
        gpu = self._driver.gpu()
        request = resolved(self._library, BuildRequest(
            self._precision, BuildOptions(self._shapes)), gpu)
        identity = identity_of(self._library, self._model, request, gpu)
        label = f'{self._model.name}-{self._library.name}-{self._precision}'
        entry = self._cache.entry(label, {'engine': identity.to_dict(), 'gpu': gpu.name,
                                          'driver': gpu.driver})
        with entry.lock():
            file = _stored(entry, identity)
            if file is not None:
                try:
                    return self._load(file, gpu)
                except EngineError as error:
                    entry.reject(str(error))
            file = build_engine(self._library, self._model, request, self._on_message,
                                weights=self._weights)
            entry.save({'engine': file.record.to_dict()}, file.plan)
        return self._load(file, gpu)

    def _load(self, file: EngineFile, gpu: Gpu) -> TensorRTEngine:
        return load_measured(self._library, file, self._cache, self._on_message, gpu,
                             self._driver)


def grow(shapes: Shapes, shape: Shape) -> Shapes:
    """Give shapes that hold one more size, tuned for that one."""
    def extreme(choose: Callable[..., int], other: Shape) -> Shape:
        count, height, width = (choose(a, b) for a, b in zip(other, shape, strict=True))
        return count, height, width
    return Shapes(extreme(min, shapes.smallest), shape, extreme(max, shapes.largest))


def _first_shapes(model: ModelFile) -> Shapes:
    """Give the first sizes; those of an export of fixed size are its own."""
    height, width = model.fixed_size

    def fixed(shape: Shape) -> Shape:
        return shape[0], height or shape[1], width or shape[2]
    first = FIRST_SHAPES
    return Shapes(fixed(first.smallest), fixed(first.best), fixed(first.largest))


def _stored(entry: CacheEntry, identity: Any) -> EngineFile | None:
    """Give the engine of a cache entry; one that others could have written is built again."""
    if not entry.blob_path.is_file():
        return None
    try:
        check_trusted(entry.blob_path)
    except EngineError as error:
        entry.reject(str(error))
        return None
    found = entry.load()
    if found is None or found[1] is None:
        return None
    try:
        return EngineFile(identity, EngineRecord.from_dict(found[0]['engine']), found[1])
    except (KeyError, TypeError, ValueError):
        entry.reject('its record is damaged')
        return None
