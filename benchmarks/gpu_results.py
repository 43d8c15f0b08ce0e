# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What benchmarks/gpu.py measured: rows, the goals they are held against, and the table."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
import json
from typing import Any

EAGER = 'PyTorch eager fp32'  # what everything is compared with
MOST_ERROR_PX = 0.1  # mean; what is further off does not count as fast
GOALS = (
    ('crl at 1242x375 below 5 ms', lambda r: r.best('crl', 'network_ms') < 5),
    ('crl at least 6x PyTorch eager fp32',
     lambda r: r.eager('crl') / r.best('crl', 'network_ms') >= 6),
    ('crl at 40 % of the floor', lambda r: r.floor['crl'] / r.best('crl', 'network_ms') >= 0.4),
    ('crl-small below 1 ms', lambda r: r.best('crl-small', 'network_ms') < 1),
    ('end to end within 1 ms of the network', lambda r: r.overhead('crl') < 1),
)


@dataclass
class Row:
    """What was measured of one way to run a network."""

    model: str
    how: str
    network_ms: float
    end_to_end_ms: float
    ahead_ms: float
    mean_px: float
    p99_px: float
    ready_s: float



class Results:
    """Rows, the floor of each network, and what was skipped."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.floor: dict[str, float] = {}
        self.skipped: list[str] = []
        self.machine: dict[str, Any] = {}

    def right(self, model: str) -> list[Row]:
        return [row for row in self.rows if row.model == model and row.mean_px <= MOST_ERROR_PX]

    def best(self, model: str, what: str) -> float:
        return min(getattr(row, what) for row in self.right(model))

    def eager(self, model: str) -> float:
        return next(row.network_ms for row in self.rows
                    if row.model == model and row.how == EAGER)

    def overhead(self, model: str) -> float:
        row = min(self.right(model), key=lambda row: row.network_ms)
        return row.end_to_end_ms - row.network_ms


def report(results: Results, args: argparse.Namespace) -> None:
    print(f'\n{"":12s}{"":26s}{"network":>9s}{"of floor":>9s}{"x eager":>8s}{"end to end":>11s}'
          f'{"ahead":>8s}{"mean px":>9s}{"p99 px":>8s}{"ready s":>8s}')
    for row in results.rows:
        print(f'{row.model:12s}{row.how:26s}{row.network_ms:9.3f}'
              f'{results.floor[row.model] / row.network_ms:9.1%}'
              f'{results.eager(row.model) / row.network_ms:8.1f}{row.end_to_end_ms:11.3f}'
              f'{row.ahead_ms:8.3f}{row.mean_px:9.4f}{row.p99_px:8.3f}{row.ready_s:8.1f}')
    for text in results.skipped:
        print(f'skipped {text}')
    if args.dry_run:
        print('dry run on the processor: none of these figures says anything about a GPU')
    else:
        for text, holds in GOALS:
            try:
                print(f'{"reached" if holds(results) else "MISSED":8s}{text}')
            except (ValueError, StopIteration, KeyError):
                print(f'{"-":8s}{text}: not measured')
    with args.json.open('w') as file:
        json.dump({'dry_run': args.dry_run, 'machine': results.machine,
                   'floor_ms': results.floor, 'rows': [asdict(row) for row in results.rows],
                   'skipped': results.skipped}, file, indent=1)
