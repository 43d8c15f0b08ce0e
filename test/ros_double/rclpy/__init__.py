# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from . import clock, exceptions, executors, logging, node, parameter, qos, time  # noqa: F401
from ._bus import BUS


def init(*, args=None):
    BUS.start()


def ok() -> bool:
    return BUS.running


def try_shutdown():
    BUS.stop()


def spin(node, executor=None):  # noqa: F811
    own = executor or executors.SingleThreadedExecutor()
    own.add_node(node)
    while BUS.running:
        own.spin_once(0.05)
    raise executors.ExternalShutdownException
