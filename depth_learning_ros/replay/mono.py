# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a bag's messages to decoded images of a single camera, one after the other."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
import time

from depth_learning_ros.errors import CalibrationError, DataError, MessageError
from depth_learning_ros.messages import image_to_rgb, mono_camera_from_info
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.replay.mono_topics import MonoTopics
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.pairs import Frame, PairSource, Seen, Window
from depth_learning_ros.replay.report import Statistics
from depth_learning_ros.stream.infos import WithInfos
from depth_learning_ros.types import MonoFrame


class MonoSource(PairSource):
    """Iterates over `Frame`s of single images, and tuples of messages to be copied."""

    def __init__(self, bag: Bag, topics: MonoTopics, window: Window, options: ReplayOptions,
                 statistics: Statistics, copied: Iterable[str], baseline_m: float) -> None:
        """Take what is to be read; ``baseline_m`` is the virtual one of the model."""
        super().__init__(bag, topics, window, options, statistics, copied)
        self._baseline_m = baseline_m

    @property
    def sync_mode(self) -> str:
        """There is nothing to bring together."""
        return 'none'

    def dropped(self) -> tuple[dict[str, dict[str, int]], dict[str, array[float]]]:
        """Return nothing: no image needs a partner."""
        return {}, {}

    def _matched(self, side: str, seen: Seen) -> list[tuple[Seen, ...]]:
        return [(seen,)]

    def _decode(self, found: WithInfos, read_s: float) -> Frame | None:
        seen: Seen = found.pair[0]
        start = time.perf_counter()
        try:
            camera = mono_camera_from_info(found.left_info, self._baseline_m)
            image = MonoFrame(image_to_rgb(seen.message), camera, seen.stamp_ns,
                              seen.message.header.frame_id)
        except (MessageError, CalibrationError, DataError) as error:
            self._statistics.skip(str(error))
            return None
        self._warn_unrectified(found)
        copied = (seen.raw,) if seen.raw.topic in self._copied else ()
        return Frame(image, seen.message.header, seen.raw.log_time_ns, copied,
                     {'read': read_s, 'decode': time.perf_counter() - start})
