# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The table of settings as parameters of a node."""

from __future__ import annotations

from collections.abc import Iterable
import dataclasses
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from depth_learning_ros.stream import Setting, StreamSettings, table

Settings = TypeVar('Settings', bound=StreamSettings)


def declare_settings(node: Node, kind: type[Settings]) -> Settings:
    """Declare all settings of a kind with descriptions and ranges, and return their values.

    Raises:
        DataError, CalibrationError: the values given at the start do not fit together.
    """
    rows = table(kind)
    declared = node.declare_parameters('', [
        (row.name, list(row.default) if isinstance(row.default, tuple) else row.default,
         descriptor(row)) for row in rows])
    return kind(**{row.name: parameter.value
                   for row, parameter in zip(rows, declared, strict=True)})


def changes_among(parameters: Iterable[Parameter], kind: type[StreamSettings]) -> dict[str, Any]:
    """Return the parameters that are settings, by name; others belong to other parts of ROS."""
    names = {row.name for row in table(kind)}
    return {p.name: p.value for p in parameters if p.name in names}


def as_parameters(changes: dict[str, Any]) -> list[Parameter]:
    """Return values of settings as parameters."""
    return [Parameter(name, value=list(value) if isinstance(value, tuple) else value)
            for name, value in changes.items()]


def descriptor(row: Setting) -> ParameterDescriptor:
    """Describe a setting as tools show it."""
    found = ParameterDescriptor(description=row.about, read_only=row.fixed)
    if row.choices:
        found.additional_constraints = f'out of {", ".join(row.choices)}'
    low, high = row.minimum, row.maximum
    if low is not None and high is not None:
        if isinstance(row.default, float):
            found.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
        else:
            found.integer_range = [
                IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return found


def values_of(settings: StreamSettings) -> dict[str, Any]:
    """Return all settings by name."""
    return {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
