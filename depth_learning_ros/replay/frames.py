# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The stereo pairs of a bag alone, for what learns from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from depth_learning_ros.errors import BagError
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.pairs import Frame, PairSource, Window
from depth_learning_ros.replay.report import Statistics
from depth_learning_ros.replay.topics import find_stereo_topics
from depth_learning_ros.types import StereoPair


@dataclass(frozen=True)
class Extent:
    """What a bag has, as far as its index says.

    Attributes:
        pairs: how many.
        start_ns: log time of its first message: it stays as it is when the bag grows.
        images: the topics of the left and of the right image.
    """

    pairs: int
    start_ns: int
    images: tuple[str, str]


def extent(source: Path | str, options: ReplayOptions | None = None) -> Extent:
    """Look how many pairs a bag has, and when it begins.

    Raises:
        BagError: the bag cannot be read, or holds no stereo pair.
    """
    options = options or ReplayOptions()
    with Bag(source) as bag:
        topics = find_stereo_topics(bag.topics, options.topics)
        pairs = min(bag.topics[name].count for name in (topics.left, topics.right))
        return Extent(pairs, bag.start_ns, (topics.left, topics.right))


def count_pairs(source: Path | str, options: ReplayOptions | None = None) -> int:
    """Give how many pairs a bag has, as far as its index says.

    Raises:
        BagError: the bag cannot be read, or holds no stereo pair.
    """
    return extent(source, options).pairs


def bag_pairs(source: Path | str, options: ReplayOptions | None = None, every: int = 1,
              unreadable: Counter[str] | None = None) -> Iterator[StereoPair]:
    """Yield every n-th pair of a bag, decoded, with its camera.

    A bag that is damaged ends there.

    Args:
        unreadable: what could not be read is counted here by cause, when the last pair was given
            or no more are asked for.

    Raises:
        BagError: the bag cannot be read, holds no stereo pair, or none could be decoded.
    """
    options = replace(options or ReplayOptions(), every=every)
    statistics = Statistics()
    found = 0
    with Bag(source) as bag:
        topics = find_stereo_topics(bag.topics, options.topics)
        window = Window(bag.start_ns, bag.end_ns)
        try:
            for item in PairSource(bag, topics, window, options, statistics):
                if isinstance(item, Frame) and isinstance(item.pair, StereoPair):
                    found += 1
                    yield item.pair
        finally:
            if unreadable is not None:
                unreadable.update(statistics.skipped)
                if bag.damage:
                    unreadable[f'{bag.damage}; nothing behind that could be read'] += 1
        if not found:
            causes = '; '.join(f'{cause} ({count}x)' for cause, count in
                               statistics.skipped.most_common(3))
            raise BagError(f'no pair of {source} could be read: '
                           f'{causes or "no left image fits a right one"}')


def sample_pairs(source: Path | str, count: int, options: ReplayOptions | None = None,
                 ) -> Iterator[StereoPair]:
    """Yield the first pair of each of so many equal parts of a bag; fewer where a part has none.

    Only what lies before those pairs is read.

    Raises:
        BagError: the bag cannot be read, or holds no stereo pair.
    """
    options = replace(options or ReplayOptions(), every=1)
    with Bag(source) as bag:
        topics = find_stereo_topics(bag.topics, options.topics)
        length_ns = bag.end_ns - bag.start_ns
        starts = [bag.start_ns + length_ns * part // count for part in range(count)]
        for window in map(Window, starts, [*starts[1:], bag.end_ns]):
            items = PairSource(bag, topics, window, options, Statistics())
            yield from islice((item.pair for item in items if isinstance(item, Frame)
                               and isinstance(item.pair, StereoPair)), 1)
