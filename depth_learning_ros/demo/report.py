# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo says about its figures: under the table, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
import json
from pathlib import Path
from typing import Any

from depth_learning_ros.demo.compare import ModelRun
from depth_learning_ros.demo.inputs import Part
from depth_learning_ros.demo.table import to_text
from depth_learning_ros.files import atomic_write


def table_text(bag: Path | None, part: Part, runs: Sequence[ModelRun]) -> str:
    """Return the table and, below it, how its figures came about."""
    return to_text([run.row for run in runs]) + '\n' + ''.join(
        f'{line}\n' for line in _notes(bag, part, runs))


def _notes(bag: Path | None, part: Part, runs: Sequence[ModelRun]) -> Iterator[str]:
    report, quality = runs[0].report, runs[0].quality
    height, width = quality.shot.disparity.shape
    name = 'the rendered drive' if bag is None else str(bag)
    some = f'the first {part.frames} of {part.of_frames}' if part.duration_s else 'all'
    yield f'{some} frames of {name}, {width}x{height}; {runs[0].row.model} on {runs[0].device}'
    yield ('frames/s: end to end, bag to bag with all outputs; latency: one pair, reading to '
           'writing')
    if quality.frames_with_truth:
        yield (f'EPE, D1 (> 3 px and > 5 %): to {part.truth_topic} of {quality.frames_with_truth} '
               f'frames, gaps filled as KITTI does')
    elif part.truth_topic is not None:
        yield f'no errors: no stamp of {part.truth_topic} is that of a left image'
    why = 'as far as the ground truth goes' if part.max_from_truth else 'see --max-disparity'
    yield f'sgbm, bm: OpenCV, {part.max_disparity} disparities ({why})'
    dropped = sum(sum(causes.values()) for causes in report.dropped.values())
    if dropped:
        yield f'{dropped} images had no partner on the other side'
    for cause, count in report.skipped.items():
        yield f'skipped {count}x: {cause}'
    if report.damage:
        yield f'the bag is damaged, it was read as far as possible: {report.damage}'
    yield from report.warnings


def write_report(folder: Path, text: str, bag: Path | None, part: Part,
                 runs: Sequence[ModelRun]) -> None:
    """Write table.txt and report.json.

    Raises:
        DataError: a file cannot be written.
    """
    with atomic_write(folder / 'table.txt', mode='w') as file:
        file.write(text)
    content = {'bag': None if bag is None else str(bag), 'part': asdict(part),
               'devices': {run.row.model: run.device for run in runs},
               'rows': [run.row.to_dict() for run in runs],
               'replays': [_replay_dict(run) for run in runs]}
    with atomic_write(folder / 'report.json', mode='w') as file:
        file.write(json.dumps(content, indent=2) + '\n')


def _replay_dict(run: ModelRun) -> dict[str, Any]:
    """Return the replay's report without its paths, which name a temporary folder."""
    return {key: value for key, value in run.report.as_json().items()
            if key not in ('source', 'output')}
