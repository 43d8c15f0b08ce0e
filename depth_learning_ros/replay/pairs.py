# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a bag's messages to decoded stereo pairs, one after the other."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
import logging
import time
from typing import Any

import numpy as np

from depth_learning_ros.cdr.store import CAMERA_INFO, read_message
from depth_learning_ros.errors import CalibrationError, DataError, MessageError
from depth_learning_ros.messages import stamp_ns
from depth_learning_ros.replay.bag import Bag, RawMessage
from depth_learning_ros.replay.mono_topics import MonoTopics
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.report import Statistics
from depth_learning_ros.replay.topics import StereoTopics
from depth_learning_ros.stream.decode import PairDecoder
from depth_learning_ros.stream.infos import CameraInfos, WithInfos
from depth_learning_ros.stream.sync import SIDES, StereoSync
from depth_learning_ros.types import MonoFrame, StereoPair

_log = logging.getLogger(__name__)

# Without a single good pair among so many, the rest of the bag will not be better.
GIVE_UP_AFTER = 100
# A camera_info topic with so few messages is read as a whole before the replay begins.
_FEW_INFOS = 16


# Messages that are handed on together, so that a topic of 1000 Hz costs no thread switch each.
_BATCH = 64
Messages = tuple[RawMessage, ...]


@dataclass(frozen=True)
class Seen:
    """An image message, both as bytes and as fields."""

    raw: RawMessage
    message: Any
    stamp_ns: int


@dataclass(frozen=True)
class Frame:
    """A pair, or a single image, that is ready for the engine.

    Attributes:
        pair: decoded images with their camera.
        header: of the left image message.
        log_time_ns: when the later of the two images was recorded.
        inputs: messages to be copied with it: what came before, and its images.
        seconds: wall time spent so far: ``read``, ``decode``.
    """

    pair: StereoPair | MonoFrame
    header: Any
    log_time_ns: int
    inputs: Messages
    seconds: dict[str, float]


@dataclass(frozen=True)
class Window:
    """The log times to be replayed, [start_ns, stop_ns)."""

    start_ns: int
    stop_ns: int


