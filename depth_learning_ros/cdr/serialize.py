# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Serialises large messages as a list of buffers, without copying their pixels.

A frame's outputs are some 13 MB at 1242x375. Writing a message as (head, the array itself, tail)
saves allocating, clearing and filling a buffer of that size for each of them.
"""

from __future__ import annotations

from dataclasses import replace
import struct
from typing import Any

import numpy as np

from depth_learning_ros.cdr.store import STORE

Buffers = list['bytes | memoryview']

_EMPTY = np.empty(0, np.uint8)

# What follows the length of the empty data array in CDR, in bytes. A DisparityImage goes on with
# f, t (8), valid_window (4 x 4 + 1, padded to 20) and three floats (12); its alignment is kept
# because the data is float32.
_TAIL_BYTES = {
    'sensor_msgs/msg/Image': 0,
    'sensor_msgs/msg/PointCloud2': 1,
    'stereo_msgs/msg/DisparityImage': 40,
}


def serialize(message: Any, name: str) -> Buffers:
    """Return the CDR bytes of a message in pieces; the big array among them is not copied.

    The pieces stay valid as long as nobody changes the message's array.
    """
    tail_bytes = _TAIL_BYTES.get(name)
    data = _data_of(message, name)
    if tail_bytes is None or data.nbytes % 4:
        return [STORE.serialize_cdr(message, name)]
    frame = STORE.serialize_cdr(_without_data(message, name), name)
    length_at = len(frame) - tail_bytes - 4
    head = bytes(frame[:length_at]) + struct.pack('<I', data.nbytes)
    return [head, data, frame[length_at + 4:]]


def _data_of(message: Any, name: str) -> memoryview:
    if name not in _TAIL_BYTES:
        return memoryview(b'')
    holder = message.image if name == 'stereo_msgs/msg/DisparityImage' else message
    return memoryview(holder.data).cast('B')


def _without_data(message: Any, name: str) -> Any:
    if name == 'stereo_msgs/msg/DisparityImage':
        return replace(message, image=replace(message.image, data=_EMPTY))
    return replace(message, data=_EMPTY)
