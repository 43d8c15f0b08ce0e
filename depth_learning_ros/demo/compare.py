# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One model over the part of a bag: replay, then measure what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from depth_learning_ros.demo.inputs import Part
from depth_learning_ros.demo.measure import Quality, measure
from depth_learning_ros.demo.table import NAN, Row
from depth_learning_ros.engine import Engine
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.replay import ReplayOptions, ReplayReport, replay


@dataclass(frozen=True)
class ModelRun:
    """What one model did.

    Attributes:
        report: how the replay went.
        quality: how good its disparities are.
        device: what it ran on.
    """

    report: ReplayReport
    quality: Quality
    device: str

    @property
    def row(self) -> Row:
        """The line of the table."""
        report, quality = self.report, self.quality
        latency, engine = report.latency_ms, report.stages_ms.get('engine')
        return Row(
            model=report.model, backend=report.backend, precision=report.precision,
            frames=report.frames, frames_per_s=report.frames_per_second,
            latency_ms=latency.median if latency else NAN,
            latency_p95_ms=latency.p95 if latency else NAN,
            engine_ms=engine.median if engine else NAN, epe_px=quality.epe_px,
            d1_percent=quality.d1_percent, density_percent=quality.density_percent)


def run_model(source: Path, part: Part, output: Path, engine: Engine,
              on_progress: Callable[[int, int | None], None]) -> ModelRun:
    """Replay a part of a bag through one engine, with all outputs, and measure the result.

    Args:
        source: the bag.
        part: which part of it.
        output: bag to write; it must not exist.
        engine: stays open.
        on_progress: told (frames done, frames in all).

    Raises:
        DepthLearningError: see `replay` and `measure`.
    """
    options = ReplayOptions(duration_s=part.duration_s, all_topics=True)
    report = replay(source, output, StereoPipeline(engine), options, on_progress)
    quality = measure(source, part, output, part.output_topic('disparity'), report.frames // 2)
    return ModelRun(report, quality, engine.info.device)
