# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import pytest

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.stream.diagnosis import ERROR, OK, WARN, diagnosis_of
from depth_learning_ros.stream.statistics import StreamStatistics, Typical

INFO = EngineInfo('crl-small', 'openvino', '2026.0', 'bf16', 'cpu')


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def running() -> tuple[StreamStatistics, Clock]:
    """30 frames a second in, every second one out, 40 or 60 ms old."""
    clock = Clock()
    statistics = StreamStatistics(['left', 'right'], clock)
    for index in range(60):
        clock.now += 1 / 30
        statistics.arrived('left')
        if index % 2:
            statistics.published(0.04 if index % 4 == 1 else 0.06, {'engine': 0.03})
        else:
            statistics.dropped('slow', 33.0)
    return statistics, clock


def test_rates_and_latency():
    statistics, _ = running()
    figures = statistics.figures()
    assert figures.rates_in_hz == {'left': pytest.approx(30, rel=0.01), 'right': 0.0}
    assert figures.rate_out_hz == pytest.approx(15, rel=0.01)
    assert figures.latency == Typical(pytest.approx(50), pytest.approx(60))
    assert figures.stages['engine'] == Typical(pytest.approx(30), pytest.approx(30))
    assert figures.dropped == {'slow': 30} and figures.gaps['slow'] == Typical(33.0, 33.0)
    assert figures.results == 30
    assert figures.silent_s == {'left': 0.0, 'right': None}


def test_what_stops_fades_out():
    statistics, clock = running()
    clock.now += 2.0
    assert statistics.figures().rates_in_hz['left'] == pytest.approx(15, rel=0.05)
    clock.now += 5.0
    figures = statistics.figures()
    assert figures.rates_in_hz['left'] == figures.rate_out_hz == 0.0
    assert figures.silent_s['left'] == pytest.approx(7.0)


def test_memory_is_bounded():
    statistics, clock = running()
    for _ in range(5000):
        clock.now += 1e-4
        statistics.arrived('left')
        statistics.published(0.1, {'engine': 0.1})
        statistics.dropped('slow', 1.0)
    assert len(statistics._in['left'].moments) <= 1024
    assert len(statistics._latencies_ms) == len(statistics._gaps_ms['slow']) == 300
    assert statistics.figures().results == 5030


def test_diagnosis():
    figures = running()[0].figures()
    fine = diagnosis_of(replace(figures, rates_in_hz={'left': 30.0}), INFO, {}, True)
    assert fine.level == OK and fine.summary == '15.0 of 30.0 frames a second, 50 ms old'
    assert fine.values['latency (ms)'] == '50.0 median, 60.0 worst'
    assert fine.values['engine time (ms)'] == '30.0 median, 30.0 worst'
    assert fine.values['dropped: slow'] == '30, stamps 33.0 median, 33.0 worst ms apart'
    assert fine.values['backend'] == 'openvino 2026.0'
    assert fine.values['right silent for (s)'] == 'always'


def test_what_is_wrong_is_the_summary():
    figures = running()[0].figures()
    assert diagnosis_of(figures, None, {'model': 'no such'}, True).summary == 'no such'
    assert diagnosis_of(figures, None, {}, True).level == ERROR
    troubled = diagnosis_of(figures, INFO, {'input': 'bad'}, True)
    assert (troubled.level, troubled.summary) == (WARN, 'bad')
    assert troubled.values['problem: input'] == 'bad'
    old = diagnosis_of(replace(figures, latency=Typical(9e9, 9e9)), INFO, {}, True)
    assert old.level == WARN and 'simulated time' in old.summary
    assert diagnosis_of(figures, INFO, {}, False).summary == 'inactive'
    fresh = StreamStatistics(['left']).figures()
    assert diagnosis_of(fresh, INFO, {}, True).summary == 'waiting for images'
