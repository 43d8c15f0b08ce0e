# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that appear under their final name only once they are whole.

What is written goes to a hidden temporary file beside the target, is forced to the disk and then
renamed. Whatever interrupts the work (an error, Ctrl-C, ``kill -9``, a full disk, a power cut),
the final name holds the old content, nothing, or the whole new content. A process that was killed
can leave ``.NAME.XXXXXXXX.part*`` behind; such files are never read and may be deleted. As long as
one is written, its process holds a lock on it, which is how `remove_abandoned` tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import errno
import fcntl
import os
from pathlib import Path
import re
import secrets
import stat
from typing import IO, Any

from depth_learning_ros.errors import DataError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_NAME_CHARACTERS = 64
_TEMPORARY = re.compile(r'\..*\.[0-9a-f]{8}\.part(\..*)?', re.DOTALL)


def check_output(path: Path | str, force: bool = False) -> None:
    """Refuse an output path before long work is done for nothing.

    Args:
        path: where a file will be written.
        force: an existing file may be replaced.

    Raises:
        DataError: the path exists (and not ``force``), is not a regular file, or its folder is
            missing or not writable.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise DataError(f'{path} is a folder: give the name of a file')
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise DataError(f'{path} is a device or a pipe: give the name of a file')
    if target.exists() and not force:
        raise DataError(f'{path} exists already: give another name, or --force to replace it')
    check_folder(target.parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder in which no file can be made.

    Raises:
        DataError: it is missing, is a file, or is not writable.
    """
    if not folder.exists():
        raise DataError(f'the folder {folder} does not exist: make it with mkdir -p {folder}')
    if not folder.is_dir():
        raise DataError(f'{folder} is a file: the output needs a folder there')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DataError(f'the folder {folder} is not writable: choose another one, or change its '
                        f'permissions')


@contextmanager
def atomic_write(path: Path | str, *, force: bool = False, mode: str = 'wb') -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only when the block ends well.

    Args:
        path: the final name; a symbolic link is followed.
        force: replace an existing file (its permissions are kept).
        mode: ``'wb'`` or ``'w'`` (UTF-8).

    Raises:
        DataError: as `check_output`; or the disk is full.
    """
    if mode not in ('wb', 'w'):
        raise ValueError(f"mode is {mode!r}: expected 'wb' or 'w'")
    with atomic_path(path, force=force, suffix='') as temporary:
        with open(temporary, mode, encoding='utf-8' if mode == 'w' else None) as file:
            yield file


@contextmanager
def atomic_path(path: Path | str, *, force: bool = False,
                suffix: str | None = None) -> Iterator[Path]:
    """Yield an empty temporary file for a library that wants to open its output by itself.

    Args:
        path: the final name; a symbolic link is followed.
        force: replace an existing file (its permissions are kept).
        suffix: ending of the temporary name, where the library looks at it; None = that of
            ``path``.

    Raises:
        DataError: as `check_output`; the disk is full; or the block removed the file.
    """
    check_output(path, force)
    target = Path(os.path.realpath(path))
    temporary, lock = _create(target, target.suffix if suffix is None else suffix)
    try:
        yield temporary
        sync(temporary)
        publish(temporary, target, force)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if is_disk_full(error):
            raise disk_full(path) from error
        raise
    finally:
        os.close(lock)


def remove_abandoned(folder: Path) -> list[Path]:
    """Remove the temporary files that killed processes left, and return their names.

    What a living process writes by `atomic_write` or `atomic_path` stays, and so does what
    cannot be removed, or told apart because the file system knows no locks. Only for folders
    where nobody else writes files named so.
    """
    try:
        found = [folder / name for name in os.listdir(folder) if _TEMPORARY.fullmatch(name)]
    except OSError:
        return []
    return sorted(path for path in found if _remove_unlocked(path))


class FolderClaim:
    """A folder that one process at a time works in; see `claim_folder`. A context manager."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder = folder
        self._lock: int | None = lock

    def close(self) -> None:
        """Let others have the folder; it may be gone by now. Again is no error."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> FolderClaim:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def claim_folder(folder: Path) -> FolderClaim:
    """Make a folder where there is none, and keep other processes out of it.

    Only those that ask here as well are kept out. However the process ends, its claim ends with
    it. Where the file system knows no locks, nobody is kept out.

    Raises:
        DataError: another process holds it; or it is a file, or cannot be made.
    """
    while True:
        lock = _opened_folder(folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise DataError(f'another process is at work in {folder}: wait for it, or give '
                            f'another folder') from error
        except OSError:
            return FolderClaim(folder, lock)  # no locks here
        with suppress(OSError):  # not so if who had it before has just removed it
            if os.path.samestat(os.fstat(lock), os.stat(folder)):
                return FolderClaim(folder, lock)
        os.close(lock)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left, on the disk or of the user's share."""
    return isinstance(error, OSError) and error.errno in _FULL


def disk_full(path: Path | str) -> DataError:
    """Return the error to raise when there is no room left for ``path``."""
    return DataError(f'the disk is full, {path} was not written: free some space, or write to '
                     f'another disk')


def temporary_name(target: Path, suffix: str = '') -> Path:
    """Return a hidden name beside ``target`` that nobody else uses."""
    # File systems allow 255 bytes in a name: a long one is cut, UTF-8 takes up to 4 a character.
    return target.with_name(
        f'.{target.name[:_NAME_CHARACTERS // 2]}.{secrets.token_hex(4)}.part{suffix[:16]}')


def sync(path: Path) -> None:
    """Force a file or a folder's entries to the disk, so that a rename cannot outrun them."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, target: Path, force: bool) -> None:
    """Give a finished file its final name.

    Raises:
        DataError: somebody made ``target`` while the work went on, and not ``force``.
    """
    if force:
        with suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    else:
        _rename_without_replacing(temporary, target)
    # The new name itself lives in the folder. Some network file systems cannot sync a folder.
    with suppress(OSError):
        sync(target.parent)


def _rename_without_replacing(temporary: Path, target: Path) -> None:
    """Rename, but never over a file that appeared since the path was checked."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise DataError(f'{target} was made by somebody else while it was being written: give '
                        f'another name, or --force to replace it') from error
    except OSError:
        # No hard links here (FAT, some network and container file systems).
        os.rename(temporary, target)
    else:
        temporary.unlink()


def _create(target: Path, suffix: str) -> tuple[Path, int]:
    """Make an empty file with the permissions that the user's umask gives, and lock it.

    Returns:
        Its name, and the descriptor that holds the lock.
    """
    while True:
        temporary = temporary_name(target, suffix)
        try:
            lock = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(target.parent) from error
            raise DataError(f'cannot write into {target.parent}: {error.strerror}; choose '
                            f'another folder') from error
        with suppress(OSError):  # file systems without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        if temporary.exists():  # not so if it was taken for abandoned before it was locked
            return temporary, lock
        os.close(lock)


def _opened_folder(folder: Path) -> int:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # removed in between
                return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileExistsError, NotADirectoryError) as error:
            raise DataError(f'{folder}, or what it is to lie in, is a file: a folder is needed '
                            f'there; move it elsewhere, or give another name') from error
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(folder) from error
            raise DataError(f'cannot make the folder {folder}: {error.strerror or error}; choose '
                            f'another one') from error


def _remove_unlocked(temporary: Path) -> bool:
    """Remove a file unless somebody holds its lock; whether it was removed."""
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        temporary.unlink()
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
