# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A process around a node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import logging
import os
import signal
import sys
import threading
from typing import TypeVar

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from depth_learning_ros.errors import DepthLearningError

# A spin without end has been seen to miss the interrupt that was to end it.
_LOOK_AGAIN_S = 0.5

AnyNode = TypeVar('AnyNode', bound=Node)


def run_node(make: Callable[[], AnyNode], arguments: Sequence[str] | None = None, *,
             begin: Callable[[AnyNode], object] = lambda node: None) -> int:
    """Run a node until it is interrupted; further interrupts are ignored, as the process ends.

    Args:
        make: makes the node.
        arguments: of the process; None = those it was started with.
        begin: what is done with the node before it spins.

    Returns:
        The exit status: 0 after an interrupt, 1 when parameters given at the start are wrong.
    """
    try:
        rclpy.init(args=arguments)
    except KeyboardInterrupt:
        return 0
    node = None
    try:
        # made first: an interrupt while rclpy makes one leaves half of it, which fails again later
        executor = SingleThreadedExecutor()
        node = make()
        begin(node)
        executor.add_node(node)
        while rclpy.ok():
            executor.spin_once(timeout_sec=_LOOK_AGAIN_S)
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
        _ignore_interrupts()
        if node is not None:
            _end(node)
        rclpy.try_shutdown()
        _ignore_interrupts()  # rclpy has put back the handler that it found
    return 0


def _ignore_interrupts() -> None:
    """Below `ros2 launch`, a node gets each Ctrl-C from the terminal and from launch."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end(node: Node) -> None:
    node.destroy_node()
    if not getattr(node, 'stopped_in_time', True):
        # An engine is being built in native code, which cannot be interrupted and would crash
        # when it comes back to an interpreter that is gone. What it writes gets its name last.
        rclpy.try_shutdown()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
