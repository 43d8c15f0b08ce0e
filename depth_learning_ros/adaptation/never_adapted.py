# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good the weights before any adaptation are on rendered pairs: what no round may forget.

Each round may forget a little of what the one before it knew. Without a fixed mark that adds up.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import torch

from depth_learning_ros.adaptation.figures import Figures, synthetic_error
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.state import fingerprint
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write
from depth_learning_ros.models.checkpoint import load_checkpoint

_log = logging.getLogger(__name__)


def never_adapted(record: Path, weights: Path, scenes: ScenePool, precision: str,
                  device: torch.device) -> Figures:
    """Measure weights on rendered pairs, or read what was measured before.

    Args:
        record: file that keeps the figures for the next time.
        weights: file of the weights before any adaptation.
        scenes: held-out rendered scenes.
        precision, device: as the adapted weights are measured.

    Returns:
        Figures without frames.
    """
    asked = {'weights': fingerprint(weights), 'precision': precision,
             'scenes': [[path.name, path.stat().st_mtime_ns] for path in scenes.paths]}
    known = _read(record)
    if known.get('asked') == asked:
        return Figures((), known['synthetic_epe'], known['synthetic_d1'])
    network, info = load_checkpoint(weights)
    predictor = Predictor(network.to(device), info, precision)
    epe, d1 = synthetic_error(predictor, scenes, range(len(scenes)))
    try:
        with atomic_write(record, force=True, mode='w') as file:
            json.dump({'asked': asked, 'synthetic_epe': epe, 'synthetic_d1': d1}, file)
    except DataError as error:
        _log.warning('the next round will measure the weights it began with again: %s', error)
    return Figures((), epe, d1)


def _read(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
