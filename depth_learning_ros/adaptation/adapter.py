# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adapts a network step by step: can be paused, saved, gone on with, rolled back and judged.

::

    adapter = Adapter(network, info, config, frames, scenes, held_out_scenes)
    for _ in range(100):
        adapter.step()          # not calling it is how to pause
    adapter.validate()          # keeps the best weights so far
    verdict = adapter.judge()   # the gate; ``adapter.best`` is what it judged
    adapter.rollback()          # back to the weights it began with
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
from dataclasses import dataclass, replace
import math
from pathlib import Path
import time
from typing import Any

import torch
from torch import Tensor, nn

from depth_learning_ros.adaptation.batches import Batch, Batches
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.figures import Figures, HeldOut, synthetic_error
from depth_learning_ros.adaptation.frames import HELD_OUT, VALIDATION, FrameStore
from depth_learning_ros.adaptation.gate import Verdict, collapses, judge
from depth_learning_ros.adaptation.photometric import photometric_loss
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.tonioni import guided_loss
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.adaptation.zole import label, labelled_loss, target_loss
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint

VALIDATION_FRAMES, VALIDATION_SCENES = 6, 6
HELD_OUT_FRAMES = 20
#: What a decibel of PSNR counts where 1 of SSIM counts 1: both move alike in practice.
SSIM_PER_DB = 0.05


@dataclass(frozen=True)
class StepReport:
    """One step.

    Attributes:
        step: its number, from 1.
        target_loss, synthetic_loss: of its target and rendered pairs; NaN when it had none.
        labelled: share of the target's pixels that had a label (ZOLE); NaN for other methods.
        seconds: it took.
    """

    step: int
    target_loss: float
    synthetic_loss: float
    labelled: float
    seconds: float


@dataclass(frozen=True)
class Validation:
    """Figures of the validation frames after some steps.

    Attributes:
        step: after so many.
        figures: of the current weights.
        score: what the best weights are chosen by; -inf where they collapsed or forgot.
    """

    step: int
    figures: Figures
    score: float


