# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Augmented training samples from a supply of scenes, the same for the same number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.training.augment import crop_and_zoom, photograph

REFRESH = 400  # samples between looks for scenes that were added to the pool

Window = tuple[np.ndarray, np.ndarray, np.ndarray]


class Supply(Protocol):
    """Where windows of scenes come from."""

    def window(self, number: int, height: int, width: int, rng: np.random.Generator) -> Window:
        """Cut one, as `crop_and_zoom` gives it; the same for the same number and generator."""

    def refresh(self) -> None:
        """Look for scenes that were added."""


class PoolSupply:
    """Windows of rendered scenes.

    Raises:
        DataError: the folder has no scenes.
    """

    def __init__(self, folder: Path) -> None:
        self.pool = ScenePool(folder)

    def window(self, number: int, height: int, width: int, rng: np.random.Generator) -> Window:
        scene = self.pool[int(rng.integers(len(self.pool)))]
        return crop_and_zoom(scene, height, width, rng)

    def refresh(self) -> None:
        self.pool.refresh()


class Samples(IterableDataset):
    """Endless samples, from number ``start`` on, so that a resumed run goes on where it was.

    Yields (left, right, truth): uint8 (3, H, W) RGB twice; float32 (1, H, W), disparity with the
    networks' sign (<= 0), NaN where unknown.

    Args:
        supply: of windows.
        height, width: of the samples.
        seed: another one gives other samples.
        start: number of the first sample.
        rank, world: this process's share under data-parallel training.
    """

    def __init__(self, supply: Supply, height: int, width: int, seed: int, start: int = 0,
                 rank: int = 0, world: int = 1) -> None:
        self.supply = supply
        self.height, self.width, self.seed, self.start = height, width, seed, start
        self.rank, self.world = rank, world

    def sample(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, number))
        left, right, disparity = self.supply.window(number, self.height, self.width, rng)
        left, right = photograph(left, right, rng)
        views = [torch.from_numpy(np.ascontiguousarray(v.transpose(2, 0, 1)))
                 for v in (left, right)]
        return views[0], views[1], -torch.from_numpy(disparity)[None]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        torch.set_num_threads(1)
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        step = self.world * workers
        for count, number in enumerate(range(self.start + self.rank * workers + worker,
                                             2**62, step)):
            if count and count % REFRESH == 0:
                self.supply.refresh()
            yield self.sample(number)


class PoolSamples(Samples):
    """Samples of one folder of rendered scenes; arguments as those of `Samples`."""

    def __init__(self, folder: Path, height: int, width: int, seed: int, start: int = 0,
                 rank: int = 0, world: int = 1) -> None:
        super().__init__(PoolSupply(folder), height, width, seed, start, rank, world)
