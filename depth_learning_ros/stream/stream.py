# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames in, results out, as fast as the engine goes: the part that every live process shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
import logging
from pathlib import Path
import threading
import time
from typing import Any, Generic, TypeVar

from depth_learning_ros.errors import CalibrationError, DepthLearningError
from depth_learning_ros.geometry.resize import fit_camera
from depth_learning_ros.messages import OUTPUT_TYPES, MessageWriter
from depth_learning_ros.messages.outputs import DEPTH_INFOS
from depth_learning_ros.pipeline import Pipeline, ResultSink, StereoResult
from depth_learning_ros.stream.diagnosis import Diagnosis, diagnosis_of
from depth_learning_ros.stream.model import ModelSlot, open_as_chosen
from depth_learning_ros.stream.newest import NewestWorker
from depth_learning_ros.stream.outlet import TF_STATIC, Outlet
from depth_learning_ros.stream.publishing import ResultPublisher
from depth_learning_ros.stream.say_once import SayOnce
from depth_learning_ros.stream.settings import StreamSettings
from depth_learning_ros.stream.statistics import StreamStatistics
from depth_learning_ros.types import StereoCamera

_log = logging.getLogger(__name__)

Frame = TypeVar('Frame', bound='StreamFrame')
Input = TypeVar('Input')

NO_MODEL = 'no model is loaded yet'
REPLACED = 'a newer one came before the engine was free'
BAD_INPUT = 'the images or their camera_info cannot be used'
FAILED = 'the engine failed'
NO_INFO = 'no camera_info came yet'


@dataclass(frozen=True)
class StreamFrame:
    """Messages that belong together, of one instant.

    Attributes:
        header: of the left, or only, image.
        stamp_ns: of that header.
    """

    header: Any
    stamp_ns: int


