# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered Scene Flow sets of Mayer et al. 2016: FlyingThings3D, Monkaa and Driving.

960x540, dense PFM disparity of both views. ``pass`` in a path is ``cleanpass`` (no blur, no
lighting effects) or ``finalpass``; the frames may be .png or the smaller .webp.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import logging
from pathlib import Path

import numpy as np

from depth_learning_ros.data.masks import read_not_occluded
from depth_learning_ros.data.pfm import read_pfm
from depth_learning_ros.data.scene import MapFile, Scene, StereoSet
from depth_learning_ros.data.sets.screening import OnProgress, screen
from depth_learning_ros.data.sets.search import Found, Search, choose
from depth_learning_ros.errors import DataError

logger = logging.getLogger(__name__)

PASSES = ('cleanpass', 'finalpass')
MAX_SHARE_OF_OTHER_SIGN = 0.01


class _Rendered(StereoSet):
    """What the sets have in common: folders of left and right views, screened if wanted.

    Attributes:
        dropped: names of the scenes that were left out because they are too near.
    """

    dropped: tuple[str, ...] = ()

    def _set_scenes(self, search: Search, found: Sequence[Found], screening: bool,
                    on_progress: OnProgress | None) -> None:
        scenes = search.check_found([_scene(self.name, each) for each in found])
        if screening:
            scenes, dropped = screen(scenes, search.root, on_progress)
            self.dropped = tuple(scene.name for scene in dropped)
            logger.info('%s: %d of %d scenes are left out: more than 25 %% of their pixels have a '
                        'disparity over 300 px', self.name, len(dropped),
                        len(dropped) + len(scenes))
        self.scenes = scenes


class FlyingThings3D(_Rendered):
    """FlyingThings3D, the full set: 22390 training and 4370 test pairs of flying objects.

    ::

        root/
        ├── frames_cleanpass/               or frames_finalpass, frames_cleanpass_webp, ...
        │   ├── TRAIN/A/0000/left/0006.png  B and C, 0001 ..., right, 0007 ...
        │   └── TEST/...
        └── disparity/
            ├── TRAIN/A/0000/left/0006.pfm  and right
            └── TEST/...

    Args:
        root: the folder above ``disparity``.
        split: ``TRAIN`` or ``TEST``.
        frames: ``cleanpass`` or ``finalpass``.
        screening: leave out what is too near (see screening.py). The first time all ground truth
            is read, 2 MB a pair.
        on_progress: is told how many files are screened.

    Raises:
        DataError: nothing is there, a scene is incomplete, or ground truth cannot be read.
    """

    name = 'flyingthings3d'

    def __init__(self, root: Path | str, split: str = 'TRAIN', frames: str = 'cleanpass',
                 screening: bool = True, on_progress: OnProgress | None = None) -> None:
        split = choose('split', split, ('TRAIN', 'TEST'))
        search = Search(root, self.name)
        found = search.find(**_patterns(f'{split}/*/*', frames))
        self._set_scenes(search, found, screening, on_progress)


class Monkaa(_Rendered):
    """Monkaa: 8664 pairs of an animated film; no split.

    ::

        root/
        ├── frames_cleanpass/a_rain_of_stones_x2/left/0000.png    or frames_finalpass; right
        └── disparity/a_rain_of_stones_x2/left/0000.pfm           and right

    Args:
        root: the folder above ``disparity``.
        frames: ``cleanpass`` or ``finalpass``.
        screening: leave out what is too near (see screening.py).
        on_progress: is told how many files are screened.

    Raises:
        DataError: nothing is there, a scene is incomplete, or ground truth cannot be read.
    """

    name = 'monkaa'

    def __init__(self, root: Path | str, frames: str = 'cleanpass', screening: bool = False,
                 on_progress: OnProgress | None = None) -> None:
        search = Search(root, self.name)
        self._set_scenes(search, search.find(**_patterns('*', frames)), screening,
                         on_progress)


class Driving(_Rendered):
    """Driving: 4400 pairs of a street; no split. Disparities over 300 px are common.

    ::

        root/
        ├── frames_cleanpass/                                     or frames_finalpass
        │   └── 35mm_focallength/scene_forwards/fast/left/0001.png
        │       15mm_focallength scene_backwards slow right
        └── disparity/35mm_focallength/scene_forwards/fast/left/0001.pfm

    Args:
        root: the folder above ``disparity``.
        frames: ``cleanpass`` or ``finalpass``.
        screening: leave out what is too near (see screening.py).
        on_progress: is told how many files are screened.

    Raises:
        DataError: nothing is there, a scene is incomplete, or ground truth cannot be read.
    """

    name = 'driving'

    def __init__(self, root: Path | str, frames: str = 'cleanpass', screening: bool = False,
                 on_progress: OnProgress | None = None) -> None:
        search = Search(root, self.name)
        self._set_scenes(search, search.find(**_patterns('*/*/*', frames)), screening,
                         on_progress)


