# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Middlebury 2001, 2003, 2005 and 2006: 8-bit disparity, scaled by a factor, 0 = unknown.

The factor depends on the year and, from 2003 on, on the size of the images, which is told by
their height.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from depth_learning_ros.data.maps import read_mask
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.data.sets.cameras import middlebury_2005_camera
from depth_learning_ros.data.sets.search import Found, Patterns, Search
from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.types import StereoCamera

FACTOR_2001 = 8
FACTOR_TSUKUBA = 16
#: height in pixels -> grey levels a pixel of disparity: full, half and quarter size
FACTORS_2003 = {1500: 1, 750: 2, 375: 4}
#: the same: full, half and third size
FACTORS_2005 = {1110: 1, 555: 2, 370: 3}


class Middlebury2001(StereoSet):
    """Middlebury 2001: six scenes of slanted planes, the Tsukuba head, and a map.

    ::

        root/
        ├── barn1/                          barn2 bull poster sawtooth venus
        │   ├── im2.ppm im6.ppm             left, right
        │   └── disp2.pgm [disp6.pgm]       disparity x 8
        ├── [tsukuba/]
        │   ├── scene1.row3.col3.ppm        left; the right one is col4
        │   └── truedisp.row3.col3.pgm      disparity x 16
        └── [map/]
            ├── im0.pgm im1.pgm             left, right
            └── disp0.pgm [disp1.pgm]       disparity x 8

    Images and maps may have been converted to .png.

    Args:
        root: the folder of the scenes.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'middlebury2001'

    def __init__(self, root: Path | str) -> None:
        search = Search(root, self.name)
        planes = search.find(*_roles('*/im2', '*/im6', '*/disp2', '*/disp6'))
        tsukuba = search.find(*_roles('*/scene1.row3.col3', '*/scene1.row3.col4',
                                      '*/truedisp.row3.col3'))
        # By its own name: the folders of the planes have an im0 and an im1, too.
        maps = search.find(*_roles('map/im0', 'map/im1', 'map/disp0', 'map/disp1'))
        scenes = [_scene(self.name, each, factor) for found, factor in (
            (planes, FACTOR_2001), (tsukuba, FACTOR_TSUKUBA), (maps, FACTOR_2001))
            for each in found]
        self.scenes = sorted(search.check_found(scenes), key=lambda scene: scene.name)


class Middlebury2003(StereoSet):
    """Middlebury 2003: cones and teddy, in full, half or quarter size.

    ::

        root/
        └── cones/                          teddy; or conesQ, conesH, conesF
            ├── im2.png im6.png             left, right; or .ppm
            └── disp2.png [disp6.png]       disparity x 4 at 375 rows, x 2 at 750, x 1 at 1500;
                                            or .pgm

    Args:
        root: the folder of the scenes.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'middlebury2003'

    def __init__(self, root: Path | str) -> None:
        search = Search(root, self.name)
        found = search.check_found(search.find(*_roles('*/im2', '*/im6', '*/disp2', '*/disp6')))
        self.scenes = [_scene(self.name, each, FACTORS_2003) for each in found]


class Middlebury2005(StereoSet):
    """Middlebury 2005: six scenes with ground truth, in full, half or third size.

    ::

        root/
        └── Art/
            ├── view1.png view5.png         left, right
            ├── disp1.png [disp5.png]       disparity x 3 at 370 rows, x 2 at 555, x 1 at 1110
            ├── [Illum1/Exp0/view1.png ...] three lights, three exposures
            └── [dmin.txt]                  with it the scene has a camera

    Args:
        root: the folder of the scenes.
        lighting: take both views from there, such as ``Illum2/Exp1``; empty = those beside the
            disparity.
        lighting_right: take the right view from there instead.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'middlebury2005'

    def __init__(self, root: Path | str, lighting: str = '', lighting_right: str = '') -> None:
        search = Search(root, self.name)
        left, right = (f'*/{folder}/' if folder else '*/' for folder in (
            lighting, lighting_right or lighting))
        required, optional = _roles(f'{left}view1', f'{right}view5', '*/disp1', '*/disp5')
        found = search.check_found(search.find(required, {**optional, 'dmin': '*/dmin.txt'}))
        self.scenes = [_scene(self.name, each, FACTORS_2005) for each in found]


class Middlebury2006(Middlebury2005):
    """Middlebury 2006: 21 scenes with ground truth, laid out as those of 2005 are.

    ::

        root/
        └── Aloe/
            ├── view1.png view5.png         left, right
            ├── disp1.png [disp5.png]       disparity x 3 at 370 rows, x 2 at 555, x 1 at 1110
            ├── [Illum1/Exp0/view1.png ...] three lights, three exposures
            └── [dmin.txt]                  with it the scene has a camera

    Args, Raises: as `Middlebury2005`.
    """

    name = 'middlebury2006'


def read_scaled(path: Path, *, factors: int | Mapping[int, int]) -> np.ndarray:
    """Read 8-bit disparity, grey level / factor, 0 = unknown.

    Args:
        path: of the map.
        factors: one factor, or image height -> factor.

    Returns:
        float32 [H, W], pixels, NaN where unknown.

    Raises:
        DataError: the file is damaged, or of no size of this data set.
    """
    stored = read_mask(path)
    if not isinstance(factors, int) and len(stored) not in factors:
        known = ', '.join(f'{height} (x {scale})' for height, scale in factors.items())
        raise DataError(f'{path} has {len(stored)} rows: the factor of its values is known for '
                        f'{known}; do not resize these maps')
    factor = factors if isinstance(factors, int) else factors[len(stored)]
    return np.where(stored > 0, stored.astype(np.float32) / factor, np.float32(np.nan))


def _roles(left: str, right: str, disparity: str, disparity_right: str | None = None
           ) -> tuple[dict[str, Patterns], dict[str, Patterns]]:
    """Return what is required and what is optional, with the suffixes these files have."""
    required = {'left': _image(left), 'right': _image(right), 'disparity': _map(disparity)}
    return required, {} if disparity_right is None else {'disparity_right': _map(disparity_right)}


def _image(stem: str) -> Patterns:
    return tuple(stem + suffix for suffix in ('.png', '.ppm', '.pgm'))


def _map(stem: str) -> Patterns:
    return tuple(stem + suffix for suffix in ('.png', '.pgm'))


def _scene(set_name: str, found: Found, factors: int | Mapping[int, int]) -> Scene:
    read = partial(read_scaled, factors=factors)
    dmin = found.get('dmin')
    return Scene(set_name, found['left'].parent.name if not found.key else found.name,
                 found['left'], found['right'], disparity=MapFile(found['disparity'], read),
                 disparity_right=MapFile.of(found.get('disparity_right'), read),
                 camera=None if dmin is None else partial(_camera, dmin))


def _camera(dmin: Path, width: int, height: int) -> StereoCamera:
    if height not in FACTORS_2005:
        raise CalibrationError(f'{dmin} belongs to images of {sorted(FACTORS_2005)} rows, these '
                               f'have {height}')
    return middlebury_2005_camera(dmin, width, height, reduction=FACTORS_2005[height])
