# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras, listeners and nodes for the tests of nodes, on the real ROS 2 and on the double."""

from __future__ import annotations

from collections import defaultdict
import time
from typing import Any

from bags import make_image, make_info
from either_ros import REAL
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from stream_parts import BAG, PATIENCE_S, Models

from depth_learning_ros.messages import OUTPUT_TYPES, stamp_ns
from depth_learning_ros.nodes.conversion import to_rgb
from depth_learning_ros.nodes.make_message import make_message, message_class
from depth_learning_ros.nodes.stereo_node import StereoNode
from depth_learning_ros.stream import StereoStream

SETTLE_S = 0.3 if REAL else 0.02


def to_ros(message: Any) -> Any:
    """Turn a message of rosbags into one of rclpy, or of the double."""
    kind = message.__msgtype__
    fields = {}
    for name in message_class(kind).get_fields_and_field_types():
        value = getattr(message, name)
        fields[name] = to_ros(value) if hasattr(value, '__msgtype__') else value
    return make_message(kind, **fields)


class TestedStereoNode(StereoNode):
    """The node with engines that are quick to open, out of ``models``."""

    __test__ = False

    def __init__(self, models: Models, **options: Any) -> None:
        self.models = models
        super().__init__(**options)

    def _make_stream(self, outlet: Any) -> StereoStream:
        return StereoStream(outlet, self.settings, decode=to_rgb, open_model=self.models)


class World:
    """Everything that runs in a test: nodes under test, and a node of cameras and listeners."""

    def __init__(self) -> None:
        rclpy.init()
        self.executor = SingleThreadedExecutor()
        self.nodes: list[Any] = []
        self.outside = self.add(Node('outside'))
        self.received: dict[str, list[Any]] = defaultdict(list)
        self.cameras: dict[str, Any] = {}
        self.listeners: dict[str, Any] = {}

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def stereo_node(self, models: Models | None = None, *, start: bool = True,
                    cli_args: list[str] | None = None, **parameters: Any) -> TestedStereoNode:
        parameters = {'model': 'shift', **parameters}
        node = self.add(TestedStereoNode(
            models or Models(), cli_args=cli_args,
            parameter_overrides=[Parameter(name, value=value)
                                 for name, value in parameters.items()]))
        if start:
            assert node.start()
        return node

    def camera(self, *, reliable: bool = False, latched_info: bool = False,
               sides=('left', 'right'), name: str = '{side}/image_rect',
               compressed: bool = False) -> None:
        """Publish images and camera_info from now on."""
        quality = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.RELIABLE if reliable
                             else QoSReliabilityPolicy.BEST_EFFORT)
        kind = 'sensor_msgs/msg/CompressedImage' if compressed else 'sensor_msgs/msg/Image'
        infos = QoSProfile(
            depth=1, reliability=QoSReliabilityPolicy.RELIABLE,
            durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched_info
            else QoSDurabilityPolicy.VOLATILE)
        for side in sides:
            self.cameras[side] = self.outside.create_publisher(
                message_class(kind), name.format(side=side), quality)
            self.cameras[f'{side} info'] = self.outside.create_publisher(
                message_class('sensor_msgs/msg/CameraInfo'), f'{side}/camera_info', infos)

    def listen(self, *topics: str, quality: QoSProfile | int = 5) -> None:
        """Subscribe to results."""
        for topic in topics:
            kind = OUTPUT_TYPES.get(topic, {
                '/diagnostics': 'diagnostic_msgs/msg/DiagnosticArray',
                '/tf_static': 'tf2_msgs/msg/TFMessage'}.get(topic))
            self.listeners[topic] = self.outside.create_subscription(
                message_class(kind), topic, self.received[topic].append, quality)

    def unlisten(self, topic: str) -> None:
        self.outside.destroy_subscription(self.listeners.pop(topic))

    def spin_until(self, condition, patience_s: float = PATIENCE_S) -> bool:
        end = time.monotonic() + patience_s
        while not condition():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(0.005)
        return True

    def settle(self, seconds: float = SETTLE_S) -> None:
        """Let what is on its way arrive."""
        self.spin_until(lambda: False, seconds)

    def meet(self, node: Any) -> None:
        """Wait until the node, the cameras and the listeners know each other."""
        assert self.spin_until(lambda: all(
            camera.get_subscription_count() for camera in self.cameras.values()))
        assert self.spin_until(lambda: set(node._outlet.wanted()) >= {
            topic for topic in self.listeners if topic in OUTPUT_TYPES})

    def send(self, index: int, *, bag=BAG, infos: bool = True, bend=None) -> None:
        """Publish one frame; ``bend`` changes the left image."""
        for side in ('left', 'right'):
            if infos:
                self.cameras[f'{side} info'].publish(to_ros(make_info(bag, index, side)))
        for side in ('left', 'right'):
            image = make_image(bag, index, side)
            if bend is not None and side == 'left':
                image = bend(image)
            self.cameras[side].publish(to_ros(image))

    def feed(self, *indices: int, topic: str = 'disparity', **options: Any) -> None:
        """Publish frames, each when the result of the one before is there."""
        for index in indices:
            before = len(self.received[topic])
            self.send(index, **options)
            assert self.spin_until(lambda: len(self.received[topic]) > before), index  # noqa: B023

    def stamps(self, topic: str) -> list[int]:
        return [stamp_ns(message.header) for message in self.received[topic]]

    def close(self) -> None:
        for node in self.nodes:
            self.executor.remove_node(node)
            node.destroy_node()
        self.executor.shutdown()
        rclpy.try_shutdown()
