# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stereo engine for tests: exact on the synthetic bags, and as slow as a test wants it."""

from __future__ import annotations

from collections.abc import Mapping
import time

import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo
from depth_learning_ros.errors import EngineError


class ShiftEngine(Engine):
    """Finds the one whole-pixel shift between the images, and gives it at every pixel.

    The confidence is 0.75. Fails at the ``fail_at``-th call, when given.
    """

    def __init__(self, delay_s: float = 0.0, fail_at: int | None = None,
                 outputs: tuple[str, ...] = ('disparity', 'confidence')) -> None:
        self.info = EngineInfo('shift', 'numpy', np.__version__, 'fp32', 'cpu', outputs=outputs)
        self.prepared: list[tuple[int, int]] = []
        self.closed = False
        self.calls = 0
        self._delay_s, self._fail_at = delay_s, fail_at

    def prepare(self, height: int, width: int) -> None:
        self.prepared.append((height, width))

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        self.calls += 1
        if self.calls == self._fail_at:
            raise EngineError('the fake engine fails as told')
        time.sleep(self._delay_s)
        left, right = (inputs[name].astype(np.int16) for name in ('left', 'right'))
        width = left.shape[2]
        errors = [np.abs(left[:, :, d:] - right[:, :, :width - d]).mean() for d in range(9)]
        shape = left.shape[:3]
        found = {'disparity': np.full(shape, np.argmin(errors), np.float32),
                 'confidence': np.full(shape, 0.75, np.float32)}
        return {name: found[name] for name in self.info.outputs}

    def close(self) -> None:
        self.closed = True
