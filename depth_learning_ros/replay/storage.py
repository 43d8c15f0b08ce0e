# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the files of a bag and opens each by rosbags, or, when that cannot, front to back."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
import logging
from pathlib import Path
import re
import sys
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Protocol

from rosbags.interfaces import Connection
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2

from depth_learning_ros.errors import BagError
from depth_learning_ros.files import is_disk_full
from depth_learning_ros.replay import sequential_mcap, sequential_ros1, sequential_sqlite
from depth_learning_ros.replay.sequential import SequentialReader

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_log = logging.getLogger(__name__)

_ZSTD_MAGIC = b'\x28\xb5\x2f\xfd'
_BLOCK_BYTES = 1 << 20

# What a file begins with -> (rosbags' reader and the suffix it goes by, our reader).
_FORMATS: dict[bytes, tuple[Any, tuple[str, ...], type[SequentialReader]]] = {
    sequential_mcap.MAGIC: (Reader2, ('.mcap',), sequential_mcap.SequentialMcap),
    sequential_sqlite.MAGIC: (Reader2, ('.db3',), sequential_sqlite.SequentialSqlite),
    sequential_ros1.MAGIC: (Reader1, (), sequential_ros1.SequentialRos1),
}


class Storage(Protocol):
    """What rosbags' readers and ours have in common."""

    @property
    def connections(self) -> list[Connection]: ...

    @property
    def start_time(self) -> int: ...

    @property
    def end_time(self) -> int: ...

    def messages(self, connections: Collection[Connection] = (), start: int | None = None,
                 stop: int | None = None) -> Iterator[tuple[Connection, int, bytes]]: ...


def open_storages(path: Path, stack: ExitStack) -> tuple[list[Storage], list[str]]:
    """Open all files of a bag.

    Args:
        path: a rosbag2 folder (also without metadata.yaml), or one file.
        stack: will close them, and remove what was decompressed.

    Returns:
        The open files in the order of recording, and what is wrong with them.

    Raises:
        BagError: there is no bag at that path, or it cannot be read at all.
    """
    if not path.exists():
        raise BagError(f'there is no bag at {path}: check the path')
    try:
        if path.is_dir():
            return _open_folder(path, stack)
        return _open_file(path, stack)
    except PermissionError as error:
        raise BagError(f'{error.filename or path} is not readable: change its permissions'
                       ) from error
    except OSError as error:
        if is_disk_full(error):
            raise BagError(
                f'there is no room in {gettempdir()} to decompress {path}: set TMPDIR to a '
                f'folder on a disk with more space') from error
        raise BagError(f'{path} cannot be read: {error}') from error


def _open_folder(path: Path, stack: ExitStack) -> tuple[list[Storage], list[str]]:
    files = sorted((f for f in path.iterdir() if re.search(r'\.(mcap|db3)(\.zstd)?$', f.name)),
                   key=_natural_order)
    if not files:
        raise BagError(f'{path} is a folder without .mcap or .db3 files: give the folder that '
                       f'holds metadata.yaml, or a .mcap, .db3 or .bag file')
    if (path / 'metadata.yaml').exists() and not any(map(_is_cut_database, files)):
        reader = _open_by_rosbags(Reader2, path, stack)
        if reader is not None:
            return [reader], [text for f in files for text in _left_behind(f)]
    else:
        _log.info('%s has no usable metadata.yaml: its files are read one by one', path)
    storages: list[Storage] = []
    damage: list[str] = []
    for file in files:
        found, wrong = _open_file(file, stack)
        storages += found
        damage += wrong
    return storages, damage


def _natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort bag_10 behind bag_9."""
    return [(int(t), '') if t.isdigit() else (0, t) for t in re.split(r'(\d+)', path.name)]


def _open_file(path: Path, stack: ExitStack,
               packed: Path | None = None) -> tuple[list[Storage], list[str]]:
    """Open one file, whatever its name; ``packed`` is the file it was decompressed from."""
    with open(path, 'rb') as file:
        head = file.read(16)
    if head.startswith(_ZSTD_MAGIC):
        unpacked, damage = _decompress(path, stack)
        found, wrong = _open_file(unpacked, stack, path)
        return found, damage or wrong
    chosen = next((f for magic, f in _FORMATS.items() if head.startswith(magic)), None)
    if chosen is None:
        what = 'holds no messages' if packed else 'is empty' if not head else 'is no bag'
        raise BagError(f'{packed or path} {what}: give a rosbag2 folder, or a .mcap, .db3 or '
                       f'.bag file')
    reader_class, suffixes, own_class = chosen
    if not suffixes or path.suffix in suffixes:
        reader = None if _is_cut_database(path) else _open_by_rosbags(reader_class, path, stack)
        if reader is not None:
            return [reader], _left_behind(path)
    own = stack.enter_context(own_class(path))
    return [own], [f'{path.name}: {own.damage}'] if own.damage else []


def _open_by_rosbags(reader_class: Any, path: Path, stack: ExitStack) -> Storage | None:
    try:
        reader: Storage = stack.enter_context(reader_class(path))
    except OSError as error:
        if isinstance(error, PermissionError) or is_disk_full(error):
            raise
        _log.info('%s: %s', path, error)
    except Exception as error:  # a parser may raise anything on damaged bytes
        _log.info('%s cannot be opened by its index: %s', path, error)
    else:
        return reader
    return None


def _is_cut_database(path: Path) -> bool:
    """Tell whether SQLite would stop at the first page that is missing, wherever it reads."""
    return path.suffix == '.db3' and sequential_sqlite.missing_bytes(path) > 0


def _left_behind(path: Path) -> list[str]:
    """Tell of messages that an interrupted recorder left in SQLite's journal."""
    journal = path.with_name(f'{path.name}-wal')
    if path.suffix == '.db3' and journal.exists() and journal.stat().st_size:
        return [f'{path.name}: its recorder was interrupted, the messages in {journal.name} are '
                f"not read (to add them: sqlite3 {path.name} 'PRAGMA wal_checkpoint')"]
    return []


def _decompress(path: Path, stack: ExitStack) -> tuple[Path, list[str]]:
    """Decompress a file into a temporary folder, as far as it goes."""
    folder = stack.enter_context(TemporaryDirectory())
    target = Path(folder, path.name.removesuffix('.zstd'))
    with zstd.open(path, 'rb') as source, target.open('wb') as file:
        try:
            while block := source.read(_BLOCK_BYTES):
                file.write(block)
        except (zstd.ZstdError, EOFError) as error:
            return target, [f'{path.name}: {error}']
    return target, []
