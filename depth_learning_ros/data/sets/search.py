# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finding the files of a data set by patterns, and saying exactly what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
import os
from pathlib import Path
import re
from typing import TypeVar

from depth_learning_ros.errors import DataError

Patterns = str | tuple[str, ...]
Item = TypeVar('Item')
NAMED_AT_MOST = 5


@dataclass(frozen=True)
class Found:
    """The files that belong together: what the stars of their patterns stand for is the same.

    Attributes:
        key: what the stars stand for.
        files: role -> path; optional roles may be absent.
    """

    key: tuple[str, ...]
    files: Mapping[str, Path]

    @property
    def name(self) -> str:
        """The key as one text."""
        return '/'.join(self.key)

    def __getitem__(self, role: str) -> Path:
        return self.files[role]

    def get(self, role: str) -> Path | None:
        """Return the file of an optional role."""
        return self.files.get(role)


class Search:
    """Looks for scenes under one folder and remembers what it looked for.

    A pattern is a relative path with one or more ``*``, each standing for one name or a part of
    it; hidden files do not count. A role may have several patterns: for each scene the first one
    that is there counts.

    Args:
        root: the folder the user named.
        set_name: for messages.

    Raises:
        DataError: ``root`` is no folder.
    """

    def __init__(self, root: Path | str, set_name: str) -> None:
        self.root = Path(os.path.abspath(os.path.expanduser(root)))
        self.set_name = set_name
        self._counts: dict[str, int] = {}
        if not self.root.is_dir():
            what = 'is a file' if self.root.exists() else 'does not exist'
            raise DataError(f'{root} {what}: give the folder of the data set {set_name}')

    def find(self, required: Mapping[str, Patterns],
             optional: Mapping[str, Patterns] | None = None) -> list[Found]:
        """Return the scenes that match, sorted; none at all is for `check_found` to refuse.

        Args:
            required: role -> patterns; each scene needs all of them.
            optional: role -> patterns; all scenes have such a file, or none has.

        Raises:
            DataError: a scene is incomplete: the copy stopped half-way.
        """
        matches = {role: self._match(patterns)
                   for role, patterns in {**required, **(optional or {})}.items()}
        keys = sorted(set().union(*(matches[role] for role in required)))
        # An optional file that only some scenes have is a copy that stopped half-way, too.
        expected = [role for role in matches
                    if role in required or any(key in matches[role] for key in keys)]
        patterns = {**required, **(optional or {})}
        missing = {key: [_instance(patterns[role], key) for role in expected
                         if key not in matches[role]] for key in keys}
        self._refuse_incomplete({key: paths for key, paths in missing.items() if paths},
                                len(keys))
        return [Found(key, {role: matches[role][key] for role in expected}) for key in keys]

    def check_found(self, scenes: Sequence[Item]) -> list[Item]:
        """Return the scenes.

        Raises:
            DataError: there are none; tells what was looked for.
        """
        if scenes:
            return list(scenes)
        raise DataError(f'there is nothing of {self.set_name} under {self.root}; looked for (and '
                        f'found): {self._tried()}. Give the folder that these paths begin in')

    def _match(self, patterns: Patterns) -> dict[tuple[str, ...], Path]:
        found: dict[tuple[str, ...], Path] = {}
        for pattern in _as_tuple(patterns):
            expression = re.compile('([^/]+)'.join(map(re.escape, pattern.split('*'))))
            names = [name.replace(os.sep, '/') for name in glob(pattern, root_dir=self.root)]
            self._counts[pattern] = len(names)
            for name in names:
                match = expression.fullmatch(name)
                if match is not None:
                    found.setdefault(match.groups(), self.root / name)
        return found

    def _refuse_incomplete(self, missing: Mapping[tuple[str, ...], Sequence[str]],
                           total: int) -> None:
        if not missing:
            return
        named = [f"{'/'.join(key)} has no {' and no '.join(paths)}"
                 for key, paths in list(missing.items())[:NAMED_AT_MOST]]
        more = len(missing) - len(named)
        raise DataError(
            f'{len(missing)} of {total} scenes of {self.set_name} under {self.root} are '
            f"incomplete: {'; '.join(named)}{f'; and {more} more' if more > 0 else ''}. Looked "
            f'for (and found): {self._tried()}. Copy the missing files, or remove the others of '
            f'these scenes')

    def _tried(self) -> str:
        return ', '.join(f'{pattern} ({count})' for pattern, count in self._counts.items())


def choose(option: str, value: object, allowed: Iterable[str]) -> str:
    """Return an option's value.

    Raises:
        DataError: it is none of those allowed.
    """
    names = tuple(allowed)
    if value not in names:
        raise DataError(f"{option} is {value!r}: give one of {', '.join(names)}")
    return str(value)


def _as_tuple(patterns: Patterns) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns


def _instance(patterns: Patterns, key: tuple[str, ...]) -> str:
    """Return the path that was expected: the first pattern with the key in its stars."""
    parts = _as_tuple(patterns)[0].split('*')
    return ''.join(text for pair in zip(parts, (*key, ''), strict=True) for text in pair)
