# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Raw access to message fields that differ between client libraries."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from depth_learning_ros.errors import MessageError

HOST_IS_BIGENDIAN = sys.byteorder == 'big'


def stamp_ns(header: Any) -> int:
    """Return the stamp of a std_msgs/Header in nanoseconds."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def raw_bytes(data: Any) -> np.ndarray:
    """Return a message's ``data`` as uint8 [N], without a copy where it has a buffer.

    Takes numpy arrays (rosbags), array.array and memoryview (rclpy), bytes (ROS 1), and lists.
    """
    if isinstance(data, np.ndarray):
        return np.ascontiguousarray(data).reshape(-1).view(np.uint8)
    try:
        return np.frombuffer(data, np.uint8)
    except ValueError:  # an empty buffer
        return np.empty(0, np.uint8)
    except TypeError:  # no buffer: a plain sequence of numbers
        return np.asarray(data, np.uint8).reshape(-1)


def as_message_data(array: np.ndarray) -> np.ndarray:
    """Return the bytes of an array as uint8 [N], without a copy when it is contiguous."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def pixel_rows(message: Any, row_bytes: int, what: str) -> np.ndarray:
    """Return the rows of an image or cloud message without their padding.

    Args:
        message: has ``height`` and ``data``, and ``step`` (Image) or ``row_step`` (PointCloud2).
        row_bytes: bytes of a row that count.
        what: names the message in errors.

    Returns:
        uint8 [H, row_bytes]: a view when the rows are not padded, else a copy.

    Raises:
        MessageError: the step is too small, or the data is shorter or longer than
            height * step (a last row without padding is accepted).
    """
    height = int(message.height)
    step = int(message.step if hasattr(message, 'step') else message.row_step)
    if step < row_bytes:
        raise MessageError(
            f'{what} has a step of {step} bytes, but a row needs {row_bytes}: '
            f'the driver must fill step with the bytes of a row')
    data = raw_bytes(message.data)
    if data.size < step * (height - 1) + row_bytes:
        raise MessageError(
            f'{what} is truncated: {data.size} bytes of data instead of {step * height} '
            f'({height} rows of {step})')
    if data.size > step * height:
        raise MessageError(
            f'{what} has {data.size} bytes of data, more than {height} rows of {step}: '
            f'height or step is wrong')
    if step == row_bytes:
        return data.reshape(height, step)
    rows = np.lib.stride_tricks.as_strided(
        data, (height, row_bytes), (step, 1), writeable=False)  # the last row may be short
    return np.ascontiguousarray(rows)


def typed_rows(rows: np.ndarray, dtype: type, is_bigendian: Any) -> np.ndarray:
    """Return uint8 [H, row_bytes] as values of ``dtype`` in the host's byte order, aligned."""
    kind = np.dtype(dtype)
    if kind.itemsize == 1:
        return rows.view(kind)
    values = rows.view(kind.newbyteorder('>' if is_bigendian else '<'))
    # message data may begin at any address, which some processors do not load words from
    return np.require(values.astype(kind, copy=False), requirements=['A', 'C'])
