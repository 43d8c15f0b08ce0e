# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Data sets by name: for configurations and command lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import difflib
import inspect
from pathlib import Path
import re
from typing import Any

from depth_learning_ros.data.folders import StereoFolder
from depth_learning_ros.data.scene import StereoSet
from depth_learning_ros.data.sets.drivingstereo import DrivingStereo
from depth_learning_ros.data.sets.eth3d import Eth3d
from depth_learning_ros.data.sets.kitti import Kitti2012, Kitti2015
from depth_learning_ros.data.sets.kitti_raw import KittiRaw
from depth_learning_ros.data.sets.middlebury import Middlebury2014, MiddleburyV3
from depth_learning_ros.data.sets.middlebury_early import (
    Middlebury2001,
    Middlebury2003,
    Middlebury2005,
    Middlebury2006,
)
from depth_learning_ros.data.sets.pairs import UnlabelledPairs
from depth_learning_ros.data.sets.sceneflow import (
    Driving,
    FlyingThings3D,
    FlyingThings3DSubset,
    Monkaa,
    SceneFlow,
)
from depth_learning_ros.data.sets.screening import OnProgress
from depth_learning_ros.errors import DataError

REGISTRY: dict[str, type[StereoSet]] = {
    'folder': StereoFolder,
    'pairs': UnlabelledPairs,
    'kitti2012': Kitti2012,
    'kitti2015': Kitti2015,
    'kitti-raw': KittiRaw,
    'middlebury2001': Middlebury2001,
    'middlebury2003': Middlebury2003,
    'middlebury2005': Middlebury2005,
    'middlebury2006': Middlebury2006,
    'middlebury2014': Middlebury2014,
    'middlebury-v3': MiddleburyV3,
    'eth3d': Eth3d,
    'drivingstereo': DrivingStereo,
    'sceneflow': SceneFlow,
    'flyingthings3d': FlyingThings3D,
    'flyingthings3d-subset': FlyingThings3DSubset,
    'monkaa': Monkaa,
    'driving': Driving,
}

_NAME = re.compile(r'[a-z0-9-]+')
_WORDS = {'true': True, 'yes': True, 'false': False, 'no': False}


def open_data_set(name: str, root: Path | str, *, on_progress: OnProgress | None = None,
                  **options: Any) -> StereoSet:
    """Find the scenes of a data set.

    Args:
        name: in `REGISTRY`.
        root: its folder; the docstring of its class draws what is in there.
        on_progress: is told how much of the ground truth is screened, where that is done.
        options: those of its class, such as ``split``.

    Raises:
        DataError: the name or an option is unknown, nothing is there, or a scene is incomplete.
    """
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, REGISTRY, 1)
        hint = f", did you mean '{near[0]}'?" if near else ':'
        raise DataError(f"there is no data set '{name}'{hint} known are {', '.join(REGISTRY)}")
    known = list(inspect.signature(REGISTRY[name]).parameters)[1:]
    if 'on_progress' in known:
        known.remove('on_progress')
        extra = {'on_progress': on_progress}
    else:
        extra = {}
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = f"takes {', '.join(known)}" if known else 'has no options'
        raise DataError(f"{name} has no option {', '.join(unknown)}: it {takes}")
    return REGISTRY[name](Path(root).expanduser(), **options, **extra)  # type: ignore[call-arg]


@dataclass(frozen=True)
class DataSetName:
    """A data set as one word on a command line: ``NAME:ROOT[,option=value]...``."""

    name: str
    root: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> DataSetName | None:
        """Take the word apart; None when it does not begin like one, and must be a path.

        Raises:
            DataError: it begins like one and goes on wrongly.
        """
        name, colon, rest = text.partition(':')
        if not colon or not _NAME.fullmatch(name):
            return None
        root, *pairs = rest.split(',')
        options: dict[str, Any] = {}
        for pair in pairs:
            option, equals, value = pair.partition('=')
            if not equals:
                raise DataError(f'{text}: {pair!r} is no option: write {name}:FOLDER,split=...')
            options[option] = _WORDS.get(value, value)
        if not root:
            raise DataError(f'{text}: there is no folder: write {name}:FOLDER')
        return cls(name, root, options)

    def open(self, on_progress: OnProgress | None = None) -> StereoSet:
        """Find its scenes; see `open_data_set`."""
        return open_data_set(self.name, self.root, on_progress=on_progress, **self.options)
