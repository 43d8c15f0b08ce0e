# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The picture inside a DisparityImage as a topic of its own, for viewers that know images only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from stereo_msgs.msg import DisparityImage

from depth_learning_ros.nodes.run import run_node


class DisparityImageNode(Node):
    """Passes ``disparity`` on as ``disparity/image``, 32FC1 pixels, while somebody looks at it."""

    def __init__(self, **options: Any) -> None:
        super().__init__('disparity_image', **options)
        self._subscription: Any = None
        self._publisher = self.create_publisher(
            Image, 'disparity/image', 1,
            event_callbacks=PublisherEventCallbacks(matched=self._matched),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def _matched(self, event: Any) -> None:
        """Subscribe when the first one comes, and stop when the last one goes."""
        if event.current_count and self._subscription is None:
            self._subscription = self.create_subscription(
                DisparityImage, 'disparity', self._pass_on, qos_profile_sensor_data,
                qos_overriding_options=QoSOverridingOptions.with_default_policies())
        elif not event.current_count and self._subscription is not None:
            self.destroy_subscription(self._subscription)
            self._subscription = None

    def _pass_on(self, message: DisparityImage) -> None:
        message.image.header = message.header
        self._publisher.publish(message.image)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run_node(DisparityImageNode, arguments)
