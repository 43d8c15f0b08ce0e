# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Message classes made from definitions, as strict about their fields as rosidl's."""

from __future__ import annotations

from array import array
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore

PACKAGES = ('builtin_interfaces', 'std_msgs', 'sensor_msgs', 'stereo_msgs', 'geometry_msgs',
            'tf2_msgs', 'diagnostic_msgs', 'rcl_interfaces', 'rosgraph_msgs')
_STORE = get_typestore(Stores.ROS2_JAZZY)
_TYPECODES = {'uint8': 'B', 'int8': 'b', 'uint16': 'H', 'int16': 'h', 'uint32': 'I', 'int32': 'i',
              'uint64': 'Q', 'int64': 'q', 'float32': 'f', 'float64': 'd'}
_NAMES = {'float32': 'float', 'float64': 'double', 'bool': 'boolean', 'byte': 'octet'}
_BYTES = 'byte', 'octet', 'char'


def modules_of(package: str) -> tuple[ModuleType, ModuleType]:
    """Return the modules of a package and of its messages."""
    outer, inner = ModuleType(package), ModuleType(f'{package}.msg')
    outer.msg = inner  # type: ignore[attr-defined]
    outer.__path__ = []  # type: ignore[attr-defined]
    for kind in _STORE.fielddefs:
        if kind.startswith(f'{package}/msg/'):
            setattr(inner, kind.rpartition('/')[2], message_class(kind))
    return outer, inner


class _Field:
    """A field that refuses what rosidl's setter refuses."""

    def __init__(self, definition: Any) -> None:
        node, inner = definition
        self.node = int(node)  # 1 base, 2 name, 3 array, 4 sequence
        self.size = inner[1] if self.node in (3, 4) else 0
        content = inner[0] if self.node in (3, 4) else definition
        self.base = content[1][0] if int(content[0]) == 1 else ''
        self.kind = content[1] if int(content[0]) == 2 else ''

    @property
    def type_name(self) -> str:
        one = self.kind.replace('/msg/', '/') or _NAMES.get(self.base, self.base)
        if self.node == 3:
            return f'{one}[{self.size}]'
        if self.node == 4:
            return f'sequence<{one}, {self.size}>' if self.size else f'sequence<{one}>'
        return one

    def default(self) -> Any:
        code = _TYPECODES.get(self.base)
        if self.node == 3:
            return np.zeros(self.size, code) if code else [self._one() for _ in range(self.size)]
        if self.node == 4:
            return array(code) if code else []
        return self._one()

    def _one(self) -> Any:
        if self.kind:
            return message_class(self.kind)()
        if self.base in ('byte', 'octet'):
            return b'\x00'
        return {'string': '', 'bool': False, 'float32': 0.0, 'float64': 0.0}.get(self.base, 0)

    def check(self, name: str, value: Any) -> Any:
        code = _TYPECODES.get(self.base)
        if self.node == 3:
            if code and isinstance(value, np.ndarray):
                assert value.dtype == np.dtype(code) and value.size == self.size, name
            else:
                assert len(value) == self.size, name
            return value
        if self.node == 4:
            if code:
                assert isinstance(value, (array, list, tuple)), f'{name} is {type(value)}'
                assert not isinstance(value, array) or value.typecode == code, name
                return value if isinstance(value, array) else array(code, value)
            assert isinstance(value, (list, tuple)), f'{name} is {type(value)}'
            return value
        if self.kind:
            assert isinstance(value, message_class(self.kind)), f'{name} is {type(value)}'
        elif self.base in ('byte', 'octet'):
            assert isinstance(value, bytes) and len(value) == 1, name
        else:
            wanted = {'string': str, 'bool': bool, 'float32': float, 'float64': float}.get(
                self.base, int)
            assert isinstance(value, wanted), f'{name} is {type(value)}: expected {wanted}'
        return value


@cache
def message_class(kind: str) -> type:
    """Return the class of a message such as ``sensor_msgs/msg/Image``."""
    constants, definitions = _STORE.fielddefs[kind]
    fields = {name: _Field(definition) for name, definition in definitions
              if name != 'structure_needs_at_least_one_member'}

    def init(self: Any, **values: Any) -> None:
        assert set(values) <= set(fields), f'{kind} has no {set(values) - set(fields)}'
        for name, field in fields.items():
            setattr(self, name, values[name] if name in values else field.default())

    def assign(self: Any, name: str, value: Any) -> None:
        if name in fields:
            value = fields[name].check(name, value)
        object.__setattr__(self, name, value)

    def same(self: Any, other: Any) -> bool:
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in fields)

    content = {
        '__init__': init, '__setattr__': assign, '__eq__': same, '__hash__': None,
        '__repr__': lambda self: f'{kind}({", ".join(fields)})', '_kind': kind,
        'get_fields_and_field_types': classmethod(
            lambda cls: {name: field.type_name for name, field in fields.items()}),
        **{name: _constant(base, value) for name, base, value in constants}}
    return type(kind.rpartition('/')[2], (), content)


def _constant(base: str, value: Any) -> Any:
    return bytes([value]) if base in ('byte', 'octet') and isinstance(value, int) else value
