# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS 2 in one process, for the tests of the nodes where there is none.

It has the names of rclpy, message_filters, cv_bridge, diagnostic_updater and the message packages
that the nodes and their tests use, and no other; test_ros_double.py compares them with the real
ones where they are. `install` puts them into their places.
"""

from __future__ import annotations

from importlib import import_module
import sys

MODULES = ('rclpy', 'rclpy.clock', 'rclpy.event_handler', 'rclpy.exceptions', 'rclpy.executors',
           'rclpy.lifecycle', 'rclpy.logging', 'rclpy.node', 'rclpy.parameter',
           'rclpy.parameter_client', 'rclpy.qos', 'rclpy.qos_overriding_options', 'rclpy.time',
           'message_filters', 'cv_bridge', 'diagnostic_updater')


def install() -> None:
    """Make the double be found under the real names."""
    from . import messages
    for package in messages.PACKAGES:
        sys.modules[package], sys.modules[f'{package}.msg'] = messages.modules_of(package)
    for name in MODULES:
        sys.modules[name] = import_module(f'{__name__}.{name}')
