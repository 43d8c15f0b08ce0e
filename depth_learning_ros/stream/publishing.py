# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The results of a frame go out as soon as they are there, while others are still computed."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any

import numpy as np

from depth_learning_ros.messages import MessageWriter, result_messages
from depth_learning_ros.messages.outputs import DEPTH_INFOS
from depth_learning_ros.pipeline import ResultSink, StereoResult
from depth_learning_ros.stream.outlet import Outlet
from depth_learning_ros.stream.settings import StreamSettings


class ResultPublisher:
    """Makes the messages of results, and gives them to the outlet.

    Has a thread for what is ready before the rest: sending a disparity takes about as long as
    computing the cloud.
    """

    def __init__(self, outlet: Outlet, writer: MessageWriter) -> None:
        self._outlet, self._writer = outlet, writer
        self._helper = ThreadPoolExecutor(1, 'stream-publisher')

    def frame(self, header: Any, topics: Collection[str],
              settings: StreamSettings) -> Publication:
        """Begin a frame.

        Args:
            header: of its left, or only, image.
            topics: that are wanted, out of ``messages.OUTPUT_TYPES``.
            settings: tell the encoding of depth and the frame of scans.
        """
        return Publication(self, header, topics, settings)

    def submit(self, *arguments: Any) -> Future[None]:
        """Let the thread `send`."""
        return self._helper.submit(self.send, *arguments)

    def send(self, result: StereoResult, header: Any, topics: Collection[str],
             settings: StreamSettings) -> None:
        """Publish some topics of a result.

        Raises:
            DepthLearningError: a message cannot be made.
        """
        for topic, message in result_messages(self._writer, result, header, topics,
                                              settings.depth_encoding, settings.scan_frame_id):
            self._outlet.publish(topic, message)

    def cloud_memory(self, height: int, width: int) -> np.ndarray | None:
        """See `Outlet.cloud_memory`."""
        return self._outlet.cloud_memory(height, width)

    def close(self) -> None:
        """End the thread when it is done; for when all frames are finished."""
        self._helper.shutdown(wait=False)


class Publication(ResultSink):
    """The messages of one frame, for one thread; a context manager.

    At its end nothing is being sent any more: arrays of the result may be used again.
    """

    def __init__(self, publisher: ResultPublisher, header: Any, topics: Collection[str],
                 settings: StreamSettings) -> None:
        self._publisher, self._header, self._settings = publisher, header, settings
        self._missing = set(topics)
        self._sending: list[Future[None]] = []

    def cloud_memory(self, height: int, width: int) -> np.ndarray | None:
        """See `ResultSink`."""
        if 'points2' not in self._missing:
            return None
        return self._publisher.cloud_memory(height, width)

    def ready(self, result: StereoResult) -> None:
        """Send in the other thread what the result holds already, and return at once."""
        ready = frozenset(self._missing & _topics_in(result))
        if ready:
            self._missing -= ready
            self._sending.append(self._publisher.submit(
                result, self._header, ready, self._settings))

    def finish(self, result: StereoResult) -> None:
        """Send the rest, after what went before.

        Raises:
            Exception: what went wrong first.
        """
        wait(self._sending)
        if self._missing:
            self._publisher.send(result, self._header, self._missing, self._settings)
        for sent in self._sending:
            sent.result()

    def __enter__(self) -> Publication:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        wait(self._sending)


def _topics_in(result: StereoResult) -> set[str]:
    """Return the topics that can be published now."""
    there = {'disparity': result.disparity, 'depth': result.depth, 'points2': result.points,
             'confidence': result.confidence, 'scan': result.scan}
    found = {name for name, value in there.items() if value is not None}
    return found.union(DEPTH_INFOS) if 'depth' in found else found
