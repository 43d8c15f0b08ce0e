# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: stages, validation, resumable checkpoints, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import csv
from dataclasses import dataclass, replace
import logging
import math
from pathlib import Path
import time

from lightning_fabric import Fabric
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from depth_learning_ros.data.scene import StereoSource
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.errors import DepthLearningError, TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.crl import CRL, CascadeOutput
from depth_learning_ros.models.normalize import pad_to_multiple, to_network_input
from depth_learning_ros.models.registry import build_network, config_of
from depth_learning_ros.training.config import StageConfig, TrainingConfig
from depth_learning_ros.training.ema import WeightAverage
from depth_learning_ros.training.losses import multiscale_l1, scale_weights
from depth_learning_ros.training.mixture import open_sets, supply_for
from depth_learning_ros.training.samples import Samples
from depth_learning_ros.training.single_view import SingleViewTask
from depth_learning_ros.training.state import RunState, load_state, save_state

log = logging.getLogger(__name__)

LONGEST_STEP_S = 20.0  # a paused process does not use up its stage's minutes
METRICS = ('stage', 'step', 'samples', 'minutes', 'loss', 'val_first_epe', 'val_first_d1',
           'val_epe', 'val_d1', 'samples_per_second')


@dataclass(frozen=True)
class Progress:
    """What a caller may show: one a step."""

    stage: int
    stages: int
    share: float
    step: int
    samples: int
    loss: float
    samples_per_second: float


def describe_data(config: TrainingConfig) -> str:
    """Say what a run learns from: it decides under which licence its weights may be used."""
    parts = [' '.join([each.set, *(f'{k}={v}' for k, v in each.options.items())])
             for each in config.data]
    if config.scenes_weight > 0:
        parts.insert(0, 'synthetic scenes of depth_learning_ros.data.synthetic')
    return ', '.join(parts)


def learning_rate(stage: StageConfig, share: float) -> float:
    """Linear warm-up, then cosine decay to 0, at 0..1 of the stage."""
    if share < stage.warmup:
        return stage.learning_rate * max(share, 1e-3) / stage.warmup
    done = (share - stage.warmup) / (1 - stage.warmup)
    return stage.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


