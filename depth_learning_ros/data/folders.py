# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stereo scenes in plain folders: the layout to bring your own data in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
import os
from pathlib import Path

import numpy as np

from depth_learning_ros.data.calibration import read_calibration
from depth_learning_ros.data.images import read_image
from depth_learning_ros.data.maps import read_disparity, read_mask
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoCamera, StereoPair

_IMAGES = ('left.png', 'right.png')
_DISPARITIES = ('disp.png', 'disp.pfm', 'disp.npy')
_NAMED_AT_MOST = 5

MAX_DEPTH = 3

SEEN_IN_BOTH = 255


@dataclass(frozen=True)
class SceneFiles:
    """Where the files of one scene are; the optional ones are None where there is no such file."""

    set_name: str
    name: str
    left: Path
    right: Path
    disparity: Path | None
    calibration: Path | None
    non_occluded: Path | None
    objects: Path | None


@dataclass(frozen=True)
class StereoSample:
    """One scene, loaded.

    Attributes:
        files: where it came from.
        pair: the two images (no camera: see `camera`).
        disparity: float32 [H, W], pixels, NaN where there is no ground truth; or None.
        non_occluded: bool [H, W], True where the pixel is seen in both views; or None.
        objects: bool [H, W], True on a foreground object (KITTI's D1-fg); or None.
    """

    files: SceneFiles
    pair: StereoPair
    disparity: np.ndarray | None
    non_occluded: np.ndarray | None
    objects: np.ndarray | None

    @cached_property
    def camera(self) -> StereoCamera | None:
        """The calibration, None when there is no calib.json.

        Raises:
            CalibrationError: there is one, and it gives no metric depth.
        """
        if self.files.calibration is None:
            return None
        height, width = self.pair.left.shape[:2]
        return read_calibration(self.files.calibration, width, height)


class StereoFolder(Sequence[StereoSample]):
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

    def __init__(self, path: Path | str, *, ground_truth: bool = True) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            what = 'is a file' if self.path.exists() else 'does not exist'
            raise DataError(f'{path} {what}: give a folder of scenes')
        self.scenes = _find_scenes(Path(os.path.abspath(path)), path, ground_truth)

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, index: int) -> StereoSample:  # type: ignore[override]
        return load_scene(self.scenes[index])

    def sets(self) -> Iterator[tuple[str, list[SceneFiles]]]:
        """Yield each set's name with its scenes."""
        for set_name in dict.fromkeys(scene.set_name for scene in self.scenes):
            yield set_name, [scene for scene in self.scenes if scene.set_name == set_name]


def load_scene(files: SceneFiles) -> StereoSample:
    """Read the images and what is known about them.

    Raises:
        DataError: a file is damaged, or the sizes differ.
    """
    try:
        pair = StereoPair(read_image(files.left), read_image(files.right))
    except DataError as error:
        raise DataError(f'scene {files.set_name}/{files.name}: {error}') from error
    disparity = None if files.disparity is None else read_disparity(files.disparity)
    seen = None if files.non_occluded is None else read_mask(files.non_occluded) == SEEN_IN_BOTH
    objects = None if files.objects is None else read_mask(files.objects) > 0
    for path, array in ((files.disparity, disparity), (files.non_occluded, seen),
                        (files.objects, objects)):
        if array is not None and array.shape != pair.left.shape[:2]:
            raise DataError(
                f'{path} is {array.shape[1]}x{array.shape[0]}, the images beside it are '
                f'{pair.left.shape[1]}x{pair.left.shape[0]}: they must have one size')
    return StereoSample(files, pair, disparity, seen, objects)


def _find_scenes(root: Path, given: Path | str, ground_truth: bool) -> list[SceneFiles]:
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


def _describe(folder: Path) -> SceneFiles:
    return SceneFiles(
        set_name=folder.parent.name, name=folder.name,
        left=folder / _IMAGES[0], right=folder / _IMAGES[1],
        disparity=_first_of(folder, _DISPARITIES),
        calibration=_first_of(folder, ('calib.json',)),
        non_occluded=_first_of(folder, ('nocc.png',)),
        objects=_first_of(folder, ('obj_map.png',)))


def _first_of(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
