# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The settings of a stream as ROS 2 parameters: `ros2 param list`, `get`, `set` and `describe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
import threading
from typing import Any

import numpy as np

from depth_learning_ros.cdr.store import make
from depth_learning_ros.errors import DepthLearningError
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.services import ServiceType
from depth_learning_ros.stream import Setting, Stream, table

# rcl_interfaces/msg/ParameterType
NOT_SET, BOOL, INTEGER, DOUBLE, STRING, STRING_ARRAY = 0, 1, 2, 3, 4, 9
_TYPES = {bool: BOOL, int: INTEGER, float: DOUBLE, str: STRING, tuple: STRING_ARRAY}
_FIELDS = {BOOL: 'bool_value', INTEGER: 'integer_value', DOUBLE: 'double_value',
           STRING: 'string_value', STRING_ARRAY: 'string_array_value'}

_SERVICES = {
    'list_parameters': ('ListParameters', 'string[] prefixes\nuint64 depth\n',
                        'rcl_interfaces/ListParametersResult result\n'),
    'get_parameters': ('GetParameters', 'string[] names\n',
                       'rcl_interfaces/ParameterValue[] values\n'),
    'get_parameter_types': ('GetParameterTypes', 'string[] names\n', 'uint8[] types\n'),
    'describe_parameters': ('DescribeParameters', 'string[] names\n',
                            'rcl_interfaces/ParameterDescriptor[] descriptors\n'),
    'set_parameters': ('SetParameters', 'rcl_interfaces/Parameter[] parameters\n',
                       'rcl_interfaces/SetParametersResult[] results\n'),
    'set_parameters_atomically': ('SetParametersAtomically',
                                  'rcl_interfaces/Parameter[] parameters\n',
                                  'rcl_interfaces/SetParametersResult result\n'),
}


class ParameterServer:
    """Offers the six parameter services of a node."""

    def __init__(self, participant: Participant, stream: Stream[Any, Any]) -> None:
        self._stream = stream
        self._rows = {row.name: row for row in table(type(stream.settings))}
        self._lock = threading.Lock()
        for service, (kind, request, reply) in _SERVICES.items():
            participant.service(
                f'{participant.full_name}/{service}',
                ServiceType.of(f'rcl_interfaces/srv/{kind}', request, reply),
                getattr(self, f'_{service}'))
        participant.announce()

    def _list_parameters(self, request: Any) -> Mapping[str, Any]:
        # no name has a dot, so a prefix fits only when it is the whole name
        names = [n for n in self._rows if not request.prefixes or n in request.prefixes]
        return {'result': make('rcl_interfaces/msg/ListParametersResult', names=names,
                               prefixes=[])}

    def _get_parameters(self, request: Any) -> Mapping[str, Any]:
        return {'values': [self._value(name) for name in request.names]}

    def _get_parameter_types(self, request: Any) -> Mapping[str, Any]:
        return {'types': np.array([self._value(n).type for n in request.names], np.uint8)}

    def _describe_parameters(self, request: Any) -> Mapping[str, Any]:
        return {'descriptors': [_descriptor(name, self._rows.get(name))
                                for name in request.names]}

    def _set_parameters(self, request: Any) -> Mapping[str, Any]:
        return {'results': [self._set([parameter]) for parameter in request.parameters]}

    def _set_parameters_atomically(self, request: Any) -> Mapping[str, Any]:
        return {'result': self._set(request.parameters)}

    def _set(self, parameters: Sequence[Any]) -> Any:
        try:
            changes = {p.name: self._new_value(p) for p in parameters}
            with self._lock:
                self._stream.update(changes)
        except DepthLearningError as error:
            return make('rcl_interfaces/msg/SetParametersResult', successful=False,
                        reason=str(error))
        return make('rcl_interfaces/msg/SetParametersResult', successful=True, reason='')

    def _new_value(self, parameter: Any) -> Any:
        row = self._rows.get(parameter.name)
        if row is None:
            raise DepthLearningError(f'there is no parameter {parameter.name}')
        if row.fixed:
            raise DepthLearningError(f'{row.name} is fixed when the process starts: start it '
                                     f'again with another value')
        kind = parameter.value.type
        if kind not in _FIELDS:
            raise DepthLearningError(f'{row.name} must be a {type(row.default).__name__}')
        value = getattr(parameter.value, _FIELDS[kind])
        return row.checked(tuple(value) if kind == STRING_ARRAY else value)

    def _value(self, name: str) -> Any:
        if name not in self._rows:
            return parameter_value(None)
        return parameter_value(getattr(self._stream.settings, name))


def parameter_value(value: Any) -> Any:
    """Return a rcl_interfaces/ParameterValue; not set for None."""
    kind = NOT_SET if value is None else _TYPES[type(value)]
    fields: dict[str, Any] = {
        'bool_value': False, 'integer_value': 0, 'double_value': 0.0, 'string_value': '',
        'byte_array_value': np.empty(0, np.uint8), 'bool_array_value': np.empty(0, np.bool_),
        'integer_array_value': np.empty(0, np.int64),
        'double_array_value': np.empty(0, np.float64), 'string_array_value': []}
    if kind != NOT_SET:
        fields[_FIELDS[kind]] = list(value) if kind == STRING_ARRAY else value
    return make('rcl_interfaces/msg/ParameterValue', type=kind, **fields)


def _descriptor(name: str, row: Setting | None) -> Any:
    kind = NOT_SET if row is None else _TYPES[type(row.default)]
    ranges: dict[str, list[Any]] = {'floating_point_range': [], 'integer_range': []}
    if row is not None and kind in (INTEGER, DOUBLE):
        low = -math.inf if row.minimum is None else row.minimum
        high = math.inf if row.maximum is None else row.maximum
        if kind == DOUBLE:
            ranges['floating_point_range'] = [make(
                'rcl_interfaces/msg/FloatingPointRange', from_value=float(low),
                to_value=float(high), step=0.0)]
        elif math.isfinite(low) and math.isfinite(high):
            ranges['integer_range'] = [make(
                'rcl_interfaces/msg/IntegerRange', from_value=int(low), to_value=int(high),
                step=1)]
    choices = f'out of {", ".join(row.choices)}' if row is not None and row.choices else ''
    return make(
        'rcl_interfaces/msg/ParameterDescriptor', name=name, type=kind,
        description='' if row is None else row.about, additional_constraints=choices,
        read_only=row is not None and row.fixed, dynamic_typing=False, **ranges)
