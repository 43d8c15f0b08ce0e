# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ETH3D's two-view benchmark: gray, low resolution, indoors and outdoors."""

from __future__ import annotations

from pathlib import Path

from depth_learning_ros.data.scene import StereoSet
from depth_learning_ros.data.sets.middlebury import floating_scene
from depth_learning_ros.data.sets.search import Patterns, Search, choose


class Eth3d(StereoSet):
    """ETH3D two-view: 27 training and 20 test pairs.

    ::

        root/
        ├── two_view_training/
        │   └── delivery_area_1l/
        │       ├── im0.png im1.png         left, right
        │       └── [calib.txt]
        ├── two_view_training_gt/           or its files among those above
        │   └── delivery_area_1l/
        │       ├── disp0GT.pfm             inf = unknown
        │       └── [mask0nocc.png]         255 seen in both views
        └── two_view_test/                  or two_view_testing; no ground truth

    Args:
        root: the folder above ``two_view_training``.
        split: ``training`` or ``test``.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'eth3d'

    def __init__(self, root: Path | str, split: str = 'training') -> None:
        # The site calls it two_view_test, much code two_view_testing.
        folders = {'training': ('two_view_training',),
                   'test': ('two_view_test', 'two_view_testing')}
        chosen = folders[choose('split', split, folders)]
        search = Search(root, self.name)
        required: dict[str, Patterns] = {'left': _in(chosen, 'im0.png'),
                                         'right': _in(chosen, 'im1.png')}
        optional: dict[str, Patterns] = {'calib': _in(chosen, 'calib.txt')}
        if split == 'training':
            chosen = ('two_view_training_gt', 'two_view_training')
            required['disparity'] = _in(chosen, 'disp0GT.pfm')
            optional['non_occluded'] = _in(chosen, 'mask0nocc.png')
        found = search.check_found(search.find(required, optional))
        self.scenes = [floating_scene(self.name, each.name, each) for each in found]


def _in(folders: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(f'{folder}/*/{name}' for folder in folders)
