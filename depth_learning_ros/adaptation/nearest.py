# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which two of many points lie closest together, kept up to date as points come and go.

Each point knows the nearest of those that came after it. A new point is compared with all others
once; where one goes, only those that had it for their nearest look again.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

_BLOCK = 64  # points that are compared with all others at once
_FEW = 256  # points whose differences to one fit into a processor's cache


class NearestPoints:
    """Points of one dimension, each under the name of a file, in the order they came in.

    Rows of points that went stay until there is no room for new ones; their squares are infinite,
    so nobody is near them. Distances are differences of large squares, which float32 is too
    coarse for.
    """

    def __init__(self) -> None:
        self._rows: dict[Path, int] = {}
        self._names: list[Path] = []  # of all rows
        self._points = np.empty((0, 0))
        self._squares = np.empty(0)
        self._nearest = np.empty(0, np.intp)  # row of the nearest of those that came later, or -1
        self._distances = np.empty(0)  # to it, squared; infinite where nobody came later

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def names(self) -> list[Path]:
        """The names of the points, in order."""
        return list(self._rows)

    @property
    def points(self) -> np.ndarray:
        """The points, [N, D], in order."""
        return self._points[list(self._rows.values())]

    def add(self, names: Sequence[Path], points: np.ndarray) -> None:
        """Take in points, [M, D], that came after all that are here."""
        self._make_room(len(names), points.shape[1])
        for begin in range(0, len(names), _BLOCK):
            self._add(names[begin:begin + _BLOCK], points[begin:begin + _BLOCK])

    def remove(self, name: Path) -> None:
        """Forget a point."""
        row = self._rows.pop(name)
        self._squares[row] = self._distances[row] = np.inf
        self._nearest[row] = -1
        for widow in np.flatnonzero(self._nearest[:len(self._names)] == row):
            self._look_again(int(widow))

    def closest(self) -> tuple[Path, Path]:
        """Name the two points that are closest, the earlier one first; of equals the first two.

        There must be two points or more.
        """
        one = int(np.argmin(self._distances[:len(self._names)]))
        return self._names[one], self._names[self._nearest[one]]

    def smallest_change(self, point: np.ndarray) -> float:
        """Give the mean difference of the coordinates to the point where it is smallest."""
        smallest = np.inf
        for begin in range(0, len(self._names), _FEW):
            rows = slice(begin, min(begin + _FEW, len(self._names)))
            changes = np.abs(self._points[rows] - point).mean(1)
            changes[np.isinf(self._squares[rows])] = np.inf
            smallest = min(smallest, float(changes.min()))
        return smallest

    def _make_room(self, added: int, dimension: int) -> None:
        """Close the gaps and double the room, where there is none for so many points more."""
        if len(self._names) + added <= len(self._points):
            return
        kept = np.fromiter(self._rows.values(), np.intp)
        room = 2 * (len(kept) + added)
        places = np.full(len(self._names) + 1, -1, np.intp)  # the last one is that of row -1
        places[kept] = np.arange(len(kept))
        new = {'_points': np.zeros((room, dimension)), '_squares': np.full(room, np.inf),
               '_nearest': np.full(room, -1, np.intp), '_distances': np.full(room, np.inf)}
        for name, array in new.items():
            array[:len(kept)] = getattr(self, name)[kept].reshape(len(kept), *array.shape[1:])
            setattr(self, name, array)
        self._nearest[:len(kept)] = places[self._nearest[:len(kept)]]
        self._names = list(self._rows)
        self._rows = {name: row for row, name in enumerate(self._names)}

    def _add(self, names: Sequence[Path], points: np.ndarray) -> None:
        first = len(self._names)
        self._names.extend(names)
        end = len(self._names)
        self._rows.update(zip(names, range(first, end), strict=True))
        block = self._points[first:end]
        block[:] = points
        self._squares[first:end] = (block ** 2).sum(1)
        found = (self._squares[:end, None] + self._squares[first:end]
                 - 2 * self._points[:end] @ block.T)
        found[np.arange(end)[:, None] >= np.arange(first, end)] = np.inf  # not later
        nearest = found.argmin(1)
        distances = found[np.arange(end), nearest]
        closer = np.flatnonzero(distances < self._distances[:end])
        self._nearest[closer] = first + nearest[closer]
        self._distances[closer] = distances[closer]

    def _look_again(self, row: int) -> None:
        later = slice(row + 1, len(self._names))
        found = (self._squares[later] + self._squares[row]
                 - 2 * self._points[later] @ self._points[row])
        nearest = int(found.argmin()) if len(found) else 0
        if not len(found) or np.isinf(found[nearest]):
            self._nearest[row], self._distances[row] = -1, np.inf
        else:
            self._nearest[row], self._distances[row] = row + 1 + nearest, found[nearest]