class SceneFlow(_Rendered):
    """All three together, as most papers train: 35454 training and 4370 test pairs.

    ::

        root/
        ├── FlyingThings3D/     each as its own class draws it
        ├── Monkaa/
        └── Driving/

    The training split is FlyingThings3D's, Monkaa and Driving; the test split FlyingThings3D's.

    Args:
        root: the folder above the three.
        split: ``TRAIN`` or ``TEST``.
        frames: ``cleanpass`` or ``finalpass``.
        screening: leave out what is too near in FlyingThings3D (see screening.py).
        on_progress: is told how many files are screened.

    Raises:
        DataError: one of the sets is not there or incomplete, or ground truth cannot be read.
    """

    name = 'sceneflow'

    def __init__(self, root: Path | str, split: str = 'TRAIN', frames: str = 'cleanpass',
                 screening: bool = True, on_progress: OnProgress | None = None) -> None:
        above = Path(root).expanduser()
        things = FlyingThings3D(above / 'FlyingThings3D', split, frames, screening, on_progress)
        sets: list[_Rendered] = [things]
        if split == 'TRAIN':
            sets += [Monkaa(above / 'Monkaa', frames), Driving(above / 'Driving', frames)]
        self.dropped = things.dropped
        self.scenes = [scene for each in sets for scene in each.scenes]


class FlyingThings3DSubset(_Rendered):
    """FlyingThings3D's subset of 2018, its hard scenes left out, with occlusion masks.

    21818 training and 4248 validation pairs::

        root/
        ├── train/
        │   ├── image_clean/left/0000000.png             or image_final; right
        │   ├── disparity/left/0000000.pfm               and right; left ones are negative here
        │   └── [disparity_occlusions/left/0000000.png]  not 0 = occluded
        └── val/...

    Args:
        root: the folder above ``train``.
        split: ``train`` or ``val``.
        frames: ``cleanpass`` or ``finalpass``.
        screening: leave out what is too near (see screening.py).
        on_progress: is told how many files are screened.

    Raises:
        DataError: nothing is there, a scene is incomplete, or ground truth cannot be read.
    """

    name = 'flyingthings3d-subset'

    def __init__(self, root: Path | str, split: str = 'train', frames: str = 'cleanpass',
                 screening: bool = False, on_progress: OnProgress | None = None) -> None:
        split = choose('split', split, ('train', 'val'))
        images = f'{split}/image_{choose("frames", frames, PASSES).removesuffix("pass")}'
        search = Search(root, self.name)
        found = search.find(
            {'left': f'{images}/left/*.png', 'right': f'{images}/right/*.png',
             'disparity': f'{split}/disparity/left/*.pfm'},
            {'disparity_right': f'{split}/disparity/right/*.pfm',
             'occluded': f'{split}/disparity_occlusions/left/*.png'})
        self._set_scenes(search, found, screening, on_progress)


def read_unsigned_disparity(path: Path) -> np.ndarray:
    """Read a PFM disparity map whose sign says which view it is of.

    Returns:
        float32 [H, W], pixels, >= 0, NaN where unknown.

    Raises:
        DataError: the file is damaged, or its values have no common sign.
    """
    values = read_pfm(path)
    values = np.where(np.isfinite(values), values, np.float32(np.nan))
    negative, positive = np.count_nonzero(values < 0), np.count_nonzero(values > 0)
    if min(negative, positive) > MAX_SHARE_OF_OTHER_SIGN * values.size:
        raise DataError(f'{path} holds {positive} positive and {negative} negative disparities: '
                        f'one sign is needed; is it another kind of map?')
    if negative > positive:
        values = -values
    return np.where(values >= 0, values, np.float32(np.nan))


def _patterns(scene: str, frames: str) -> Mapping[str, Mapping]:
    """Return the arguments of `Search.find` for one of the full sets."""
    folder = f'frames_{choose("frames", frames, PASSES)}'
    views = {side: (f'{folder}/{scene}/{side}/*.png',
                    f'{folder}_webp/{scene}/{side}/*.webp') for side in ('left', 'right')}
    return {'required': {**views, 'disparity': f'disparity/{scene}/left/*.pfm'},
            'optional': {'disparity_right': f'disparity/{scene}/right/*.pfm'}}


def _scene(set_name: str, found: Found) -> Scene:
    return Scene(
        set_name, found.name, found['left'], found['right'],
        disparity=MapFile(found['disparity'], read_unsigned_disparity),
        disparity_right=MapFile.of(found.get('disparity_right'), read_unsigned_disparity),
        non_occluded=MapFile.of(found.get('occluded'), read_not_occluded))
