# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the replay benchmarks share: a bag of a given length, and an engine that costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import sys

import cv2
import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'test'))

import bags

DIFFERENT_FRAMES = 4
KINDS = bags.KINDS


class FreeEngine(Engine):
    """Gives a noisy disparity and confidence in new arrays, as a network would, at once."""

    def __init__(self) -> None:
        self.info = EngineInfo('free', 'numpy', np.__version__, 'fp32', 'cpu')
        self._made: dict[tuple[int, ...], Arrays] = {}

    def prepare(self, height: int, width: int) -> None:
        random = np.random.default_rng(0)
        shape = (1, height, width)
        self._made[shape] = {
            'disparity': random.uniform(1, 90, shape).astype(np.float32),
            'confidence': random.uniform(0, 1, shape).astype(np.float32)}

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        made = self._made[inputs['left'].shape[:3]]
        return {name: array.copy() for name, array in made.items()}


class SmoothBag(bags.StereoBag):
    """Images that are smooth, so that they compress as photographs do."""

    def rgb(self, index: int, side: str) -> np.ndarray:
        image = cv2.GaussianBlur(super().rgb(index, side), (0, 0), 2)
        return cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)


def write_bag(path: Path, kind: str, frames: int, width: int, height: int,
              encoding: str = 'rgb8', compressed: str | None = None) -> None:
    """Write a bag with KITTI's calibration; a few frames are written again and again."""
    bag = SmoothBag(
        frames=DIFFERENT_FRAMES, width=width, height=height, disparity=32, focal=721.5,
        baseline=0.54, encoding='rgb8' if compressed else encoding, compressed=compressed)
    made = [(m.topic, m.type_name, m.data) for m in bags.messages(bag)]
    cdr = [bytes(bags.STORE.serialize_cdr(data, name)) for _, name, data in made]
    per_frame = len(made) // DIFFERENT_FRAMES

    def messages():
        for index in range(frames):
            stamp_ns = bag.stamp_ns(index)
            stamp = np.array([stamp_ns // 10**9, stamp_ns % 10**9], '<u4').tobytes()
            first = (index % DIFFERENT_FRAMES) * per_frame
            for (topic, name, _), data in zip(
                    made[first:first + per_frame], cdr[first:first + per_frame], strict=True):
                # The stamp is the first field of all these messages, behind the CDR header.
                yield bags.BagMessage(topic, name, stamp_ns, data[:4] + stamp + data[12:])

    bags.write_bag(path, kind, messages())
