# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The message types that a process sends and receives, by name."""

from __future__ import annotations

from cyclonedds.idl import IdlStruct
from rosbags.interfaces.typing import Typesdict
from rosbags.typesys import (
    Stores,
    TypesysError,
    get_types_from_idl,
    get_types_from_msg,
    get_typestore,
)

from depth_learning_ros.cdr.store import STORE, MessageType
from depth_learning_ros.errors import LiveError
from depth_learning_ros.live.idl import make_sample_type


class SampleTypes:
    """ROS 2's common types, and those that a bag defines."""

    def __init__(self) -> None:
        self._made: dict[str, type[IdlStruct]] = {}
        self._store = STORE

    def define(self, message_type: MessageType) -> None:
        """Learn a type that is none of the common ones.

        Raises:
            LiveError: its definition is broken.
        """
        name = message_type.name
        if name in self._store.fielddefs:
            return
        parse = get_types_from_msg if message_type.encoding == 'ros2msg' else _types_from_idl
        if self._store is STORE:
            self._store = get_typestore(Stores.ROS2_JAZZY)
        known = self._store.fielddefs
        try:
            self._store.register({
                n: fields for n, fields in parse(message_type.definition, name).items()
                if n not in known})
        except (TypesysError, KeyError, ValueError, AssertionError) as error:
            raise LiveError(f'the definition of {name} is broken: {error}') from error

    def get(self, name: str) -> type[IdlStruct]:
        """Return the type of a message's bytes.

        Raises:
            LiveError: it is not known, or cannot be sent.
        """
        if name not in self._made:
            self._made[name] = make_sample_type(name, self._store.fielddefs)
        return self._made[name]

    def type_hash(self, name: str) -> str:
        """Return the RIHS01 hash of a type (KeyError if it is not known)."""
        return self._store.hash_rihs01(name)


def _types_from_idl(text: str, name: str) -> Typesdict:
    return get_types_from_idl(text)
