# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Learning from data sets with ground truth, alone or mixed with rendered scenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from depth_learning_ros.data.scene import StereoSource
from depth_learning_ros.data.sets.registry import open_data_set
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.training.augment import crop_and_zoom
from depth_learning_ros.training.config import DataConfig, TrainingConfig
from depth_learning_ros.training.samples import PoolSupply, Supply, Window

#: Ground truth of a laser scanner leaves the upper third empty: such windows are cut again.
MIN_KNOWN_SHARE = 0.01
CUTS = 5
# Keeps the choice of the source apart from all other random numbers of a sample: a sample of the
# pool is the same with and without data sets beside it.
_CHOICE = 0x5E7


class SetSupply:
    """Windows of the scenes of a data set.

    Args:
        source: any source of stereo pairs with ground truth.
        name: for messages.
    """

    def __init__(self, source: StereoSource, name: str) -> None:
        self.source, self.name = source, name

    def window(self, number: int, height: int, width: int, rng: np.random.Generator) -> Window:
        sample = self.source[int(rng.integers(len(self.source)))]
        if sample.disparity is None:
            raise TrainingError(f'{self.name}: scene {sample.set_name}/{sample.name} has no '
                                f'ground truth to learn from; leave it out of data')
        scene = {'left': sample.left.transpose(2, 0, 1), 'right': sample.right.transpose(2, 0, 1),
                 'disparity': sample.disparity}
        if sample.disparity_right is not None:
            scene['disparity_right'] = sample.disparity_right
        for _ in range(CUTS):
            window = crop_and_zoom(scene, height, width, rng)
            if np.isfinite(window[2]).mean() >= MIN_KNOWN_SHARE:
                break
        return window

    def describe(self, number: int, rng: np.random.Generator) -> str:
        sample = self.source[int(rng.integers(len(self.source)))]
        return f'{sample.set_name}/{sample.name}'

    def refresh(self) -> None:
        """Data sets do not grow."""


class Mixture:
    """Several supplies, each sample from one of them, drawn by weight and by its number.

    Args:
        supplies: with the weight of each; only their proportions count.
        seed: of the run.
    """

    def __init__(self, supplies: Sequence[tuple[Supply, float]], seed: int) -> None:
        self.supplies = [supply for supply, _ in supplies]
        weights = np.array([weight for _, weight in supplies], float)
        self.bounds = np.cumsum(weights / weights.sum())
        self.seed = seed

    def choose(self, number: int) -> int:
        """Return the index of the supply that gives a sample."""
        draw = np.random.default_rng((self.seed, number, _CHOICE)).random()
        index = int(np.searchsorted(self.bounds, draw, side='right'))
        return min(index, len(self.supplies) - 1)  # the last bound may be rounded below 1

    def window(self, number: int, height: int, width: int, rng: np.random.Generator) -> Window:
        return self.supplies[self.choose(number)].window(number, height, width, rng)

    def describe(self, number: int, rng: np.random.Generator) -> str:
        return self.supplies[self.choose(number)].describe(number, rng)

    def refresh(self) -> None:
        for supply in self.supplies:
            supply.refresh()


def open_sets(data: Sequence[DataConfig],
              on_progress: Callable[[int, int | None], None] | None = None, *,
              ground_truth: bool = True) -> list[StereoSource]:
    """Find the scenes of all data sets of a configuration.

    Args:
        data: what to open.
        on_progress: is told how much of the ground truth is screened, where that is done.
        ground_truth: False where the two views are enough to learn from.

    Raises:
        DataError: a set or an option is unknown, or its folder is empty or incomplete.
        TrainingError: it has no ground truth.
    """
    sources: list[StereoSource] = []
    for each in data:
        found = open_data_set(each.set, each.root, on_progress=on_progress, **each.options)
        blank = [scene.name for scene in found.scenes if scene.disparity is None]
        if blank and ground_truth:
            raise TrainingError(
                f'{len(blank)} of {len(found)} scenes of {each.set} in {each.root} have no ground '
                f'truth to learn from, such as {blank[0]}: take its training split, or leave it '
                f'out of data')
        sources.append(found)
    return sources


def supply_for(config: TrainingConfig, sets: Sequence[StereoSource]) -> Supply:
    """Return what a run learns from.

    Args:
        config: with the weights of the rendered scenes and of each data set.
        sets: the data sets of ``config.data``, in that order.

    Raises:
        DataError: rendered scenes are wanted and there are none.
    """
    if not config.data:
        return PoolSupply(*config.scene_folders())
    supplies: list[tuple[Supply, float]] = [
        (SetSupply(source, each.set), each.weight)
        for source, each in zip(sets, config.data, strict=True)]
    if config.scenes_weight > 0:
        supplies.insert(0, (PoolSupply(*config.scene_folders()), config.scenes_weight))
    return Mixture(supplies, config.seed)
