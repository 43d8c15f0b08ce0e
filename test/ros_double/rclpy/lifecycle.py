# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from enum import Enum

from .node import Node

_UNCONFIGURED, _INACTIVE, _ACTIVE, _FINALIZED = (
    'unconfigured', 'inactive', 'active', 'finalized')


class TransitionCallbackReturn(Enum):
    SUCCESS = 97
    FAILURE = 98
    ERROR = 99


class LifecycleState:
    def __init__(self, label, state_id):
        self.label, self.state_id = label, state_id


class LifecycleNode(Node):
    def __init__(self, node_name, **kwargs):
        super().__init__(node_name, **kwargs)
        self._state, self._lifecycle_publishers = _UNCONFIGURED, []

    def create_lifecycle_publisher(self, *args, **kwargs):
        publisher = self.create_publisher(*args, **kwargs)
        publisher.enabled = False
        self._lifecycle_publishers.append(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher):
        self._lifecycle_publishers.remove(publisher)
        return self.destroy_publisher(publisher)

    def trigger_configure(self):
        return self._change(self.on_configure, {_UNCONFIGURED: _INACTIVE})

    def trigger_activate(self):
        return self._change(self.on_activate, {_INACTIVE: _ACTIVE})

    def trigger_deactivate(self):
        return self._change(self.on_deactivate, {_ACTIVE: _INACTIVE})

    def trigger_cleanup(self):
        return self._change(self.on_cleanup, {_INACTIVE: _UNCONFIGURED})

    def trigger_shutdown(self):
        return self._change(self.on_shutdown, dict.fromkeys(
            (_UNCONFIGURED, _INACTIVE, _ACTIVE), _FINALIZED))

    def on_configure(self, state):
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state):
        return self._enable(True)

    def on_deactivate(self, state):
        return self._enable(False)

    def on_cleanup(self, state):
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state):
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state):
        return TransitionCallbackReturn.FAILURE

    def _enable(self, enabled):
        for publisher in self._lifecycle_publishers:
            publisher.enabled = enabled
        return TransitionCallbackReturn.SUCCESS

    def _change(self, callback, ways):
        if self._state not in ways:
            raise RuntimeError(f'no such transition from {self._state}')
        state = LifecycleState(self._state, 0)
        try:
            result = callback(state)
        except Exception:  # as the real one: swallowed
            result = TransitionCallbackReturn.ERROR
        if result == TransitionCallbackReturn.SUCCESS:
            self._state = ways[self._state]
        elif result == TransitionCallbackReturn.ERROR:
            recovered = self.on_error(state) == TransitionCallbackReturn.SUCCESS
            self._state = _UNCONFIGURED if recovered else _FINALIZED
        return result
