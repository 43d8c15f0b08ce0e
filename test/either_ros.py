# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The real ROS 2 where it is sourced, else the double; import this before any node."""

from __future__ import annotations

from importlib.util import find_spec
import os

# else rclpy of Jazzy takes any value for a field, and fails when it is published, if at all
os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'
REAL = find_spec('rclpy') is not None
if not REAL:
    import ros_double
    ros_double.install()
