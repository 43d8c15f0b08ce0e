# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files for KITTI's evaluation server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import re

import numpy as np

from depth_learning_ros.data.images import write_image
from depth_learning_ros.data.maps import encode_kitti
from depth_learning_ros.data.scene import NamedScene
from depth_learning_ros.errors import DataError

# The first frame of each scene; frame 11 is not asked for in the stereo benchmarks.
_KITTI_NAME = re.compile(r'\d{6}_10')
KITTI_2015_FOLDER = 'disp_0'


def check_names(scenes: Sequence[NamedScene]) -> None:
    """Refuse scenes that KITTI's server could not tell apart.

    Raises:
        DataError: a scene is not named like 000000_10, or two have one name.
    """
    names = [scene.name for scene in scenes]
    wrong = [name for name in names if not _KITTI_NAME.fullmatch(name)]
    if wrong:
        raise DataError(f'{len(wrong)} of {len(names)} scenes have no name of a KITTI submission, '
                        f'such as {wrong[0]}: they must be named 000000_10, 000001_10, ...')
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f'{len(twice)} scenes are there twice, such as {twice[0]}: submit one '
                        f'KITTI set at a time')


def submission_path(folder: Path, scene: NamedScene) -> Path:
    """Return where a scene belongs: in ``disp_0`` for KITTI 2015, at the top for KITTI 2012.

    The set is KITTI 2012 when its name says so.
    """
    root = folder if '2012' in scene.set_name else folder / KITTI_2015_FOLDER
    return root / f'{scene.name}.png'


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are missing.

    Raises:
        DataError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f'cannot make the folder {path}: {error.strerror}; choose another '
                        f'one') from error


def write_submission(folder: Path, scene: NamedScene, disparity: np.ndarray, *,
                     force: bool = False) -> Path:
    """Write one disparity map as the server wants it: 16-bit PNG, disparity x 256, 0 = none.

    What is larger than 255.996 px, more than KITTI has, is cut to that. The server fills gaps.

    Args:
        folder: of the submission; made when it is missing. Zip what is in it and upload.
        scene: named 000000_10 and so on.
        disparity: float32 [H, W], pixels, NaN where unknown.
        force: replace an existing file.

    Returns:
        The path of the file.

    Raises:
        DataError: it cannot be written.
    """
    path = submission_path(folder, scene)
    make_folder(path.parent)
    write_image(path, encode_kitti(disparity), force=force)
    return path
