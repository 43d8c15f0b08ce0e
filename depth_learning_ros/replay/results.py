# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes what the pipeline computed, and the inputs, to the output bag."""

from __future__ import annotations

from collections.abc import Iterator
import time
from typing import Any

from depth_learning_ros.messages import MessageWriter
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.replay.bag import Bag, RawMessage
from depth_learning_ros.replay.cdr import serialize
from depth_learning_ros.replay.options import ReplayOptions
from depth_learning_ros.replay.output import OutputBag
from depth_learning_ros.replay.pairs import Frame
from depth_learning_ros.replay.report import Statistics
from depth_learning_ros.replay.topics import StereoTopics
from depth_learning_ros.replay.typestore import CAMERA_INFO, IMAGE, make, standard_type

_TYPES = {'disparity': 'stereo_msgs/msg/DisparityImage', 'depth': IMAGE,
          'points2': 'sensor_msgs/msg/PointCloud2', 'confidence': IMAGE,
          'depth/camera_info': CAMERA_INFO, 'camera_info': CAMERA_INFO}

# RViz and image_transport look for it beside the depth topic, others below it.
_DEPTH_INFOS = ('depth/camera_info', 'camera_info')


class ResultWriter:
    """Knows the output's topics; `write` takes frames with their results, and plain messages."""

    def __init__(self, bag: Bag, output: OutputBag, topics: StereoTopics, options: ReplayOptions,
                 statistics: Statistics) -> None:
        self._output, self._statistics = output, statistics
        self._messages = MessageWriter(make)
        self._outputs = options.outputs
        names = {name: f'{topics.namespace}/{name}' for name in _output_names(options)}
        inputs = (topics.left, topics.right, topics.left_info, topics.right_info)
        kept = inputs if options.copy_inputs else ()
        # A camera that is itself called /camera_info keeps that name.
        self._names = {name: topic for name, topic in names.items() if topic not in kept}
        others = [name for name in bag.topics if name not in inputs] if options.all_topics else []
        self._copied = frozenset(self._announce_copies(bag, [*kept, *others]))
        for name, topic in self._names.items():
            output.add_topic(topic, standard_type(_TYPES[name]))
        images = (topics.left, topics.right)
        self.copied_directly = self._copied.difference(images)
        """Topics to be copied message by message; images are copied with their pairs."""

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

    def write(self, item: RawMessage | tuple[Frame, StereoResult]) -> None:
        """Write a message as it is, or the messages of a frame."""
        if isinstance(item, RawMessage):
            self._output.write(item.topic, item.log_time_ns, [item.data])
            return
        frame, result = item
        start = time.perf_counter()
        for raw in frame.inputs:
            if raw.topic in self._copied:
                self._output.write(raw.topic, raw.log_time_ns, [raw.data])
        for name, message in self._result_messages(frame, result):
            if name in self._names:
                pieces = serialize(message, _TYPES[name])
                self._output.write(self._names[name], frame.log_time_ns, pieces)
        seconds = {**frame.seconds, **result.seconds, 'write': time.perf_counter() - start}
        self._statistics.add_frame(seconds)

    def _result_messages(self, frame: Frame, result: StereoResult) -> Iterator[tuple[str, Any]]:
        header, messages = frame.header, self._messages
        if 'disparity' in self._outputs:
            yield 'disparity', messages.disparity_image(result, header)
        if result.depth is not None and 'depth' in self._outputs:
            yield 'depth', messages.depth_image(result, header)
            camera = result.pair.camera
            assert camera is not None  # there is no depth without
            info = messages.camera_infos(camera, header)[0]
            for name in _DEPTH_INFOS:
                yield name, info
        if result.points is not None and 'points2' in self._outputs:
            yield 'points2', messages.point_cloud2(result, header)
        if result.confidence is not None and 'confidence' in self._outputs:
            yield 'confidence', messages.confidence_image(result, header)


def _output_names(options: ReplayOptions) -> list[str]:
    return [*options.outputs, *(_DEPTH_INFOS if 'depth' in options.outputs else ())]
