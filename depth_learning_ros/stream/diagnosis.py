# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Figures become what a diagnostics message says: a level, a sentence, names with values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.stream.statistics import OLD_STAMPS_MS, Figures

OK, WARN, ERROR = 0, 1, 2  # as diagnostic_msgs/DiagnosticStatus
_NOT_KNOWN = 'none yet'


@dataclass(frozen=True)
class Diagnosis:
    """How a stream is doing.

    Attributes:
        level: OK, WARN or ERROR, as diagnostic_msgs/DiagnosticStatus has them.
        summary: one sentence.
        values: names with values; the names stay the same.
    """

    level: int
    summary: str
    values: Mapping[str, str]


def diagnosis_of(figures: Figures, model: EngineInfo | None, problems: Mapping[str, str],
                 active: bool) -> Diagnosis:
    """Sum up.

    Args:
        figures: of the statistics.
        model: what runs; None when nothing is loaded.
        problems: what is wrong at present, by cause.
        active: whether frames are processed at all.
    """
    level, summary = _judged(figures, model, problems, active)
    values = {
        **{f'{name} rate (Hz)': f'{rate:.1f}' for name, rate in figures.rates_in_hz.items()},
        'result rate (Hz)': f'{figures.rate_out_hz:.1f}',
        'latency (ms)': str(figures.latency or _NOT_KNOWN),
        'engine time (ms)': str(figures.stages.get('engine') or _NOT_KNOWN),
        **{f'{name} time (ms)': str(found) for name, found in sorted(figures.stages.items())
           if name != 'engine'},
        'results': str(figures.results),
        'frames that nobody listened to': str(figures.idle),
        'frames dropped': str(sum(figures.dropped.values())),
        **{f'dropped: {cause}': _with_gap(count, figures, cause)
           for cause, count in sorted(figures.dropped.items())},
        **{f'{name} silent for (s)': 'always' if since is None else f'{since:.1f}'
           for name, since in figures.silent_s.items()},
        'model': model.model if model else _NOT_KNOWN,
        'backend': f'{model.backend} {model.backend_version}' if model else _NOT_KNOWN,
        'precision': model.precision if model else _NOT_KNOWN,
        **{f'problem: {cause}': text for cause, text in sorted(problems.items())},
    }
    return Diagnosis(level, summary, values)


def _judged(figures: Figures, model: EngineInfo | None, problems: Mapping[str, str],
            active: bool) -> tuple[int, str]:
    if model is None:
        return ERROR, problems.get('model', 'no model is loaded')
    if not active:
        return OK, 'inactive'
    if problems:
        return WARN, '; '.join(problems.values())
    latency = figures.latency
    if latency is not None and abs(latency.median_ms) > OLD_STAMPS_MS:
        return WARN, (f'stamps are {latency.median_ms / 1000:.0f} s from the clock: is a '
                      f'recording played without simulated time, or a clock wrong?')
    if latency is None:
        return OK, 'nobody listens' if figures.idle else 'waiting for images'
    rate_in = min(figures.rates_in_hz.values(), default=0.0)
    return OK, (f'{figures.rate_out_hz:.1f} of {rate_in:.1f} frames a second, '
                f'{latency.median_ms:.0f} ms old')


def _with_gap(count: int, figures: Figures, cause: str) -> str:
    gap = figures.gaps.get(cause)
    return str(count) if gap is None else f'{count}, stamps {gap} ms apart'
