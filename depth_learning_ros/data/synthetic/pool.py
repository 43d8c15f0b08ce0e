# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of rendered scenes: rendered once, augmented often, extended while training runs."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import tempfile

import numpy as np

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.errors import DataError

FIELDS = ('left', 'right', 'disparity', 'disparity_right')


def render_to_pool(folder: Path, generator: SceneGenerator, numbers: range) -> Iterator[int]:
    """Render those scenes that the folder lacks, yielding each number once it is there.

    One ``NUMBER.npz`` a scene: left, right uint8 (3, H, W); disparity, disparity_right float16
    (H, W). Several processes may fill one folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f'{number:08d}.npz'
        if not path.exists():
            sample = generator[number]
            arrays = {
                'left': (sample.left * 255).round().byte().cpu().numpy(),
                'right': (sample.right * 255).round().byte().cpu().numpy(),
                'disparity': sample.disparity.half().cpu().numpy(),
                'disparity_right': sample.disparity_right.half().cpu().numpy(),
            }
            handle, part = tempfile.mkstemp(dir=folder, suffix='.part')
            with os.fdopen(handle, 'wb') as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            os.replace(part, path)
        yield number


class ScenePool:
    """Random access to the scenes rendered so far.

    Raises:
        DataError: the folder has no scenes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[Path] = []
        self.refresh()
        if not self.paths:
            raise DataError(f'{folder} holds no rendered scenes (NUMBER.npz): render some first')

    def refresh(self) -> int:
        """Look again for scenes that were added; gives their number."""
        self.paths = sorted(self.folder.glob('*.npz'))
        return len(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Give the arrays of one scene, as ``render_to_pool`` wrote them."""
        with np.load(self.paths[index]) as arrays:
            return {name: arrays[name] for name in FIELDS}
