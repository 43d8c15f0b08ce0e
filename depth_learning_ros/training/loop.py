# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: stages, validation, resumable checkpoints, metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
import logging
import math
from pathlib import Path
import signal
from threading import Event
import time

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from depth_learning_ros.data.scene import StereoSource
from depth_learning_ros.errors import DataError, DepthLearningError, TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo, load_checkpoint, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.registry import build_network, config_of
from depth_learning_ros.training.blame import blame
from depth_learning_ros.training.config import StageConfig, TrainingConfig
from depth_learning_ros.training.ema import WeightAverage
from depth_learning_ros.training.metrics import Metrics
from depth_learning_ros.training.mixture import open_sets
from depth_learning_ros.training.processes import Together, open_fabric
from depth_learning_ros.training.samples import Order
from depth_learning_ros.training.single_view import SingleViewTask
from depth_learning_ros.training.state import RunState, load_state, save_state
from depth_learning_ros.training.stereo import StereoTask

log = logging.getLogger(__name__)

LONGEST_STEP_S = 20.0  # a paused process does not use up its stage's minutes


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
        if config.generator_options().textures:
            parts.insert(1, "textures cut from the trainer's own pictures")
    return ', '.join(parts)


def learning_rate(stage: StageConfig, share: float) -> float:
    """Linear warm-up, then cosine decay to 0, at 0..1 of the stage."""
    if share < stage.warmup:
        return stage.learning_rate * max(share, 1e-3) / stage.warmup
    done = (share - stage.warmup) / (1 - stage.warmup)
    return stage.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _leave_interrupts_to_parent(worker: int) -> None:
    """Let a worker live through a Ctrl-C, which a terminal sends to it as well.

    The training process ends its workers when it has written its checkpoint.
    """
    for name in ('SIGINT', 'SIGHUP'):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.SIG_IGN)


