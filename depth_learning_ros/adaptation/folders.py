# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logs that are folders of image files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
import re

from depth_learning_ros.adaptation.logs import Log
from depth_learning_ros.data.images import read_image
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoPair

SUFFIXES = ('.png', '.jpg', '.jpeg', '.pgm', '.ppm', '.tif', '.tiff', '.bmp', '.webp')
NAMED_CAUSES, OTHERS = 10, 'other images that cannot be read or do not fit'


def is_image_folder(path: Path) -> bool:
    """Say whether a path is a folder with ``left/`` and ``right/`` in it, or one of them."""
    return path.is_dir() and any((path / side).is_dir() for side in ('left', 'right'))


def folder_log(path: Path) -> Log:
    """Describe a folder of rectified frames, whose two images have one name.

    ::

        FOLDER/
        ├── left/   000000.png 000001.png ...
        └── right/  000000.png 000001.png ...

    They follow each other by their numbers: 2 comes before 10.

    Raises:
        DataError: a side is missing or has two files of one name, or no two files of both sides
            have one name.
    """
    left, right = (_images(path / side) for side in ('left', 'right'))
    names = sorted(left.keys() & right.keys(), key=_by_number)
    if not names:
        raise DataError(f'{path} holds {len(left)} left and {len(right)} right images, but no two '
                        f'of one name: call the two images of a frame alike')
    unreadable: Counter[str] = Counter()

    def pairs(every: int) -> Iterator[StereoPair]:
        for name in names[::every]:
            try:
                yield StereoPair(read_image(left[name]), read_image(right[name]))
            except DataError as error:
                unreadable[str(error) if len(unreadable) < NAMED_CAUSES else OTHERS] += 1

    return Log(str(path), len(names), pairs, unreadable)


def _images(side: Path) -> dict[str, Path]:
    """Give the image files of one side by their names without endings."""
    if not side.is_dir():
        raise DataError(f'{side.parent} has no folder {side.name}/: frames lie in left/ and '
                        f'right/')
    found: dict[str, Path] = {}
    for file in sorted(side.iterdir()):
        if file.suffix.lower() in SUFFIXES:
            if file.stem in found:
                raise DataError(f'{side} holds {found[file.stem].name} and {file.name}: which is '
                                f'the image of frame {file.stem}? Leave one of them')
            found[file.stem] = file
    return found


def _by_number(name: str) -> tuple[list[tuple[str, int]], str]:
    """Give what names are sorted by, as people count: text, number, text, ..."""
    return [(text, int(number or 0)) for text, number in re.findall(r'(\D*)(\d*)', name)], name
