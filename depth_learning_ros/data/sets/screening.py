# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Leaving out rendered scenes in which something stands right before the camera.

Some scenes of FlyingThings3D are filled by an object so near that no network of a sensible
disparity range can match it. The usual rule drops a pair when more than 25 % of its pixels have a
disparity over 300 px (21 of the 4370 test pairs). It needs each ground truth file once; the shares
are kept in a file, so that only new or changed files are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import hashlib
import logging
import os
from pathlib import Path

import numpy as np

from depth_learning_ros.data.scene import MapFile, Scene
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write

logger = logging.getLogger(__name__)

OnProgress = Callable[[int, 'int | None'], None]
TOO_NEAR_PX = 300.0
MAX_TOO_NEAR_SHARE = 0.25
FILE_NAME = 'too_near.tsv'
_TITLE = f'# share of pixels with a disparity over {TOO_NEAR_PX:g} px; mtime in ns; file'
_SAVE_EVERY = 1000


def screen(scenes: Sequence[Scene], root: Path,
           on_progress: OnProgress | None = None) -> tuple[list[Scene], list[Scene]]:
    """Split scenes into those to keep and those to drop.

    Args:
        scenes: with ground truth under ``root``.
        root: of the data set. The shares are kept in ``too_near.tsv`` there, or, where that
            cannot be written, in the user's cache folder.
        on_progress: is told how many of all files are done.

    Raises:
        DataError: a ground truth file cannot be read.
    """
    shares = _Shares(root)
    keep: list[Scene] = []
    drop: list[Scene] = []
    for done, scene in enumerate(scenes, 1):
        too_near = (scene.disparity is not None
                    and shares.of(scene.disparity) > MAX_TOO_NEAR_SHARE)
        (drop if too_near else keep).append(scene)
        if on_progress:
            on_progress(done, len(scenes))
    shares.save()
    return keep, drop


def share_too_near(disparity: np.ndarray) -> float:
    """Return the share of all pixels, 0..1, with a disparity over 300 px."""
    return float(np.count_nonzero(disparity > TOO_NEAR_PX) / disparity.size)


class _Shares:
    """The shares measured so far: (relative path, mtime) -> share."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files = (root / FILE_NAME, _cache_folder() / f'{_digest(root)}-{FILE_NAME}')
        self._known: dict[tuple[str, int], float] = {}
        for path in self._files:
            self._known |= _read(path)
        self._unsaved = 0

    def of(self, file: MapFile) -> float:
        # A file that was copied again, or replaced, is measured again.
        key = file.path.relative_to(self._root).as_posix(), _mtime_ns(file.path)
        if key not in self._known:
            self._known[key] = share_too_near(file.read(file.path))
            self._unsaved += 1
            if self._unsaved >= _SAVE_EVERY:
                self.save()
        return self._known[key]

    def save(self) -> None:
        if not self._unsaved:
            return
        self._unsaved = 0
        # .6f: so many digits that one pixel of a million shows
        lines = [f'{share:.6f}\t{mtime}\t{name}' for (name, mtime), share
                 in sorted(self._known.items())]
        text = '\n'.join([_TITLE, *lines, ''])
        for path in self._files:
            if _try_to_write(path, text):
                return
        logger.warning('neither %s nor %s can be written: the ground truth will be screened again '
                       'next time', *self._files)


def _read(path: Path) -> Mapping[tuple[str, int], float]:
    """Return what a file knows; nothing when it is missing or of another rule."""
    try:
        title, *lines = path.read_text().splitlines() or ['']
        fields = [line.split('\t', 2) for line in lines]
        known = {(name, int(mtime)): float(share) for share, mtime, name in fields}
    except FileNotFoundError:
        return {}  # the first time
    except (OSError, ValueError) as error:
        logger.warning('%s cannot be read (%s): screening again', path, error)
        return {}
    return known if title == _TITLE else {}


def _try_to_write(path: Path, text: str) -> bool:
    try:
        if path.parent == _cache_folder():
            path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path, force=True, mode='w') as file:
            file.write(text)
    except (OSError, DataError):
        return False
    return True


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise DataError(f'cannot read {path}: {error.strerror}') from error


def _digest(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:12]


def _cache_folder() -> Path:
    """Give the folder beside the engines that the cache holds (see engine/cache.py)."""
    chosen = os.environ.get('DEPTH_LEARNING_CACHE')
    if chosen:
        return Path(chosen).expanduser() / 'screening'
    base = os.environ.get('XDG_CACHE_HOME')
    home = Path(base) if base else Path('~/.cache').expanduser()
    return home / 'depth_learning_ros' / 'screening'
