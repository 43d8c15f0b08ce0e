# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A file in pieces small enough to move, and the file again, checked byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
import re
from typing import Any

from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write

PIECE_BYTES = 16 * 1000 * 1000
INDEX_SUFFIX = '.pieces.json'


def split(path: Path, folder: Path, piece_bytes: int = PIECE_BYTES, *,
          force: bool = False) -> list[Path]:
    """Cut a file into ``NAME.000``, ``NAME.001``, ... beside an index ``NAME.pieces.json``.

    Pieces of an earlier file of that name which the new one does not need are removed.

    Args:
        path: the file.
        folder: where the pieces go.
        piece_bytes: largest size of a piece.
        force: pieces that are there may be replaced.

    Returns:
        the pieces.

    Raises:
        DataError: the file is missing, or the pieces cannot be written.
    """
    if piece_bytes < 1:
        raise DataError(f'pieces of {piece_bytes} bytes cannot be made: give a size from 1 on')
    if not path.is_file():
        raise DataError(f'there is no file {path} to cut into pieces')
    index = folder / (path.name + INDEX_SUFFIX)
    whole = hashlib.sha256()
    pieces: list[Path] = []
    sums: list[str] = []
    with path.open('rb') as file:
        while (data := file.read(piece_bytes)) or not pieces:
            piece = folder / f'{path.name}.{len(pieces):03d}'
            with atomic_write(piece, force=force) as out:
                out.write(data)
            whole.update(data)
            pieces.append(piece)
            sums.append(hashlib.sha256(data).hexdigest())
    content = {'name': path.name, 'bytes': path.stat().st_size, 'sha256': whole.hexdigest(),
               'pieces': [{'name': piece.name, 'sha256': digest}
                          for piece, digest in zip(pieces, sums, strict=True)]}
    with atomic_write(index, force=force, mode='w') as text:
        json.dump(content, text, indent=1)
    for old in folder.glob(path.name + '.*'):
        if re.fullmatch(r'\.\d{3,}', old.suffix) and old not in pieces:
            old.unlink()
    return pieces


def read_index(path: Path) -> dict[str, Any]:
    """Read ``NAME.pieces.json``.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        content = json.loads(path.read_text())
        names = [content['name'], *(piece['name'] for piece in content['pieces'])]
        sums = [content['sha256'], *(piece['sha256'] for piece in content['pieces'])]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f'{path} is no index of pieces: {error}') from error
    if any(not isinstance(name, str) or Path(name).name != name for name in names) or not all(
            isinstance(digest, str) for digest in sums):
        raise DataError(f'{path} is no index of pieces: it names files outside of its folder')
    return content


def verify(index: Path) -> list[str]:
    """Return what is wrong with the pieces of an index; empty if they are whole.

    Raises:
        DataError: the index is missing or damaged.
    """
    faults = []
    for piece in read_index(index)['pieces']:
        path = index.parent / piece['name']
        if not path.is_file():
            faults.append(f'{path} is missing')
        elif hashlib.sha256(path.read_bytes()).hexdigest() != piece['sha256']:
            faults.append(f'{path} is damaged or cut off ({path.stat().st_size} bytes)')
    return faults


def join(index: Path, folder: Path, *, force: bool = False) -> Path:
    """Put the pieces of an index together again.

    Args:
        index: ``NAME.pieces.json`` beside its pieces.
        folder: where the file goes.
        force: it may replace one that is there.

    Returns:
        the file.

    Raises:
        DataError: pieces are missing or damaged; nothing is written then.
    """
    content = read_index(index)
    faults = verify(index)
    if faults:
        raise DataError(f'{content["name"]} cannot be joined: {"; ".join(faults)}. Copy again')
    path = folder / content['name']
    whole = hashlib.sha256()
    with atomic_write(path, force=force) as file:
        for piece in content['pieces']:
            data = (index.parent / piece['name']).read_bytes()
            whole.update(data)
            file.write(data)
        if whole.hexdigest() != content['sha256']:
            raise DataError(f'{content["name"]} cannot be joined: its pieces are whole but are '
                            f'not those of one file. Copy again')
    return path
