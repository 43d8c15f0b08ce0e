# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time


class ExternalShutdownException(Exception):  # noqa: N818
    pass


class SingleThreadedExecutor:
    """Does one thing at a time, as the real one."""

    def __init__(self):
        self._nodes = []

    def add_node(self, node):
        self._nodes.append(node)
        return True

    def remove_node(self, node):
        if node in self._nodes:
            self._nodes.remove(node)

    def spin_once(self, timeout_sec=None):
        end = time.monotonic() + (60.0 if timeout_sec is None else timeout_sec)
        while not any(node._do_one_thing() for node in list(self._nodes)):
            if time.monotonic() >= end:
                return
            time.sleep(0.001)

    def shutdown(self, timeout_sec=None):
        self._nodes.clear()
        return True
