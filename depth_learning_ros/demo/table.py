# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's one table: how fast and how good each model was on the same frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
import math

NAN = float('nan')


@dataclass(frozen=True)
class Row:
    """What one model did.

    Attributes:
        model, backend, precision: who computed, and how.
        frames: pairs that went through.
        frames_per_s: end to end: the frames divided by the wall time from reading the bag to the
            last message written.
        latency_ms, latency_p95_ms: median and 95th percentile of the time that one pair is worked
            on, from the bag's bytes to bytes in the file; see `ReplayReport.latency_ms`.
        engine_ms: median time of the network or matcher alone.
        epe_px: mean error of the disparity after gaps were filled; NaN without ground truth.
        d1_percent: share of errors > 3 px and > 5 %, after gaps were filled; NaN likewise.
        density_percent: share of pixels that got a disparity, before gaps were filled.
    """

    model: str
    backend: str
    precision: str
    frames: int
    frames_per_s: float
    latency_ms: float
    latency_p95_ms: float
    engine_ms: float
    epe_px: float
    d1_percent: float
    density_percent: float

    @property
    def has_truth(self) -> bool:
        """Whether errors are known."""
        return not math.isnan(self.epe_px)

    def to_dict(self) -> dict[str, object]:
        """Return a flat dictionary for JSON: None where a figure is not known."""
        return {key: None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in asdict(self).items()}


# Title, text of the cell, and whether it is an error that needs ground truth.
_COLUMNS: tuple[tuple[str, Callable[[Row], str], bool], ...] = (
    ('model', lambda row: row.model, False),
    ('backend', lambda row: row.backend, False),
    ('precision', lambda row: row.precision, False),
    ('frames', lambda row: str(row.frames), False),
    ('frames/s', lambda row: f'{row.frames_per_s:.1f}', False),
    ('latency ms', lambda row: f'{row.latency_ms:.1f}', False),
    ('p95 ms', lambda row: f'{row.latency_p95_ms:.1f}', False),
    ('EPE px', lambda row: f'{row.epe_px:.2f}', True),
    ('D1 %', lambda row: f'{row.d1_percent:.2f}', True),
    ('density %', lambda row: f'{row.density_percent:.1f}', False),
)
_TEXT_COLUMNS = 3


def to_text(rows: Sequence[Row]) -> str:
    """Return the table, aligned for a terminal; errors only when ground truth is known."""
    with_errors = any(row.has_truth for row in rows)
    columns = [column for column in _COLUMNS if with_errors or not column[2]]
    table = [[title for title, _, _ in columns]]
    table += [[cell(row).replace('nan', '-') for _, cell, _ in columns] for row in rows]
    widths = [max(len(line[index]) for line in table) for index in range(len(columns))]
    return ''.join(
        '  '.join(cell.ljust(width) if index < _TEXT_COLUMNS else cell.rjust(width)
                  for index, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        + '\n' for line in table)
