# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rectified stereo pairs without ground truth: what a camera recorded, for self-adaptation."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from depth_learning_ros.data.calibration import read_calibration
from depth_learning_ros.data.scene import Scene, StereoSet
from depth_learning_ros.data.sets.search import Patterns, Search
from depth_learning_ros.errors import DataError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.pgm', '.ppm', '.tif', '.tiff', '.webp')


class UnlabelledPairs(StereoSet):
    """Pairs of files that have the same name in two folders, in the order of their names.

    ::

        root/
        ├── left/000000.png         any image format, any number of digits or a stamp
        ├── right/000000.png
        └── [calib.json]            of all pairs, see calibration.py

    Other layouts are given as patterns, whose stars pair the files up: KITTI's sequences are
    ``left='image_2/*.png', right='image_3/*.png'``, and
    ``left='*_left.jpg', right='*_right.jpg'`` is one folder with both views.

    Args:
        root: the folder.
        left, right: the two folders under it, or two patterns with as many stars in one as in
            the other.

    Raises:
        DataError: nothing is there, an image lacks its partner, or the patterns do not pair up.
    """

    name = 'pairs'

    def __init__(self, root: Path | str, left: str = 'left', right: str = 'right') -> None:
        search = Search(root, self.name)
        if left.count('*') != right.count('*') or left == right:
            raise DataError(f'left is {left!r} and right is {right!r}: give two folders, or two '
                            f'patterns with as many stars')
        found = search.check_found(search.find({'left': _files(left), 'right': _files(right)}))
        calibration = search.root / 'calib.json'
        camera = partial(read_calibration, calibration) if calibration.is_file() else None
        self.scenes = [Scene(self.name, each.name, each['left'], each['right'], camera=camera)
                       for each in found]


def _files(place: str) -> Patterns:
    return place if '*' in place else tuple(f'{place}/*{suffix}' for suffix in SUFFIXES)