class Stream(ABC, Generic[Frame, Input]):
    """Owns the model, the worker, the figures and what is said; a transport brings the messages.

    Threads: messages come in by the transport's threads; frames are processed by one worker, which
    publishes what is computed last; what is there before is published by a helper meanwhile;
    models are loaded by another thread.
    """

    inputs: tuple[str, ...]
    """Names of the incoming topics, for figures."""
    topics: tuple[str, ...] = tuple(OUTPUT_TYPES)
    """Names of the topics that it may publish."""

    def __init__(self, outlet: Outlet, settings: StreamSettings, *,
                 open_model: Any = open_as_chosen) -> None:
        self.outlet, self.settings = outlet, settings
        self.statistics = StreamStatistics(self.inputs)
        self.said = SayOnce(outlet.say)
        self.model = ModelSlot(settings, self._model_done, self._tell, open_model)
        self._checks_files = open_model is open_as_chosen
        self._loaded: StreamSettings | None = None
        self._requested_file: tuple[int, ...] | None = None
        self._loaded_file: tuple[int, ...] | None = None
        self._writer = MessageWriter(outlet.make)
        self._publisher = ResultPublisher(outlet, self._writer)
        self._worker: NewestWorker[Frame] = NewestWorker(
            self._process, 'stream-worker', self._replaced)
        self._active = False
        self._scan_tie: tuple[Any, ...] | None = None
        self._settings_lock = threading.Lock()

    def load_model(self) -> None:
        """Begin to load the model that the settings name; see `model.wait`."""
        self._requested_file = _file_of(self.settings)
        self.model.request(self.settings)

    def activate(self) -> None:
        """Process frames from now on."""
        self._active = True

    def deactivate(self) -> None:
        """Let frames pass; one that is being worked on is still published."""
        self._active = False
        self._worker.clear()

    @property
    def active(self) -> bool:
        """Whether frames are processed."""
        return self._active

    def check(self, changes: Mapping[str, Any]) -> StreamSettings:
        """Return the settings with changes, without using them.

        Raises:
            DepthLearningError: a value is outside its range, or there is no such model file.
        """
        changed = self.settings.changed(changes)
        if changed.engine_choice != self.settings.engine_choice:
            self._check_model(changed)
        return changed

    def update(self, changes: Mapping[str, Any]) -> None:
        """Use other settings from the next frame on; another model as soon as it is loaded.

        Naming the same model again loads it again if its file has changed.

        Raises:
            DepthLearningError: they cannot be used; nothing was changed.
        """
        with self._settings_lock:
            changed = self.check(changes)
            self.model.update(changed)
            before, self.settings = self.settings, changed
        named_again = 'model' in changes and _file_of(changed) != self._loaded_file
        if changed.engine_choice != before.engine_choice or named_again:
            self.load_model()

    def diagnose(self) -> Diagnosis:
        """Tell how the stream is doing; call it every second or so, as it also says what stops."""
        figures = self.statistics.figures()
        if self._active:
            self._watch_inputs(figures.silent_s)
        return diagnosis_of(figures, self.model.info, self.said.present(), self._active)

    def close(self, timeout_s: float = 5.0) -> bool:
        """End the threads and close the model; tell whether all ended in time."""
        self.deactivate()
        # an engine that still computes must not be closed under it
        ended = self._worker.close(timeout_s) and self.model.close(timeout_s)
        self._publisher.close()
        return ended

    @abstractmethod
    def _decode(self, frame: Frame) -> Input:
        """Make what the pipeline takes.

        Raises:
            MessageError, CalibrationError, DataError: it cannot be.
        """

    @abstractmethod
    def _camera_of(self, decoded: Input, pipeline: Pipeline) -> tuple[StereoCamera, int, int]:
        """Return the camera, and height and width of the image."""

    @abstractmethod
    def _run(self, pipeline: Any, decoded: Input, outputs: Collection[str],
             sink: ResultSink) -> StereoResult:
        """Run the pipeline."""

    def _put(self, frame: Frame) -> None:
        """Give a frame to the worker."""
        if self._active:
            self._worker.put(frame)

    def _process(self, frame: Frame) -> None:
        wanted = self._wanted()
        if not wanted or not self._active:
            self.statistics.nobody_listened()
            return
        pipeline = self.model.take()
        if pipeline is None:
            self.statistics.dropped(NO_MODEL)
            return
        try:
            start = time.perf_counter()
            decoded = self._decode(frame)
            decode_s = time.perf_counter() - start
            camera, height, width = self._camera_of(decoded, pipeline)
        except DepthLearningError as error:
            self._lost(BAD_INPUT, 'input', error)
            return
        self.said.fine('input')
        try:
            self.model.prepare(pipeline, height, width)
            self._publish(frame, camera, (height, width), wanted,
                          lambda *rest: self._run(pipeline, decoded, *rest), decode_s)
        except CalibrationError as error:
            self._lost(BAD_INPUT, 'camera', error)
        except Exception as error:  # of an engine's library: the next frame may do
            if not isinstance(error, DepthLearningError):
                _log.debug('a frame failed', exc_info=True)
            self._lost(FAILED, 'engine', error)
        else:
            self.said.fine('engine')
            self.said.fine('camera')

    def _publish(self, frame: Frame, camera: StereoCamera, size: tuple[int, int],
                 wanted: frozenset[str], run: Any, decode_s: float) -> None:
        settings = self.settings
        outputs = wanted.difference(DEPTH_INFOS)
        if not outputs:  # only camera_info is listened to, for which no engine need run
            info = self._writer.camera_infos(fit_camera(camera, size[1], size[0]),
                                             frame.header)[0]
            for name in sorted(wanted):
                self.outlet.publish(name, info)
            return
        with self._publisher.frame(frame.header, wanted, settings) as publication:
            result = run(outputs, publication)
            start = time.perf_counter()
            publication.finish(result)
        if result.scan is not None and not settings.scan_frame_id:
            self._tie_scan(result, frame.header)
        if 'confidence' in outputs and result.confidence is None:
            self.said.problem('confidence', f'{self._model_name()} gives no confidence, so none '
                              'is published')
        seconds = {'decode': decode_s, **result.seconds,
                   'publish': time.perf_counter() - start}
        latency_s = (self.outlet.now_ns() - frame.stamp_ns) / 1e9
        self.statistics.published(latency_s, seconds)

    def _tie_scan(self, result: StereoResult, header: Any) -> None:
        """Tell how the scan's own frame lies, when that is new."""
        assert result.scan is not None
        tie = header.frame_id, result.scan.rotation
        if tie != self._scan_tie:
            self._scan_tie = tie
            self.outlet.publish(TF_STATIC, self._writer.scan_transform(result, header))

    def _wanted(self) -> frozenset[str]:
        """Return the topics to be published, of those that somebody listens to."""
        allowed = {*self.settings.outputs,
                   *(DEPTH_INFOS if 'depth' in self.settings.outputs else ())}
        return frozenset(self.outlet.wanted()) & allowed & frozenset(self.topics)

    def _lost(self, cause: str, about: str, error: Exception) -> None:
        self.statistics.dropped(cause)
        self.said.problem(about, str(error) or type(error).__name__)

    def _replaced(self, old: Frame, new: Frame) -> None:
        self.statistics.dropped(REPLACED, abs(new.stamp_ns - old.stamp_ns) / 1e6)

    def _model_done(self, settings: StreamSettings, error: Exception | None) -> None:
        """Take note of a model that was loaded, or not; runs in the loading thread."""
        running = self.model.info
        if error is None:
            assert running is not None
            self._loaded, self._loaded_file = settings, self._requested_file
            self.statistics.restart()
            self.said.fine('model', at_once=True)
            away = '' if running.error_px is None else f', {running.error_px:.2g} px from PyTorch'
            self._tell(f'{running.model} runs on {running.backend} in {running.precision}{away}')
            return
        goes_on = f'; {running.model} goes on' if running else ''
        self.said.problem('model', f'{settings.model} cannot be used: {error}{goes_on}',
                          'warning' if running else 'error')
        if self._loaded is not None:
            self._revert(settings, self._loaded.engine_choice)

    def _revert(self, failed: StreamSettings, choice: Mapping[str, Any]) -> None:
        """Let the settings name the model that goes on, unless yet another was asked for."""
        with self._settings_lock:
            if self.settings.engine_choice != failed.engine_choice:
                return
            self.settings = self.settings.changed(choice)
        self.outlet.reverted({name: value for name, value in choice.items()
                              if failed.engine_choice[name] != value})

    def _check_model(self, settings: StreamSettings) -> None:
        from depth_learning_ros.engine.sources import CLASSICAL, find_source
        if self._checks_files and settings.model not in CLASSICAL:
            find_source(settings.model)

    def _watch_inputs(self, silent_s: Mapping[str, float | None]) -> None:
        limit = self.settings.stale_after_s
        images = [name for name in self.inputs if name.endswith('image')]
        silent = [name for name in images
                  if (since := silent_s[name]) is None or since > limit]
        if not silent:
            self.said.fine('silence', at_once=True)
            return
        others = [name for name in images if name not in silent]
        never = all(silent_s[name] is None for name in silent)
        since_when = 'nothing came yet' if never else f'nothing came for {limit:g} s'
        other = f', though {" and ".join(others)} come{"" if len(others) > 1 else "s"}' \
            if others else ''
        self.said.problem('silence', f'{since_when} on {" and ".join(silent)}{other}')

    def _tell(self, text: str) -> None:
        self.outlet.say('info', text)

    def _model_name(self) -> str:
        info = self.model.info
        return info.model if info is not None else self.settings.model


def _file_of(settings: StreamSettings) -> tuple[int, ...] | None:
    """Return what tells the model's file from another of its name; None for names."""
    try:
        found = Path(settings.model).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
