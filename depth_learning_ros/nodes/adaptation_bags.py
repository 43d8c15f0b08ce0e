# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logged bags as what adaptation_node learns from, instead of a camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
import logging
from pathlib import Path
import threading

from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.files import atomic_write
from depth_learning_ros.replay.frames import bag_pairs, count_pairs
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.topics import TopicWishes
from depth_learning_ros.types import StereoPair

_log = logging.getLogger(__name__)


class BagFeeder:
    """Offers pairs of bags, spread evenly over all of them, in a thread of its own.

    A bag that was read to its end is not read again by the next process: its frames are kept.

    Args:
        bags: rosbag2 folders, .mcap, .db3 or ROS 1 .bag files.
        topics: which images; what is not told is found.
        most: pairs offered of all bags together.
        record: file that says which bags were read.
        offer: takes a pair; raises DataError when it cannot be kept.
        when_read: called from the thread at the end.

    Attributes:
        every: every n-th pair is offered.
        expected: how many that will be.
        offered: how many it were so far.

    Raises:
        BagError: a bag cannot be opened, or holds no stereo pair.
    """

    def __init__(self, bags: Sequence[Path], topics: TopicWishes, most: int, record: Path,
                 offer: Callable[[StereoPair], object],
                 when_read: Callable[[], object] = lambda: None) -> None:
        self._record, self._offer, self._when_read = record, offer, when_read
        self._options = ReplayOptions(topics=topics)
        self._read = self._read_before()
        counts = {bag.resolve(): count_pairs(bag, self._options) for bag in bags}
        self._left = {bag: count for bag, count in counts.items()
                      if self._read.get(str(bag)) != count}
        total = sum(self._left.values())
        self.every = max(1, -(-total // most))
        self.expected = total // self.every
        self.offered = 0
        self._closing, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name='adaptation-bags', daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether all bags were read, as far as they can be."""
        return self._done.is_set()

    def close(self) -> None:
        """Stop after the pair that is being read."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        for bag, count in self._left.items():
            try:
                self._feed(bag)
            except (BagError, DataError) as error:
                _log.warning('%s was not read to its end: %s', bag, error)
            else:
                if self._closing.is_set():
                    return
                self._read[str(bag)] = count
                self._write()
        self._done.set()
        self._when_read()

    def _feed(self, bag: Path) -> None:
        for pair in bag_pairs(bag, self._options, self.every):
            if self._closing.is_set():
                return
            self._offer(pair)
            self.offered += 1

    def _read_before(self) -> dict[str, int]:
        try:
            found = json.loads(self._record.read_text())
            return {str(bag): int(count) for bag, count in found.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        try:
            with atomic_write(self._record, force=True, mode='w') as file:
                json.dump(self._read, file, indent=1)
        except DataError as error:
            _log.warning('the next process will read the bags again: %s', error)
