# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ROS 2 message types, and messages as CDR bytes.

The image and camera types are the same in every ROS 2 distribution, so one type store serves all
bags and all live topics.
"""

from __future__ import annotations

from dataclasses import dataclass
import struct
from typing import Any

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from depth_learning_ros.errors import MessageError

STORE = get_typestore(Stores.ROS2_JAZZY)

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'


@dataclass(frozen=True)
class MessageType:
    """A type as a topic states it.

    Attributes:
        name: such as ``sensor_msgs/msg/Image``.
        definition: its text with that of all types within.
        encoding: ``ros2msg`` or ``ros2idl``.
        type_hash: RIHS01 hash, empty when not known.
    """

    name: str
    definition: str
    encoding: str
    type_hash: str


def make(name: str, /, **fields: Any) -> Any:
    """Make a message object from values of all its fields."""
    return STORE.types[name](**fields)


def read_message(data: bytes | memoryview, name: str) -> Any:
    """Turn CDR bytes into a message object, whose arrays are views into the bytes.

    Raises:
        MessageError: the bytes are cut or are not such a message.
    """
    try:
        return STORE.deserialize_cdr(memoryview(data), name)
    except (SerdeError, struct.error, ValueError, IndexError, OverflowError,
            AssertionError) as error:
        raise MessageError(f'not a readable {name}: {error}') from error


def standard_type(name: str) -> MessageType:
    """Return a type of the store (KeyError if there is none of that name)."""
    return type_from(STORE, name)


def type_from(store: Typestore, name: str) -> MessageType:
    """Return a type of any store (KeyError if there is none of that name)."""
    if name not in store.fielddefs:
        raise KeyError(name)
    return MessageType(name, store.generate_msgdef(name, ros_version=2)[0], 'ros2msg',
                       store.hash_rihs01(name))
