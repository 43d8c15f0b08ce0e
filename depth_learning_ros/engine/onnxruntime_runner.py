# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU: works on every processor, in float32."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import os
from pathlib import Path

import numpy as np
import onnxruntime

from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo, checked_images
from depth_learning_ros.errors import EngineError

VERSION: str = onnxruntime.__version__
PRECISIONS = ('fp32',)
_ERRORS = 3  # severity: the library's warnings speak about its own optimiser


class OnnxRuntimeEngine(Engine):
    """One session for all sizes."""

    def __init__(self, model: Path, info: EngineInfo, *, optimize: bool = True) -> None:
        """Load.

        Args:
            model: an exported .onnx file.
            info: what is known about it; backend, version and device are filled in.
            optimize: false computes node by node as written, so that every rounding that the
                graph asks for happens.

        Raises:
            EngineError: ONNX Runtime refuses the file.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        options.log_severity_level = _ERRORS
        if not optimize:
            options.graph_optimization_level = (
                onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)
        try:
            self._session = onnxruntime.InferenceSession(
                str(model), options, providers=['CPUExecutionProvider'])
        # the library raises exceptions of its own that share no base class but this one
        except Exception as error:
            raise EngineError(f'ONNX Runtime {VERSION} cannot load {model}: {error}') from error
        self.info = replace(
            info, backend='onnxruntime', backend_version=VERSION,
            device=f'CPU, {options.intra_op_num_threads} threads')

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        images = checked_images(inputs, self.info)
        try:
            results = self._session.run(list(self.info.outputs), images)
        except Exception as error:
            raise EngineError(f'ONNX Runtime failed on {self.info.model}: {error}') from error
        return dict(zip(self.info.outputs, results, strict=True))

    def close(self) -> None:
        """Free the session."""
        del self._session
