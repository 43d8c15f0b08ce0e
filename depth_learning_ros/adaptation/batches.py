# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of target and rendered pairs in a random mix, the same for the same number."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import TRAIN, FrameStore
from depth_learning_ros.adaptation.tonioni import confident_labels
from depth_learning_ros.errors import DataError
from depth_learning_ros.training.augment import photograph
from depth_learning_ros.training.samples import PoolSupply

#: Frames whose matcher labels are kept in memory; half precision, 2 MB each at 1242 x 375.
KEPT_LABELS = 200
#: Windows wider than this cannot be given camera noise (training.augment).
WIDEST_PX = 1152


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        left, right: uint8 (B, 3, H, W), RGB.
        truth: float32 (B, 1, H, W), <= 0, NaN where unknown: ground truth of the rendered pairs,
            the matcher's labels of the target's where the method wants them.
        confidence: float32 (B, 1, H, W), 0..1, of the matcher's labels.
        synthetic: bool (B,).
    """

    left: Tensor
    right: Tensor
    truth: Tensor
    confidence: Tensor
    synthetic: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(*(t.to(device) for t in (self.left, self.right, self.truth, self.confidence,
                                              self.synthetic)))


class Batches:
    """Batch number n of a seed is always the same, so a run that is gone on with is the same run.

    Args:
        frames: of the target.
        scenes: folder of rendered scenes; not needed where the method learns from none.
        config: sizes, shares, seed.
        rank, world: of this process; each draws its own.

    Raises:
        DataError: the frames are smaller than a network's smallest input.
    """

    def __init__(self, frames: FrameStore, scenes: Path | None, config: AdaptationConfig,
                 rank: int = 0, world: int = 1) -> None:
        self.frames, self.config = frames, config
        self.rank, self.world = rank, world
        self.pool = None
        if config.synthetic_chance > 0:
            if scenes is None:
                raise DataError(f'{config.method} learns from rendered pairs as well: give the '
                                f'folder they are in')
            self.pool = PoolSupply(scenes)
        height, width = frames.smallest_size()
        self.height = _fitting(config.crop_height, height)
        self.width = min(WIDEST_PX, _fitting(config.crop_width, width))
        self._labels: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng((self.config.seed, number, self.rank))
        samples = [self._sample(rng) for _ in range(self.config.batch)]
        left, right, truth, confidence, synthetic = zip(*samples, strict=True)
        images = [torch.from_numpy(np.stack(view).transpose(0, 3, 1, 2).copy())
                  for view in (left, right)]
        maps = [torch.from_numpy(np.stack(values))[:, None] for values in (truth, confidence)]
        return Batch(images[0], images[1], maps[0], maps[1], torch.tensor(synthetic))

    def _sample(self, rng: np.random.Generator) -> tuple[
            np.ndarray, np.ndarray, np.ndarray, np.ndarray, bool]:
        size = (self.height, self.width)
        if self.pool is not None and rng.random() < self.config.synthetic_chance:
            left, right, disparity = self.pool.window(0, *size, rng)
            left, right = photograph(left, right, rng)
            return left, right, -disparity, np.zeros(size, np.float32), True
        index = int(rng.integers(self.frames.count(TRAIN)))
        left, right = self.frames.load(TRAIN, index)
        truth = np.full(left.shape[:2], np.nan, np.float32)
        confidence = np.zeros(left.shape[:2], np.float32)
        if self.config.method == 'tonioni':
            disparity, confidence = self._labels_of(index, left, right)
            truth = -disparity
        elif self.config.method == 'photometric' and rng.random() < 0.5:
            left, right = right[:, ::-1], left[:, ::-1]
        y = int(rng.integers(left.shape[0] - self.height + 1))
        x = int(rng.integers(left.shape[1] - self.width + 1))
        window = (slice(y, y + self.height), slice(x, x + self.width))
        return left[window], right[window], truth[window], confidence[window], False

    def _labels_of(self, index: int, left: np.ndarray,
                   right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if index not in self._labels:
            if len(self._labels) >= KEPT_LABELS:
                self._labels.pop(next(iter(self._labels)))
            disparity, confidence = confident_labels(left, right)
            self._labels[index] = disparity.astype(np.float16), confidence.astype(np.float16)
        disparity, confidence = self._labels[index]
        return disparity.astype(np.float32), confidence.astype(np.float32)


def _fitting(wanted: int, available: int) -> int:
    fitting = min(wanted, available // 64 * 64)
    if fitting < 64:
        raise DataError(f'a frame is {available} pixels high or wide: at least 64 are needed')
    return fitting
