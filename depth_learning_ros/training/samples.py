# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Augmented training samples from a supply of scenes, the same for the same number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import itertools
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.training.augment import (
    USUAL_FAULTS,
    CameraFaults,
    crop_and_zoom,
    photograph,
)

REFRESH = 400  # samples between looks for scenes that were added to the pool

Window = tuple[np.ndarray, np.ndarray, np.ndarray]


class Supply(Protocol):
    """Where windows of scenes come from."""

    def window(self, number: int, height: int, width: int, rng: np.random.Generator) -> Window:
        """Cut one, as `crop_and_zoom` gives it; the same for the same number and generator."""

    def describe(self, number: int, rng: np.random.Generator) -> str:
        """Tell which scene `window` would cut with the same arguments."""

    def refresh(self) -> None:
        """Look for scenes that were added."""


class PoolSupply:
    """Windows of rendered scenes, of one folder or of several as if they were one.

    Args:
        folders: where they are.
        most: only the first so many are used, so that samples stay the same when scenes are
            added; None = all, as they come.

    Raises:
        DataError: a folder has no scenes.
    """

    def __init__(self, *folders: Path, most: int | None = None) -> None:
        self.pool = ScenePool(*folders)
        self.most = most
        self._keep_first()

    def _keep_first(self) -> None:
        self.pool.paths = self.pool.paths[:self.most]

    def window(self, number: int, height: int, width: int, rng: np.random.Generator) -> Window:
        scene = self.pool[int(rng.integers(len(self.pool)))]
        return crop_and_zoom(scene, height, width, rng)

    def describe(self, number: int, rng: np.random.Generator) -> str:
        return str(self.pool.paths[int(rng.integers(len(self.pool)))])

    def refresh(self) -> None:
        self.pool.refresh()
        self._keep_first()


@dataclass(frozen=True)
class Order:
    """Which samples a process makes: each step uses the next ``batch * world`` numbers.

    The numbers of a step do not depend on how many worker processes load them, so that a resumed
    run sees what an uninterrupted one would have seen.

    Attributes:
        start: number of the first sample.
        batch: samples of one step of one process.
        rank, world: this process and the number of processes under data-parallel training.
    """

    start: int = 0
    batch: int = 1
    rank: int = 0
    world: int = 1

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of a data loader's worker (or of all of them, outside of one)."""
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        for step in itertools.count(worker, workers):  # the loader takes batches in turn
            first = self.start + (step * self.world + self.rank) * self.batch
            yield from range(first, first + self.batch)


FIRST = Order()


class Samples(IterableDataset):
    """Endless samples, so that a resumed run goes on where it was.

    Yields (left, right, truth): uint8 (3, H, W) RGB twice; float32 (1, H, W), disparity with the
    networks' sign (<= 0), NaN where unknown.

    Args:
        supply: of windows.
        height, width: of the samples.
        seed: another one gives other samples.
        order: which samples this process makes.
        faults: of the cameras.
    """

    def __init__(self, supply: Supply, height: int, width: int, seed: int, order: Order = FIRST,
                 faults: CameraFaults = USUAL_FAULTS) -> None:
        self.supply, self.faults = supply, faults
        self.height, self.width, self.seed, self.order = height, width, seed, order

    def sample(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, number))
        left, right, disparity = self.supply.window(number, self.height, self.width, rng)
        left, right = photograph(left, right, rng, self.faults)
        views = [torch.from_numpy(np.ascontiguousarray(v.transpose(2, 0, 1)))
                 for v in (left, right)]
        return views[0], views[1], -torch.from_numpy(disparity)[None]

    def describe(self, number: int) -> str:
        """Tell which scene a sample is cut from."""
        return self.supply.describe(number, np.random.default_rng((self.seed, number)))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        if get_worker_info():
            torch.set_num_threads(1)
        for count, number in enumerate(self.order.numbers()):
            if count and count % REFRESH == 0:
                self.supply.refresh()
            yield self.sample(number)


class PoolSamples(Samples):
    """Samples of one folder of rendered scenes; arguments as those of `Samples`."""

    def __init__(self, folder: Path, height: int, width: int, seed: int, order: Order = FIRST,
                 faults: CameraFaults = USUAL_FAULTS) -> None:
        super().__init__(PoolSupply(folder), height, width, seed, order, faults)
