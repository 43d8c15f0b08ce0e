# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the nodes' processes begin: an interrupt while libraries load ends them without a word.

rclpy, NumPy and OpenCV take a second to load, in which nothing is begun that could be left half
done. Python would show where in them it was; some of them make another error of it.
"""

from __future__ import annotations

from importlib import import_module
import os
import signal
from typing import Any


def stereo_node() -> int:
    """Run `stereo_node` until it is interrupted."""
    return _run('stereo_node')


def mono_node() -> int:
    """Run `mono_node` until it is interrupted."""
    return _run('mono_node')


def view_node() -> int:
    """Run `view_node` until it is interrupted."""
    return _run('view_node')


def adaptation_node() -> int:
    """Run `adaptation_node` until it is interrupted."""
    return _run('adaptation_node')


def _run(node: str) -> int:
    before = signal.signal(signal.SIGINT, _leave)
    main = import_module(f'{__package__}.{node}').main
    signal.signal(signal.SIGINT, before)
    status: int = main()
    return status


def _leave(*_: Any) -> None:
    os._exit(0)
