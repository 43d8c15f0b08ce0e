# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The model that runs, and the one that is to replace it between two frames."""

from __future__ import annotations

from collections.abc import Callable
import logging
from pathlib import Path
import threading
from typing import Any

from depth_learning_ros.engine import open_engine
from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.errors import DepthLearningError
from depth_learning_ros.pipeline import MonoPipeline, Pipeline, StereoPipeline
from depth_learning_ros.stream.newest import NewestWorker
from depth_learning_ros.stream.settings import MonoSettings, StreamSettings

_log = logging.getLogger(__name__)

OnDone = Callable[[StreamSettings, 'Exception | None'], None]


def pipeline_of(engine: Engine, settings: StreamSettings) -> Pipeline:
    """Put an engine into the pipeline that the settings are for.

    Raises:
        EngineError, DataError, ModelError: the engine does not fit the settings.
    """
    if isinstance(settings, MonoSettings):
        return MonoPipeline(engine, settings.depth_options, fit=settings.fit)
    return StereoPipeline(engine, settings.depth_options)


def open_as_chosen(settings: StreamSettings, on_message: Callable[[str], None]) -> Engine:
    """Open the engine that the settings name."""
    choice: dict[str, Any] = dict(settings.engine_choice)
    cache_dir = choice.pop('cache_dir')
    choice['zoom'] = choice.get('zoom') or None  # 0 = automatic; mono models have none
    return open_engine(choice.pop('model'), **choice, on_message=on_message,
                       cache_dir=Path(cache_dir).expanduser() if cache_dir else None)


class ModelSlot:
    """Holds the pipeline that is in use; loads others in a thread of its own.

    A new model is opened, put into a pipeline and prepared for the present image size beside the
    old one. Only then it takes its place, when the worker next calls `take`. When any of that
    fails, the old one goes on. Of several requests the newest counts.

    Args:
        settings: the first ones; nothing is loaded before `request`.
        on_done: told (settings, None) or (settings, error) after each loading, by its thread;
            not of what was loaded for nobody, as the slot was closed meanwhile.
        on_message: told what takes long.
        open_model: opens an engine.
    """

    def __init__(self, settings: StreamSettings, on_done: OnDone,
                 on_message: Callable[[str], None] = _log.info,
                 open_model: Callable[[StreamSettings, Callable[[str], None]], Engine]
                 = open_as_chosen) -> None:
        self._settings, self._on_done, self._on_message = settings, on_done, on_message
        self._open = open_model
        self._current: Pipeline | None = None
        self._next: Pipeline | None = None
        self._size: tuple[int, int] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._loader = NewestWorker(self._load, 'model-loader')

    @property
    def info(self) -> EngineInfo | None:
        """What runs now, or takes over with the next frame; None when nothing was loaded yet."""
        with self._lock:
            newest = self._next or self._current
            return None if newest is None else newest.engine.info

    def request(self, settings: StreamSettings) -> None:
        """Load the model that the settings name; returns at once."""
        self._loader.put(settings)

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is being loaded; tell whether that came about."""
        return self._loader.wait_idle(timeout_s)

    def update(self, settings: StreamSettings) -> None:
        """Use other options with the engines that are loaded.

        Raises:
            EngineError, DataError: they do not fit the engine; nothing was changed.
        """
        with self._lock:
            renewed = [None if p is None else pipeline_of(p.engine, settings)
                       for p in (self._current, self._next)]
            self._current, self._next = renewed
            self._settings = settings

    def take(self) -> Pipeline | None:
        """Return the pipeline to use for the next frame; for one thread, between frames."""
        with self._lock:
            old = None
            if self._next is not None:
                old, self._current, self._next = self._current, self._next, None
            current = self._current
        if old is not None:
            old.close()
        return current

    def prepare(self, pipeline: Pipeline, height: int, width: int) -> None:
        """Prepare a pipeline for images of a size, when the last ones had another."""
        if self._size != (height, width):
            pipeline.prepare(height, width)
            self._size = height, width

    def close(self, timeout_s: float = 5.0) -> bool:
        """Close what is loaded; tell whether no loading goes on, which cannot be interrupted."""
        ended = self._loader.close(timeout_s)
        with self._lock:
            self._closed = True
            pipelines, self._current, self._next = (self._current, self._next), None, None
        for pipeline in pipelines:
            if pipeline is not None:
                pipeline.close()
        return ended

    def _load(self, settings: StreamSettings) -> None:
        try:
            installed = self._install(self._open(settings, self._on_message))
        except DepthLearningError as error:
            self._on_done(settings, error)
        except Exception as error:  # a damaged file can make a library raise anything
            _log.debug('loading %s', settings.model, exc_info=True)
            self._on_done(settings, error)
        else:
            if installed:
                self._on_done(settings, None)

    def _install(self, engine: Engine) -> bool:
        """Let an engine run next; tell whether it may, which it may not once all is closed."""
        try:
            pipeline_of(engine, self._settings)  # does it fit at all?
            if self._size is not None:
                pipeline_of(engine, self._settings).prepare(*self._size)
            with self._lock:
                # the options may have changed meanwhile
                ready = pipeline_of(engine, self._settings)
                replaced, self._next = self._next, ready
                closed = self._closed
        except BaseException:
            engine.close()
            raise
        if replaced is not None:
            replaced.close()
        if closed:
            self.take()
            self.close(0.0)
        return not closed
