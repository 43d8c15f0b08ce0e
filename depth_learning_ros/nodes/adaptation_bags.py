# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logged bags as what adaptation_node learns from, instead of a camera."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
import json
import logging
from pathlib import Path
import threading
from typing import Any

from depth_learning_ros.adaptation.check_pairs import CHECKED_PAIRS, PairError, check_pairs
from depth_learning_ros.adaptation.pictures import shows_nothing
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.files import atomic_write
from depth_learning_ros.replay.frames import bag_pairs, extent, sample_pairs
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.topics import TopicWishes
from depth_learning_ros.types import StereoPair

_log = logging.getLogger(__name__)

_CAUSES_TOLD = 4  # of a bag


@dataclass(frozen=True)
class _Reading:
    """How far a bag was read.

    Attributes:
        read: the first so many pairs of it are done with.
        start_ns: when it begins, which tells it from another bag of its name; None = not known.
        images: topics of the left and of the right image; None = not known.
    """

    read: int = 0
    start_ns: int | None = None
    images: tuple[str, str] | None = None

    @classmethod
    def from_json(cls, found: Any) -> _Reading:
        if isinstance(found, int):  # as it was written once
            return cls(found)
        start_ns, images = found.get('start_ns'), found.get('images')
        return cls(int(found['read']), None if start_ns is None else int(start_ns),
                   None if images is None else (str(images[0]), str(images[1])))


class BagFeeder:
    """Offers pairs of bags, spread evenly over all of them, in a thread of its own.

    What was read of a bag is not read again by the next process, however this one ends: its frames
    are kept. Of a bag that grew since then, what is new is read.

    Args:
        bags: rosbag2 folders, .mcap, .db3 or ROS 1 .bag files.
        topics: which images; what is not told is found.
        most: pairs offered of all bags together.
        record: file that says how far bags were read; it belongs beside what `take` keeps, to be
            deleted with it.
        take: keeps a pair; raises DataError when it cannot.
        deal: called when all bags are read, to give what was kept its roles.
        when_read: called from the thread at the end.

    Attributes:
        every: every n-th pair is offered.
        expected: how many that will be.
        offered: how many it were so far.
        left_out: bags that were not read to their end, and why, for people.

    Raises:
        BagError: a bag cannot be opened, or holds no stereo pair.
    """

    def __init__(self, bags: Sequence[Path], topics: TopicWishes, most: int, record: Path,
                 take: Callable[[StereoPair], object], deal: Callable[[], object],
                 when_read: Callable[[], object] = lambda: None) -> None:
        self._record, self._take, self._deal, self._when_read = record, take, deal, when_read
        self._options = ReplayOptions(topics=topics)
        self._known = self._read_record()
        self._extents = {bag: extent(bag, self._options)
                         for bag in dict.fromkeys(bag.resolve() for bag in bags)}
        begun = {bag: self._read_of(bag) for bag in self._extents}
        self._left = {bag: read for bag, read in begun.items() if read < self._pairs(bag)}
        total = sum(self._pairs(bag) - read for bag, read in self._left.items())
        self.every = max(1, -(-total // most))
        self.expected = sum(-(-self._pairs(bag) // self.every) - -(-read // self.every)
                            for bag, read in self._left.items())
        self.offered = 0
        self.left_out: list[str] = []
        self._unrecorded = False
        self._closing, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name='adaptation-bags', daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether all bags were read, as far as they can be."""
        return self._done.is_set()

    def close(self, timeout_s: float = 10.0) -> bool:
        """Stop after the pair that is being read, and tell whether that ended in time."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        for bag, read in self._left.items():
            try:
                self._check(bag)
                self._feed(bag, read)
            except PairError as error:
                _log.warning('%s is left out: %s', bag, error)
                self.left_out.append(f'{bag.name}, {error.what}')
            except (BagError, DataError) as error:
                _log.warning('%s was not read to its end: %s', bag, error)
                self.left_out.append(f'{bag.name}, {error}')
            except Exception as error:  # a thread that ends would let the node wait for ever
                _log.exception('%s was not read to its end', bag)
                self.left_out.append(f'{bag.name}, {error!r}')
            if self._closing.is_set():
                return
        try:
            self._deal()
        except DataError as error:
            _log.warning('some frames of the bags are not used until the next start: %s', error)
        except Exception:
            _log.exception('some frames of the bags are not used until the next start')
        self._done.set()
        self._when_read()

    def _check(self, bag: Path) -> None:
        """Look at a few pairs before any is offered: a swapped bag would spoil the others."""
        for parts in (CHECKED_PAIRS, 8 * CHECKED_PAIRS):
            found = []
            for pair in sample_pairs(bag, parts, self._options):
                if self._closing.is_set():
                    return
                if not shows_nothing(pair):  # left out, and counted, when it is offered
                    found.append((pair.left, pair.right))
                if len(found) == CHECKED_PAIRS:
                    break
            if found:
                check_pairs(found)
                return

    def _feed(self, bag: Path, read: int) -> None:
        unreadable: Counter[str] = Counter()
        for number, pair in enumerate(bag_pairs(bag, self._options, self.every, unreadable)):
            if self._closing.is_set():
                return
            index = number * self.every
            if index >= read:
                self._take(pair)
                self.offered += 1
                self._note(bag, index + 1)
        self._note(bag, self._pairs(bag))
        for cause, count in unreadable.most_common(_CAUSES_TOLD):
            _log.warning('%s: %s (%dx)', bag, cause, count)

    def _pairs(self, bag: Path) -> int:
        return self._extents[bag].pairs

    def _read_of(self, bag: Path) -> int:
        """Give how many pairs of a bag are done with, and say what that is about."""
        known, now = self._known.get(str(bag), _Reading()), self._extents[bag]
        if known.start_ns not in (None, now.start_ns) or known.read > now.pairs:
            _log.info('%s is another bag than the one of that name that was read before', bag)
            return 0
        if known.images not in (None, now.images):
            _log.info('%s: other images of it were read before', bag)
            return 0
        if known.read == now.pairs:
            _log.info('%s was read before, and is not read again', bag)
        elif known.read:
            _log.info('%s: %d of %d pairs were read before', bag, known.read, now.pairs)
        return known.read

    def _note(self, bag: Path, read: int) -> None:
        now = self._extents[bag]
        self._known[str(bag)] = _Reading(read, now.start_ns, now.images)
        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._record, force=True, mode='w') as file:
                json.dump({name: vars(known) for name, known in self._known.items()}, file,
                          indent=1)
        except (OSError, DataError) as error:
            if not self._unrecorded:
                _log.warning('the next process will read the bags again: %s', error)
            self._unrecorded = True

    def _read_record(self) -> dict[str, _Reading]:
        try:
            found = json.loads(self._record.read_text())
            return {str(bag): _Reading.from_json(value) for bag, value in found.items()}
        except (OSError, ValueError, TypeError, AttributeError, LookupError):
            return {}
