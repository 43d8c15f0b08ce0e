# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What RViz needs beside a node: disparity as a coloured picture, and a frame to look from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image, LaserScan
from stereo_msgs.msg import DisparityImage
from tf2_msgs.msg import TFMessage

from depth_learning_ros.errors import MessageError
from depth_learning_ros.evaluation.colors import color_disparity, disparity_range
from depth_learning_ros.messages import MessageWriter, disparity_from_message
from depth_learning_ros.nodes.make_message import make_message
from depth_learning_ros.nodes.qos import latched_qos, result_qos
from depth_learning_ros.nodes.run import run_node

# Of each new frame's range in the scale of the colours, which else flickers.
_SHARE_OF_NEW = 0.2


class ViewNode(Node):
    """Paints ``disparity`` as ``disparity/image`` while somebody looks at it, and names a frame.

    The frame of ``scan`` is level, with x forward and z up, but is named after the camera, and
    RViz must be told the frame that it shows everything in before it starts. So this one has a
    name of its own, the parameter ``view_frame``, and is where the scan's is.

    Results are asked for as they are published, reliably: large ones get lost otherwise.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('view_node', **options)
        self._writer = MessageWriter(make_message)
        self._frame = self.declare_parameter('view_frame', 'depth_view', ParameterDescriptor(
            description='Frame to publish, at that of scan.', read_only=True)).value
        self._subscription: Any = None
        self._top_px: float | None = None
        self._parent = self._problem = ''
        self._overridable = QoSOverridingOptions.with_default_policies()
        self._publisher = self.create_publisher(
            Image, 'disparity/image', 1,
            event_callbacks=PublisherEventCallbacks(matched=self._matched),
            qos_overriding_options=self._overridable)
        self._static = self.create_publisher(TFMessage, '/tf_static', latched_qos())
        self.create_subscription(LaserScan, 'scan', self._place, result_qos(),
                                 qos_overriding_options=self._overridable)

    def _matched(self, event: Any) -> None:
        """Subscribe when the first one comes, and stop when the last one goes."""
        if event.current_count and self._subscription is None:
            self._subscription = self.create_subscription(
                DisparityImage, 'disparity', self._paint, result_qos(),
                qos_overriding_options=self._overridable)
        elif not event.current_count and self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None

    def _paint(self, message: DisparityImage) -> None:
        try:
            values = disparity_from_message(message)[0].values
        except MessageError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                self.get_logger().warning(f'disparity cannot be shown: {error}')
            return
        top = disparity_range(values[::4, ::4])
        if self._top_px is not None:
            top = self._top_px + _SHARE_OF_NEW * (top - self._top_px)
        self._top_px = top
        self._publisher.publish(self._writer.image(color_disparity(values, top), message.header))

    def _place(self, message: LaserScan) -> None:
        """Say where the frame is, once for each camera."""
        if message.header.frame_id == self._parent:
            return
        self._parent = message.header.frame_id
        transform = make_message('geometry_msgs/msg/Transform', rotation=make_message(
            'geometry_msgs/msg/Quaternion', w=1.0))
        self._static.publish(TFMessage(transforms=[make_message(
            'geometry_msgs/msg/TransformStamped', header=message.header,
            child_frame_id=self._frame, transform=transform)]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run_node(ViewNode, arguments)
