# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A folder of rendered scenes: rendered once, augmented often, extended while training runs."""

from __future__ import annotations

from collections.abc import Iterator
import json
import logging
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write

log = logging.getLogger(__name__)

STAMP = 'scenes.json'
FIELDS = ('left', 'right', 'disparity', 'disparity_right')


def render_to_pool(folder: Path, generator: SceneGenerator, numbers: range) -> Iterator[int]:
    """Render those scenes that the folder lacks, yielding each number once it is there.

    One ``NUMBER.npz`` a scene: left, right uint8 (3, H, W); disparity, disparity_right float16
    (H, W). Several processes may fill one folder. ``scenes.json`` tells which generator it was.

    Raises:
        DataError: scenes are missing, and those that are there are another generator's; or the
            disk is full.
    """
    check_stamp(folder, generator.stamp(), numbers)
    for number in numbers:
        path = _path(folder, number)
        if not _is_there(path):
            sample = generator[number]
            arrays = {
                'left': (sample.left * 255).round().byte().cpu().numpy(),
                'right': (sample.right * 255).round().byte().cpu().numpy(),
                'disparity': sample.disparity.half().cpu().numpy(),
                'disparity_right': sample.disparity_right.half().cpu().numpy(),
            }
            with atomic_write(path, force=True) as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
        yield number


def _path(folder: Path, number: int) -> Path:
    return folder / f'{number:08d}.npz'


def _is_there(path: Path) -> bool:
    """Whether a scene was rendered; a power cut can leave an empty file on some file systems."""
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def missing(folder: Path, numbers: range) -> list[int]:
    """Return which of some scenes are not there yet."""
    return [number for number in numbers if not _is_there(_path(folder, number))]


def read_stamp(folder: Path) -> dict[str, Any]:
    """Return what a folder's scenes were rendered by; empty if there are none.

    Raises:
        DataError: the folder's scenes.json is damaged.
    """
    path = folder / STAMP
    try:
        stamp = json.loads(path.read_text())
    except FileNotFoundError:
        return {'generator': 1} if next(folder.glob('*.npz'), None) else {}
    except (OSError, ValueError) as error:
        raise DataError(f'{path} is damaged: {error}; render into another folder') from error
    if not isinstance(stamp, dict):
        raise DataError(f'{path} is damaged: {stamp!r}; render into another folder')
    return stamp


def check_stamp(folder: Path, stamp: dict[str, Any], numbers: range) -> None:
    """Keep scenes of different generators apart; an empty folder gets the stamp.

    Raises:
        DataError: scenes are missing, and those that are there are another generator's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = read_stamp(folder)
    if not there:
        with atomic_write(folder / STAMP, force=True, mode='w') as file:
            json.dump(stamp, file, indent=1)
        return
    changed = [f'{name} {there.get(name)!r}, now {value!r}' for name, value in stamp.items()
               if there.get(name) != value]
    if not changed:
        return
    lacking = len(missing(folder, numbers))
    difference = f'the scenes in {folder} were rendered otherwise: {"; ".join(changed)}'
    if lacking:
        raise DataError(f'{difference}. {lacking} of {len(numbers)} are missing and would not '
                        f'match: give another folder, or ask for as many as there are')
    log.warning('%s; they are used as they are', difference)


class ScenePool:
    """Random access to the scenes rendered so far.

    Args:
        folders: one, or several that are read as if they were one.

    Raises:
        DataError: a folder has no scenes.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.paths: list[Path] = []
        self.refresh()
        for folder in folders:
            if not next(folder.glob('*.npz'), None):
                raise DataError(f'{folder} holds no rendered scenes (NUMBER.npz): render some '
                                f'first')

    def refresh(self) -> int:
        """Look again for scenes that were added; gives their number."""
        self.paths = [path for folder in self.folders for path in sorted(folder.glob('*.npz'))]
        return len(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        """Give the arrays of one scene, as ``render_to_pool`` wrote them.

        Raises:
            DataError: the file is damaged.
        """
        path = self.paths[index]
        try:
            with np.load(path) as arrays:
                return {name: arrays[name] for name in FIELDS}
        except (OSError, ValueError, EOFError, KeyError, TypeError, BadZipFile) as error:
            raise DataError(f'the scene {path} is damaged ({error or "it is empty"}): delete it, '
                            f'and it will be rendered again') from error
