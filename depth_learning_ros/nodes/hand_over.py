# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sets the parameter ``model`` of another node, as soon as that node is there."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient

_RETRY_S = 1.0


class HandOver:
    """Keeps trying until the other node took the model; and again when that node came back.

    Args:
        node: in whose executor it works.
        target: name of the other node; empty = nobody.
    """

    def __init__(self, node: Node, target: str) -> None:
        self._node, self._target = node, target
        self._wanted = self._taken = ''
        self._was_there = self._asked = False
        self._client = AsyncParameterClient(node, target) if target else None
        if self._client is not None:
            node.create_timer(_RETRY_S, self._try)

    def want(self, model: str) -> None:
        """Let the other node use this model; may be called by any thread."""
        self._wanted = model

    def _try(self) -> None:
        assert self._client is not None
        there = self._client.services_are_ready()
        if there and not self._was_there:
            self._taken = ''  # it began anew, with the model that it was started with
        self._was_there = there
        if not there or self._asked or not self._wanted or self._wanted == self._taken:
            return
        self._asked, model = True, self._wanted
        future = self._client.set_parameters([Parameter('model', value=model)])
        future.add_done_callback(lambda done: self._answered(model, done))

    def _answered(self, model: str, future: Any) -> None:
        self._asked = False
        error = future.exception()
        result = None if error is not None else future.result().results[0]
        if result is not None and result.successful:
            self._taken = model
            self._node.get_logger().info(f'{self._target} uses {model} now')
            return
        reason = error if result is None else result.reason
        self._taken = model  # asking again would not change its mind; another model will
        self._node.get_logger().warning(f'{self._target} does not take {model}: {reason}')
