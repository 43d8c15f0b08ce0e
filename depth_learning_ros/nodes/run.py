# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A process around a node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
import os
import sys

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException

from depth_learning_ros.errors import DepthLearningError
from depth_learning_ros.nodes.stream_node import StreamNode


def run_node(make: Callable[[], StreamNode], arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is interrupted.

    Returns:
        The exit status: 0 after an interrupt, 1 when parameters given at the start are wrong.
    """
    rclpy.init(args=arguments)
    node = None
    try:
        node = make()
        if node.autostart:
            node.start()
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except (DepthLearningError, ParameterException) as error:
        rclpy.logging.get_logger('depth_learning_ros').fatal(str(error))
        return 1
    except Exception:
        if rclpy.ok():
            raise
        # rclpy fails in many ways when it is told to end in the middle of something
    finally:
        if node is not None:
            _end(node)
        rclpy.try_shutdown()
    return 0


def _end(node: StreamNode) -> None:
    node.destroy_node()
    if not node.stopped_in_time:
        # An engine is being built in native code, which cannot be interrupted and would crash
        # when it comes back to an interpreter that is gone. What it writes gets its name last.
        rclpy.try_shutdown()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
