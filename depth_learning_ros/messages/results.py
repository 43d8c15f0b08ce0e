# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Disparity, depth and cloud messages back to arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from depth_learning_ros.errors import MessageError
from depth_learning_ros.geometry.depth import depth_from_millimetres
from depth_learning_ros.messages.fields import pixel_rows, typed_rows
from depth_learning_ros.messages.images import image_pixels
from depth_learning_ros.types import Disparity, PointCloud

_FLOAT32 = 7  # sensor_msgs/PointField.FLOAT32
_PACKED_OFFSETS = {'x': 0, 'y': 4, 'z': 8, 'rgb': 12}


def disparity_from_message(message: Any) -> tuple[Disparity, float, float]:
    """Read a stereo_msgs/DisparityImage.

    Returns:
        The disparity, NaN outside of the message's range; the focal length in pixels; the
        baseline in metres. Principal points are accounted for: depth = focal * baseline /
        disparity, whatever the camera's doffs.

    Raises:
        MessageError: the image is not 32FC1, or damaged.
    """
    if message.image.encoding != '32FC1':
        raise MessageError(f'a disparity image has the encoding {message.image.encoding!r}: '
                           f'expected 32FC1')
    values = image_pixels(message.image).copy()
    with np.errstate(invalid='ignore'):
        np.putmask(values, ~((values >= message.min_disparity) & np.isfinite(values)), np.nan)
    baseline_m = message.t if hasattr(message, 't') else message.T  # ROS 1
    disparity = Disparity(values, max_disparity=float(message.max_disparity),
                          subpixel_step=float(message.delta_d))
    return disparity, float(message.f), float(baseline_m)


def depth_from_image(message: Any) -> np.ndarray:
    """Read a depth image (REP 118).

    Returns:
        float32 [H, W], metres; NaN unknown, +inf nothing in range, -inf too close. Millimetres
        of 0 are unknown. May be a read-only view of a 32FC1 message.

    Raises:
        MessageError: neither 32FC1 nor 16UC1, or damaged.
    """
    if message.encoding == '32FC1':
        return image_pixels(message)
    if message.encoding not in ('16UC1', 'mono16'):
        raise MessageError(f'a depth image has the encoding {message.encoding!r}: '
                           f'expected 32FC1 (metres) or 16UC1 (millimetres)')
    return depth_from_millimetres(image_pixels(message))


def cloud_from_message(message: Any) -> PointCloud:
    """Read a sensor_msgs/PointCloud2 with float32 x, y, z and, where there is one, rgb.

    Returns:
        [H, W] points; a cloud that is not organised has one row. Black without colours. A view of
        the message's data when it lies as this package writes it.

    Raises:
        MessageError: x, y or z missing or not float32, wrong step, truncated data.
    """
    offsets = {f.name: int(f.offset) for f in message.fields
               if int(f.datatype) == _FLOAT32 and f.name in _PACKED_OFFSETS}
    missing = [name for name in 'xyz' if name not in offsets]
    if missing:
        has = ', '.join(field.name for field in message.fields) or 'nothing'
        raise MessageError(f'a cloud has no float32 {", ".join(missing)}: its fields are {has}')
    width, height, step = int(message.width), int(message.height), int(message.point_step)
    what = f'the cloud of {width}x{height} points'
    if width < 1 or height < 1:
        raise MessageError(f'{what} is empty')
    if step % 4 or any(at % 4 or at + 4 > step for at in offsets.values()):
        raise MessageError(f'{what} has the point_step {step} and fields at '
                           f'{sorted(offsets.values())}: expected multiples of 4 within it')
    rows = pixel_rows(message, width * step, what)
    values = typed_rows(rows, np.float32, message.is_bigendian).reshape(height, width, step // 4)
    if step == 16 and offsets == _PACKED_OFFSETS:
        return PointCloud(values)
    packed = np.zeros((height, width, 4), np.float32)
    for name, offset in offsets.items():
        packed[..., _PACKED_OFFSETS[name] // 4] = values[..., offset // 4]
    return PointCloud(packed)
