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
from dataclasses import replace
from itertools import count
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
from depth_learning_ros.adaptation.gate import Verdict, harms, judge
from depth_learning_ros.adaptation.labels import label
from depth_learning_ros.adaptation.photometric import photometric_loss
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.progress import StepReport, Validation
from depth_learning_ros.adaptation.teacher import Teacher
from depth_learning_ros.adaptation.tonioni import guided_loss
from depth_learning_ros.adaptation.watching import OnProgress
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.adaptation.zole import labelled_loss, target_loss
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint

VALIDATION_FRAMES, VALIDATION_SCENES = 6, 6
HELD_OUT_FRAMES = 20
#: Where the weights of a step do harm, those so far on the way to them are looked at as well
#: (WiSE-FT, Wortsman et al. 2022): they often keep most of the gain, and forget little.
HALF_WAY = 0.5
#: What a decibel of PSNR counts where 1 of SSIM counts 1: both move alike in practice.
SSIM_PER_DB = 0.05
#: Notes of a weights file that hold for those very weights alone.
MEASURED = ('held_out_synthetic',)


class Adapter:
    """One adaptation of one network.

    Args:
        network: is adapted in place.
        info: of its weights file.
        config: what to do.
        frames: of the target, with their roles.
        scenes: folder of rendered scenes to learn from; None where the method needs none.
        held_out_scenes: folder of rendered scenes that are not learned from. Of both the first
            so many are used as the config has: a folder that grows changes nothing.
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
        self.best, self.averaged = copy.deepcopy(self.original), copy.deepcopy(self.original)
        self.predictor, self.reference, self.chosen, self.steady = (
            Predictor(n, info, config.precision)
            for n in (self.network, self.original, self.best, self.averaged))
        teaching = copy.deepcopy(self.original) if config.label_steps else self.original
        self.teacher = Teacher(Predictor(teaching, info, config.precision), frames, config)
        kept = config.method == 'zole' and config.labels == 'kept'
        self.batches = Batches(frames, scenes, config, self.workers.rank,
                               self.teacher.labels_of if kept else None)
        self.held_out_scenes = ScenePool(held_out_scenes)
        del self.held_out_scenes.paths[config.held_out_scenes:]
        self.step_number = 0
        self.minutes = 0.0
        self.best_step = 0
        self.best_way = 1.0  # from the original weights to those of that step
        self.history: list[StepReport] = []
        self.validations: list[Validation] = []
        self._watched: HeldOut | None = None
        self.optimizer = self._new_optimizer()

    def _new_optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.network.parameters(), self.config.peak_rate)

    def done(self) -> float:
        """Share of the steps, or of the minutes, that are over, 0..1."""
        config = self.config
        share = (self.step_number / config.steps if config.steps
                 else self.minutes / config.minutes)
        return min(1.0, share)

    def _learning_rate(self) -> float:
        """Warm-up, then cosine decay: the last weights, of each cycle, are to be steady ones."""
        warmed = min(1.0, (self.step_number + 1) / max(1, self.config.warmup_steps))
        # the others' minutes include those in which they waited for the first one's validations
        cycle = self.workers.number_of_first(self.done()) * self.config.cycles
        through = cycle - min(int(cycle), self.config.cycles - 1)
        decayed = 0.5 * (1 + math.cos(math.pi * through))
        return self.config.peak_rate * warmed * decayed

    def step(self) -> StepReport:
        """Take one gradient step on one batch.

        Raises:
            TrainingError: the loss or its gradient is not finite; the weights are still those of
                before.
        """
        start = time.monotonic()
        renew = self.config.label_steps
        if renew and self.step_number and self.step_number % renew == 0:
            self.teacher.learn(self.averaged.state_dict())
        batch = self.batches[self.step_number].to(self.workers.device)
        self.network.train()
        target, synthetic, labelled = self._losses(batch)
        share = float(batch.synthetic.float().mean())
        loss = (1 - share) * target + self.config.synthetic_weight * share * synthetic
        self._refuse_if_not_finite('the loss', self.workers.mean(float(loss.detach())))
        loss.backward()
        self.workers.average_gradients(self.network.parameters())
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.config.clip)
        self._refuse_if_not_finite("the gradient's norm", float(norm))
        for group in self.optimizer.param_groups:
            group['lr'] = self._learning_rate()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step_number += 1
        self._average()
        seconds = time.monotonic() - start
        self.minutes += seconds / 60
        nan = float('nan')
        report = StepReport(self.step_number, float(target.detach()) if share < 1 else nan,
                            float(synthetic.detach()) if share > 0 else nan, labelled, seconds,
                            float(loss.detach()))
        self.history.append(report)
        return report

    def _refuse_if_not_finite(self, what: str, mean: float) -> None:
        """Of all processes, so that all of them refuse."""
        if not math.isfinite(mean):
            self.optimizer.zero_grad(set_to_none=True)
            raise TrainingError(f'{what} is {mean} at step {self.step_number + 1}: adapt with a '
                                f'smaller learning_rate')

    @torch.no_grad()
    def _average(self) -> None:
        """Let the averaged weights follow, at first faster: they are to forget where it began."""
        stays = min(self.config.average, self.step_number / (10 + self.step_number))
        pairs = zip(self.averaged.state_dict().values(), self.network.state_dict().values(),
                    strict=True)
        for averaged, current in pairs:
            if averaged.is_floating_point():
                averaged.lerp_(current, 1 - stays)
            else:
                averaged.copy_(current)

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, float]:
        """Give the losses of the target and of the rendered pairs, and the share of labels."""
        config, method = self.config, self.config.method
        target, synthetic = ~batch.synthetic, batch.synthetic
        clean_left, clean_right = (view[target].float()
                                   for view in (batch.clean_left, batch.clean_right))
        labels = batch.truth[target]
        some = bool(target.any())
        if some and method == 'zole' and config.labels == 'renewed':
            labels = label(self.predictor, clean_left, clean_right, config)
        labelled = float('nan')
        if some and method != 'photometric':
            labelled = float(torch.isfinite(labels).float().mean())
        outputs = self.predictor.outputs(batch.left.float(), batch.right.float())
        losses = [batch.truth.new_zeros(()), batch.truth.new_zeros(())]
        if some:
            mine = _of(outputs, target)
            if method == 'zole':
                losses[0] = target_loss(mine, clean_left, labels, config)
            elif method == 'tonioni':
                losses[0] = guided_loss(mine, labels, batch.confidence[target], config)
            weight = {'zole': config.photometric, 'photometric': 1.0}.get(method, 0.0)
            if weight > 0:
                losses[0] = losses[0] + weight * photometric_loss(mine, clean_left, clean_right,
                                                                  config)
        if bool(synthetic.any()):
            losses[1] = labelled_loss(_of(outputs, synthetic), batch.truth[synthetic])
        return losses[0], losses[1], labelled

    def validate(self) -> Validation:
        """Measure the current weights on the validation frames; keep them if they are the best.

        Where they do harm, the weights half way to them may be the best, and are measured too.
        """
        if not self.validations:
            # a run that goes on on other frames: these know nothing of its best weights yet
            best_step, best_way = self.best_step, self.best_way
            best = copy.deepcopy(self.best) if best_step else None
            self._validate(self.reference, 0)
            if best is not None:
                self._validate(Predictor(best, self.info, self.config.precision), best_step,
                               best_way)
        found = self._validate(self.steady, self.step_number)
        if found.harms and self.step_number:
            self._validate(self._on_the_way(HALF_WAY), self.step_number, HALF_WAY)
        return found

    def _on_the_way(self, way: float) -> Predictor:
        """Give weights between those it began with (0) and the averaged ones (1)."""
        between, there = copy.deepcopy(self.original), self.averaged.state_dict()
        for name, values in between.state_dict().items():
            if values.is_floating_point():
                values.lerp_(there[name], way)
        return Predictor(between, self.info, self.config.precision)

    def _validate(self, predictor: Predictor, step: int, way: float = 1.0) -> Validation:
        if self._watched is None:
            self._watched = HeldOut(self.frames, VALIDATION, self.reference, VALIDATION_FRAMES)
        scenes = range(min(VALIDATION_SCENES, len(self.held_out_scenes)))
        figures = Figures(self._watched.measure(predictor),
                          *synthetic_error(predictor, self.held_out_scenes, scenes))
        harmed = harms(self.validations[0].figures, figures,
                       self.config.max_synthetic_growth) if self.validations else []
        found = Validation(step, figures, -math.inf if harmed else _score(figures), tuple(harmed),
                           way)
        if not self.validations or found.score > max(v.score for v in self.validations):
            self.best.load_state_dict(predictor.network.state_dict())
            self.best_step, self.best_way = step, way
        self.validations.append(found)
        return found

    @property
    def validated_step(self) -> int | None:
        """After which step the last validation was; None before the first one."""
        return self.validations[-1].step if self.validations else None

    @property
    def judged(self) -> Predictor:
        """What `judge` asks about: the best weights, or the last ones where none were better."""
        return self.chosen if self.best_step else self.steady

    def judge(self, never_adapted: Figures | None = None,
              on_progress: OnProgress | None = None) -> Verdict:
        """Ask the gate about the adapted weights, on frames that nothing was chosen by.

        Where no weights were better than those it began with, the last ones are measured all the
        same, to say what became of them; they are not accepted.

        Args:
            never_adapted: as `gate.judge` takes them.
            on_progress: told how many of the frames and scenes were looked at.
        """
        scenes = range(len(self.held_out_scenes))
        # each frame is looked at once more, to see which of its pixels count
        total = 3 * min(HELD_OUT_FRAMES, self.frames.count(HELD_OUT)) + 2 * len(scenes)
        looked_at = count(1)

        def after_each() -> None:
            if on_progress is not None:
                on_progress(next(looked_at), total)

        held_out = HeldOut(self.frames, HELD_OUT, self.reference, HELD_OUT_FRAMES, after_each)
        before, after = (
            Figures(held_out.measure(p),
                    *synthetic_error(p, self.held_out_scenes, scenes, after_each))
            for p in (self.reference, self.judged))
        verdict = judge(before, after, self.config.max_synthetic_growth, never_adapted)
        if self.best_step:
            return verdict
        reason = (f'nothing was gained: in {self.step_number} steps no weights were better on the '
                  f'validation frames, and as good on rendered pairs, as those it began with')
        return replace(verdict, accepted=False, reasons=(
            reason, *(f'the last weights: {each}' for each in verdict.reasons)))

    def rollback(self) -> None:
        """Go back to the weights the adaptation began with, and forget the steps taken."""
        for network in (self.network, self.best, self.averaged):
            network.load_state_dict(self.original.state_dict())
        self.teacher.learn(self.original.state_dict())
        self.optimizer = self._new_optimizer()
        self.step_number = self.best_step = 0
        self.best_way, self.minutes = 1.0, 0.0
        self.history.clear()
        self.validations.clear()

    def save_best(self, path: Path, *, force: bool = False) -> None:
        """Write the best weights as a weights file, atomically.

        What was measured of the weights it began with is not said of these.
        """
        kept = {name: note for name, note in self.info.notes.items() if name not in MEASURED}
        notes = {**kept, 'adapted': {
            'method': self.config.method, 'steps': self.best_step, 'way': self.best_way,
            'from': self.info.name, 'frames': len(self.frames)}}
        data = (f'{self.info.training_data}; then adapted to unlabelled frames '
                f'({self.config.method})')
        info = replace(self.info, training_data=data, notes=notes, tool_versions={},
                       steps=self.info.steps + self.best_step)
        save_checkpoint(path, self.best, info, force=force)

    def _networks(self) -> dict[str, nn.Module]:
        """What is saved; the teacher is the original where it never learns."""
        found = {'network': self.network, 'best': self.best, 'averaged': self.averaged,
                 'original': self.original}
        if self.config.label_steps:
            found['teacher'] = self.teacher.predictor.network
        return found

    def state(self) -> dict[str, Any]:
        """Everything that `restore` needs, for ``torch.save``."""
        return {
            **{name: network.state_dict() for name, network in self._networks().items()},
            'optimizer': self.optimizer.state_dict(),
            'step_number': self.step_number, 'minutes': self.minutes,
            'best_step': self.best_step, 'best_way': self.best_way,
            'history': [vars(report) for report in self.history],
            'validations': [{'step': v.step, 'score': v.score, 'harms': list(v.harms),
                             'way': v.way, 'figures': v.figures.to_dict()}
                            for v in self.validations]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        for name, network in self._networks().items():
            network.load_state_dict(state[name])
        self.teacher.forget()
        self.optimizer.load_state_dict(state['optimizer'])
        self.step_number, self.minutes = state['step_number'], state['minutes']
        self.best_step, self.best_way = state['best_step'], state.get('best_way', 1.0)
        self.history = [StepReport(**values) for values in state['history']]
        self.validations = [Validation(v['step'], Figures.from_dict(v['figures']), v['score'],
                                       tuple(v.get('harms', ())), v.get('way', 1.0))
                            for v in state['validations']]


def _score(figures: Figures) -> float:
    """Say how good figures of validation frames are; more is better."""
    return figures.mean('ssim') + SSIM_PER_DB * figures.mean('psnr')


def _of(outputs: list[list[Tensor]], chosen: Tensor) -> list[list[Tensor]]:
    """Give the predictions of some samples of the batch."""
    return [[prediction[chosen] for prediction in stage] for stage in outputs]
