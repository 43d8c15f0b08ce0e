# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages of rclpy out of numpy arrays, without a copy.

What turns a message into C reads any buffer in a sequence of numbers, and numpy's arrays are
buffers. The setters take only ``array.array`` as it is, which would be a copy, so the array goes
where they would put it. Anything else is gone over value by value, in Python: hundreds of times
longer for an image.
"""

from __future__ import annotations

from array import array
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

# sequences of numbers in the definition of a message -> typecode of array.array
_TYPECODES = {'uint8': 'B', 'int8': 'b', 'uint16': 'H', 'int16': 'h', 'uint32': 'I', 'int32': 'i',
              'float': 'f', 'double': 'd'}


@cache
def message_class(kind: str) -> Any:
    """Return the class of a message such as ``sensor_msgs/msg/Image``.

    Raises:
        ImportError: its package is not installed.
    """
    package, _, name = kind.split('/')
    return getattr(import_module(f'{package}.msg'), name)


def make_message(kind: str, /, **fields: Any) -> Any:
    """Make a message, see `messages.MessageWriter`.

    Arrays of a sequence's own type are shared with the message and must stay as they are until
    it is published; others are converted.
    """
    arrays = {name: np.ascontiguousarray(fields.pop(name).reshape(-1), np.dtype(typecode))
              for name, typecode in _sequences(kind).items()
              if isinstance(fields.get(name), np.ndarray)}
    found = message_class(kind)
    if '_check_fields' in getattr(found, '__slots__', ()):
        fields['check_fields'] = True
    message = found(**fields)
    for name, values in arrays.items():
        if f'_{name}' in getattr(found, '__slots__', ()):
            setattr(message, f'_{name}', values)
        else:  # not a class as rosidl makes them
            setattr(message, name, array(_sequences(kind)[name], values.tobytes()))
    return message


@cache
def _sequences(kind: str) -> dict[str, str]:
    """Return the fields that are sequences of numbers, with their typecodes."""
    found = {}
    for name, type_name in message_class(kind).get_fields_and_field_types().items():
        inner = type_name.removeprefix('sequence<').removesuffix('>')
        if inner != type_name and inner in _TYPECODES:
            found[name] = _TYPECODES[inner]
    return found
