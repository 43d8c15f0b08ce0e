# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered scenes that keep an adaptation honest: made where they are missing, and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from depth_learning_ros.adaptation.watching import AfterEach, Meters, nothing, unwatched
from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.options import VERSION
from depth_learning_ros.data.synthetic.pool import missing, render_to_pool
from depth_learning_ros.files import remove_abandoned

LEARNED_SEED, HELD_OUT_SEED = 1, 999  # as those of the training's scenes


class SceneMaker(Protocol):
    """What `scene_maker` returns."""

    def __call__(self, count: int, held_out: int,
                 after_each: AfterEach = nothing) -> tuple[Path, Path]:
        """Render what is missing, and name both folders.

        Args:
            count: how many scenes are to be learned from.
            held_out: how many are not.
            after_each: is called after each of them: an error raised there ends it, and the next
                call goes on where it was.
        """


def scenes_below(cache: Path) -> Path:
    """Name the folder in a cache where the scenes of this generator are kept.

    Those of an older one stay beside it: scenes of two generators do not make one set.
    """
    return cache / f'scenes-{VERSION}'


def scene_maker(root: Path, meters: Meters = unwatched) -> SceneMaker:
    """Return a function that renders scenes into folders below ``root``.

    Args:
        meters: are told how far it is.
    """
    def make(count: int, held_out: int, after_each: AfterEach = nothing) -> tuple[Path, Path]:
        learned, kept = root / 'learned', root / 'held-out'
        for folder, seed, wanted, what in ((learned, LEARNED_SEED, count, 'scenes to learn from'),
                                           (kept, HELD_OUT_SEED, held_out, 'held-out scenes')):
            remove_abandoned(folder)
            if missing(folder, range(wanted)):
                with meters(what, 'scene') as tell:
                    for number in render_to_pool(folder, SceneGenerator(seed), range(wanted)):
                        tell(number + 1, wanted)
                        after_each()
        return learned, kept
    return make
