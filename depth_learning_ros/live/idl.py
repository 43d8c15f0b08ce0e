# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 message types as cyclonedds knows them, carrying CDR bytes instead of fields.

cyclonedds' own (de)serialisation goes through every element in Python: 90 ms for an image of
640x480. So a sample here is nothing but its bytes, and the type's ``serialize`` and
``deserialize`` hand them through. cyclonedds still checks what arrives against the type, in C:
bytes that are cut or do not fit never get here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cyclonedds.idl import IdlStruct, make_idl_struct
from cyclonedds.idl.annotations import final
import cyclonedds.idl.types as idl
from rosbags.interfaces import Nodetype
from rosbags.interfaces.typing import Typesdict

from depth_learning_ros.errors import LiveError
from depth_learning_ros.live.names import dds_type

# for type checkers these cannot be indexed
_ARRAY: Any = idl.array
_SEQUENCE: Any = idl.sequence
_BOUNDED_STR: Any = idl.bounded_str

_BASE: Mapping[str, Any] = {
    'bool': bool, 'byte': idl.byte, 'char': idl.uint8, 'string': str,
    'int8': idl.int8, 'int16': idl.int16, 'int32': idl.int32, 'int64': idl.int64,
    'uint8': idl.uint8, 'uint16': idl.uint16, 'uint32': idl.uint32, 'uint64': idl.uint64,
    'float32': idl.float32, 'float64': idl.float64,
}


def make_sample_type(type_name: str, definitions: Typesdict) -> type[IdlStruct]:
    """Make the cyclonedds type of a message.

    Args:
        type_name: such as ``sensor_msgs/msg/Image``.
        definitions: of this type and all within, as a rosbags type store has them.

    Returns:
        A type whose instances have one attribute, ``cdr``.

    Raises:
        LiveError: the type is not defined, or has fields that cyclonedds cannot send.
    """
    made = _struct(type_name, definitions, {})
    for name, function in (
            ('__init__', _init), ('serialize', _serialize),
            ('deserialize', classmethod(_deserialize)),
            ('deserialize_key', classmethod(_deserialize))):  # of publishers that go away
        setattr(made, name, function)
    return made


def _init(self: Any, cdr: Any) -> None:
    self.cdr = cdr


def _serialize(self: Any, buffer: Any = None, endianness: Any = None,
               use_version_2: Any = None) -> Any:
    return self.cdr


def _deserialize(cls: Any, data: bytes, has_header: bool = True,
                 use_version_2: Any = None) -> Any:
    return cls(data)


def _struct(type_name: str, definitions: Typesdict,
            known: dict[str, type[IdlStruct]]) -> type[IdlStruct]:
    if type_name in known:
        return known[type_name]
    if type_name not in definitions:
        raise LiveError(f'the message type {type_name} is not known: it can be sent only when the '
                        f'bag holds its definition')
    fields = {f'{name}': _field(type_name, name, kind, definitions, known)
              for name, kind in definitions[type_name][1]}
    dotted = dds_type(type_name).replace('::', '.')
    made = make_idl_struct(type_name.rpartition('/')[2], dotted, fields, dataclassify=False)
    known[type_name] = final(made)
    return made


def _field(owner: str, name: str, kind: Any, definitions: Typesdict,
           known: dict[str, type[IdlStruct]]) -> Any:
    node, detail = kind
    if node == Nodetype.NAME:
        return _struct(detail, definitions, known)
    if node == Nodetype.BASE:
        base, limit = detail
        if base == 'string' and limit:
            return _BOUNDED_STR[limit]
        if base not in _BASE:
            raise LiveError(f'{owner} cannot be sent: its field {name} is a {base}')
        return _BASE[base]
    content, length = detail
    inner = _field(owner, name, content, definitions, known)
    if node == Nodetype.ARRAY:
        return _ARRAY[inner, length]
    return _SEQUENCE[inner, length] if length else _SEQUENCE[inner]
