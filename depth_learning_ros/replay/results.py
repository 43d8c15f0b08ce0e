# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes what the pipeline computed, and the inputs, to the output bag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import time

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import make, standard_type
from depth_learning_ros.messages import (
    OUTPUT_TYPES,
    MessageWriter,
    result_messages,
    topics_of,
)
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.replay.mono_topics import MonoTopics
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.output import OutputBag
from depth_learning_ros.replay.pairs import Frame, Messages
from depth_learning_ros.replay.report import Statistics
from depth_learning_ros.replay.topics import StereoTopics


@dataclass(frozen=True)
class Computed:
    """A frame and what the pipeline made of it."""

    frame: Frame
    result: StereoResult


class ResultWriter:
    """Knows the output's topics; `write` takes frames with their results, and messages."""

    def __init__(self, bag: Bag, output: OutputBag, topics: StereoTopics | MonoTopics,
                 options: ReplayOptions, statistics: Statistics) -> None:
        self._output, self._statistics = output, statistics
        self._messages = MessageWriter(make)
        names = {name: f'{topics.namespace}/{name}' for name in topics_of(options.outputs)}
        inputs = (*topics.sides, *topics.info_sides)
        kept = inputs if options.copy_inputs else ()
        # A camera that is itself called /camera_info keeps that name.
        self._names = {name: topic for name, topic in names.items() if topic not in kept}
        others = [name for name in bag.topics if name not in inputs] if options.all_topics else []
        self.copied = frozenset(self._announce_copies(bag, [*kept, *others]))
        """Topics that are copied; of the images only those whose pair is processed."""
        for name, topic in self._names.items():
            output.add_topic(topic, standard_type(OUTPUT_TYPES[name]))

    def _announce_copies(self, bag: Bag, topics: list[str]) -> Iterator[str]:
        for name in topics:
            if name in self._names.values():
                self._statistics.warn(f'{name} of the bag is not copied: the output has a new one')
                continue
            message_type = bag.message_type(name)
            if message_type is None:
                self._statistics.warn(f'{name} is not copied: the bag does not say how its type '
                                      f'{bag.topics[name].type_name} is defined for ROS 2')
                continue
            self._output.add_topic(name, message_type, bag.topics[name].qos)
            yield name

    def write(self, item: Messages | Computed) -> None:
        """Write messages as they are, or those of a frame and its result."""
        if not isinstance(item, Computed):
            self._copy(item)
            return
        frame, result = item.frame, item.result
        start = time.perf_counter()
        self._copy(frame.inputs)
        for name, message in result_messages(self._messages, result, frame.header, self._names):
            pieces = serialize(message, OUTPUT_TYPES[name])
            self._output.write(self._names[name], frame.log_time_ns, pieces)
        seconds = {**frame.seconds, **result.seconds, 'write': time.perf_counter() - start}
        self._statistics.add_frame(seconds)

    def _copy(self, messages: Messages) -> None:
        for raw in messages:
            self._output.write(raw.topic, raw.log_time_ns, [raw.data])
