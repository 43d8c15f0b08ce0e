# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Adaptation that never ends: frames come in, rounds are trained and judged, models handed over.

A round begins with the model in use and ends with a verdict. Nobody uses weights that the gate
did not accept, or whose engine could not be built and trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import logging
import math
from pathlib import Path
import threading
import time

from depth_learning_ros.adaptation.adapter import Adapter
from depth_learning_ros.adaptation.check_pairs import CHECKED_PAIRS, UnfitFramesError, check_pairs
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import HELD_OUT, TRAIN, check_enough
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.models_in_use import Model, ModelsInUse, folder_of
from depth_learning_ros.adaptation.never_adapted import never_adapted
from depth_learning_ros.adaptation.online_status import OnlineStatus, State
from depth_learning_ros.adaptation.predict import check_adaptable
from depth_learning_ros.adaptation.replay_buffer import ReplayBuffer
from depth_learning_ros.adaptation.save_requests import SaveRequests, wait_for
from depth_learning_ros.adaptation.scene_cache import SceneMaker
from depth_learning_ros.adaptation.spread import spread
from depth_learning_ros.adaptation.state import fingerprint, load_state, save_state
from depth_learning_ros.errors import (
    DataError,
    DepthLearningError,
    EngineError,
    ModelError,
    TrainingError,
)
from depth_learning_ros.files import remove_abandoned
from depth_learning_ros.models.checkpoint import find_weights, load_checkpoint, read_info
from depth_learning_ros.types import StereoPair

_log = logging.getLogger(__name__)

_POLL_S = 0.2


class _Interrupted(Exception):  # noqa: N818 - not an error
    """The round was stopped; its state is saved."""


