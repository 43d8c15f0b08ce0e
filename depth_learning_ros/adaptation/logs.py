# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Logs to learn from, and what is taken of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
import logging

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import FrameStore, Intake, check_enough
from depth_learning_ros.adaptation.watching import Meters, unwatched
from depth_learning_ros.types import StereoPair

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Log:
    """A recording to learn from.

    Attributes:
        name: for messages and the report.
        expected: how many pairs it has, as far as is known.
        pairs: gives every n-th of them, one after the other; called once, with n.
        unreadable: what of it could not be read, by cause; it grows while the pairs are read, and
            is whole when no more of them are asked for.
    """

    name: str
    expected: int
    pairs: Callable[[int], Iterable[StereoPair]]
    unreadable: Counter[str] = field(default_factory=Counter)


def take_in_logs(logs: Sequence[Log], store: FrameStore, config: AdaptationConfig,
                 meters: Meters = unwatched) -> dict[str, int]:
    """Fill a store from all logs, evenly, as if they were one.

    Returns:
        What was left out, and how often, by cause.

    Raises:
        DataError: the logs are of no use, or the disk is full.
    """
    intake = Intake(store, config.noise_gray)
    expected = sum(log.expected for log in logs)
    every = max(1, -(-expected // config.max_frames))
    passed = 0
    with meters('logs', 'frame') as tell:
        def told(pairs: Iterable[StereoPair], before: int) -> Iterator[StereoPair]:
            for done, pair in enumerate(pairs, before + 1):
                yield pair
                tell(done, -(-expected // every))

        for log in logs:
            # every n-th frame of all logs, as if they were one: of some short logs none
            before, passed = -(-passed // every), passed + log.expected
            due = -(-passed // every) - before
            if due:
                pairs = iter(log.pairs(every))
                intake.take(told(islice(pairs, due), before), log.name)
                if isinstance(pairs, Generator):
                    pairs.close()  # at its end it counts what it could not read
                _report(log, intake.skipped)
    intake.deal()
    check_enough(store, intake.skipped, config.batch)
    return dict(intake.skipped)


def _report(log: Log, skipped: Counter[str]) -> None:
    """Say what could not be read, at once and in the report."""
    if log.unreadable:
        _log.warning('%s was not read as a whole: %s', log.name, '; '.join(
            f'{cause} ({count}x)' for cause, count in log.unreadable.most_common(4)))
        skipped.update(log.unreadable)