class PairSource:
    """Iterates over `Frame`s, and tuples of messages that are only to be copied."""

    def __init__(self, bag: Bag, topics: StereoTopics | MonoTopics, window: Window,
                 options: ReplayOptions, statistics: Statistics,
                 copied: Iterable[str] = ()) -> None:
        self._bag, self._topics, self._window, self._options = bag, topics, window, options
        self._statistics = statistics
        self._copied = frozenset(copied)
        self._sides, self._info_sides = topics.sides, topics.info_sides
        self.sync: StereoSync[Seen] = options.make_sync()
        self._infos = CameraInfos(tuple(self._info_sides.values()))
        self._count = 0
        self._decoder = PairDecoder()

    def __iter__(self) -> Iterator[Frame | Messages]:
        with closing(self._decoder):
            yield from self._items()

    def _items(self) -> Iterator[Frame | Messages]:
        good = 0
        copies = list(self._first_infos())
        for item, read_s in _timed(self._raw_items()):
            if isinstance(item, RawMessage):
                copies.append(item)
                if len(copies) >= _BATCH:
                    yield tuple(copies)
                    copies = []
                continue
            self._count += 1
            if (self._count - 1) % self._options.every:
                continue
            frame = self._decode(item, read_s)
            if frame is not None:
                good += 1
                yield replace(frame, inputs=(*copies, *frame.inputs))
                copies = []
            elif not good and self._count >= GIVE_UP_AFTER * self._options.every:
                return
        yield tuple(copies)

    def _first_infos(self) -> Iterator[RawMessage]:
        """Read camera_info that was recorded before the window, or behind the first images."""
        for topic, side in self._info_sides.items():
            few = self._bag.topics[topic].count <= _FEW_INFOS
            found = self._bag.messages([topic])
            for raw in islice(found, _FEW_INFOS if few else 1):
                info = self._read_info(side, raw)
                if info is None:
                    continue
                self._infos.add_info(side, _info_stamp_ns(info, raw), info)
                if topic in self._copied and not self._inside(raw):
                    yield replace(raw, log_time_ns=self._window.start_ns)

    def _inside(self, raw: RawMessage) -> bool:
        return self._window.start_ns <= raw.log_time_ns < self._window.stop_ns

    def _raw_items(self) -> Iterator[WithInfos | RawMessage]:
        wanted = {*self._sides, *self._info_sides, *self._copied}
        for raw in self._bag.messages(wanted, self._window.start_ns, self._window.stop_ns):
            if raw.topic in self._info_sides:
                yield from self._add_info(self._info_sides[raw.topic], raw)
            elif raw.topic in self._sides:
                yield from self._add_image(self._sides[raw.topic], raw)
            else:
                yield raw
        for pair in self.sync.flush():
            yield from self._infos.add_pair(pair[0].stamp_ns, pair)
        yield from self._infos.flush()

    def _add_info(self, side: str, raw: RawMessage) -> Iterator[WithInfos | RawMessage]:
        info = self._read_info(side, raw)
        if info is None:
            self._statistics.skip(f'{side} camera_info: not readable')
            return
        if raw.topic in self._copied:
            yield raw
        yield from self._infos.add_info(side, _info_stamp_ns(info, raw), info)

    def _read_info(self, side: str, raw: RawMessage) -> Any:
        try:
            return read_message(raw.data, CAMERA_INFO)
        except MessageError as error:
            _log.info('%s camera_info: %s', side, error)
            return None

    def _add_image(self, side: str, raw: RawMessage) -> Iterator[WithInfos]:
        try:
            message = read_message(raw.data, self._bag.topics[raw.topic].type_name)
        except MessageError as error:
            self._statistics.skip(f'{side} image: {error}')
            return
        stamp = stamp_ns(message.header)
        if not stamp:
            self._statistics.warn(f'stamps of {raw.topic} are 0: the times of recording are used '
                                  f'to bring left and right together')
        seen = Seen(raw, message, stamp or raw.log_time_ns)
        for pair in self._matched(side, seen):
            yield from self._infos.add_pair(pair[0].stamp_ns, pair)

    def _matched(self, side: str, seen: Seen) -> Sequence[tuple[Seen, ...]]:
        """Take an image, and return the pairs that are complete now."""
        return self.sync.add(side, seen.stamp_ns, seen)

    def _decode(self, found: WithInfos, read_s: float) -> Frame | None:
        left, right = found.pair
        start = time.perf_counter()
        try:
            pair = self._decoder.pair(left.message, right.message, found.left_info,
                                      found.right_info, self._options.baseline_m)
            pair = replace(pair, stamp_ns=left.stamp_ns)  # of the recording where it has none
        except (MessageError, CalibrationError, DataError) as error:
            self._statistics.skip(str(error))
            return None
        self._warn_unrectified(found)
        self._statistics.stamp_gaps_ms.append(abs(right.stamp_ns - left.stamp_ns) / 1e6)
        return Frame(
            pair, left.message.header, max(left.raw.log_time_ns, right.raw.log_time_ns),
            tuple(seen.raw for seen in found.pair if seen.raw.topic in self._copied),
            {'read': read_s, 'decode': time.perf_counter() - start})

    def _warn_unrectified(self, found: WithInfos) -> None:
        if 'raw' in self._topics.left and 'rect' not in self._topics.left \
                and np.any(found.left_info.d):
            self._statistics.warn(
                f'{self._topics.left} is called raw and its camera_info has lens distortion: '
                f'results are right only if the images are rectified all the same')

    @property
    def sync_mode(self) -> str:
        """How images are brought together."""
        return self.sync.mode

    def dropped(self) -> tuple[dict[str, dict[str, int]], dict[str, array[float]]]:
        """Return the images without partner by topic and cause, and their gaps in ms by topic."""
        names = {side: topic for topic, side in self._sides.items()}
        return ({names[s]: dict(self.sync.dropped[s]) for s in SIDES if self.sync.dropped[s]},
                {names[s]: self.sync.drop_gaps_ms[s] for s in SIDES if self.sync.drop_gaps_ms[s]})


def _timed(items: Iterator[WithInfos | RawMessage],
           ) -> Iterator[tuple[WithInfos | RawMessage, float]]:
    """Yield items and the seconds that getting a pair took, without what is done in between."""
    seconds = 0.0
    while True:
        start = time.perf_counter()
        try:
            item = next(items)
        except StopIteration:
            return
        seconds += time.perf_counter() - start
        yield item, seconds
        if not isinstance(item, RawMessage):
            seconds = 0.0


def _info_stamp_ns(info: Any, raw: RawMessage) -> int:
    return stamp_ns(info.header) or raw.log_time_ns
