# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A whole adaptation: from logs to accepted weights and a report, or to a reasoned refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
import json
from pathlib import Path
import shutil
import time

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    FrameStore,
    Intake,
    check_enough,
)
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.page import write_page
from depth_learning_ros.adaptation.predict import check_adaptable
from depth_learning_ros.adaptation.result import pictures_of, result_of, write_json
from depth_learning_ros.adaptation.state import fingerprint, load_state, save_state
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.errors import DataError, TrainingError
from depth_learning_ros.files import atomic_write, check_output
from depth_learning_ros.models.checkpoint import find_weights, load_checkpoint
from depth_learning_ros.types import StereoPair

SAVE_EVERY_S = 120.0


@dataclass(frozen=True)
class Log:
    """A recording to learn from.

    Attributes:
        name: for messages and the report.
        expected: how many pairs it has, as far as is known.
        pairs: gives every n-th of them, one after the other; called once, with n.
    """

    name: str
    expected: int
    pairs: Callable[[int], Iterable[StereoPair]]


@dataclass(frozen=True)
class Outputs:
    """The files of an adaptation, all beside each other.

    Attributes:
        weights: appears only when the gate accepts.
        page, json: the report, written in any case.
        work: folder of frames and of the state; removed at the end.
    """

    weights: Path
    page: Path
    json: Path
    work: Path

    @classmethod
    def beside(cls, weights: Path) -> Outputs:
        return cls(weights, weights.with_suffix('.html'), weights.with_suffix('.json'),
                   weights.with_suffix('.work'))

    def check(self, original: Path, *, force: bool, resume: bool) -> None:
        """Refuse before any work is done.

        Raises:
            DataError: a file is there already and not ``force``; or the output is the input, which
                is never overwritten.
            TrainingError: an interrupted adaptation is there, and not ``resume``.
        """
        if self.weights.suffix != '.safetensors':
            raise DataError(f'{self.weights} is no name of a weights file: give one that ends in '
                            f'.safetensors')
        if self.weights.resolve() == original.resolve():
            raise DataError(f'{self.weights} holds the weights that are adapted: they are never '
                            f'overwritten, give the output another name')
        unfinished = (self.work / 'state.pt').exists()
        for path in (self.weights, self.page, self.json):
            check_output(path, force or (resume and unfinished))
        if unfinished and not (resume or force):
            raise TrainingError(f'{self.work} holds an interrupted adaptation: go on with '
                                f'--resume, begin again with --force, or give another output')


OnStep = Callable[[int, 'int | None'], None]


def adapt(logs: Sequence[Log], weights: Path | str, outputs: Outputs, config: AdaptationConfig,
          scenes: Callable[[int, int], tuple[Path, Path]], *, workers: Workers | None = None,
          resume: bool = False, force: bool = False,
          on_step: OnStep | None = None) -> Verdict:
    """Adapt weights to logs, judge them, and write what the judgement allows.

    Args:
        logs: recordings of the target; only those of the first process are looked at.
        weights: file or shipped name of what to begin with; never written to.
        outputs: where to.
        scenes: makes and gives the folders of rendered scenes, to learn from and held out, of at
            least so many each; asked on each machine.
        workers: joined processes; only the first writes results.
        resume: go on with what an interruption left.
        force: replace outputs that exist; begin again where an interruption left something.
        on_step: told steps (or permille of the minutes) done, and of how many.

    Returns:
        The verdict; the weights file exists if it was accepted.

    Raises:
        DataError: the logs are of no use, a file is in the way, or the disk is full.
        ModelError: the weights do not fit.
        TrainingError: the adaptation diverged, or is not the one to be resumed.
    """
    workers = workers or Workers()
    original = find_weights(weights)
    network, info = load_checkpoint(original)
    check_adaptable(info)

    def prepare() -> dict[str, int]:
        outputs.check(original, force=force, resume=resume)
        return _prepare(logs, outputs.work, config, resume)

    skipped = workers.by_first(prepare)
    learned, held_out_scenes = workers.once_a_machine(lambda: scenes(
        config.scenes if config.synthetic_chance > 0 else 0, config.held_out_scenes))
    adapter = Adapter(network, info, config, FrameStore(outputs.work / 'frames'),
                      learned if config.synthetic_chance > 0 else None, held_out_scenes, workers)
    state, weights_hash = outputs.work / 'state.pt', fingerprint(original)
    if resume and workers.from_first(state.exists()):
        load_state(state, adapter, weights_hash)
    _learn(adapter, state, weights_hash, on_step)
    return workers.by_first(lambda: _finish(
        adapter, outputs, [log.name for log in logs], skipped, force or resume))


def _prepare(logs: Sequence[Log], work: Path, config: AdaptationConfig,
             resume: bool) -> dict[str, int]:
    """Take the frames in, unless an interrupted run has them already."""
    done = work / 'intake.json'
    if resume and done.exists():
        return dict(json.loads(done.read_text()))
    if work.exists():
        shutil.rmtree(work)
    store = FrameStore(work / 'frames')
    intake = Intake(store, config.noise_gray)
    every = max(1, -(-sum(log.expected for log in logs) // config.max_frames))
    passed = 0
    for log in logs:
        # every n-th frame of all logs, as if they were one: of some short logs none
        due = -(-(passed + log.expected) // every) - -(-passed // every)
        passed += log.expected
        if due:
            intake.take(islice(log.pairs(every), due), log.name)
    intake.deal()
    check_enough(store, intake.skipped, config.batch)
    with atomic_write(done, force=True, mode='w') as file:
        json.dump(dict(intake.skipped), file)
    return dict(intake.skipped)


def _learn(adapter: Adapter, state: Path, weights_hash: str, on_step: OnStep | None) -> None:
    config, workers = adapter.config, adapter.workers
    saved = time.monotonic()
    while not _all_done(adapter):
        adapter.step()
        due = adapter.step_number % config.validate_steps == 0 or _done(adapter)
        if workers.first:
            if due:
                adapter.validate()
            if due or time.monotonic() - saved > SAVE_EVERY_S:
                save_state(state, adapter, weights_hash)
                saved = time.monotonic()
            if on_step is not None:
                on_step(*_progress(adapter))
    workers.wait()


def _all_done(adapter: Adapter) -> bool:
    # clocks differ between processes, counts do not
    if adapter.config.steps:
        return _done(adapter)
    return adapter.workers.from_first(_done(adapter))


def _done(adapter: Adapter) -> bool:
    return adapter.done() >= 1


def _progress(adapter: Adapter) -> tuple[int, int]:
    if adapter.config.steps:
        return adapter.step_number, adapter.config.steps
    return round(1000 * adapter.done()), 1000


def _finish(adapter: Adapter, outputs: Outputs, sources: Sequence[str], skipped: dict[str, int],
            force: bool) -> Verdict:
    """Judge, report, and write the weights if they may be used."""
    verdict = adapter.judge()
    result = result_of(adapter, verdict, sources, skipped)
    held_out = [adapter.frames.load(HELD_OUT, i)
                for i in range(adapter.frames.count(HELD_OUT))]
    write_page(outputs.page, result, pictures_of(adapter, held_out), force=force)
    write_json(outputs.json, result, force=force)
    if verdict.accepted:
        adapter.save_best(outputs.weights, force=force)
    shutil.rmtree(outputs.work, ignore_errors=True)
    return verdict
