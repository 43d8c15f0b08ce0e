# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""KITTI raw: drives as they were recorded, chosen by the lists that the literature uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
import os
from pathlib import Path
import re

from depth_learning_ros.data.images import read_bytes
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.data.sets.cameras import read_kitti_camera
from depth_learning_ros.data.sets.laser import read_laser_disparity
from depth_learning_ros.data.sets.search import choose
from depth_learning_ros.errors import DataError

CAMERAS = ('color', 'gray')
_CAMERA_NUMBERS = {'color': ('02', '03'), 'gray': ('00', '01')}
_DRIVE = r'(?P<date>\d{4}_\d\d_\d\d)/(?P<drive>\d{4}_\d\d_\d\d_drive_\d{4}_(?:sync|extract))'
# 2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069.jpg [the right image]
_AS_PATHS = re.compile(rf'{_DRIVE}/image_(?P<camera>0[0-3])/data/(?P<frame>\d+)\.\w+(?:\s+\S+)?')
# 2011_09_26/2011_09_26_drive_0002_sync 0000000069 [l]
_AS_NUMBERS = re.compile(rf'{_DRIVE}\s+(?P<frame>\d+)(?:\s+(?P<side>[lr]))?')
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class _Frame:
    date: str
    drive: str
    number: str

    @property
    def name(self) -> str:
        return f'{self.drive}_{self.number}'


class KittiRaw(StereoSet):
    """Frames of KITTI's raw data that a list names, such as Eigen's 697 test images.

    ::

        root/
        └── 2011_09_26/
            ├── calib_cam_to_cam.txt
            ├── calib_velo_to_cam.txt              needed with laser scans
            └── 2011_09_26_drive_0002_sync/
                ├── image_02/data/0000000069.png   left, in colour (or .jpg; image_00: gray)
                ├── image_03/data/0000000069.png   right (image_01)
                └── [velodyne_points/data/0000000069.bin]

    The ground truth is the laser scan, each point at the pixel it falls on, the nearest one on
    top, as the comparisons of depth from one camera have it. All listed frames have a scan or none
    has; frames without are for training.

    Args:
        root: the folder above the dates.
        list: a text file that names a frame per line: the path of its left image below ``root``
            (what follows on the line, such as the right image, is not needed), or drive and number
            as in ``2011_09_26/2011_09_26_drive_0002_sync 0000000069 l``. The list's images of the
            right camera are left out: each pair is there once.
        camera: ``color`` or ``gray``.

    Raises:
        DataError: the list is empty or holds another line, or a file that it names is missing.
    """

    name = 'kitti-raw'

    def __init__(self, root: Path | str, list: Path | str | None = None,
                 camera: str = 'color') -> None:
        if list is None:
            raise DataError('kitti-raw needs a list of frames: give its file, such as '
                            'kitti-raw:FOLDER,list=eigen_test_files.txt')
        folder = Path(os.path.abspath(os.path.expanduser(root)))
        if not folder.is_dir():
            raise DataError(f'{root} is no folder: give the one above the dates, such as '
                            f'2011_09_26')
        self._cameras = _CAMERA_NUMBERS[choose('camera', camera, CAMERAS)]
        self._folder = folder
        frames = [*dict.fromkeys(_frames(Path(list).expanduser()))]
        self._missing: dict[str, int] = {}
        scenes = [self._scene(frame) for frame in frames]
        if self._missing:
            named = ', '.join([*self._missing][:_NAMED_AT_MOST])
            raise DataError(f'{len(self._missing)} files that {list} needs are missing under '
                            f'{folder}, such as {named}: get these drives, or cut the list')
        laser = [scene for scene in scenes if scene.disparity is not None]
        if laser and len(laser) < len(scenes):
            raise DataError(f'{len(scenes) - len(laser)} of {len(scenes)} frames of {list} have '
                            f'no laser scan under {folder}: the copy is incomplete')
        self.scenes = scenes

    def _scene(self, frame: _Frame) -> Scene:
        date = self._folder / frame.date
        drive = date / frame.drive
        left, right = (self._image(drive / f'image_{camera}' / 'data', frame.number)
                       for camera in self._cameras)
        calibration = self._needed(date / 'calib_cam_to_cam.txt')
        scan = drive / 'velodyne_points' / 'data' / f'{frame.number}.bin'
        truth = None
        if scan.is_file():
            self._needed(date / 'calib_velo_to_cam.txt')
            truth = MapFile(scan, partial(read_laser_disparity, calibration=date,
                                          left=self._cameras[0], right=self._cameras[1]))
        left_name, right_name = (f'P_rect_{camera}' for camera in self._cameras)
        return Scene(self.name, frame.name, left, right, disparity=truth,
                     camera=partial(read_kitti_camera, calibration, left=left_name,
                                    right=right_name))

    def _image(self, folder: Path, number: str) -> Path:
        jpeg = folder / f'{number}.jpg'
        return jpeg if jpeg.is_file() else self._needed(folder / f'{number}.png')

    def _needed(self, path: Path) -> Path:
        if not path.is_file():
            self._missing[str(path.relative_to(self._folder))] = 1
        return path


def _frames(file: Path) -> Iterator[_Frame]:
    lines = read_bytes(file).decode('utf-8', 'replace').splitlines()
    count = 0
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith('#'):
            continue
        match = _AS_PATHS.fullmatch(line) or _AS_NUMBERS.fullmatch(line)
        if match is None:
            raise DataError(
                f'{file}, line {number} is {line[:80]!r}: expected the path of a left image of '
                f'KITTI raw, or its drive and number')
        count += 1
        found = match.groupdict()
        if found.get('camera') in ('01', '03') or found.get('side') == 'r':
            continue
        yield _Frame(found['date'], found['drive'], found['frame'].zfill(10))
    if not count:
        raise DataError(f'{file} names no frame: expected a line for each')
