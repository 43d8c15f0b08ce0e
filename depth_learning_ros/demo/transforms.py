# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The robot's pose as tf2 has it, so that viewers can lay the clouds of a drive together.

The hall's axes are x right, y down, z ahead; ``odom`` has x ahead, y left, z up (REP 103, 105).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import math
from typing import Any

from depth_learning_ros.demo.scene import BASELINE_M, Pose

WORLD_FRAME = 'odom'
LEFT_FRAME = 'camera_left_optical_frame'
RIGHT_FRAME = 'camera_right_optical_frame'

Quaternion = tuple[float, float, float, float]


def camera_transform(make: Callable[..., Any], stamp: Any, pose: Pose) -> Any:
    """Build the tf2_msgs/TFMessage that says where the left camera is."""
    axes = [to_odom(axis) for axis in pose.axes()]
    return _message(make, stamp, WORLD_FRAME, LEFT_FRAME, to_odom(pose.position),
                    quaternion(list(zip(*axes, strict=True))))


def rig_transform(make: Callable[..., Any], stamp: Any) -> Any:
    """Build the tf2_msgs/TFMessage that says where the right camera is, once for all."""
    return _message(make, stamp, LEFT_FRAME, RIGHT_FRAME, (BASELINE_M, 0.0, 0.0),
                    (0.0, 0.0, 0.0, 1.0))


def to_odom(vector: Sequence[float]) -> tuple[float, float, float]:
    """Turn a vector of the hall's axes to those of odom."""
    return (vector[2], -vector[0], -vector[1])


def quaternion(matrix: Sequence[Sequence[float]]) -> Quaternion:
    """Return (x, y, z, w) of a rotation matrix whose columns are the turned axes.

    By the largest of the four components, which never divides by a small number (Shepperd 1978).
    """
    (a, b, c), (d, e, f), (g, h, i) = matrix
    candidates = (
        (1 + a - e - i, lambda n: (n, b + d, c + g, h - f)),
        (1 - a + e - i, lambda n: (b + d, n, f + h, c - g)),
        (1 - a - e + i, lambda n: (c + g, f + h, n, d - b)),
        (1 + a + e + i, lambda n: (h - f, c - g, d - b, n)))
    largest, components = max(candidates, key=lambda candidate: candidate[0])
    scale = 0.5 / math.sqrt(largest)
    x, y, z, w = (scale * component for component in components(largest))
    return (x, y, z, w)


def _message(make: Callable[..., Any], stamp: Any, parent: str, child: str,
             translation: Sequence[float], rotation: Quaternion) -> Any:
    x, y, z = translation
    transform = make(
        'geometry_msgs/msg/Transform',
        translation=make('geometry_msgs/msg/Vector3', x=x, y=y, z=z),
        rotation=make('geometry_msgs/msg/Quaternion', x=rotation[0], y=rotation[1],
                      z=rotation[2], w=rotation[3]))
    header = make('std_msgs/msg/Header', stamp=stamp, frame_id=parent)
    stamped = make('geometry_msgs/msg/TransformStamped', header=header, child_frame_id=child,
                   transform=transform)
    return make('tf2_msgs/msg/TFMessage', transforms=[stamped])