class Trainer:
    """One run in one folder: ``state.pt`` to resume from, ``weights.safetensors``, metrics.csv.

    Args:
        config: what to do.
        folder: where it is kept; a run that is there is gone on with when ``resume``.
        sets: the sources of ``config.data`` where they are open already.

    Raises:
        TrainingError: the run cannot begin or go on as ``config`` says.
        DataError, ModelError: what it needs is missing or damaged.
    """

    def __init__(self, config: TrainingConfig, folder: Path, resume: bool = False,
                 sets: Sequence[StereoSource] | None = None) -> None:
        self.config, self.folder = config, folder
        single_view = config_of(config.network).single_view
        self.sets = (open_sets(config.data, ground_truth=not single_view) if sets is None
                     else sets)
        folder.mkdir(parents=True, exist_ok=True)
        self.fabric = open_fabric(config.precision)
        self.together = Together(self.fabric)
        torch.manual_seed(config.seed)
        self.network, self.task, self.info = self._start()
        self.average = WeightAverage(self.network, config.ema)
        #: Tells the minutes of a stage; by `time.process_time` a busy machine does the same work.
        self.clock: Callable[[], float] = time.monotonic
        self.state = RunState()
        if resume:
            self.state = load_state(folder / 'state.pt', config, self.network, self.average)
        elif (folder / 'state.pt').exists():
            raise TrainingError(f'{folder} holds a run already: resume it, or give another folder')
        self.metrics = (Metrics(folder, self.state.step, config.tensorboard)
                        if self.together.first else None)

    def _start(self) -> tuple[nn.Module, StereoTask | SingleViewTask, CheckpointInfo]:
        network_config: NetworkConfig = config_of(self.config.network)
        network = build_network(network_config)
        info = CheckpointInfo(
            name=network_config.name, config=network_config,
            training_data=describe_data(self.config),
            notes={'notes': self.config.notes} if self.config.notes else {})
        task: StereoTask | SingleViewTask
        if network_config.single_view:
            task = SingleViewTask(network, network_config)
        else:
            task = StereoTask(network, network_config)
            task.picture = self.folder / 'samples.jpg'
            if self.together.world > 1:
                task.mean_count = self.together.mean
        info = task.describe(info, self.config, self.sets)
        if self.config.start_from:
            before, was = load_checkpoint(Path(self.config.start_from))
            task.start(before)
            if not network_config.single_view:  # what it was taught to see, it expects
                info = replace(info, mean_left=was.mean_left, mean_right=was.mean_right)
            info = replace(info, training_data=f'{was.training_data}; then {info.training_data}')
        return network, task, info

    def run(self, on_progress: Callable[[Progress], None] | None = None,
            deadline: float | None = None, stop: Event | None = None) -> bool:
        """Go through what is left of all stages.

        Args:
            on_progress: is called after each step.
            deadline: time of `time.monotonic` at which to stop with a checkpoint.
            stop: is set when the run is to end after the current step, with a checkpoint: at
                once, that is without a validation.

        Returns:
            whether the run is complete; False: the deadline came first, or it was stopped.
        """
        while self.state.stage < len(self.config.stages):
            stage = self.config.stages[self.state.stage]
            for progress in self._run_stage(stage, deadline, stop):
                if on_progress:
                    on_progress(progress)
            if self._share(stage) < 1:
                return False
            self.state.next_stage()
            self._checkpoint(optimizer=None)
        return True

    def _run_stage(self, stage: StageConfig, deadline: float | None,
                   stop: Event | None) -> Iterator[Progress]:
        parameters = self.task.parameters(stage)
        optimizer = torch.optim.AdamW(parameters, stage.learning_rate,
                                      weight_decay=self.config.weight_decay)
        network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        model, optimizer = self.fabric.setup(network, optimizer)
        self.average.network.to(self.fabric.device)
        if self.state.optimizer:
            optimizer.load_state_dict(self.state.optimizer)
            self.state.optimizer = None
        next_validation = self.state.minutes + self.config.validate_minutes
        losses: list[float] = []
        clock = self.clock()
        for batch in self._batches(stage):
            share = self._share(stage)
            if share >= 1:
                break
            for group in optimizer.param_groups:
                group['lr'] = learning_rate(stage, share)
            value = self._step(model, optimizer, stage, batch, share)
            now = self.clock()
            late = float(deadline is not None and time.monotonic() >= deadline)
            stopped = float(stop is not None and stop.is_set())
            value, seconds, late, stopped = self.together.means(
                value, min(now - clock, LONGEST_STEP_S), late, stopped)
            clock = now
            self.state.advance(stage.batch, seconds)
            losses.append(value)
            ends_here = bool(late or stopped) and self._share(stage) < 1
            if self.state.minutes >= next_validation or ends_here:
                next_validation = self.state.minutes + self.config.validate_minutes
                if not stopped:
                    self._validate(sum(losses) / len(losses))
                self._checkpoint(optimizer, must=ends_here)
                losses.clear()
                clock = self.clock()
            yield Progress(self.state.stage, len(self.config.stages), share, self.state.step,
                           self.state.samples, value, stage.batch / max(seconds, 1e-6))
            if ends_here:
                return
        self._validate(sum(losses) / max(1, len(losses)))

    def _step(self, model: nn.Module, optimizer: torch.optim.Optimizer, stage: StageConfig,
              batch: tuple[Tensor, ...], share: float) -> float:
        """Learn from one batch; gives this process' loss."""
        loss = self.task.loss(model, stage, batch, share)
        value = float(loss.detach())
        norm = None
        if math.isfinite(self.together.means(value)[0]):
            self.fabric.backward(loss)
            norm = self.fabric.clip_gradients(model, optimizer, max_norm=self.config.clip,
                                              error_if_nonfinite=False)
        # with 16-bit floats gradients may overflow: Fabric then skips the step by itself
        if norm is None or not (self.config.precision == '16-mixed'
                                or math.isfinite(float(norm))):
            what = f'the loss is {value}' if norm is None else f'the gradient is {float(norm)}'
            reason = blame(self.network, lambda part: self.task.loss(model, stage, part, share),
                           batch, self._numbers(stage), self._name_of_sample(stage))
            raise TrainingError(
                f'{what} at step {self.state.step}: {reason}. The last good checkpoint is kept: '
                f'leave the scene out, or resume with a smaller learning rate')
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        self.average.update(self.network)
        return value

    def _numbers(self, stage: StageConfig) -> range:
        """Numbers of the samples of this process' part of the current step."""
        batch = self.together.share_of(stage.batch)
        first = self.state.samples + self.together.rank * batch
        return range(first, first + batch)

    def _name_of_sample(self, stage: StageConfig) -> Callable[[int], str] | None:
        samples = self.task.samples(self.config, self.sets, stage, 0)
        return getattr(samples, 'describe', None)

    def _batches(self, stage: StageConfig) -> Iterator[tuple[Tensor, ...]]:
        batch_size = self.together.share_of(stage.batch)
        samples = self.task.samples(self.config, self.sets, stage, self.state.samples)
        samples.order = Order(self.state.samples, batch_size, self.together.rank,
                              self.together.world)
        loader = DataLoader(samples, batch_size, num_workers=self.config.workers,
                            prefetch_factor=4 if self.config.workers else None,
                            pin_memory=self.fabric.device.type == 'cuda',
                            worker_init_fn=_leave_interrupts_to_parent,
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

    def _validate(self, loss: float) -> None:
        if self.metrics is not None:
            result = self.task.validate(self.average.network, Path(self.config.validation),
                                        self.fabric.device)
            row = {'stage': self.state.stage, 'step': self.state.step,
                   'samples': self.state.samples, 'minutes': round(self.state.minutes, 2),
                   'loss': round(loss, 4), **result,
                   'samples_per_second': round(
                       self.state.samples / 60 / max(self.state.minutes, 1e-6), 2)}
            self.metrics.add(row)
            log.info('%s', row)
        self.fabric.barrier()

    def _checkpoint(self, optimizer: torch.optim.Optimizer | None, must: bool = True) -> None:
        """Write state and weights; one that need not be written now is tried again later."""
        if self.together.first:
            try:
                save_state(self.folder / 'state.pt', self.config, self.state, self.network,
                           self.average, optimizer)
                info = replace(self.info, steps=self.state.step,
                               notes={**self.info.notes, 'samples': self.state.samples})
                save_checkpoint(self.folder / 'weights.safetensors', self.average.network, info,
                                force=True)
            except DataError as error:
                if must:
                    raise
                log.error('no checkpoint at step %d: %s; training goes on, and the next one is '
                          'tried in %g minutes', self.state.step, error,
                          self.config.validate_minutes)
        self.fabric.barrier()
