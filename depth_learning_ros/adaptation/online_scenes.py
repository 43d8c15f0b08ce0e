# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered scenes that keep an online adaptation honest: made where they are missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import render_to_pool

LEARNED_SEED, HELD_OUT_SEED = 1, 999  # as the command adapt has them


def scene_maker(root: Path) -> Callable[[int, int], tuple[Path, Path]]:
    """Return a function that renders what is missing below a folder, and names both folders."""
    def make(count: int, held_out: int) -> tuple[Path, Path]:
        folders = root / 'learned', root / 'held-out'
        for folder, seed, wanted in zip(folders, (LEARNED_SEED, HELD_OUT_SEED),
                                        (count, held_out), strict=True):
            if len(list(folder.glob('*.npz'))) < wanted:
                for _ in render_to_pool(folder, SceneGenerator(seed), range(wanted)):
                    pass
        return folders
    return make
