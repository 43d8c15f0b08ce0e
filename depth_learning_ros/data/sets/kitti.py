# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""KITTI 2012 and 2015: sparse ground truth of a laser scanner, 16-bit PNG, disparity x 256."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from depth_learning_ros.data.maps import read_disparity
from depth_learning_ros.data.masks import read_known, read_objects
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.data.sets.cameras import read_kitti_camera
from depth_learning_ros.data.sets.search import Found, Search, choose

SPLITS = ('training', 'testing')
GROUND_TRUTHS = ('occ', 'noc')


class Kitti2015(StereoSet):
    """KITTI 2015 (scene flow): 200 training and 200 testing pairs, in colour.

    ::

        root/
        ├── training/
        │   ├── image_2/000000_10.png              left
        │   ├── image_3/000000_10.png              right
        │   ├── disp_occ_0/000000_10.png           all pixels
        │   ├── disp_noc_0/000000_10.png           pixels seen in both views
        │   ├── [obj_map/000000_10.png]            0 background, else a car
        │   └── [calib_cam_to_cam/000000.txt]
        └── testing/                               no ground truth
            └── image_2/ image_3/ [calib_cam_to_cam/]

    Only the first frame of each scene (``_10``) has ground truth and counts.

    Args:
        root: the folder above ``training``.
        split: ``training`` or ``testing``.
        ground_truth: ``occ`` (all pixels) or ``noc``, where only that was copied.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'kitti2015'

    def __init__(self, root: Path | str, split: str = 'training',
                 ground_truth: str = 'occ') -> None:
        split = choose('split', split, SPLITS)
        truth = f'disp_{choose("ground_truth", ground_truth, GROUND_TRUTHS)}_0'
        search = Search(root, self.name)
        required, optional = _frames(split, 'image_2', 'image_3'), {}
        if split == 'training':
            required['disparity'] = f'training/{truth}/*_10.png'
            optional = {'non_occluded': 'training/disp_noc_0/*_10.png',
                        'objects': 'training/obj_map/*_10.png'}
        found = search.check_found(search.find(required, optional))
        calibrations = search.root / split / 'calib_cam_to_cam'
        self.scenes = [_scene(self.name, each, calibrations, 'P_rect_02', 'P_rect_03')
                       for each in found]


class Kitti2012(StereoSet):
    """KITTI 2012 (stereo and flow): 194 training and 195 testing pairs, gray and in colour.

    ::

        root/
        ├── training/
        │   ├── colored_0/000000_10.png            left (image_0: the gray cameras)
        │   ├── colored_1/000000_10.png            right (image_1)
        │   ├── disp_occ/000000_10.png             all pixels
        │   ├── disp_noc/000000_10.png             pixels seen in both views
        │   └── [calib/000000.txt]
        └── testing/                               no ground truth
            └── colored_0/ colored_1/ image_0/ image_1/ [calib/]

    Args:
        root: the folder above ``training``.
        split: ``training`` or ``testing``.
        images: ``color`` or ``gray``; the disparity is the same.
        ground_truth: ``occ`` (all pixels) or ``noc``, where only that was copied.

    Raises:
        DataError: nothing is there, or a scene is incomplete.
    """

    name = 'kitti2012'

    def __init__(self, root: Path | str, split: str = 'training', images: str = 'color',
                 ground_truth: str = 'occ') -> None:
        split = choose('split', split, SPLITS)
        color = choose('images', images, ('color', 'gray')) == 'color'
        truth = f'disp_{choose("ground_truth", ground_truth, GROUND_TRUTHS)}'
        search = Search(root, self.name)
        folders = ('colored_0', 'colored_1') if color else ('image_0', 'image_1')
        required, optional = _frames(split, *folders), {}
        if split == 'training':
            required['disparity'] = f'training/{truth}/*_10.png'
            optional = {'non_occluded': 'training/disp_noc/*_10.png'}
        found = search.check_found(search.find(required, optional))
        left, right = ('P2', 'P3') if color else ('P0', 'P1')
        self.scenes = [_scene(self.name, each, search.root / split / 'calib', left, right)
                       for each in found]


def _frames(split: str, left: str, right: str) -> dict[str, str]:
    return {'left': f'{split}/{left}/*_10.png', 'right': f'{split}/{right}/*_10.png'}


def _scene(set_name: str, found: Found, calibrations: Path, left: str, right: str) -> Scene:
    calibration = calibrations / f'{found.name}.txt'
    return Scene(
        set_name, f'{found.name}_10', found['left'], found['right'],
        disparity=MapFile.of(found.get('disparity'), read_disparity),
        non_occluded=MapFile.of(found.get('non_occluded'), read_known),
        objects=MapFile.of(found.get('objects'), read_objects),
        camera=(partial(read_kitti_camera, calibration, left=left, right=right)
                if calibration.is_file() else None))
