# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a run stands, written so that a killed run loses minutes, never the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
import pickle
from typing import Any

import torch
from torch import nn

from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models.torch_file import save_torch
from depth_learning_ros.training.config import DataConfig, StageConfig, TrainingConfig
from depth_learning_ros.training.ema import WeightAverage

# What may differ between a run and its continuation without being another run.
FREE_TO_CHANGE = ('validate_minutes', 'workers', 'scenes', 'validation', 'scene_count',
                  'validation_count', 'tensorboard', 'notes')


@dataclass
class RunState:
    """Counters of a run."""

    stage: int = 0
    step: int = 0
    samples: int = 0
    minutes: float = 0.0
    stage_step: int = 0
    stage_minutes: float = 0.0
    optimizer: dict[str, Any] | None = None

    def advance(self, samples: int, seconds: float) -> None:
        self.step += 1
        self.stage_step += 1
        self.samples += samples
        self.minutes += seconds / 60
        self.stage_minutes += seconds / 60

    def next_stage(self) -> None:
        self.stage += 1
        self.stage_step, self.stage_minutes, self.optimizer = 0, 0.0, None


def save_state(path: Path, config: TrainingConfig, state: RunState, network: nn.Module,
               average: WeightAverage, optimizer: torch.optim.Optimizer | None) -> None:
    """Write everything that ``load_state`` needs, atomically."""
    counters = {k: v for k, v in vars(state).items() if k != 'optimizer'}
    content = {
        'config': config.to_dict(), 'counters': counters, 'network': network.state_dict(),
        'average': average.network.state_dict(), 'average_updates': average.updates,
        'optimizer': optimizer.state_dict() if optimizer else None,
    }
    save_torch(path, content)


def load_state(path: Path, config: TrainingConfig, network: nn.Module,
               average: WeightAverage) -> RunState:
    """Fill network and average from a file, and give the counters.

    Raises:
        TrainingError: there is no run, it is damaged, or it was another configuration's.
    """
    try:
        content = torch.load(path, map_location='cpu', weights_only=True)
    except FileNotFoundError:
        raise TrainingError(f'there is no run to resume in {path.parent}: '
                            f'{path.name} is missing') from None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f'{path} is damaged: {error}') from error
    before, now = _comparable(content['config']), _comparable(config.to_dict())
    changed = [k for k in now if k not in FREE_TO_CHANGE and before[k] != now[k]]
    if changed:
        raise TrainingError(
            f'the run in {path.parent} was begun with other settings: '
            + '; '.join(f'{k} was {before[k]!r}, is {now[k]!r}' for k in changed)
            + '. Resume with the old ones or begin a new run')
    try:
        network.load_state_dict(content['network'])
        average.network.load_state_dict(content['average'])
    except RuntimeError as error:
        raise TrainingError(f'{path} is of another version of {config.network}: '
                            f'{str(error).splitlines()[-1].strip()}; begin a new run, with '
                            f'start_from if its weights still fit') from error
    average.updates = content['average_updates']
    return RunState(**content['counters'], optimizer=content['optimizer'])


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as two versions of this package can compare them.

    A setting that did not exist when the run was begun had what is its default now; and a data
    set may lie elsewhere than it did.
    """
    settings = {**_defaults(TrainingConfig), **config}
    settings['stages'] = [{**_defaults(StageConfig), **stage} for stage in settings['stages']]
    settings['data'] = [{name: value for name, value in {**_defaults(DataConfig), **data}.items()
                         if name != 'root'} for data in settings['data']]
    return settings


def _defaults(kind: type) -> dict[str, Any]:
    """Return the defaults of a configuration class; None for what has none."""
    return {f.name: f.default_factory() if f.default_factory is not MISSING
            else None if f.default is MISSING else f.default for f in fields(kind)}
