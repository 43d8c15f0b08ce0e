# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Everything an adaptation leaves to be looked at: figures, curves, pictures, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.figures import as_tensor, as_used
from depth_learning_ros.adaptation.frames import HELD_OUT
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.spread import spread
from depth_learning_ros.files import atomic_write

PICTURES = 3


@dataclass(frozen=True)
class Picture:
    """A held-out frame before and after.

    Attributes:
        left, right: uint8 [H, W, 3].
        before, after: float32 [H, W], disparity in pixels.
    """

    left: np.ndarray
    right: np.ndarray
    before: np.ndarray
    after: np.ndarray


def result_of(adapter: Adapter, verdict: Verdict, sources: Sequence[str],
              skipped: dict[str, int]) -> dict[str, Any]:
    """Collect the result as plain values."""
    seconds = sorted(report.seconds for report in adapter.history)
    return {
        'model': adapter.info.name, 'method': adapter.config.method, 'sources': list(sources),
        'config': adapter.config.to_dict(),
        'frames': {role: len(paths) for role, paths in adapter.frames.paths.items()},
        'skipped_frames': skipped, 'processes': adapter.workers.world,
        'device': adapter.workers.device.type,
        'steps': adapter.step_number, 'best_step': adapter.best_step,
        'best_way': adapter.best_way,
        'minutes': adapter.minutes,
        'median_step_s': seconds[len(seconds) // 2] if seconds else None,
        'verdict': verdict.to_dict(),
        'losses': [{'step': r.step, 'target': r.target_loss, 'synthetic': r.synthetic_loss,
                    'labelled': r.labelled} for r in adapter.history],
        'validations': [{'step': v.step, 'score': v.score, 'way': v.way,
                         'harms': list(v.harms),
                         **{name: value for name, value in v.figures.to_dict().items()
                            if name != 'frames'}} for v in adapter.validations]}


def pictures_of(adapter: Adapter, most: int = PICTURES) -> list[Picture]:
    """Run both networks on a few held-out frames, spread evenly, as engines would."""
    pictures = []
    for index in spread(adapter.frames.count(HELD_OUT), most):
        left, right = adapter.frames.load(HELD_OUT, index)
        views = [as_tensor(view).to(adapter.workers.device) for view in (left, right)]
        before, after = ((-as_used(p, *views))[0, 0].cpu().numpy()
                         for p in (adapter.reference, adapter.judged))
        pictures.append(Picture(left, right, before, after))
    return pictures


def write_json(path: Path, result: dict[str, Any], *, force: bool = False) -> None:
    """Write the result; numbers that are not finite become null."""
    with atomic_write(path, force=force, mode='w') as file:
        json.dump(_finite(result), file, indent=1)
        file.write('\n')


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
