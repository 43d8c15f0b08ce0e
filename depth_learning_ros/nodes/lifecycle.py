# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A lifecycle node that survives being asked for a transition which its state does not have."""

from __future__ import annotations

from typing import Any

from rclpy.lifecycle import LifecycleNode


class PatientLifecycleNode(LifecycleNode):
    """Answers such a request with ``success = False``, as lifecycle nodes in C++ do.

    In rclpy of Jazzy the request ends the process: nothing catches the RCLError (a RuntimeError)
    that comes out of the service's callback. The state is as before then, and rcl has logged
    which transition of which state it was.
    """

    def _LifecycleNodeMixin__on_change_state(  # noqa: N802 - the callback's name in rclpy
            self, request: Any, response: Any) -> Any:
        try:
            return super()._LifecycleNodeMixin__on_change_state(request, response)
        except RuntimeError:
            if not self.context.ok():
                raise  # the process was told to end meanwhile
            response.success = False
            return response
