# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What others publish and subscribe to: what `ros2 node list` and `ros2 topic info` know."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
import threading
from typing import Any
import uuid

from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import InstanceState
from cyclonedds.domain import DomainParticipant

from depth_learning_ros.live.discovery import NodeEntities, read_entities
from depth_learning_ros.live.endpoints import Received, user_data
from depth_learning_ros.live.names import dds_topic, ros_topic, ros_type
from depth_learning_ros.live.qos import Profile, profile_of

_MAX_TAKEN = 1000


@dataclass(frozen=True)
class Endpoint:
    """A publisher or a subscription.

    Attributes:
        topic: ROS name, such as ``/camera/left/image_rect``.
        type_name: such as ``sensor_msgs/msg/Image``; DDS's own name when it is not ROS's.
        profile: what it offers or asks for.
        type_hash: RIHS01 hash, empty when it does not say.
        participant: the process it belongs to.
    """

    topic: str
    type_name: str
    profile: Profile
    type_hash: str
    participant: uuid.UUID


class Graph:
    """Knows the endpoints and nodes of the other processes of the domain."""

    def __init__(self, participant: DomainParticipant, distro: str) -> None:
        self._distro, self._own = distro, participant.guid
        self._lock = threading.Lock()
        self._nodes: dict[uuid.UUID, tuple[NodeEntities, ...]] = {}
        self._known: dict[str, dict[uuid.UUID, Any]] = {
            'participants': {}, 'publishers': {}, 'subscriptions': {}}
        self._readers = {
            name: BuiltinDataReader(participant, topic) for name, topic in (
                ('participants', BuiltinTopicDcpsParticipant),
                ('publishers', BuiltinTopicDcpsPublication),
                ('subscriptions', BuiltinTopicDcpsSubscription))}

    def add_entities(self, message: Received) -> None:
        """Take a message of ``ros_discovery_info``."""
        participant, nodes = read_entities(message.cdr, self._distro)
        with self._lock:
            self._nodes[participant] = nodes

    def nodes(self) -> list[str]:
        """Return the names of the nodes of all living processes; one name can be there twice."""
        with self._lock:
            alive = self._updated('participants')
            self._nodes = {key: nodes for key, nodes in self._nodes.items() if key in alive}
            return sorted(node.name for nodes in self._nodes.values() for node in nodes)

    def publishers(self, topic: str | None = None) -> list[Endpoint]:
        """Return the publishers of a topic; of all topics without a name."""
        return self._endpoints('publishers', topic)

    def subscriptions(self, topic: str | None = None) -> list[Endpoint]:
        """Return the subscriptions of a topic; of all topics without a name."""
        return self._endpoints('subscriptions', topic)

    def published(self) -> dict[str, str]:
        """Return the topics that somebody publishes with their types."""
        return {e.topic: e.type_name for e in self.publishers()}

    def similar(self, topic: str, type_name: str) -> list[str]:
        """Return published topics that a user may have meant, the likeliest first."""
        published = self.published()
        same_type = [name for name, kind in published.items() if kind == type_name]
        tail = topic.rpartition('/')[2]
        near = get_close_matches(topic, same_type, n=4, cutoff=0.5)
        return near + [n for n in sorted(same_type) if n.endswith(tail) and n not in near][:4]

    def close(self) -> None:
        """Delete what it reads from."""
        for reader in self._readers.values():
            reader.__del__()

    def _endpoints(self, kind: str, topic: str | None) -> list[Endpoint]:
        wanted = None if topic is None else dds_topic(topic)
        with self._lock:
            found = list(self._updated(kind).values())
        return [endpoint for sample in found
                if sample.participant_key != self._own and wanted in (None, sample.topic_name)
                and (endpoint := _endpoint(sample)) is not None]

    def _updated(self, kind: str) -> dict[uuid.UUID, Any]:
        known = self._known[kind]
        for sample in self._readers[kind].take(_MAX_TAKEN):
            if sample.sample_info.instance_state == InstanceState.Alive:
                known[sample.key] = sample
            else:
                known.pop(sample.key, None)
        return known


def _endpoint(sample: Any) -> Endpoint | None:
    topic = ros_topic(sample.topic_name)
    if topic is None:
        return None
    return Endpoint(topic, ros_type(sample.type_name) or sample.type_name,
                    profile_of(sample.qos), user_data(sample.qos, 'typehash'),
                    sample.participant_key)
