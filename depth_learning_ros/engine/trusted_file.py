# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Read a file only if nobody but this user (or root) could have written it.

A TensorRT engine is code: whoever writes one can run what he likes in the process that loads it.
"""

from __future__ import annotations

import grp
import os
from pathlib import Path
import pwd
import stat
from typing import IO

from depth_learning_ros.errors import EngineError


def read_trusted(path: Path) -> bytes:
    """Give a file's content.

    Raises:
        EngineError: it cannot be read; it, or the folder it lies in, belongs to another user or
            can be written by others.
    """
    with open_trusted(path) as file:
        return file.read()


def open_trusted(path: Path) -> IO[bytes]:
    """Open a file for reading; what was checked is what is read, whatever happens to its name.

    Raises:
        EngineError: as `read_trusted`.
    """
    try:
        folder = os.stat(path.resolve().parent)
        file = path.open('rb')
    except OSError as error:
        raise EngineError(f'cannot read the engine {path}: {error.strerror}') from error
    try:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise EngineError(f'{path} is no regular file')
        reason = distrust(found) or distrust(folder, folder=True)
        if reason:
            where = path if distrust(found) else path.resolve().parent
            raise EngineError(
                f'{path} is not loaded, because an engine is code and {where} {reason}: build it '
                f'yourself, or, if you know where it comes from, chown it to yourself and '
                f'chmod go-w {where}')
    except BaseException:
        file.close()
        raise
    return file


def check_trusted(path: Path) -> None:
    """Refuse a file, as `read_trusted` does, before somebody else reads it.

    Raises:
        EngineError: as `read_trusted`.
    """
    open_trusted(path).close()


def distrust(status: os.stat_result, folder: bool = False) -> str:
    """Say who else could have written a file or folder; empty where nobody could."""
    if status.st_uid not in (0, os.geteuid()):
        return f'belongs to user {_name(status.st_uid)}'
    sticky = folder and status.st_mode & stat.S_ISVTX  # others may add files, not replace ours
    if status.st_mode & stat.S_IWOTH and not sticky:
        return 'can be written by every user'
    if status.st_mode & stat.S_IWGRP and not sticky and not _private_group(status):
        return f'can be written by the group {_group(status.st_gid)}'
    return ''


def _private_group(status: os.stat_result) -> bool:
    """Whether the group is the owner's own one, as Debian and Ubuntu make them: a umask of 002."""
    if status.st_gid == 0:
        return True  # root's: its members can do everything anyway
    try:
        group = grp.getgrgid(status.st_gid)
        owner = pwd.getpwuid(status.st_uid)
    except KeyError:
        return False
    return group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
