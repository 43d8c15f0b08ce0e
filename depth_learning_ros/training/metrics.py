# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a run: metrics.csv, and TensorBoard where it is wanted."""

from __future__ import annotations

from collections.abc import Mapping
import csv
import io
from pathlib import Path
from typing import Any

from depth_learning_ros.files import atomic_write

COLUMNS = ('stage', 'step', 'samples', 'minutes', 'loss', 'val_first_epe', 'val_first_d1',
           'val_epe', 'val_d1', 'samples_per_second')


class Metrics:
    """One row a validation; a resumed run goes on where its checkpoint is.

    Args:
        folder: of the run; metrics.csv is kept there, TensorBoard's files in ``tensorboard``.
        step: rows of later steps are of a run that was killed before its checkpoint: they go.
        tensorboard: needs that library.

    Raises:
        ModuleNotFoundError: it is not installed.
    """

    def __init__(self, folder: Path, step: int, tensorboard: bool = False) -> None:
        self.path = folder / 'metrics.csv'
        self._board: Any = None
        if self.path.exists():
            self._forget_after(step)
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter
            self._board = SummaryWriter(str(folder / 'tensorboard'), purge_step=step + 1)

    def _forget_after(self, step: int) -> None:
        with self.path.open(newline='') as file:
            rows = [row for row in csv.DictReader(file)
                    if (row.get('step') or '').isdigit() and int(row['step']) <= step]
        with atomic_write(self.path, force=True, mode='w') as file:
            file.write(_lines(rows, header=True))

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row."""
        fresh = not self.path.exists()
        with self.path.open('a', newline='') as file:
            file.write(_lines([row], header=fresh))
        if self._board is not None:
            for name, value in row.items():
                if name not in ('stage', 'step'):
                    self._board.add_scalar(name, value, row['step'])
            self._board.flush()


def _lines(rows: list[Any], header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval='')
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
