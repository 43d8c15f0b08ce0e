# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU: the fastest there, in float32 or, with AMX, in bfloat16.

Each image size gets a model compiled for it (about a tenth faster than one for all sizes); the
last few are kept in memory, and all of them in the cache that the caller may hand in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
import sys
import time
from typing import Any, Protocol

import numpy as np

# Imported, OpenVINO reports that to its makers over the network, from a process that it forks. A
# robot shall not; without the module that sends, OpenVINO takes a stub of its own.
sys.modules.setdefault('openvino_telemetry', None)  # type: ignore[arg-type]
import openvino  # noqa: E402

from depth_learning_ros.engine.base import (  # noqa: E402
    Arrays,
    Engine,
    EngineInfo,
    checked_images,
)
from depth_learning_ros.errors import EngineError  # noqa: E402

VERSION: str = openvino.get_version()
PRECISIONS = ('fp32', 'bf16', 'fp16')
_HINTS = {'fp32': 'f32', 'bf16': 'bf16', 'fp16': 'f16'}
_WORDS = {hint: word for word, hint in _HINTS.items()}

SIZES_IN_MEMORY = 4
# A compiled model from the cache must repeat what it answered when it was compiled.
PROBE_VALUES = 16
PROBE_TOLERANCE_PX = 0.05

Shape = tuple[int, int, int]


class CompiledModels(Protocol):
    """Where compiled models are kept between runs."""

    def load(self, shape: Shape) -> tuple[bytes, dict[str, Any]] | None:
        """Give the compiled model and its record, None where there is none (or it is damaged)."""

    def save(self, shape: Shape, blob: bytes, record: dict[str, Any]) -> None:
        """Keep a compiled model; never fails."""

    def reject(self, shape: Shape, reason: str) -> None:
        """Tell why what ``load`` gave could not be used."""

    def lock(self, shape: Shape) -> AbstractContextManager[None]:
        """Hold others off while this shape is compiled."""


class OpenVinoEngine(Engine):
    """Compiled models for the sizes that were asked for last."""

    def __init__(self, model: Path, info: EngineInfo, precision: str = 'fp32',
                 store: CompiledModels | None = None) -> None:
        """Prepare; nothing is read or compiled before the first size is known.

        Args:
            model: an exported .onnx file.
            info: what is known about it; backend, version, precision and device are filled in.
            precision: ``fp32``, ``bf16`` or ``fp16``.
            store: keeps compiled models between runs.

        Raises:
            EngineError: the processor cannot compute in that precision.
        """
        self._path = model
        self._store = store
        self._core = openvino.Core()
        self._config = {'INFERENCE_PRECISION_HINT': _HINTS[precision],
                        'PERFORMANCE_HINT': 'LATENCY'}
        self._requests: OrderedDict[Shape, openvino.InferRequest] = OrderedDict()
        self._check_precision(precision)
        device = self._core.get_property('CPU', 'FULL_DEVICE_NAME')
        self.info = replace(
            info, backend='openvino', backend_version=VERSION.partition('-')[0],
            precision=precision, device=str(device).strip())

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        images = checked_images(inputs, self.info)
        count, height, width = images[self.info.inputs[0]].shape[:3]
        return self._run(self._request((count, height, width)), images)

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`."""
        self._request((1, height, width))

    def close(self) -> None:
        """Free all compiled models."""
        self._requests.clear()

    def _run(self, request: openvino.InferRequest, images: Arrays) -> Arrays:
        try:
            results = request.infer(images, share_inputs=True)
        except RuntimeError as error:
            raise EngineError(f'OpenVINO failed on {self.info.model}: {error}') from error
        return {name: results[name] for name in self.info.outputs}

    def _request(self, shape: Shape) -> openvino.InferRequest:
        if shape in self._requests:
            self._requests.move_to_end(shape)
            return self._requests[shape]
        with self._store.lock(shape) if self._store else nullcontext():
            request = self._load(shape) or self._compile(shape)
        self._requests[shape] = request
        while len(self._requests) > SIZES_IN_MEMORY:
            self._requests.popitem(last=False)
        return request

    def _load(self, shape: Shape) -> openvino.InferRequest | None:
        """Bring back a compiled model and see that it still answers as it did."""
        stored = self._store.load(shape) if self._store else None
        if self._store is None or stored is None:
            return None
        blob, record = stored
        try:
            request = self._core.import_model(blob, 'CPU', self._config).create_infer_request()
            difference = np.abs(self._probe(request, shape) - np.asarray(record['probe'])).max()
        except (RuntimeError, EngineError, KeyError, TypeError, ValueError) as error:
            self._store.reject(shape, f'OpenVINO cannot load it ({error})')
            return None
        if not difference <= PROBE_TOLERANCE_PX:
            self._store.reject(shape, f'its answers changed by {difference:.3g} px')
            return None
        return request

    def _compile(self, shape: Shape) -> openvino.InferRequest:
        start = time.perf_counter()
        try:
            model = self._core.read_model(self._path)
            model.reshape({name: [*shape, 3] for name in self.info.inputs})
            compiled = self._core.compile_model(model, 'CPU', self._config)
            request = compiled.create_infer_request()
        except RuntimeError as error:
            raise EngineError(
                f'OpenVINO {VERSION} cannot build {self._path} for {shape[2]}x{shape[1]}: '
                f'{error}') from error
        runs = _WORDS.get(compiled.get_property('INFERENCE_PRECISION_HINT').to_string())
        if runs != self.info.precision:
            raise EngineError(f'OpenVINO would run in {runs} on this processor instead of '
                              f'{self.info.precision}: ask for {runs}')
        seconds = time.perf_counter() - start
        if self._store:
            record = {'build_seconds': seconds, 'probe': self._probe(request, shape).tolist()}
            self._store.save(shape, compiled.export_model().getvalue(), record)
        return request

    def _probe(self, request: openvino.InferRequest, shape: Shape) -> np.ndarray:
        """Run on a fixed pattern and pick some of the disparities."""
        rows, columns = np.ogrid[:shape[1], :shape[2]]
        pattern = ((rows * 7) ^ (columns * 13) ^ (rows * columns >> 4)).astype(np.uint8)
        image = np.ascontiguousarray(np.broadcast_to(pattern[None, :, :, None], (*shape, 3)))
        values = self._run(request, dict.fromkeys(self.info.inputs, image))['disparity'].ravel()
        return values[np.linspace(0, values.size - 1, PROBE_VALUES).astype(int)]

    def _check_precision(self, precision: str) -> None:
        """OpenVINO silently takes another precision where the processor lacks the one wanted."""
        known = self._core.get_property('CPU', 'OPTIMIZATION_CAPABILITIES')
        needed = {'fp32': 'FP32', 'bf16': 'BF16', 'fp16': 'FP16'}[precision]
        if needed not in known:
            raise EngineError(f'this processor does not compute in {precision}: use fp32')
