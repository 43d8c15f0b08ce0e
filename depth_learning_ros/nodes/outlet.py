# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The publishers, clock and log of a node, as the stream wants them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks
from rclpy.lifecycle import LifecycleNode

from depth_learning_ros.messages import OUTPUT_TYPES
from depth_learning_ros.nodes.make_message import make_message, message_class
from depth_learning_ros.nodes.qos import latched_qos, overridable, policy_name, result_qos
from depth_learning_ros.stream import TF_STATIC, Outlet

OnProblem = Callable[[str, str], None]


class NodeOutlet(Outlet):
    """Publishes for a node; made when it configures, destroyed when it cleans up.

    Args:
        node: whose topics, clock and log are used.
        topics: what may be published, out of ``messages.OUTPUT_TYPES``.
        on_problem: told (cause, text) of subscribers that cannot be served.
        on_reverted: told of settings that are back to what they were; called by another thread.
    """

    def __init__(self, node: LifecycleNode, topics: Iterable[str], on_problem: OnProblem,
                 on_reverted: Callable[[dict[str, Any]], None]) -> None:
        self._node, self._on_problem, self._on_reverted = node, on_problem, on_reverted
        self._logger, self._clock = node.get_logger(), node.get_clock()
        self._publishers = {name: self._publisher(name, OUTPUT_TYPES[name]) for name in topics}
        self._tf_static: Any = None

    def wanted(self) -> Collection[str]:
        """See `Outlet`."""
        with self._without_error_at_the_end():
            if self._node.context.ok():
                return [name for name, publisher in self._publishers.items()
                        if publisher.get_subscription_count()]
        return []

    def publish(self, topic: str, message: Any) -> None:
        """See `Outlet`."""
        with self._without_error_at_the_end():
            if not self._node.context.ok():
                return
            if topic == TF_STATIC:
                self._publish_transform(message)
            else:
                self._publishers[topic].publish(message)

    def make(self, kind: str, /, **fields: Any) -> Any:
        """See `Outlet`."""
        return make_message(kind, **fields)

    def now_ns(self) -> int:
        """See `Outlet`."""
        return int(self._clock.now().nanoseconds)

    def say(self, level: str, text: str) -> None:
        """See `Outlet`."""
        # rclpy tells calls apart by their line, and wants one level for each
        if level == 'error':
            self._logger.error(text)
        elif level == 'warning':
            self._logger.warning(text)
        else:
            self._logger.info(text)

    def reverted(self, changes: Mapping[str, Any]) -> None:
        """See `Outlet`."""
        self._on_reverted(dict(changes))

    def destroy(self) -> None:
        """Take the publishers away."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()
        if self._tf_static is not None:
            self._node.destroy_publisher(self._tf_static)
            self._tf_static = None

    def _publisher(self, name: str, kind: str) -> Any:
        def incompatible(event: Any) -> None:
            self._on_problem(f'subscriber of {name}', (
                f'a subscriber of {name} asks for another {policy_name(event.last_policy_kind)} '
                f'than is offered, and gets nothing: change it there, or here by the parameter '
                f'qos_overrides.<topic>.publisher.{policy_name(event.last_policy_kind)}'))
        return self._node.create_lifecycle_publisher(
            message_class(kind), name, result_qos(), qos_overriding_options=overridable(),
            event_callbacks=PublisherEventCallbacks(incompatible_qos=incompatible))

    @contextmanager
    def _without_error_at_the_end(self) -> Iterator[None]:
        """Let pass what rclpy raises of publishers when the process is told to end."""
        try:
            yield
        except RuntimeError:  # as all of rclpy's errors are
            if self._node.context.ok():
                raise

    def _publish_transform(self, message: Any) -> None:
        if self._tf_static is None:
            self._tf_static = self._node.create_publisher(type(message), TF_STATIC, latched_qos())
        self._tf_static.publish(message)
