# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What all engines on a GPU share: a session for each of the last sizes, and frames in flight."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine, checked_images
from depth_learning_ros.engine.gpu_session import Session, Shape

SIZES_IN_MEMORY = 2


class GpuEngine(Engine):
    """An engine whose network lies on a GPU."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Shape, Session] = OrderedDict()

    @abstractmethod
    def _make_session(self, shape: Shape) -> Session:
        """Prepare for a size, or say why not."""

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        images = checked_images(inputs, self.info)
        session = self._session(images[self.info.inputs[0]].shape)
        return session.collect(session.submit(images))

    def infer_ahead(self, frames: Iterable[Mapping[str, np.ndarray]]) -> Iterator[Arrays]:
        """Run frame after frame, each uploaded while the network works on the one before.

        Gives the results in order; one frame is read ahead.
        """
        waiting: tuple[Session, Any] | None = None
        for inputs in frames:
            images = checked_images(inputs, self.info)
            session = self._session(images[self.info.inputs[0]].shape,
                                    busy=waiting[0] if waiting else None)
            started = session, session.submit(images)
            if waiting is not None:
                yield waiting[0].collect(waiting[1])
            waiting = started
        if waiting is not None:
            yield waiting[0].collect(waiting[1])

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`."""
        self._session((1, height, width, 3))

    def session(self, height: int, width: int) -> Session:
        """Give what runs one frame of that size: for timing."""
        return self._session((1, height, width, 3))

    def close(self) -> None:
        """Free the GPU's memory."""
        while self._sessions:
            self._sessions.popitem()[1].close()

    def _session(self, image_shape: tuple[int, ...], busy: Session | None = None) -> Session:
        shape: Shape = image_shape[0], image_shape[1], image_shape[2]
        if shape in self._sessions:
            self._sessions.move_to_end(shape)
            return self._sessions[shape]
        while len(self._sessions) >= SIZES_IN_MEMORY:
            oldest = next(key for key, value in self._sessions.items() if value is not busy)
            self._sessions.pop(oldest).close()
        self._sessions[shape] = self._make_session(shape)
        return self._sessions[shape]
