# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Errors of publishers, which are of interest only as long as the process is to go on."""

from __future__ import annotations

from types import SimpleNamespace

import either_ros  # noqa: F401 - before the node
import pytest

from depth_learning_ros.nodes.outlet import NodeOutlet


class _Publisher:
    """Fails as rclpy's publishers do, because the process was told to end or for itself."""

    def __init__(self, context, ends: bool) -> None:
        self._context, self._ends = context, ends

    def fail(self, *_: object) -> int:
        self._context.running = not self._ends
        raise RuntimeError("publisher's context is invalid")

    publish = get_subscription_count = fail


def outlet(ends: bool) -> NodeOutlet:
    context = SimpleNamespace(running=True)
    context.ok = lambda: context.running
    node = SimpleNamespace(
        context=context, get_logger=lambda: None, get_clock=lambda: None,
        create_lifecycle_publisher=lambda *_, **__: _Publisher(context, ends))
    return NodeOutlet(node, ['depth'], lambda *_: None, lambda changes: None)


def test_when_the_process_ends_nobody_is_there_and_nothing_is_sent():
    assert list(outlet(ends=True).wanted()) == []
    outlet(ends=True).publish('depth', None)


def test_else_they_are_errors():
    with pytest.raises(RuntimeError, match='invalid'):
        outlet(ends=False).wanted()
    with pytest.raises(RuntimeError, match='invalid'):
        outlet(ends=False).publish('depth', None)
