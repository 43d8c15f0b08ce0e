# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where an adaptation stands, written so that a kill or a power cut loses steps, never a file."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
from pathlib import Path
import pickle
from typing import Any

import torch

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import VALIDATION
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models.torch_file import save_torch

#: What may differ between a run and its continuation without being another run.
FREE_TO_CHANGE = ('steps', 'minutes', 'validate_steps', 'precision', 'max_synthetic_growth')
#: What runs did in which there was no such setting yet, where its default is another.
BEFORE_THERE_WAS = {'matcher': False}


def fingerprint(weights: Path) -> str:
    """Give the SHA-256 of a weights file."""
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def save_state(path: Path, adapter: Adapter, weights_hash: str) -> None:
    """Write everything that `load_state` needs, atomically.

    Raises:
        DataError: the disk is full; what was written before is still there.
    """
    content = {'config': adapter.config.to_dict(), 'weights': weights_hash,
               'adapter': adapter.state(), 'validated_on': _validation_frames(adapter)}
    save_torch(path, content)


def load_state(path: Path, adapter: Adapter, weights_hash: str) -> None:
    """Bring an adapter to where the file says.

    Where the validation frames are others by now, what was measured on those of then tells nothing
    about them: it is forgotten, and the next validation measures anew.

    Raises:
        TrainingError: there is no run, it is damaged, or it was one of other settings or weights.
    """
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f'there is no adaptation to go on with in {path.parent}: '
                            f'{path.name} is missing') from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f'{path} is damaged: {error}') from error
    if content['weights'] != weights_hash:
        raise TrainingError(f'the adaptation in {path.parent} began with other weights: resume '
                            f'it with those, or begin a new one')
    changed = changed_settings(content['config'], adapter.config)
    if changed:
        raise TrainingError(f'the adaptation in {path.parent} was begun with other settings: '
                            f'{changed}. Resume with the old ones or begin a new one')
    adapter.restore(content['adapter'])
    if content.get('validated_on') != _validation_frames(adapter):
        adapter.validations.clear()


def _validation_frames(adapter: Adapter) -> list[tuple[str, int]]:
    """Name the frames; a name alone can be given again, once its frame had to go."""
    return [(path.name, path.stat().st_mtime_ns) for path in adapter.frames.paths[VALIDATION]]


def changed_settings(before: Mapping[str, Any], now: AdaptationConfig) -> str:
    """Name what differs and makes it another run; empty when nothing does."""
    before = {**AdaptationConfig().to_dict(), **BEFORE_THERE_WAS, **before}
    return '; '.join(
        f'{name} was {before[name]!r}, is {value!r}' for name, value in now.to_dict().items()
        if name not in FREE_TO_CHANGE and before[name] != value)
