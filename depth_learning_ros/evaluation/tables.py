# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation rows as tables: Markdown for a document, aligned text for a terminal, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import json

from depth_learning_ros.evaluation.eigen import EigenRow
from depth_learning_ros.evaluation.evaluate import EvaluationRow

Rows = Sequence[EvaluationRow] | Sequence[EigenRow]


@dataclass(frozen=True)
class Column:
    """A key of a row, its title, and the digits after the point of a number."""

    key: str
    title: str
    digits: int = 2
    always: bool = True


COLUMNS = (
    Column('set', 'set'), Column('model', 'model'), Column('backend', 'backend'),
    Column('precision', 'precision'), Column('pairs', 'pairs', 0),
    Column('epe', 'EPE px'), Column('bad3', '3ER %'), Column('d1_all', 'D1-all %'),
    Column('d1_bg', 'D1-bg %', always=False), Column('d1_fg', 'D1-fg %', always=False),
    Column('d1_noc', 'D1-noc %', always=False),
    Column('density', 'density %', 1), Column('ms', 'ms', 1),
)
EIGEN_COLUMNS = (
    Column('set', 'set'), Column('model', 'model'), Column('images', 'images', 0),
    Column('max_depth_m', 'cap m', 0), Column('median_scaling', 'median-scaled'),
    Column('abs_rel', 'AbsRel', 3), Column('sq_rel_m', 'SqRel m', 3),
    Column('rmse_m', 'RMSE m', 3), Column('rmse_log', 'RMSE log', 3),
    Column('delta1', 'd<1.25', 3), Column('delta2', 'd<1.25^2', 3),
    Column('delta3', 'd<1.25^3', 3),
)


def to_markdown(rows: Rows, columns: Sequence[Column] = COLUMNS) -> str:
    """Return a Markdown table; columns that no row fills are left out where they are optional."""
    columns, cells = _cells(rows, columns)
    numeric = [_is_numeric(column) for column in columns]
    lines = ['| ' + ' | '.join(column.title for column in columns) + ' |',
             '|' + '|'.join('---:' if right else '---' for right in numeric) + '|']
    lines += ['| ' + ' | '.join(row) + ' |' for row in cells]
    return '\n'.join(lines) + '\n'


def to_text(rows: Rows, columns: Sequence[Column] = COLUMNS) -> str:
    """Return the same table, aligned for a terminal."""
    columns, cells = _cells(rows, columns)
    table = [[column.title for column in columns], *cells]
    widths = [max(len(row[index]) for row in table) for index in range(len(columns))]
    lines = []
    for row in table:
        aligned = [cell.rjust(width) if _is_numeric(column) else cell.ljust(width)
                   for cell, width, column in zip(row, widths, columns, strict=True)]
        lines.append('  '.join(aligned).rstrip())
    return '\n'.join(lines) + '\n'


def to_json(rows: Sequence[EvaluationRow | EigenRow]) -> str:
    """Return a JSON list of flat objects with all figures, null where not known."""
    return json.dumps([row.to_dict() for row in rows], indent=2, allow_nan=False) + '\n'


def _cells(rows: Rows, known: Sequence[Column]) -> tuple[list[Column], list[list[str]]]:
    flat = [row.to_dict() for row in rows]
    columns = [column for column in known
               if column.always or any(row[column.key] is not None for row in flat)]
    return columns, [[_format(row[column.key], column) for column in columns] for row in flat]


def _format(value: object, column: Column) -> str:
    if value is None:
        return '-'
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return f'{value:.{column.digits}f}' if isinstance(value, (int, float)) else str(value)


def _is_numeric(column: Column) -> bool:
    return column.key not in ('set', 'model', 'backend', 'precision', 'median_scaling')
