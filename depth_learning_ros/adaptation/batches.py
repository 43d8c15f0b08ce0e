# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Batches of target and rendered pairs in a random mix, the same for the same number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import TRAIN, FrameStore
from depth_learning_ros.adaptation.label_files import LabelFiles
from depth_learning_ros.adaptation.tonioni import confident_labels
from depth_learning_ros.errors import DataError
from depth_learning_ros.training.augment import USUAL_FAULTS, crop_and_zoom, photograph
from depth_learning_ros.training.samples import PoolSupply

#: Gives the labels of a frame by its number: of the left and of the right view, float32 [H, W],
#: <= 0, NaN where unknown.
LabelsOf = Callable[[int], tuple[np.ndarray, np.ndarray]]
#: Views, uint8 [H, W, 3]; labels, float32 [H, W], <= 0, NaN where unknown; their confidence.
_Window = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        left, right: uint8 (B, 3, H, W), RGB, as the network is to see them.
        clean_left, clean_right: the same as they are.
        truth: float32 (B, 1, H, W), <= 0, NaN where unknown: ground truth of the rendered pairs,
            the labels of the target's where they are made beforehand.
        confidence: float32 (B, 1, H, W), 0..1, of the matcher's labels.
        synthetic: bool (B,).
    """

    left: Tensor
    right: Tensor
    clean_left: Tensor
    clean_right: Tensor
    truth: Tensor
    confidence: Tensor
    synthetic: Tensor

    def to(self, device: torch.device) -> Batch:
        return Batch(**{name: tensor.to(device) for name, tensor in vars(self).items()})


@dataclass(frozen=True)
class _Sample:
    """One of a batch: images uint8 [H, W, 3], maps float32 [H, W]."""

    left: np.ndarray
    right: np.ndarray
    clean_left: np.ndarray
    clean_right: np.ndarray
    truth: np.ndarray
    confidence: np.ndarray
    synthetic: bool


class Batches:
    """Batch number n of a seed is always the same, so a run that is gone on with is the same run.

    Args:
        frames: of the target.
        scenes: folder of rendered scenes, of which the first ``config.scenes`` are used; not
            needed where the method learns from none.
        config: sizes, shares, seed.
        rank: of this process; each draws its own.
        labels_of: gives ZOLE's labels that are made beforehand; None where they are not.

    Raises:
        DataError: the frames are smaller than a network's smallest input.
    """

    def __init__(self, frames: FrameStore, scenes: Path | None, config: AdaptationConfig,
                 rank: int = 0, labels_of: LabelsOf | None = None) -> None:
        self.frames, self.config, self.rank = frames, config, rank
        self.labels_of = labels_of
        self.pool = None
        if config.synthetic_chance > 0:
            if scenes is None:
                raise DataError(f'{config.method} learns from rendered pairs as well: give the '
                                f'folder they are in')
            self.pool = PoolSupply(scenes, most=config.scenes)
        height, width = frames.smallest_size()
        self.height = _fitting(config.crop_height, height)
        self.width = _fitting(config.crop_width, width)
        self._matched = (LabelFiles(frames.folder / 'labels', 'matcher', frames.paths[TRAIN])
                         if config.method == 'tonioni' else None)

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng((self.config.seed, number, self.rank))
        samples = [self._sample(rng) for _ in range(self.config.batch)]
        images = {name: torch.from_numpy(np.stack([getattr(sample, name) for sample in samples])
                                         .transpose(0, 3, 1, 2).copy())
                  for name in ('left', 'right', 'clean_left', 'clean_right')}
        maps = {name: torch.from_numpy(np.stack([getattr(sample, name)
                                                 for sample in samples]))[:, None]
                for name in ('truth', 'confidence')}
        return Batch(**images, **maps,
                     synthetic=torch.tensor([sample.synthetic for sample in samples]))

    def _sample(self, rng: np.random.Generator) -> _Sample:
        size = (self.height, self.width)
        if self.pool is not None and rng.random() < self.config.synthetic_chance:
            left, right, disparity = self.pool.window(0, *size, rng)
            seen = photograph(left, right, rng)
            return _Sample(seen[0], seen[1], left, right, -disparity, np.zeros(size, np.float32),
                           True)
        zoomed = self.config.zoom_crops and self.config.method == 'zole'
        left, right, truth, confidence = (self._zoomed_window if zoomed else self._window)(rng)
        seen = left, right
        # what is compared with the other view must be seen as it is
        if self.config.augment and self.config.method != 'photometric':
            gray = bool((left == left[..., :1]).all())
            seen = photograph(left, right, rng, replace(USUAL_FAULTS, gray=float(gray)))
        return _Sample(seen[0], seen[1], left, right, truth, confidence, False)

    def _zoomed_window(self, rng: np.random.Generator) -> _Window:
        """Cut a window of a frame as one of a rendered pair is: at any size, mirrored or not."""
        index = int(rng.integers(self.frames.count(TRAIN)))
        views = self.frames.load(TRAIN, index)
        scene = dict(zip(('left', 'right'), (view.transpose(2, 0, 1) for view in views),
                         strict=True))
        unknown = np.full(views[0].shape[:2], np.nan, np.float32)
        labels = self.labels_of(index) if self.labels_of is not None else (unknown, unknown)
        scene.update(disparity=-labels[0], disparity_right=-labels[1])
        left, right, disparity = crop_and_zoom(scene, self.height, self.width, rng)
        return left, right, -disparity, np.zeros_like(disparity)

    def _window(self, rng: np.random.Generator) -> _Window:
        """Cut a window of a frame as it is."""
        views, truth, confidence = self._frame(rng)
        y = int(rng.integers(truth.shape[0] - self.height + 1))
        x = int(rng.integers(truth.shape[1] - self.width + 1))
        window = (slice(y, y + self.height), slice(x, x + self.width))
        left, right = (np.ascontiguousarray(view[window]) for view in views)
        return left, right, truth[window], confidence[window]

    def _frame(self, rng: np.random.Generator) -> tuple[
            tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
        """Give a frame's views, its labels as far as there are some, and their confidence."""
        index = int(rng.integers(self.frames.count(TRAIN)))
        left, right = self.frames.load(TRAIN, index)
        truth = np.full(left.shape[:2], np.nan, np.float32)
        confidence = np.zeros(left.shape[:2], np.float32)
        if self._matched is not None:  # its labels are of the left view
            disparity, confidence = self._matched.get(
                self.frames.paths[TRAIN][index], lambda: confident_labels(left, right))
            return (left, right), -disparity, confidence
        swapped = rng.random() < 0.5
        if self.labels_of is not None:
            truth = self.labels_of(index)[int(swapped)]
        if swapped:
            return (right[:, ::-1], left[:, ::-1]), truth[:, ::-1], confidence
        return (left, right), truth, confidence


def _fitting(wanted: int, available: int) -> int:
    fitting = min(wanted, available // 64 * 64)
    if fitting < 64:
        raise DataError(f'a frame is {available} pixels high or wide: at least 64 are needed')
    return fitting
