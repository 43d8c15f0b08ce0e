# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The folder that an adaptation works in: its own, one process's, and good for going on.

::

    OUT.work/
    ├── .depth-learning-adapt   it is ours: nothing without this is ever cleared away
    ├── frames/                 what was taken from the logs
    ├── intake.json             how; written when all of it is there
    └── state.pt                how far the adaptation is
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
import json
from pathlib import Path
import shutil
from typing import Any

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.errors import DataError, TrainingError
from depth_learning_ros.files import FolderClaim, atomic_write, claim_folder

MARKER = '.depth-learning-adapt'
_MARKER_TEXT = 'Frames and state of depth-learning adapt, which may clear this folder away.\n'
#: Settings that decide which frames are taken in.
_OF_INTAKE = ('max_frames', 'noise_gray')


class WorkFolder:
    """Names what lies where; the folder need not be there.

    Attributes:
        path: of the folder.
        frames, intake, state: of what is in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames, self.intake, self.state = (path / name for name in (
            'frames', 'intake.json', 'state.pt'))

    def claim(self) -> FolderClaim:
        """Make it, or take what an adaptation left, and keep other processes out.

        Raises:
            DataError: another process is at work in it, or it is somebody else's: then nothing in
                it is touched.
        """
        claim = claim_folder(self.path)
        try:
            there = sorted(entry.name for entry in self.path.iterdir())
            if there and MARKER not in there:
                raise DataError(f'{self.path} holds {there[0]}, and no adaptation made it: it is '
                                f'not touched; move it elsewhere, or give another output')
            with atomic_write(self.path / MARKER, force=True, mode='w') as file:
                file.write(_MARKER_TEXT)
        except BaseException:
            with suppress(OSError):
                self.path.rmdir()  # where it is empty
            claim.close()
            raise
        return claim

    def clear(self) -> None:
        """Remove what an adaptation left; a kill leaves nothing that could be gone on with."""
        for path in (self.state, self.intake):
            path.unlink(missing_ok=True)
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MARKER:
                entry.unlink()

    def remove(self) -> None:
        """Remove it as far as that can be done."""
        with suppress(OSError):
            self.clear()
            (self.path / MARKER).unlink()
            self.path.rmdir()

    def write_intake(self, logs: Sequence[str], config: AdaptationConfig,
                     skipped: dict[str, int]) -> None:
        """Write down that all frames are there, and where they are from.

        Raises:
            DataError: the disk is full.
        """
        with atomic_write(self.intake, force=True, mode='w') as file:
            json.dump({'logs': list(logs), 'skipped': skipped, **_settings(config)}, file)

    def read_intake(self, logs: Sequence[str], config: AdaptationConfig) -> dict[str, int]:
        """Give how many frames were left out, by cause.

        Raises:
            TrainingError: the frames are from other logs, or were chosen otherwise.
        """
        found: dict[str, Any] = json.loads(self.intake.read_text())
        if sorted(found['logs']) != sorted(logs):
            raise TrainingError(
                f'the adaptation in {self.path} learns from {", ".join(found["logs"])}, not from '
                f'{", ".join(logs)}: resume it with its own logs, or begin again with --force')
        changed = [f'{name} was {found[name]!r}, is {value!r}'
                   for name, value in _settings(config).items() if found[name] != value]
        if changed:
            raise TrainingError(
                f'the adaptation in {self.path} was begun with other settings: '
                f'{"; ".join(changed)}. Resume with the old ones, or begin again with --force')
        return dict(found['skipped'])


def _settings(config: AdaptationConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in _OF_INTAKE}
