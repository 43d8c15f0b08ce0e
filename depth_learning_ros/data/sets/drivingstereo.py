# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""DrivingStereo: real streets, sparse ground truth of a laser scanner in 16-bit PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_learning_ros.data.maps import read_disparity
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.data.sets.search import Search, choose

WEATHERS = ('sunny', 'cloudy', 'foggy', 'rainy')
# Disparities of full size do not fit into 16 bits x 256: they are stored x 128.
_FULL_SIZE_GAIN = np.float32(2.0)


class DrivingStereo(StereoSet):
    """DrivingStereo: 174437 training and 7751 test pairs, and 500 of each weather.

    ::

        root/
        ├── train-left-image/2018-07-09-16-11-56/2018-07-09-16-11-56_..._16-11-57.jpg
        ├── train-right-image/...
        ├── train-disparity-map/2018-07-09-16-11-56/....png       disparity x 256, 0 = unknown
        ├── test-left-image/  test-right-image/  test-disparity-map/
        │   └── [left-image-half-size/]2018-07-11-14-48-52/....jpg
        └── sunny/                          cloudy, foggy, rainy
            └── left-image-half-size/ right-image-half-size/ disparity-map-half-size/
                                            or ...-full-size: .png images, disparity x 128

    Args:
        root: the folder above these.
        split: ``train``, ``test``, or a weather: ``sunny``, ``cloudy``, ``foggy``, ``rainy``.
        size: ``half`` (881x400) or ``full`` (1762x800; test and weathers only).

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'drivingstereo'

    def __init__(self, root: Path | str, split: str = 'train', size: str = 'half') -> None:
        split = choose('split', split, ('train', 'test', *WEATHERS))
        size = choose('size', size, ('half',) if split == 'train' else ('half', 'full'))
        suffix = 'jpg' if size == 'half' else 'png'
        search = Search(root, self.name)
        found = search.check_found(search.find({
            'left': _patterns(split, size, 'left-image', suffix),
            'right': _patterns(split, size, 'right-image', suffix),
            'disparity': _patterns(split, size, 'disparity-map', 'png')}))
        read = read_disparity if size == 'half' else _read_full_size
        self.scenes = [Scene(self.name, each.name, each['left'], each['right'],
                             disparity=MapFile(each['disparity'], read)) for each in found]


def _patterns(split: str, size: str, what: str, suffix: str) -> tuple[str, ...]:
    sized = f'{what}-{size}-size'
    if split in WEATHERS:
        return (f'{split}/{sized}/*.{suffix}',)
    nested = f'{split}-{what}/{sized}/*/*.{suffix}'
    if size == 'full':
        return (nested,)
    return f'{split}-{what}/*/*.{suffix}', nested


def _read_full_size(path: Path) -> np.ndarray:
    return read_disparity(path) * _FULL_SIZE_GAIN
