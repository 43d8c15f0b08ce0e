# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of frames, kept as files beside them: made once, however often the run is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
import logging
from pathlib import Path
import shutil
from zipfile import BadZipFile

import numpy as np

from depth_learning_ros.files import atomic_write, remove_abandoned

_log = logging.getLogger(__name__)

#: Two maps of a frame, float32 [H, W].
Maps = tuple[np.ndarray, np.ndarray]


class LabelFiles:
    """A folder of labels by one maker; half precision, 2 MB a frame of 1242 x 375.

    Several processes may share it. Reading costs next to nothing: the system keeps what is often
    read in memory, as far as nobody needs that.

    Args:
        folder: of all makers; what others of them left is removed.
        maker: names all that labels depend on but the frame.
        frames: whose labels may stay.
    """

    def __init__(self, folder: Path, maker: str, frames: Iterable[Path]) -> None:
        self.folder = folder / maker
        self.folder.mkdir(parents=True, exist_ok=True)
        for other in folder.iterdir():
            if other != self.folder:
                shutil.rmtree(other, ignore_errors=True)
        remove_abandoned(self.folder)
        wanted = {self._file(frame) for frame in frames}
        for path in self.folder.glob('*.npy'):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def _file(self, frame: Path) -> Path:
        # the name of a frame that had to go may be given again
        return self.folder / f'{frame.stem}-{frame.stat().st_mtime_ns:x}.npy'

    def get(self, frame: Path, make: Callable[[], Maps]) -> Maps:
        """Give what was kept of a frame, or make and keep it, also where the file is damaged.

        Raises:
            DataError: the disk is full, or the folder cannot be written.
        """
        path = self._file(frame)
        kept = _read(path)
        if kept is None:
            kept = np.stack(make()).astype(np.float16)
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, force=True) as file:
                np.save(file, kept)
        first, second = kept.astype(np.float32)
        return first, second


def _read(path: Path) -> np.ndarray | None:
    try:
        kept = np.load(path)
        if kept.ndim == 3 and len(kept) == 2:
            return kept
        problem = f'an array of the shape {kept.shape}'
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, AttributeError, BadZipFile) as error:
        problem = str(error)
    _log.warning('the labels in %s are damaged, and made anew: %s', path, problem)
    return None
