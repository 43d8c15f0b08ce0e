# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings from a YAML file, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
import math
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import yaml

from depth_learning_ros.errors import TrainingError


def read_settings(path: Path, example: str) -> dict[str, Any]:
    """Read the settings of a YAML file by their names.

    Args:
        example: what such a file begins with, for the message.

    Raises:
        TrainingError: it cannot be read, is no YAML, or holds no settings.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise TrainingError(f'cannot read {path}: {reason}') from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise TrainingError(f'{path} holds no settings: expected "{example}" and so on')
    return values


_PLAIN = {bool: 'true or false', int: 'a whole number', float: 'a number', str: 'a text'}


def typed_settings(kind: type, values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Give plain values as the fields of a dataclass want them.

    Fields of other types than bool, int, float, str, and these or None, are left as they are.

    Args:
        kind: the dataclass.
        values: by the names of its fields.
        what: kind of settings, for the message.

    Raises:
        TrainingError: a name is unknown, or a value is of another type.
    """
    known = [field.name for field in fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise TrainingError(f'unknown {what} {unknown}: known are {known}')
    hints = get_type_hints(kind)
    return {name: _typed(name, value, hints[name]) for name, value in values.items()}


def _typed(name: str, value: Any, hint: Any) -> Any:
    wanted = {hint, *get_args(hint)} - {NoneType} if NoneType in get_args(hint) else {hint}
    plain = next((kind for kind in wanted if kind in _PLAIN), None)
    if plain is None or (value is None and NoneType in get_args(hint)):
        return value
    if plain is float:
        value = _number(value)
    if type(value) is not plain:
        raise TrainingError(f'{name} is {value!r}: give {_PLAIN[plain]}')
    return value


def _number(value: Any) -> Any:
    """Read 1 and '1e-3' as the numbers they mean: YAML 1.1 knows the latter as a text alone."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a number that is no number, or not from ``low`` to ``high``.

    Raises:
        TrainingError: naming what may be given.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and low <= value <= high):
        most = f'{low:g} or more' if high == math.inf else f'{low:g} to {high:g}'
        raise TrainingError(f'{name} is {value!r}: give {most}')
