# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's output folder: all results of one run appear together, or none do.

The work is done in a hidden folder beside it, which takes the final name at the end. So results of
two runs are never mixed, and an interrupted run leaves the earlier results as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import shutil

from depth_learning_ros.errors import DataError
from depth_learning_ros.files import (
    FolderClaim,
    check_folder,
    claim_folder,
    disk_full,
    is_disk_full,
)

MARKER = '.depth-learning-demo'
RESULTS = ('input.mcap', 'output.mcap', 'panel.png', 'comparison.png', 'cloud.png', 'cloud.html',
           'table.txt', 'report.json')
_MARKER_TEXT = 'Results of depth-learning demo, which may replace this folder.\n'


@contextmanager
def output_folder(path: Path | str, *, force: bool = False,
                  bag: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder to work in; it becomes ``path`` when the block ends well.

    Args:
        path: the folder that will hold the results; made if it is missing, its parent must exist.
        force: replace the results of an earlier run. Anything else is never replaced.
        bag: what the demo reads; it must not lie in the folder.

    Raises:
        DataError: the folder holds earlier results (and not ``force``) or other things, its
            parent is missing or not writable, another run is at work on it, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    check_output_folder(path, force=force, bag=bag)
    work = target.with_name(f'.{target.name}.part')
    claim = _claim(work, path)
    try:
        yield work
        _publish(work, target)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        if isinstance(error, OSError):
            raise _explained(error, path) from error
        raise
    finally:
        claim.close()


def check_output_folder(path: Path | str, *, force: bool = False, bag: Path | None = None) -> None:
    """Refuse an output folder before long work is done for nothing.

    Raises:
        DataError: as `output_folder`.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise DataError(f'{path} is a file: give the name of a folder for the results')
    if not target.name:
        raise DataError(f'{path} cannot be replaced: give the name of a new folder')
    check_folder(target.parent)
    if bag is not None and target in (real := Path(os.path.realpath(bag)), *real.parents):
        raise DataError(f'the bag {bag} lies in the output folder {path}, whose content is '
                        f'replaced: give another output folder')
    if not target.exists():
        return
    held = {entry.name for entry in target.iterdir()}
    strange = sorted(held - {MARKER, *RESULTS})
    if strange or (held and MARKER not in held):
        name = (strange or sorted(held))[0]
        raise DataError(f'{path} holds {name}, which no demo wrote there: nothing in it is '
                        f'touched; give another output folder')
    if held and not force:
        raise DataError(f'{path} holds the results of an earlier run: give another folder, or '
                        f'--force to replace them')


def _claim(work: Path, path: Path | str) -> FolderClaim:
    """Make the working folder, or clear the one that a killed run left."""
    claim = claim_folder(work)
    try:
        strange = [entry.name for entry in work.iterdir()]
        if strange and MARKER not in strange:
            raise DataError(f'{work} is in the way and no demo made it: move it elsewhere')
        for entry in work.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        (work / MARKER).write_text(_MARKER_TEXT, encoding='utf-8')
    except BaseException as error:
        claim.close()
        if isinstance(error, OSError):
            raise _explained(error, path) from error
        raise
    return claim


def _publish(work: Path, target: Path) -> None:
    """Give the finished folder its final name; earlier results go only after that."""
    old = target.with_name(f'.{target.name}.old')
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.rename(target, old)
    try:
        os.rename(work, target)
    except OSError:
        if old.exists():
            os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _explained(error: OSError, path: Path | str) -> DataError:
    if is_disk_full(error):
        return disk_full(path)
    return DataError(f'cannot write to {path}: {error.strerror or error}; choose another folder')
