# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo must know of a bag before it replays it: which part, and how near things come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from pathlib import Path

import numpy as np

from depth_learning_ros.cdr.store import read_message
from depth_learning_ros.errors import BagError
from depth_learning_ros.messages import disparity_from_message, stamp_ns
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.replay.topics import StereoTopics, find_stereo_topics

DISPARITY_TYPE = 'stereo_msgs/msg/DisparityImage'
# Without ground truth: a third of a usual image's width, and what most robots' cameras need.
DEFAULT_MAX_DISPARITY = 128
_MULTIPLE = 16


@dataclass(frozen=True)
class Part:
    """The part of a bag that the demo uses, the same for all models.

    Attributes:
        topics: of the stereo pair.
        frames: left images in the part, at most.
        of_frames: left images in the bag.
        duration_s: its length from the bag's first message; None = the whole bag.
        truth_topic: ground truth; None = there is none.
        max_disparity: how far matchers search, in pixels; a multiple of 16.
        max_from_truth: that is the smallest range that holds all of the ground truth.
    """

    topics: StereoTopics
    frames: int
    of_frames: int
    duration_s: float | None
    truth_topic: str | None
    max_disparity: int
    max_from_truth: bool

    def output_topic(self, name: str) -> str:
        """Return where the replay puts ``disparity``, ``depth`` and so on."""
        return f'{self.topics.namespace}/{name}'

    def stop_ns(self, bag: Bag) -> int | None:
        """Return the log time at which the part ends; None = at the bag's end."""
        if self.duration_s is None:
            return None
        return bag.start_ns + round(self.duration_s * 1e9)


def choose_part(path: Path, frames: int | None, truth_topic: str,
                max_disparity: int | None) -> Part:
    """Look a bag over.

    Args:
        path: of the bag.
        frames: use the first ones only; None = all.
        truth_topic: name of a stereo_msgs/DisparityImage with ground truth, if there is one.
        max_disparity: how far matchers search; None = as far as the ground truth goes, else
            `DEFAULT_MAX_DISPARITY`.

    Raises:
        BagError: there is no bag, or no stereo pair in it; or the truth is of another type.
    """
    with Bag(path) as bag:
        topics = find_stereo_topics(bag.topics)
        truth = _truth_topic(bag, truth_topic)
        duration_s = None if frames is None else _duration(bag, topics.left, frames)
        count = bag.topics[topics.left].count
        used = count if duration_s is None or frames is None else min(frames, count)
        part = Part(topics, used, count, duration_s, truth, DEFAULT_MAX_DISPARITY, False)
        largest = 0.0
        if truth is not None and max_disparity is None:
            largest = max((float(np.nanmax(disparity, initial=0))
                           for _, disparity in truths(bag, part)), default=0.0)
    if max_disparity is None and largest > 0:
        max_disparity = math.ceil(largest + 1)
    wanted = DEFAULT_MAX_DISPARITY if max_disparity is None else max_disparity
    return Part(topics, part.frames, count, duration_s, truth,
                -(-wanted // _MULTIPLE) * _MULTIPLE, largest > 0)


def truths(bag: Bag, part: Part) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (stamp in ns, disparity float32 [H, W], NaN where unknown) of the ground truth."""
    if part.truth_topic is not None:
        yield from disparities(bag, part.truth_topic, part.stop_ns(bag))


def disparities(bag: Bag, topic: str,
                stop_ns: int | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (stamp in ns, disparity float32 [H, W], NaN where unknown) of a topic."""
    for raw in bag.messages([topic], stop_ns=stop_ns):
        message = read_message(raw.data, DISPARITY_TYPE)
        yield stamp_ns(message.header), disparity_from_message(message)[0].values


def _truth_topic(bag: Bag, name: str) -> str | None:
    topic = bag.topics.get('/' + name.strip('/'))
    if topic is None or not topic.count:
        return None
    if topic.type_name != DISPARITY_TYPE:
        raise BagError(f'the ground truth {topic.name} is a {topic.type_name}: expected '
                       f'{DISPARITY_TYPE}')
    return topic.name


def _duration(bag: Bag, left: str, frames: int) -> float | None:
    """Return a length that holds the first left images; None when that is the whole bag."""
    previous_ns = bag.start_ns
    for number, raw in enumerate(bag.messages([left])):
        if number == frames:
            # Between the two images, so that the last pair's right one is in, the next one's not.
            return ((previous_ns + raw.log_time_ns) / 2 - bag.start_ns) / 1e9
        previous_ns = raw.log_time_ns
    return None