class OnlineAdapter:
    """Adapts in a thread of its own, from `start` to `stop`, round after round.

    Args:
        folder: of everything that must outlive the process.
        original: shipped name or weights file to begin with; never written to.
        config: of each round.
        scenes: makes and gives the folders of rendered scenes, to learn from and held out;
            scene_maker() returns one.
        install: builds and checks the engine of weights; raises EngineError or ModelError when
            it cannot be trusted, which rejects them.
        hand_over: told the model to be used from now on.
        on_change: told that the status changed: another state, or something that people should
            know; steps and frames are counted in it without that.
        capacity: frames in the replay buffer.
        share: of its time that it takes steps and validates, 0..1; it sleeps in between.

    Raises:
        ModelError: there are no such weights, or they are of a network that cannot be adapted.
        DataError: a number is outside its range.
    """

    def __init__(self, folder: Path, original: str, config: AdaptationConfig,
                 scenes: SceneMaker,
                 install: Callable[[Path], None], hand_over: Callable[[Model], None],
                 on_change: Callable[[], None] = lambda: None, *, capacity: int = 300,
                 share: float = 1.0) -> None:
        if not 0 < share <= 1:
            raise DataError(f'share is {share}: expected more than 0, up to 1')
        self._original = find_weights(original)
        check_adaptable(read_info(self._original))  # say so now
        if Path(original) == self._original:  # no shipped name
            original = str(self._original.resolve())  # others work in other folders
        folder = folder.resolve()
        self.config, self._scenes = config, scenes
        self._install, self._hand_over, self._on_change = install, hand_over, on_change
        self._share = share
        self._new_frames = max(config.batch, capacity // 10)  # for another round to be worth it
        self._frames_wanted = 0  # ever kept, before there is a round
        self._unfit = ''  # why those that are there will not do
        self.buffer = ReplayBuffer(folder / 'frames', capacity, config.noise_gray)
        self.models = ModelsInUse(folder_of(folder / 'models', original), original)
        self._state_file = self.models.folder / 'state.pt'
        remove_abandoned(self.models.folder)
        self.status = OnlineStatus()
        self._told_models()
        self._running, self._closing = threading.Event(), threading.Event()
        self._lock, self._abandon = threading.Lock(), threading.Event()  # of the models in use
        self._saves = SaveRequests()
        self._thread = threading.Thread(target=self._run, name='adaptation', daemon=True)
        self._thread.start()

    def offer(self, pair: StereoPair) -> None:
        """Offer a frame of the camera; never waits for the training.

        Raises:
            DataError: the frames are no rectified stereo pairs, or the disk is full.
        """
        self.buffer.offer(pair)

    def start(self) -> None:
        """Begin, or go on where it was stopped."""
        self._running.set()

    def stop(self) -> None:
        """Stop after the step that is being computed; a round can be gone on with."""
        self._running.clear()

    def tell_reading(self, message: str, over: bool) -> None:
        """Tell how far frames are read that must be there before it begins."""
        if not self._running.is_set():
            self._tell(State.STOPPED if over else State.COLLECTING, message)

    def save(self, timeout_s: float = 60.0) -> None:
        """Write the state of the round that runs, after the step that is being computed.

        Raises:
            TrainingError: no round runs, or the step did not end in time.
            DataError: the disk is full.
        """
        written = self._saves.ask()
        if self.status.state != State.TRAINING:  # asked first: it is answered after it ended
            raise TrainingError('there is no round to be saved: it does not train now')
        wait_for(written, timeout_s)

    def rollback(self) -> Model:
        """Go back to the model before, and give up the round that began with the one in use.

        Raises:
            DataError: the disk is full; nothing has changed.
        """
        with self._lock:
            model = self.models.rollback()
            self._abandon.set()
            self._use(model)
            self._state_file.unlink(missing_ok=True)
            if self.status.state == State.STOPPED:
                self.status.message = 'stopped; the round was given up'
        self._on_change()
        return model

    def close(self, timeout_s: float = 30.0) -> bool:
        """Stop for good; tell whether it ended in time."""
        self._closing.set()
        self._running.clear()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing.is_set():
            if not self._running.wait(_POLL_S):
                if self.status.state in (State.CHECKING, State.BUILDING):
                    self._tell(State.STOPPED, f'stopped; {self.status.message}')
                continue
            try:
                self._forget_what_was_given_up()
                self._round()
            except _Interrupted:
                self._tell_interrupted()
            except UnfitFramesError as error:
                self._wait_for_others(error)
            except Exception as error:
                self._running.clear()
                if not isinstance(error, DepthLearningError):
                    _log.exception('the adaptation failed')
                self._tell(State.FAILED, f'{error}. Remedy it and call start again')
            finally:
                self._saves.answer(TrainingError('the round ended before it could be saved'))

    def _wait_for_others(self, error: UnfitFramesError) -> None:
        """Other frames may do; a state that was saved is gone on with then."""
        self._frames_wanted = self.buffer.kept + self._new_frames
        self._unfit = f'{error} (frames in {self.buffer.store.folder})'
        _log.warning('%s', self._unfit)

    def _forget_what_was_given_up(self) -> None:
        with self._lock:
            if self._abandon.is_set():
                self._state_file.unlink(missing_ok=True)  # it may have been written meanwhile
                self._abandon.clear()

    def _tell_interrupted(self) -> None:
        given_up = self._abandon.is_set()
        if given_up and self._running.is_set():
            self._tell(State.COLLECTING, 'the round was given up, another one begins')
        else:
            self._tell(State.STOPPED, 'stopped; the round was given up' if given_up else
                       'stopped; the round can be gone on with')

    def _round(self) -> None:
        self._collect()
        self._tell(State.COLLECTING, 'there are enough frames: preparing the round')
        learned, held_out = self._scenes(
            self.config.scenes if self.config.synthetic_chance > 0 else 0,
            self.config.held_out_scenes, self._stop_if_wanted)
        self._collect()  # rendering takes its time, and frames may be gone
        self._unfit = ''
        frames = self.buffer.hold()
        try:
            check_pairs([frames.load(TRAIN, index)
                         for index in spread(frames.count(TRAIN), CHECKED_PAIRS)])
            weights = find_weights(self.models.current.name)
            network, info = load_checkpoint(weights)
            adapter = Adapter(network, info, self.config, frames,
                              learned if self.config.synthetic_chance > 0 else None, held_out)
            digest = fingerprint(weights)
            self._resume(adapter, digest)
            self._train(adapter, digest)
            self._frames_wanted = self.buffer.kept + self._new_frames
            self._conclude(adapter)
        finally:
            self.buffer.release()

    def _collect(self) -> None:
        while True:
            self._stop_if_wanted()
            try:
                check_enough(self.buffer.store, self.buffer.skipped, self.config.batch)
                missing = self._frames_wanted - self.buffer.kept
                if missing <= 0 or (self._state_file.exists() and not self._unfit):
                    return
                self._tell(State.COLLECTING, '; '.join(filter(None, (
                    self._unfit, f'the next round needs {missing} more new frames'))))
            except DataError as error:
                self._tell(State.COLLECTING, str(error))
            time.sleep(_POLL_S)

    def _resume(self, adapter: Adapter, digest: str) -> None:
        resumed = self._state_file.exists()
        if resumed:
            try:
                load_state(self._state_file, adapter, digest)
            except (TrainingError, KeyError, RuntimeError, ValueError) as error:
                _log.info('the round begins anew: %s', error)
                self._state_file.unlink(missing_ok=True)
                resumed = False
        if not (resumed and self.status.round):  # by this process, it may have been counted
            self.status.round += 1
        self.status.step, self.status.progress = adapter.step_number, adapter.done()
        self.status.seconds_left = math.nan

    def _train(self, adapter: Adapter, digest: str) -> None:
        self.status.loss, self.status.losses = math.nan, {}
        self._tell(State.TRAINING, 'frames are labelled in the first steps')
        while adapter.done() < 1:
            if self._wants_stop() or self._saves.pending:
                self._save(adapter, digest)
            self._stop_if_wanted()
            begin = time.monotonic()
            report = adapter.step()
            if adapter.step_number % self.config.validate_steps == 0 or adapter.done() >= 1:
                adapter.validate()
                self._save(adapter, digest)
            self.status.step, self.status.progress = adapter.step_number, adapter.done()
            self.status.tell_losses(report)
            self.status.seconds_left = self._left(adapter)
            self._tell(State.TRAINING, f'step {adapter.step_number}')
            self._rest((time.monotonic() - begin) * (1 / self._share - 1))

    def _rest(self, rest_s: float) -> None:
        """Sleep, but not longer than until somebody wants something."""
        end = time.monotonic() + rest_s
        while not (self._wants_stop() or self._saves.pending):
            left_s = end - time.monotonic()
            if left_s <= 0:
                return
            self._closing.wait(min(_POLL_S, left_s))

    def _left(self, adapter: Adapter) -> float:
        done = adapter.done()
        return 60 * adapter.minutes / self._share * (1 - done) / done if done > 0 else math.nan

    def _conclude(self, adapter: Adapter) -> None:
        self._tell(State.CHECKING, 'asking the gate')
        self._saves.answer()  # the last step was followed by that
        verdict = self._judge(adapter)
        path = self.models.new_path()
        if verdict.accepted:
            self._stop_if_wanted()  # the gate is asked again then
            self._tell(State.BUILDING, 'building the engine of the accepted weights')
            verdict = self._put_into_use(adapter, path, verdict)
        self.status.verdict = verdict
        self._state_file.unlink(missing_ok=True)
        if verdict.accepted:
            self.status.rounds_accepted += 1
            self._tell(State.BUILDING, f'accepted: {path.name} is the model to use now')
        else:
            self.status.rounds_rejected += 1
            self._tell(State.CHECKING, f'rejected: {"; ".join(verdict.reasons)}')

    def _judge(self, adapter: Adapter) -> Verdict:
        if self.models.previous is None:  # it began with what was never adapted
            return adapter.judge()
        return adapter.judge(never_adapted(
            self.models.folder / 'never-adapted.json', self._original, adapter.held_out_scenes,
            adapter.config.precision, adapter.workers.device))

    def _put_into_use(self, adapter: Adapter, path: Path, verdict: Verdict) -> Verdict:
        """Build what was accepted, and hand it over; where it cannot be trusted, reject it."""
        try:
            adapter.save_best(path)
            self._install(path)
            model = Model.of(path)
            with self._lock:
                if self._abandon.is_set():  # what it began with is not trusted any more
                    raise _Interrupted
                self.models.accept(model)
                self._use(model)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, (EngineError, ModelError)):
                return replace(verdict, accepted=False, reasons=(
                    f'the gate accepted it, but there is no engine of it to be trusted: {error}',))
            raise
        return verdict

    def _use(self, model: Model) -> None:
        self._told_models()
        self._hand_over(model)

    def _save(self, adapter: Adapter, digest: str) -> None:
        try:
            if not self._abandon.is_set():
                save_state(self._state_file, adapter, digest)
        except Exception as error:
            self._saves.answer(error)
            raise
        given_up = self._abandon.is_set()
        self._saves.answer(TrainingError('the round was given up') if given_up else None)

    def _wants_stop(self) -> bool:
        return self._closing.is_set() or self._abandon.is_set() or not self._running.is_set()

    def _stop_if_wanted(self) -> None:
        if self._wants_stop():
            raise _Interrupted

    def _told_models(self) -> None:
        self.status.model = self.models.current
        previous = self.models.previous
        self.status.rollback_model = '' if previous is None else previous.name

    def _tell(self, state: State, message: str) -> None:
        changed = state != self.status.state or (
            message != self.status.message and state not in (State.COLLECTING, State.TRAINING))
        self.status.state, self.status.message = state, message
        if changed and not self._closing.is_set():  # then nobody listens any more
            self._on_change()

    @property
    def held_out_frames(self) -> int:
        """Frames kept apart for the verdict."""
        return self.buffer.store.count(HELD_OUT)
