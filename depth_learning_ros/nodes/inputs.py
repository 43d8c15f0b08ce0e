# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions of a node to cameras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from message_filters import Subscriber
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from depth_learning_ros.nodes.qos import (
    is_latched,
    latched_qos,
    overridable,
    policy_name,
    sensor_qos,
)

OnProblem = Callable[[str, str], None]


class Inputs:
    """Subscribes for a node.

    Args:
        node: whose subscriptions they are.
        queue_size: depth of the subscriptions.
        compressed: images come as sensor_msgs/CompressedImage, on ``<topic>/compressed``.
        on_problem: told (cause, text) of publishers that do not match.

    Attributes:
        subscriptions: to be destroyed by who uses this.
        topics: full names of what is listened to.
    """

    def __init__(self, node: LifecycleNode, queue_size: int, compressed: bool,
                 on_problem: OnProblem) -> None:
        self._node, self._queue_size, self._compressed = node, queue_size, compressed
        self._on_problem = on_problem
        self.subscriptions: list[Any] = []
        self.topics: list[str] = []
        self._unheard: dict[str, Callable[[Any], None]] = {}

    def image(self, topic: str) -> Subscriber:
        """Subscribe to images."""
        if self._compressed:
            return self._subscriber(CompressedImage, self._compressed_topic(topic))
        return self._subscriber(Image, topic)

    def camera_info(self, topic: str, callback: Callable[[Any], None]) -> None:
        """Subscribe to camera_info, whether it comes with every image or was sent once before."""
        def arrived(message: Any) -> None:
            self._unheard.pop(topic, None)
            callback(message)
        self._subscriber(CameraInfo, topic).registerCallback(arrived)
        self._unheard[topic] = callback
        self.look_for_latched()

    def look_for_latched(self) -> None:
        """Ask publishers of camera_info that keep it for what they sent before; call it again.

        A subscription that asks for this is one that all other publishers warn of, so there is
        none before it is of use.
        """
        for topic, callback in list(self._unheard.items()):
            offered = (found.qos_profile
                       for found in self._node.get_publishers_info_by_topic(topic))
            if any(is_latched(quality) for quality in offered):
                del self._unheard[topic]
                self.subscriptions.append(self._node.create_subscription(
                    CameraInfo, topic, callback, latched_qos(),
                    event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False)))

    def _subscriber(self, kind: type, topic: str) -> Subscriber:
        def incompatible(event: Any) -> None:
            policy = policy_name(event.last_policy_kind)
            self._on_problem(f'publisher of {topic}', (
                f'a publisher of {self._node.resolve_topic_name(topic)} offers another {policy} '
                f'than is asked for, and nothing comes from it: change it there, or here by the '
                f'parameter qos_overrides.<topic>.subscription.{policy}'))
        found = Subscriber(
            self._node, kind, topic, qos_profile=sensor_qos(self._queue_size),
            qos_overriding_options=overridable(),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=incompatible))
        self.subscriptions.append(found.sub)
        self.topics.append(str(self._node.resolve_topic_name(topic)))
        return found

    def _compressed_topic(self, topic: str) -> str:
        """Name it as image_transport does: below the topic as it was remapped."""
        own = f'{topic}/compressed'
        resolved = str(self._node.resolve_topic_name(own))
        if resolved != str(self._node.resolve_topic_name(own, only_expand=True)):
            return own  # remapped itself
        return f'{self._node.resolve_topic_name(topic)}/compressed'
