# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The messages by which ROS 2 processes tell one another their nodes (rmw_dds_common).

DDS knows processes and topics, but no nodes. Each process publishes on ``ros_discovery_info``
which of its endpoints belong to which node; ``ros2 node list`` shows nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
import uuid

from cyclonedds.idl import IdlStruct
import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from depth_learning_ros.cdr.store import STORE
from depth_learning_ros.live.idl import make_sample_type

DISCOVERY_TOPIC = 'ros_discovery_info'
INFO = 'rmw_dds_common/msg/ParticipantEntitiesInfo'
_NODE = 'rmw_dds_common/msg/NodeEntitiesInfo'
_GID = 'rmw_dds_common/msg/Gid'

# Until Humble a gid had 24 bytes, and types had no hashes.
_LONG_GID = ('humble', 'galactic', 'foxy')
_GUID_BYTES, _LONG_GID_BYTES = 16, 24


@dataclass(frozen=True)
class DiscoveryStore:
    """The form that a release of ROS 2 gives to these messages."""

    store: Typestore
    sample_type: type[IdlStruct]
    long_gids: bool


@dataclass(frozen=True)
class NodeEntities:
    """A node as its process describes it.

    Attributes:
        name: with namespace.
        readers, writers: of its endpoints.
    """

    name: str
    readers: frozenset[uuid.UUID]
    writers: frozenset[uuid.UUID]


@cache
def discovery_store(distro: str) -> DiscoveryStore:
    """Return the types of a release."""
    long_gids = distro in _LONG_GID
    size = _LONG_GID_BYTES if long_gids else _GUID_BYTES
    store = get_typestore(Stores.EMPTY)
    # char is uint8 in ROS 2 messages, but rosbags takes it for another type in hashes
    store.register(get_types_from_msg(f'uint8[{size}] data', _GID))
    store.register({name: STORE.fielddefs[name] for name in (_NODE, INFO)})
    return DiscoveryStore(store, make_sample_type(INFO, store.fielddefs), long_gids)


def entities_info(distro: str, participant: uuid.UUID, namespace: str, node: str | None,
                  readers: list[uuid.UUID], writers: list[uuid.UUID]) -> bytes:
    """Return the bytes of a process's description; without a node it has none."""
    form = discovery_store(distro)
    types = form.store.types

    def gid(guid: uuid.UUID) -> Any:
        padded = guid.bytes.ljust(_LONG_GID_BYTES if form.long_gids else _GUID_BYTES, b'\0')
        return types[_GID](data=np.frombuffer(padded, np.uint8))

    nodes = [] if node is None else [types[_NODE](
        node_namespace=namespace or '/', node_name=node,
        reader_gid_seq=[gid(g) for g in readers], writer_gid_seq=[gid(g) for g in writers])]
    message = types[INFO](gid=gid(participant), node_entities_info_seq=nodes)
    return bytes(form.store.serialize_cdr(message, INFO))


def read_entities(cdr: bytes | memoryview,
                  distro: str) -> tuple[uuid.UUID, tuple[NodeEntities, ...]]:
    """Return a process and its nodes."""
    message: Any = discovery_store(distro).store.deserialize_cdr(cdr, INFO)
    nodes = tuple(
        NodeEntities(f'{n.node_namespace.rstrip("/")}/{n.node_name}',
                     frozenset(map(_guid, n.reader_gid_seq)),
                     frozenset(map(_guid, n.writer_gid_seq)))
        for n in message.node_entities_info_seq)
    return _guid(message.gid), nodes


def _guid(gid: Any) -> uuid.UUID:
    return uuid.UUID(bytes=np.asarray(gid.data, np.uint8)[:_GUID_BYTES].tobytes())
