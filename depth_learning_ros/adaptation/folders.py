# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logs that are folders of image files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from depth_learning_ros.adaptation.run import Log
from depth_learning_ros.data.images import read_image
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoPair

SUFFIXES = ('.png', '.jpg', '.jpeg', '.pgm', '.ppm', '.tif', '.tiff', '.bmp', '.webp')


def is_image_folder(path: Path) -> bool:
    """Say whether a path is a folder with ``left/`` and ``right/`` in it, or one of them."""
    return path.is_dir() and any((path / side).is_dir() for side in ('left', 'right'))


def folder_log(path: Path) -> Log:
    """Describe a folder of rectified frames, whose two images have one name.

    ::

        FOLDER/
        ├── left/   000000.png 000001.png ...
        └── right/  000000.png 000001.png ...

    Raises:
        DataError: a side is missing, or no two files have one name.
    """
    files: list[dict[str, Path]] = []
    for side in ('left', 'right'):
        if not (path / side).is_dir():
            raise DataError(f'{path} has no folder {side}/: frames lie in left/ and right/')
        files.append({p.stem: p for p in sorted((path / side).iterdir())
                      if p.suffix.lower() in SUFFIXES})
    names = sorted(files[0].keys() & files[1].keys())
    if not names:
        raise DataError(f'{path} holds {len(files[0])} left and {len(files[1])} right images, but '
                        f'no two of one name: call the two images of a frame alike')

    def pairs(every: int) -> Iterator[StereoPair]:
        for name in names[::every]:
            yield StereoPair(read_image(files[0][name]), read_image(files[1][name]))

    return Log(str(path), len(names), pairs)
