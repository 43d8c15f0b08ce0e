# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which convolutions can be int8: those that cost least, until the budget of error is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
import tempfile

import numpy as np
import onnx

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.half_emulation import emulate_half
from depth_learning_ros.engine.quantize import Ranges, quantise, quantised
from depth_learning_ros.engine.typed_graph import type_graph
from depth_learning_ros.errors import EngineError

BUDGET_PX = 0.05
# The 99th percentile may be so many times the mean; tolerances of engines are in that ratio.
_TAIL = 5


def choose_int8(model: onnx.ModelProto, ranges: Ranges, frame: Mapping[str, np.ndarray],
                budget_px: float = BUDGET_PX,
                on_progress: Callable[[int, int | None], None] | None = None) -> Ranges:
    """Give ranges that leave in float16 what would take the disparity out of the budget.

    Each convolution is quantised alone and its error emulated; then as many as fit, the harmless
    ones first, are quantised together.

    Args:
        model: the float32 graph.
        ranges: from ``calibrate``.
        frame: a pair to measure on, uint8 [1, H, W, 3] each; one of the calibration images, not
            the fixed pair, so that the engine's measurement stays an independent one.
        budget_px: mean difference to the float16 graph that int8 may add; its 99th percentile
            may be five times that.
        on_progress: called with (done, all).

    Raises:
        EngineError: the budget allows no convolution at all.
    """
    float16 = _typed(model)
    names = [node.input[1].removesuffix('.half')
             for node in quantised(float16.graph, typed=True)]
    names = list(dict.fromkeys(names))
    everything = len(names) + len(names).bit_length()
    done = 0
    plain = onnx.ModelProto()
    plain.CopyFrom(float16)
    exact = _run(plain, frame)

    def error(kept: frozenset[str]) -> tuple[float, float]:
        nonlocal done
        graph = onnx.ModelProto()
        graph.CopyFrom(float16)
        if len(kept) < len(names):
            quantise(graph, replace(ranges, kept=kept))
        difference = np.abs(_run(graph, frame) - exact)
        done += 1
        if on_progress is not None:
            on_progress(min(done, everything), everything)
        return float(difference.mean()), float(np.percentile(difference, 99))

    alone = {name: error(frozenset(names) - {name})[0] for name in names}
    order = sorted(names, key=lambda name: alone[name])
    low, high = 0, len(order)  # how many fit: at least low, at most high
    while low < high:
        middle = (low + high + 1) // 2
        mean, tail = error(frozenset(order[middle:]))
        if mean <= budget_px and tail <= _TAIL * budget_px:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        raise EngineError(f'no convolution of this network can be int8 within {budget_px} px: '
                          f'allow more by --int8-budget, or build in fp16')
    return replace(ranges, kept=frozenset(order[low:]))


def _typed(model: onnx.ModelProto) -> onnx.ModelProto:
    graph = onnx.ModelProto()
    graph.CopyFrom(model)
    type_graph(graph, 'fp16')
    return graph


def _run(graph: onnx.ModelProto, frame: Mapping[str, np.ndarray]) -> np.ndarray:
    from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine
    emulate_half(graph)
    inputs: Sequence[str] = [value.name for value in graph.graph.input]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'emulated.onnx')
        onnx.save_model(graph, str(file))
        info = EngineInfo('int8', '', '', 'int8', '', tuple(inputs), ('disparity',))
        with OnnxRuntimeEngine(file, info) as engine:
            return engine.infer({name: frame[name] for name in inputs})['disparity']