class Trainer:
    """One run in one folder: ``state.pt`` to resume from, ``weights.safetensors``, metrics.csv.

    Args:
        config: what to do.
        folder: where it is kept; a run that is there is gone on with when ``resume``.
        sets: the sources of ``config.data`` where they are open already.
    """

    def __init__(self, config: TrainingConfig, folder: Path, resume: bool = False,
                 sets: Sequence[StereoSource] | None = None) -> None:
        self.config, self.folder = config, folder
        single_view = config_of(config.network).single_view
        self.sets = (open_sets(config.data, ground_truth=not single_view) if sets is None
                     else sets)
        folder.mkdir(parents=True, exist_ok=True)
        self.fabric = Fabric(accelerator='auto', devices=1, precision=config.precision)  # type: ignore[arg-type]
        self.fabric.launch()
        torch.manual_seed(config.seed)
        self.network, self.info = self._start()
        self.average = WeightAverage(self.network, config.ema)
        self.state = RunState()
        if resume:
            self.state = load_state(folder / 'state.pt', config, self.network, self.average)
        elif (folder / 'state.pt').exists():
            raise TrainingError(f'{folder} holds a run already: resume it, or give another folder')

    def _start(self) -> tuple[nn.Module, CheckpointInfo]:
        network_config: NetworkConfig = config_of(self.config.network)
        network = build_network(network_config)
        info = CheckpointInfo(
            name=network_config.name, config=network_config,
            training_data=describe_data(self.config),
            notes={'notes': self.config.notes} if self.config.notes else {})
        self.task = SingleViewTask(network, network_config) if network_config.single_view else None
        if self.task:
            info = self.task.describe(info, self.config, self.sets)
        if self.config.start_from:
            before, was = load_checkpoint(Path(self.config.start_from))
            if self.task:
                self.task.start(before)
                info = replace(info, training_data=was.training_data)
            else:
                network.load_state_dict(before.state_dict())
                info = was
            info = replace(info, training_data=f'{info.training_data}; then '
                                               f'{describe_data(self.config)}')
        return network, info

    def run(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        """Go through what is left of all stages."""
        while self.state.stage < len(self.config.stages):
            stage = self.config.stages[self.state.stage]
            for progress in self._run_stage(stage):
                if on_progress:
                    on_progress(progress)
            self.state.next_stage()
            self._checkpoint(optimizer=None)

    def _run_stage(self, stage: StageConfig) -> Iterator[Progress]:
        parameters = self._choose_parameters(stage)
        optimizer = torch.optim.AdamW(parameters, stage.learning_rate,
                                      weight_decay=self.config.weight_decay)
        network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        model, optimizer = self.fabric.setup(network, optimizer)
        if self.state.optimizer:
            optimizer.load_state_dict(self.state.optimizer)
            self.state.optimizer = None
        next_validation = self.state.minutes + self.config.validate_minutes
        losses: list[float] = []
        clock = time.monotonic()
        for batch in self._batches(stage):
            share = self._share(stage)
            if share >= 1:
                break
            for group in optimizer.param_groups:
                group['lr'] = learning_rate(stage, share)
            loss = self._loss(model, stage, batch, share)
            value = float(loss.detach())
            if not math.isfinite(value):
                raise TrainingError(
                    f'the loss is {value} at step {self.state.step}, samples from '
                    f'{self.state.samples} on: the last good checkpoint is kept; resume with a '
                    f'smaller learning rate')
            self.fabric.backward(loss)
            self.fabric.clip_gradients(model, optimizer, max_norm=self.config.clip,
                                       error_if_nonfinite=False)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            self.average.update(self.network)
            now = time.monotonic()
            seconds, clock = min(now - clock, LONGEST_STEP_S), now
            self.state.advance(stage.batch, seconds)
            losses.append(value)
            if self.state.minutes >= next_validation:
                next_validation = self.state.minutes + self.config.validate_minutes
                self._validate(sum(losses) / len(losses))
                self._checkpoint(optimizer)
                losses.clear()
                clock = time.monotonic()
            yield Progress(self.state.stage, len(self.config.stages), share, self.state.step,
                           self.state.samples, value, stage.batch / max(seconds, 1e-6))
        self._validate(sum(losses) / max(1, len(losses)))

    def _choose_parameters(self, stage: StageConfig) -> list[nn.Parameter]:
        """Freeze what the stage does not train."""
        if self.task:
            return self.task.parameters(stage)
        self.network.train()
        chosen: nn.Module = self.network
        if isinstance(self.network, CRL):
            chosen = {'first': self.network.stage1, 'second': self.network.stage2,
                      'both': self.network}[stage.train]
        elif stage.train != 'first':
            raise TrainingError(f'train: {stage.train!r} needs a cascade, and '
                                f'{self.config.network} is none: give "first"')
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        for parameter in chosen.parameters():
            parameter.requires_grad_(True)
        return list(chosen.parameters())

    def _samples(self, stage: StageConfig) -> IterableDataset:
        if self.task:
            return self.task.samples(self.config, self.sets, stage, self.state.samples)
        return Samples(supply_for(self.config, self.sets), stage.crop_height, stage.crop_width,
                       self.config.seed, start=self.state.samples)

    def _batches(self, stage: StageConfig) -> Iterator[tuple[Tensor, ...]]:
        loader = DataLoader(self._samples(stage), stage.batch, num_workers=self.config.workers,
                            prefetch_factor=4 if self.config.workers else None,
                            # a fork would inherit the threads of whatever ran before: it crashed
                            multiprocessing_context='spawn' if self.config.workers else None)
        batches = iter(loader)
        while True:
            try:
                batch = next(batches)
            except DepthLearningError as error:
                # A worker's error arrives with its traceback, the message in the last line.
                reason = str(error).strip().splitlines()[-1].rpartition('Error: ')[-1]
                raise TrainingError(
                    f'a scene cannot be learned from: {reason}. The last checkpoint is kept: '
                    f'resume once this is mended') from error
            yield tuple(self.fabric.to_device(t) for t in batch)

    def _share(self, stage: StageConfig) -> float:
        """How much of the stage is done, 0..1."""
        if stage.steps:
            return self.state.stage_step / stage.steps
        return self.state.stage_minutes / stage.minutes

    def _loss(self, model: nn.Module, stage: StageConfig, batch: tuple[Tensor, ...],
              share: float) -> Tensor:
        if self.task:
            return self.task.loss(model, stage, batch, share)
        left, right, truth = batch
        config = self.info.config
        views = [to_network_input(v, config).contiguous(memory_format=torch.channels_last)
                 for v in (left, right)]
        output = model(*views, stage.train) if isinstance(self.network, CRL) else model(*views)
        if isinstance(output, CascadeOutput):
            loss = truth.new_zeros(())
            if stage.train in ('first', 'both'):
                loss = multiscale_l1(output.first, truth, scale_weights(share, len(output.first)))
            if stage.train in ('second', 'both'):
                weights = scale_weights(share, len(output.second))
                loss = loss + multiscale_l1(output.second, truth, weights)
            return loss
        return multiscale_l1(output, truth, scale_weights(share, len(output)))

    def _validate(self, loss: float) -> None:
        folder = Path(self.config.validation)
        result = (self.task.validate(self.average.network, folder, self.fabric.device)
                  if self.task else
                  validate(self.average.network, folder, self.info.config, self.fabric.device))
        row = {'stage': self.state.stage, 'step': self.state.step, 'samples': self.state.samples,
               'minutes': round(self.state.minutes, 2), 'loss': round(loss, 4), **result,
               'samples_per_second': round(self.state.samples / 60 / self.state.minutes, 2)}
        path = self.folder / 'metrics.csv'
        fresh = not path.exists()
        with path.open('a', newline='') as file:
            writer = csv.DictWriter(file, METRICS, restval='')
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        log.info('%s', row)

    def _checkpoint(self, optimizer: torch.optim.Optimizer | None) -> None:
        save_state(self.folder / 'state.pt', self.config, self.state, self.network, self.average,
                   optimizer)
        info = replace(self.info, steps=self.state.step,
                       notes={**self.info.notes, 'samples': self.state.samples})
        save_checkpoint(self.folder / 'weights.safetensors', self.average.network, info,
                        force=True)


@torch.no_grad()
def validate(network: nn.Module, folder: Path, config: NetworkConfig,
             device: torch.device) -> dict[str, float]:
    """End-point error and D1 % on held-out scenes; for a cascade of both stages."""
    pool = ScenePool(folder)
    network.eval()
    sums: dict[str, list[float]] = {}
    for index in range(len(pool)):
        scene = pool[index]
        views = [to_network_input(torch.from_numpy(scene[s])[None].to(device), config)
                 for s in ('left', 'right')]
        views = [pad_to_multiple(v, config.size_multiple) for v in views]
        truth = torch.from_numpy(scene['disparity'].astype('float32'))[None, None].to(device)
        with torch.autocast(device.type, torch.bfloat16):
            output = network(*views)
        finals = {'val_': output}
        if isinstance(output, CascadeOutput):
            finals = {'val_first_': output.first, 'val_': output.second}
        for prefix, predictions in finals.items():
            finest = -predictions[-1].float()
            if finest.shape != views[0][:, :1].shape:
                finest = nn.functional.interpolate(finest, views[0].shape[-2:], mode='bilinear')
            finest = finest[..., :truth.shape[-2], :truth.shape[-1]]
            valid = truth <= 192
            error = (finest - truth).abs()[valid]
            wrong = (error > 3) & (error > 0.05 * truth[valid])
            sums.setdefault(prefix + 'epe', []).append(float(error.mean()))
            sums.setdefault(prefix + 'd1', []).append(100 * float(wrong.float().mean()))
    return {name: round(sum(v) / len(v), 3) for name, v in sums.items()}
