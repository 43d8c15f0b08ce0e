# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A whole adaptation: from logs to accepted weights and a report, or to a reasoned refusal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
import time

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import FrameStore
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.logs import Log, take_in_logs
from depth_learning_ros.adaptation.page import write_page
from depth_learning_ros.adaptation.predict import check_adaptable
from depth_learning_ros.adaptation.result import pictures_of, result_of, write_json
from depth_learning_ros.adaptation.state import fingerprint, load_state, save_state
from depth_learning_ros.adaptation.watching import Meters, OnProgress, unwatched
from depth_learning_ros.adaptation.work_folder import WorkFolder
from depth_learning_ros.adaptation.workers import Workers
from depth_learning_ros.errors import DataError, DepthLearningError, TrainingError
from depth_learning_ros.files import check_output
from depth_learning_ros.models.checkpoint import find_weights, load_checkpoint

SAVE_EVERY_S = 120.0


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
        unfinished = WorkFolder(self.work).state.exists()
        for path in (self.weights, self.page, self.json):
            check_output(path, force or (resume and unfinished))
        if unfinished and not (resume or force):
            raise TrainingError(f'{self.work} holds an interrupted adaptation: go on with '
                                f'--resume, begin again with --force, or give another output')


def adapt(logs: Sequence[Log], weights: Path | str, outputs: Outputs, config: AdaptationConfig,
          scenes: Callable[[int, int], tuple[Path, Path]], *, workers: Workers | None = None,
          resume: bool = False, force: bool = False, meters: Meters = unwatched) -> Verdict:
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
        meters: are told how far each slow part is.

    Returns:
        The verdict; the weights file exists if it was accepted.

    Raises:
        DataError: the logs are of no use, a file or another process is in the way, another
            machine does not see the output's folder, or the disk is full.
        ModelError: the weights do not fit.
        TrainingError: the adaptation diverged, or is not the one to be resumed.
    """
    workers = workers or Workers()
    original = find_weights(weights)
    network, info = load_checkpoint(original)
    check_adaptable(info)
    work = WorkFolder(outputs.work)
    with ExitStack() as claimed:

        def prepare() -> dict[str, int]:
            outputs.check(original, force=force, resume=resume)
            claimed.enter_context(work.claim())
            return _prepare(logs, work, config, resume, meters)

        skipped = workers.by_first(prepare)
        if not work.intake.exists():
            raise DataError(f'{work.path} is not to be seen from here, where another of the '
                            f'processes runs: give an output in a folder that all machines share')
        learned, held_out_scenes = workers.once_a_machine(lambda: scenes(
            config.scenes if config.synthetic_chance > 0 else 0, config.held_out_scenes))
        adapter = Adapter(network, info, config, FrameStore(work.frames),
                          learned if config.synthetic_chance > 0 else None, held_out_scenes,
                          workers)
        weights_hash = fingerprint(original)
        if resume and workers.from_first(work.state.exists()):
            load_state(work.state, adapter, weights_hash)
        with meters('adapt', 'step' if config.steps else '%') as tell:
            _learn(adapter, work.state, weights_hash, tell)
        return workers.by_first(lambda: _finish(
            adapter, outputs, [log.name for log in logs], skipped, force or resume, meters))


def _prepare(logs: Sequence[Log], work: WorkFolder, config: AdaptationConfig, resume: bool,
             meters: Meters = unwatched) -> dict[str, int]:
    """Take the frames in, unless an interrupted run has them already."""
    names = [log.name for log in logs]
    if resume and work.intake.exists():
        return work.read_intake(names, config)
    work.clear()
    try:
        skipped = take_in_logs(logs, FrameStore(work.frames), config, meters)
        work.write_intake(names, config, skipped)
    except DepthLearningError:
        work.remove()  # frames that nobody will use
        raise
    return skipped


def _learn(adapter: Adapter, state: Path, weights_hash: str, tell: OnProgress) -> None:
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
            tell(*_progress(adapter))
    if workers.first and adapter.validated_step != adapter.step_number:
        adapter.validate()  # gone on with for no more steps than were taken
        save_state(state, adapter, weights_hash)
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
            force: bool, meters: Meters) -> Verdict:
    """Judge, report, and write the weights if they may be used."""
    with meters('judging', 'picture') as tell:
        verdict = adapter.judge(on_progress=tell)
    result = result_of(adapter, verdict, sources, skipped)
    result['older_weights_kept'] = not verdict.accepted and outputs.weights.exists()
    write_page(outputs.page, result, pictures_of(adapter), force=force)
    write_json(outputs.json, result, force=force)
    if verdict.accepted:
        adapter.save_best(outputs.weights, force=force)
    WorkFolder(outputs.work).remove()
    return verdict
