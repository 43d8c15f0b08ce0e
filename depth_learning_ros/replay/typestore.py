# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The types of a bag's topics, and ROS 1 data brought to ROS 2 types.

They differ from ROS 1 only in the header's sequence number. So one type store serves all bags,
whether they hold their definitions or not; a broken definition of a topic that nobody asked for
cannot stop a replay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rosbags.interfaces import Connection, MessageDefinitionFormat
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from depth_learning_ros.cdr.store import STORE, MessageType, standard_type, type_from

# Types that moved to another package with ROS 2, unchanged.
_RENAMED = {'tf/msg/tfMessage': 'tf2_msgs/msg/TFMessage'}


def ros2_type(connection: Connection) -> MessageType | None:
    """Return the type of a ROS 2 topic as the bag states it, or from the store.

    Returns:
        None when the bag does not state it and it is no common type: it cannot be copied.
    """
    name, definition = connection.msgtype, connection.msgdef
    if definition.format != MessageDefinitionFormat.NONE and definition.data:
        encoding = 'ros2msg' if definition.format == MessageDefinitionFormat.MSG else 'ros2idl'
        known = STORE.hash_rihs01(name) if name in STORE.fielddefs else ''
        return MessageType(name, definition.data, encoding, connection.digest or known)
    return standard_type(name) if name in STORE.fielddefs else None


Convert = Callable[[bytes], memoryview]


def ros1_type(connection: Connection) -> tuple[MessageType, Convert] | None:
    """Return the ROS 2 type of a ROS 1 topic and the function that converts its data.

    Returns:
        None when ROS 2 has a type of that name with other fields, or the definition is broken:
        it cannot be copied.
    """
    name = _RENAMED.get(connection.msgtype, connection.msgtype)
    try:
        own = get_types_from_msg(connection.msgdef.data, name)
        store = get_typestore(Stores.EMPTY)
        own['std_msgs/msg/Header'] = STORE.fielddefs['std_msgs/msg/Header']
        store.register(own)
        if name in STORE.fielddefs:
            if not _same_layout(store, STORE, name):
                return None
            store = STORE
        return type_from(store, name), lambda data: store.ros1_to_cdr(data, name)
    except (TypesysError, KeyError, ValueError, AssertionError):
        return None


def _same_layout(first: Typestore, second: Typestore, name: str) -> bool:
    """Tell whether two definitions are the same bytes; names of fields may differ (K and k)."""
    ours, theirs = first.fielddefs[name][1], second.fielddefs[name][1]
    if [kind for _, kind in ours] != [kind for _, kind in theirs]:
        return False
    inner = {_inner_type(kind) for _, kind in ours} - {None}
    return all(_same_layout(first, second, n) for n in inner if n is not None)


def _inner_type(kind: Any) -> str | None:
    """Return the message type in a field, also within an array; None for plain values."""
    content = kind[1]
    if isinstance(content, str):
        return content
    if isinstance(content[0], tuple) and isinstance(content[0][1], str):
        return content[0][1]
    return None
