# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What publishers and subscriptions of all nodes are connected by."""

from __future__ import annotations

from collections import deque
import threading
from typing import Any

from .qos import QoSDurabilityPolicy, QoSPolicyKind, QoSReliabilityPolicy


class Bus:
    """Knows everybody who publishes or listens."""

    def __init__(self) -> None:
        self.running = False
        self.lock = threading.RLock()
        self.publishers: list[Any] = []
        self.subscriptions: list[Any] = []

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def join_publisher(self, publisher: Any) -> None:
        with self.lock:
            self.publishers.append(publisher)
            for subscription in self.subscriptions:
                meet(publisher, subscription)

    def join_subscription(self, subscription: Any) -> None:
        with self.lock:
            self.subscriptions.append(subscription)
            for publisher in self.publishers:
                if meet(publisher, subscription) and _latched(subscription):
                    subscription.queue.extend(publisher.kept)

    def matched(self, publisher: Any) -> list[Any]:
        with self.lock:
            return [s for s in self.subscriptions
                    if s.full_name == publisher.full_name and mismatch(publisher, s) is None]


def _latched(entity: Any) -> bool:
    return entity.qos_profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL


def mismatch(publisher: Any, subscription: Any) -> QoSPolicyKind | None:
    """Return the policy for which the two do not go together."""
    offered, wanted = publisher.qos_profile, subscription.qos_profile
    if wanted.reliability == QoSReliabilityPolicy.RELIABLE != offered.reliability:
        return QoSPolicyKind.RELIABILITY
    if _latched(subscription) and not _latched(publisher):
        return QoSPolicyKind.DURABILITY
    return None


def meet(publisher: Any, subscription: Any) -> bool:
    """Tell both of each other when they do not go together."""
    if publisher.full_name != subscription.full_name:
        return False
    policy = mismatch(publisher, subscription)
    if policy is not None:
        for entity in (publisher, subscription):
            callbacks = entity.event_callbacks
            if callbacks is not None and callbacks.incompatible_qos is not None:
                entity.events.append((callbacks.incompatible_qos, Incompatible(policy)))
    return policy is None


class Incompatible:
    """What an event of incompatible QoS brings."""

    def __init__(self, kind: QoSPolicyKind) -> None:
        self.last_policy_kind = kind
        self.total_count = self.total_count_change = 1


class Entity:
    """What publishers and subscriptions have in common."""

    def __init__(self, full_name: str, qos_profile: Any, event_callbacks: Any) -> None:
        self.full_name, self.qos_profile = full_name, qos_profile
        self.event_callbacks = event_callbacks
        self.events: deque[Any] = deque()


BUS = Bus()
