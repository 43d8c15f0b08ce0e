# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logged bags as what adaptation_node learns from, instead of a camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
import logging
from pathlib import Path
import threading
from typing import Any

from depth_learning_ros.adaptation.check_pairs import CHECKED_PAIRS, PairError, check_pairs
from depth_learning_ros.adaptation.frames import Stretches, lay_out, stretch_length
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.files import atomic_write
from depth_learning_ros.replay.frames import bag_pairs, count_pairs, sample_pairs
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.topics import TopicWishes
from depth_learning_ros.types import StereoPair

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Reading:
    """How far a bag was read.

    Attributes:
        read: so many pairs of it are done with, all that there were then.
        stretches: roles of those behind them, once they were begun with: whoever reads them again
            gives each the role that it had.
    """

    read: int = 0
    stretches: Stretches | None = None

    @classmethod
    def from_json(cls, found: Any) -> _Reading:
        if isinstance(found, int):
            return cls(found)
        return cls(int(found['read']),
                   Stretches(max(1, int(found['stretch'])), int(found['first'])))

    def to_json(self) -> Any:
        if self.stretches is None:
            return self.read
        return {'read': self.read, 'stretch': self.stretches.length,
                'first': self.stretches.first}


class BagFeeder:
    """Offers pairs of bags, spread evenly over all of them, in a thread of its own.

    A bag that was read to its end is not read again by the next process: its frames are kept. Of
    one that grew since then, what is new is read.

    Args:
        bags: rosbag2 folders, .mcap, .db3 or ROS 1 .bag files.
        topics: which images; what is not told is found.
        most: pairs offered of all bags together.
        record: file that says which bags were read.
        offer: takes a pair and its role; raises DataError when it cannot be kept.
        when_read: called from the thread at the end.

    Attributes:
        every: every n-th pair is offered.
        expected: how many that will be.
        offered: how many it were so far.

    Raises:
        BagError: a bag cannot be opened, or holds no stereo pair.
    """

    def __init__(self, bags: Sequence[Path], topics: TopicWishes, most: int, record: Path,
                 offer: Callable[[StereoPair, str], object],
                 when_read: Callable[[], object] = lambda: None) -> None:
        self._record, self._offer, self._when_read = record, offer, when_read
        self._options = ReplayOptions(topics=topics)
        self._known = self._read_record()
        self._counts = {bag: count_pairs(bag, self._options)
                        for bag in dict.fromkeys(bag.resolve() for bag in bags)}
        for bag, count in self._counts.items():
            if self._reading(bag).read > count:
                del self._known[str(bag)]  # another one of that name
        left = {bag: count - self._reading(bag).read for bag, count in self._counts.items()
                if count != self._reading(bag).read}
        total = sum(left.values())
        self.every = max(1, -(-total // most))
        self.expected = sum(-(-self._counts[bag] // self.every)
                            - -(-self._reading(bag).read // self.every) for bag in left)
        length = self.every * stretch_length(total // self.every)
        self._left = dict(zip(left, lay_out(list(left.values()), length), strict=True))
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
        for bag, stretches in self._left.items():
            try:
                self._check(bag)
                self._feed(bag, self._begin(bag, stretches))
            except PairError as error:
                _log.warning('%s is left out: %s', bag, error)
            except (BagError, DataError) as error:
                _log.warning('%s was not read to its end: %s', bag, error)
            else:
                if self._closing.is_set():
                    return
                self._note(bag, _Reading(self._counts[bag]))
        self._done.set()
        self._when_read()

    def _check(self, bag: Path) -> None:
        """Look at a few pairs before any is offered: a swapped bag would spoil the others."""
        found = [(pair.left, pair.right)
                 for pair in sample_pairs(bag, CHECKED_PAIRS, self._options)]
        if found:
            check_pairs(found)

    def _begin(self, bag: Path, stretches: Stretches) -> _Reading:
        reading = self._reading(bag)
        if reading.stretches is None:
            reading = _Reading(reading.read, stretches)
            self._note(bag, reading)
        return reading

    def _feed(self, bag: Path, reading: _Reading) -> None:
        assert reading.stretches is not None
        for number, pair in enumerate(bag_pairs(bag, self._options, self.every)):
            index = number * self.every - reading.read
            if index < 0:
                continue
            if self._closing.is_set():
                return
            self._offer(pair, reading.stretches.role(index))
            self.offered += 1

    def _reading(self, bag: Path) -> _Reading:
        return self._known.get(str(bag), _Reading())

    def _note(self, bag: Path, reading: _Reading) -> None:
        self._known[str(bag)] = reading
        try:
            with atomic_write(self._record, force=True, mode='w') as file:
                json.dump({name: known.to_json() for name, known in self._known.items()}, file,
                          indent=1)
        except DataError as error:
            _log.warning('the next process will read the bags again: %s', error)

    def _read_record(self) -> dict[str, _Reading]:
        try:
            found = json.loads(self._record.read_text())
            return {str(bag): _Reading.from_json(value) for bag, value in found.items()}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}
