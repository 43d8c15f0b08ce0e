# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stereo scenes in plain folders: the layout to bring your own data in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
import os
from pathlib import Path

from depth_learning_ros.data.calibration import read_calibration
from depth_learning_ros.data.maps import read_disparity
from depth_learning_ros.data.masks import read_objects, read_seen_in_both
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.errors import DataError

_IMAGES = ('left.png', 'right.png')
_DISPARITIES = ('disp.png', 'disp.pfm', 'disp.npy')
_NAMED_AT_MOST = 5

MAX_DEPTH = 3


class StereoFolder(StereoSet):
    """The scenes under a folder, in alphabetical order; each is loaded when it is asked for.

    The folder may be a root of sets (or the folder above it), one set, or one scene::

        root/
        └── SET/
            └── SCENE/
                ├── left.png right.png     8 or 16 bits, colour or gray
                ├── disp.png               or disp.pfm, disp.npy: ground truth of the left view
                ├── [calib.json]           focal_px, baseline_m, doffs
                ├── [nocc.png]             255 seen in both views, 128 occluded, 0 unknown
                └── [obj_map.png]          0 background, else the number of an object

    Args:
        path: the folder.
        ground_truth: a scene must have its disparity; False lets it be absent.

    Raises:
        DataError: there is no scene (naming what was looked for), or a scene is incomplete.
    """

    name = 'folder'

    def __init__(self, path: Path | str, *, ground_truth: bool = True) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            what = 'is a file' if self.path.exists() else 'does not exist'
            raise DataError(f'{path} {what}: give a folder of scenes')
        self.scenes = _find_scenes(Path(os.path.abspath(path)), path, ground_truth)


def _find_scenes(root: Path, given: Path | str, ground_truth: bool) -> list[Scene]:
    counts: dict[str, int] = {}
    folders: set[Path]
    for depth in range(MAX_DEPTH + 1):
        prefix = '*/' * depth
        found = {name: {path.parent for path in root.glob(prefix + name)}
                 for name in (*_IMAGES, *_DISPARITIES)}
        counts |= {prefix + name: len(folders) for name, folders in found.items()}
        folders = set().union(*found.values())
        if folders:
            _refuse_half_copied(root, sorted(folders), ground_truth)
            return [_describe(folder) for folder in sorted(folders)]
    tried = ', '.join(f'{pattern} ({count})' for pattern, count in counts.items()
                      if pattern.endswith((*_IMAGES, _DISPARITIES[0])))
    raise DataError(f'there is no scene under {given}; looked for (and found): {tried}. A scene '
                    f'is a folder with left.png, right.png and disp.png')


def _refuse_half_copied(root: Path, folders: list[Path], ground_truth: bool) -> None:
    incomplete = []
    for folder in folders:
        missing = [name for name in _IMAGES if not (folder / name).is_file()]
        if ground_truth and _first_of(folder, _DISPARITIES) is None:
            missing.append('disp.png')
        if missing:
            name = folder.relative_to(root).as_posix()
            incomplete.append(f"{folder.name if name == '.' else name} has no "
                              f"{' and no '.join(missing)}")
    if incomplete:
        more = len(incomplete) - _NAMED_AT_MOST
        raise DataError(
            f'{len(incomplete)} of {len(folders)} scenes under {root} are incomplete: '
            f"{'; '.join(incomplete[:_NAMED_AT_MOST])}{f'; and {more} more' if more > 0 else ''}. "
            f'Copy the missing files, or remove these folders')


def _describe(folder: Path) -> Scene:
    calibration = _first_of(folder, ('calib.json',))
    return Scene(
        set_name=folder.parent.name, name=folder.name,
        left=folder / _IMAGES[0], right=folder / _IMAGES[1],
        disparity=MapFile.of(_first_of(folder, _DISPARITIES), read_disparity),
        non_occluded=MapFile.of(_first_of(folder, ('nocc.png',)), read_seen_in_both),
        objects=MapFile.of(_first_of(folder, ('obj_map.png',)), read_objects),
        camera=None if calibration is None else partial(read_calibration, calibration))


def _first_of(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
