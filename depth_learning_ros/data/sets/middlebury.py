# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Middlebury 2014 and its benchmark, version 3: PFM disparity, inf where it is not known."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from depth_learning_ros.data.maps import read_disparity
from depth_learning_ros.data.masks import read_seen_in_both
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.data.sets.cameras import read_middlebury_camera
from depth_learning_ros.data.sets.search import Found, Search, choose


class Middlebury2014(StereoSet):
    """Middlebury 2014: 23 indoor scenes of 5 to 6 megapixels, rectified in two ways.

    ::

        root/
        └── Adirondack-perfect/         or Adirondack-imperfect; a folder may lie between
            ├── im0.png im1.png         left, right
            ├── [im1E.png im1L.png]     right with another exposure, another light
            ├── disp0.pfm [disp1.pfm]   inf = unknown
            └── calib.txt

    Args:
        root: the folder of the scenes, or the one above it.
        rectification: ``perfect``, or ``imperfect`` (vertical errors of a real calibration).
        right_view: ``im1``, ``im1E`` (exposure) or ``im1L`` (lighting).

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'middlebury2014'

    def __init__(self, root: Path | str, rectification: str = 'perfect',
                 right_view: str = 'im1') -> None:
        kind = choose('rectification', rectification, ('perfect', 'imperfect'))
        right = choose('right_view', right_view, ('im1', 'im1E', 'im1L'))
        search = Search(root, self.name)
        found = [each for above in ('', '*/') for each in search.find(
            {'left': f'{above}*-{kind}/im0.png', 'right': f'{above}*-{kind}/{right}.png',
             'disparity': f'{above}*-{kind}/disp0.pfm', 'calib': f'{above}*-{kind}/calib.txt'},
            {'disparity_right': f'{above}*-{kind}/disp1.pfm'})]
        self.scenes = [floating_scene(self.name, f'{each.key[-1]}-{kind}', each)
                       for each in search.check_found(found)]


class MiddleburyV3(StereoSet):
    """Middlebury's stereo benchmark, version 3: 15 training and 15 test pairs in three sizes.

    ::

        root/                               MiddEval3
        ├── trainingQ/                      F full, H half, Q quarter size
        │   └── Adirondack/
        │       ├── im0.png im1.png         left, right
        │       ├── calib.txt
        │       ├── disp0GT.pfm             inf = unknown
        │       ├── [mask0nocc.png]         255 seen in both views, 128 occluded, 0 unknown
        │       └── [disp1GT.pfm]
        └── testQ/                          no ground truth

    Args:
        root: the folder above ``trainingQ``.
        split: ``training`` or ``test``.
        size: ``F``, ``H`` or ``Q``.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'middlebury-v3'

    def __init__(self, root: Path | str, split: str = 'training', size: str = 'Q') -> None:
        folder = (choose('split', split, ('training', 'test'))
                  + choose('size', size, ('F', 'H', 'Q')))
        search = Search(root, self.name)
        required = {'left': f'{folder}/*/im0.png', 'right': f'{folder}/*/im1.png',
                    'calib': f'{folder}/*/calib.txt'}
        optional = {}
        if split == 'training':
            required['disparity'] = f'{folder}/*/disp0GT.pfm'
            optional = {'non_occluded': f'{folder}/*/mask0nocc.png',
                        'disparity_right': f'{folder}/*/disp1GT.pfm'}
        found = search.check_found(search.find(required, optional))
        self.scenes = [floating_scene(self.name, each.name, each) for each in found]


def floating_scene(set_name: str, name: str, found: Found) -> Scene:
    """Return a scene with PFM disparity, a mask like mask0nocc.png, and a calib.txt."""
    calib = found.get('calib')
    return Scene(
        set_name, name, found['left'], found['right'],
        disparity=MapFile.of(found.get('disparity'), read_disparity),
        disparity_right=MapFile.of(found.get('disparity_right'), read_disparity),
        non_occluded=MapFile.of(found.get('non_occluded'), read_seen_in_both),
        camera=None if calib is None else partial(read_middlebury_camera, calib))