class Adapter:
    """One adaptation of one network.

    Args:
        network: is adapted in place.
        info: of its weights file.
        config: what to do.
        frames: of the target, with their roles.
        scenes: folder of rendered scenes to learn from; None where the method needs none.
        held_out_scenes: folder of rendered scenes that are not learned from.
        workers: the processes that work together.
    """

    def __init__(self, network: nn.Module, info: CheckpointInfo, config: AdaptationConfig,
                 frames: FrameStore, scenes: Path | None, held_out_scenes: Path,
                 workers: Workers | None = None) -> None:
        self.workers = workers or Workers()
        self.config, self.info, self.frames = config, info, frames
        network = network.to(self.workers.device)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.requires_grad_(True)
        self.original = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.best = copy.deepcopy(self.original)
        self.predictor, self.reference, self.chosen = (
            Predictor(n, info, config.precision) for n in (self.network, self.original, self.best))
        self.batches = Batches(frames, scenes, config, self.workers.rank, self.workers.world)
        self.held_out_scenes = ScenePool(held_out_scenes)
        self.step_number = 0
        self.minutes = 0.0
        self.best_step = 0
        self.history: list[StepReport] = []
        self.validations: list[Validation] = []
        self._watched: HeldOut | None = None
        self.optimizer = self._new_optimizer()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), self.config.learning_rate)

    def done(self) -> float:
        """Share of the steps, or of the minutes, that are over, 0..1."""
        config = self.config
        share = (self.step_number / config.steps if config.steps
                 else self.minutes / config.minutes)
        return min(1.0, share)

    def _learning_rate(self) -> float:
        """Warm-up, then cosine decay: the last weights are to be steady ones."""
        warmed = min(1.0, (self.step_number + 1) / max(1, self.config.warmup_steps))
        decayed = 0.5 * (1 + math.cos(math.pi * self.workers.mean(self.done())))
        return self.config.learning_rate * warmed * decayed

    def step(self) -> StepReport:
        """Take one gradient step on one batch.

        Raises:
            TrainingError: the loss is not finite; the weights are still those of before.
        """
        start = time.monotonic()
        batch = self.batches[self.step_number].to(self.workers.device)
        self.network.train()
        target, synthetic, labelled = self._losses(batch)
        share = float(batch.synthetic.float().mean())
        loss = (1 - share) * target + self.config.synthetic_weight * share * synthetic
        if not math.isfinite(self.workers.mean(float(loss.detach()))):
            raise TrainingError(f'the loss is {float(loss.detach())} at step '
                                f'{self.step_number + 1}: adapt with a smaller learning_rate')
        loss.backward()
        self.workers.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        for group in self.optimizer.param_groups:
            group['lr'] = self._learning_rate()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step_number += 1
        seconds = time.monotonic() - start
        self.minutes += seconds / 60
        nan = float('nan')
        report = StepReport(self.step_number, float(target.detach()) if share < 1 else nan,
                            float(synthetic.detach()) if share > 0 else nan, labelled, seconds)
        self.history.append(report)
        return report

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, float]:
        """Give the losses of the target and of the rendered pairs, and the share of labels."""
        target, synthetic = ~batch.synthetic, batch.synthetic
        left, right = batch.left.float(), batch.right.float()
        labels, labelled = batch.truth, float('nan')
        if self.config.method == 'zole' and bool(target.any()):
            teacher = self.predictor if self.config.labels == 'renewed' else self.reference
            labels = labels.clone()
            labels[target] = label(teacher, left[target], right[target], self.config)
            labelled = float(torch.isfinite(labels[target]).float().mean())
        outputs = self.predictor.outputs(left, right)
        losses = [left.new_zeros(()), left.new_zeros(())]
        if bool(target.any()):
            mine = _of(outputs, target)
            if self.config.method == 'zole':
                losses[0] = target_loss(mine, left[target], labels[target], self.config)
                if self.config.photometric > 0:
                    losses[0] = losses[0] + self.config.photometric * photometric_loss(
                        mine, left[target], right[target], self.config)
            elif self.config.method == 'tonioni':
                losses[0] = guided_loss(mine, labels[target], batch.confidence[target],
                                        self.config)
            else:
                losses[0] = photometric_loss(mine, left[target], right[target], self.config)
        if bool(synthetic.any()):
            losses[1] = labelled_loss(_of(outputs, synthetic), labels[synthetic])
        return losses[0], losses[1], labelled

    def validate(self) -> Validation:
        """Measure the current weights on the validation frames; keep them if they are the best."""
        if not self.validations:
            self._validate(self.reference, 0)
        return self._validate(self.predictor, self.step_number)

    def _validate(self, predictor: Predictor, step: int) -> Validation:
        if self._watched is None:
            self._watched = HeldOut(self.frames, VALIDATION, self.reference, VALIDATION_FRAMES)
        scenes = range(min(VALIDATION_SCENES, len(self.held_out_scenes)))
        figures = Figures(self._watched.measure(predictor),
                          *synthetic_error(predictor, self.held_out_scenes, scenes))
        score = figures.mean('ssim') + SSIM_PER_DB * figures.mean('psnr')
        if self.validations and self._worthless(figures):
            score = -math.inf
        found = Validation(step, figures, score)
        if not self.validations or score > max(v.score for v in self.validations):
            self.best.load_state_dict(predictor.network.state_dict())
            self.best_step = step
        self.validations.append(found)
        return found

    def _worthless(self, figures: Figures) -> bool:
        first = self.validations[0].figures
        growth = 1 + self.config.max_synthetic_growth
        # what the gate would refuse is never the best; of the figures of real frames, consistency
        # alone told runs that helped from runs that did harm (docs/adaptation.md)
        return (not figures.finite or bool(collapses(first, figures))
                or figures.mean('consistency') < first.mean('consistency')
                or figures.synthetic_epe > growth * first.synthetic_epe
                or figures.synthetic_d1 > growth * first.synthetic_d1)

    def judge(self) -> Verdict:
        """Ask the gate about the best weights, on frames that nothing was chosen by."""
        held_out = HeldOut(self.frames, HELD_OUT, self.reference, HELD_OUT_FRAMES)
        scenes = range(len(self.held_out_scenes))
        before, after = (
            Figures(held_out.measure(p), *synthetic_error(p, self.held_out_scenes, scenes))
            for p in (self.reference, self.chosen))
        return judge(before, after, self.config.max_synthetic_growth)

    def rollback(self) -> None:
        """Go back to the weights the adaptation began with, and forget the steps taken."""
        for network in (self.network, self.best):
            network.load_state_dict(self.original.state_dict())
        self.optimizer = self._new_optimizer()
        self.step_number = self.best_step = 0
        self.minutes = 0.0
        self.history.clear()
        self.validations.clear()

    def save_best(self, path: Path, *, force: bool = False) -> None:
        """Write the best weights as a weights file, atomically."""
        notes = {**self.info.notes, 'adapted': {
            'method': self.config.method, 'steps': self.best_step,
            'from': self.info.name, 'frames': len(self.frames)}}
        data = (f'{self.info.training_data}; then adapted to unlabelled frames '
                f'({self.config.method})')
        info = replace(self.info, training_data=data, notes=notes, tool_versions={},
                       steps=self.info.steps + self.best_step)
        save_checkpoint(path, self.best, info, force=force)

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, for ``torch.save``."""
        return {
            'network': self.network.state_dict(), 'best': self.best.state_dict(),
            'original': self.original.state_dict(), 'optimizer': self.optimizer.state_dict(),
            'step_number': self.step_number, 'minutes': self.minutes,
            'best_step': self.best_step,
            'history': [vars(report) for report in self.history],
            'validations': [{'step': v.step, 'score': v.score, 'figures': v.figures.to_dict()}
                            for v in self.validations]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        self.network.load_state_dict(state['network'])
        self.best.load_state_dict(state['best'])
        self.original.load_state_dict(state['original'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.step_number, self.minutes = state['step_number'], state['minutes']
        self.best_step = state['best_step']
        self.history = [StepReport(**values) for values in state['history']]
        self.validations = [Validation(v['step'], Figures.from_dict(v['figures']), v['score'])
                            for v in state['validations']]


def _of(outputs: list[list[Tensor]], chosen: Tensor) -> list[list[Tensor]]:
    """Give the predictions of some samples of the batch."""
    return [[prediction[chosen] for prediction in stage] for stage in outputs]
