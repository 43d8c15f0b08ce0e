# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest

from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.pipeline import StereoPipeline, looks_swapped

DARK, BRIGHT = (np.full((16, 32, 3), value, np.uint8) for value in (10, 200))


class _Sure(Engine):
    """As sure as it was told to be, by whether the left image is the brighter one."""

    def __init__(self, bright_left: float, dark_left: float) -> None:
        self.info = EngineInfo('fake', 'test', '1', 'fp32', 'cpu')
        self._sure, self.runs = {True: bright_left, False: dark_left}, 0

    def infer(self, inputs):
        self.runs += 1
        left = inputs['left']
        confidence = self._sure[bool(left.mean() > inputs['right'].mean())]
        return {'disparity': np.ones(left.shape[:3], np.float32),
                'confidence': np.full(left.shape[:3], confidence, np.float32)}


@pytest.mark.parametrize(('as_given', 'exchanged', 'swapped', 'runs'), [
    (0.5, 0.9, False, 1),    # sure enough: the other way round is not even tried
    (0.15, 0.5, True, 2),
    (0.15, 0.19, False, 2),  # both are guesses: a lens cap, fog, pictures that are no pair
    (0.35, 0.45, False, 2),  # no great difference
    (0.35, 0.2, False, 2)])
def test_surer_the_other_way_round(as_given, exchanged, swapped, runs):
    engine = _Sure(as_given, exchanged)
    pipeline = StereoPipeline(engine)
    assert looks_swapped(pipeline, pipeline(BRIGHT, DARK)) is swapped
    assert engine.runs == runs
