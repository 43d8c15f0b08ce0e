# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sets the parameter ``model`` of another node, and reads how that node runs its engines."""

from __future__ import annotations

from collections.abc import Callable
import math
import time
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient

_PERIOD_S = 1.0
_ANSWER_S = 10.0  # who was killed never answers
_LOOK_S = 5.0
_SUSPECT_S, _MOST_DEATHS = 60.0, 3  # so soon after it was given a model, and so often
_PUBLISHED_BY_ALL = '/parameter_events'
_SERVICE = 'set_parameters'
#: parameters of the target that say which engine it looks for, and where
_ENGINE = ('backend', 'precision', 'zoom', 'cache_dir')


class HandOver:
    """Sets a model once, and again when the other node was started anew.

    Whoever else sets the parameter has a reason: that is told by ``trouble``, and left as it is
    until another model is wanted. The other node itself goes back to the model before where it
    cannot load one. That it was started anew cannot be told from the parameter, nor from its
    services, which outlive a killed process: it is told from its publisher, which is another one.
    Where it ends again and again soon after it was given a model, as one that has no memory for
    it would, it is left alone until another model is wanted.

    Args:
        node: in whose executor it works.
        target: name of the other node; empty = nobody.

    Attributes:
        trouble: why the other node does not use what it should, for people; empty when it does.
        engine: its parameters backend, precision, zoom and cache_dir, as it last told them; empty
            while it has not, or when it has none.
    """

    def __init__(self, node: Node, target: str) -> None:
        self._node, self._target = node, target
        self.trouble = ''
        self.engine: dict[str, Any] = {}
        self._wanted = self._answered_for = self._taken = ''
        self._known: set[bytes] = set()
        self._asking: Any = None
        self._deadline = self._next_look = self._next_engine = 0.0
        self._given_at = -math.inf  # the model, to the process that is there
        self._deaths, self._refused = 0, ''
        if target:
            service = node.resolve_service_name(f'{target}/{_SERVICE}')
            self._full_name = service.removesuffix(f'/{_SERVICE}')
            self._client = AsyncParameterClient(node, target)
            # simulated time can stand still
            node.create_timer(_PERIOD_S, self._look,
                              clock=Clock(clock_type=ClockType.STEADY_TIME))

    def want(self, model: str) -> None:
        """Let the other node use this model; may be called by any thread."""
        self._wanted = model

    def _look(self) -> None:
        now, publishers = time.monotonic(), self._publishers()
        if publishers - self._known:
            self._give_up_asking()
            self._answered_for = self._taken = ''
            self._count_death(now)
        self._known |= publishers
        if self._asking is not None:
            if now < self._deadline:
                return
            self._give_up_asking()
            self._tell_silence()
        ready = bool(publishers) and self._client.services_are_ready()
        if self._wanted and self._wanted != self._refused:
            if not ready:
                self._tell(f'{self._target} is not there')
            elif self._wanted != self._answered_for:
                self._set(self._wanted, now)
        if not ready or self._asking is not None:
            return
        if now >= self._next_engine:
            self._next_engine = now + _LOOK_S
            self._ask(self._client.get_parameters(list(_ENGINE)), self._engine_was_got)
        elif self._taken and now >= self._next_look:
            self._ask(self._client.get_parameters(['model']), self._was_got)

    def _set(self, model: str, now: float) -> None:
        self._answered_for, self._refused = '', ''  # whatever it answers, even too late
        self._given_at = now
        self._ask(self._client.set_parameters([Parameter('model', value=model)]),
                  lambda response: self._was_set(model, response.results[0]))

    def _count_death(self, now: float) -> None:
        """Suspect the model, where the target was started anew so soon after it was given it."""
        soon = now - self._given_at < _SUSPECT_S
        self._given_at = -math.inf
        self._deaths = self._deaths + 1 if soon else 0
        if self._deaths >= _MOST_DEATHS:
            self._deaths, self._refused = 0, self._wanted
            self._tell(f'{self._target} ended {_MOST_DEATHS} times within {_SUSPECT_S:.0f} s of '
                       f'being given {self._wanted}: it is not given it again')

    def _publishers(self) -> set[bytes]:
        """Name what the target publishes by; that of a killed process stays for some seconds."""
        return {bytes(info.endpoint_gid)
                for info in self._node.get_publishers_info_by_topic(_PUBLISHED_BY_ALL)
                if f'{info.node_namespace.rstrip("/")}/{info.node_name}' == self._full_name}

    def _ask(self, future: Any, take: Callable[[Any], None]) -> None:
        self._asking, self._deadline = future, time.monotonic() + _ANSWER_S

        def answered(done: Any) -> None:
            if done is not self._asking:
                return  # given up meanwhile
            self._asking = None
            error = done.exception()
            if error is None:
                take(done.result())
            else:
                self._tell_silence(f': {error}')
        future.add_done_callback(answered)

    def _give_up_asking(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    def _was_set(self, model: str, result: Any) -> None:
        self._answered_for = model  # asking again would not change its mind; another model will
        self._taken = model if result.successful else ''
        self._next_look = time.monotonic() + _LOOK_S
        if result.successful:
            self._node.get_logger().info(f'{self._target} was given {model}')
        self._tell('' if result.successful else
                   f'{self._target} does not take {model}: {result.reason}')

    def _was_got(self, response: Any) -> None:
        self._next_look = time.monotonic() + _LOOK_S
        used = response.values[0].string_value if response.values else 'nothing'
        self._tell('' if used == self._taken else
                   f'{self._target} uses {used}, not {self._taken}: somebody set it so, or it '
                   f'could not be loaded there (its log says why)')

    def _engine_was_got(self, response: Any) -> None:
        values = map(parameter_value_to_python, response.values)  # none, where it lacks one
        self.engine = {name: value for name, value in zip(_ENGINE, values, strict=False)
                       if value is not None}

    def _tell_silence(self, why: str = '') -> None:
        # where the model was refused, that is the trouble
        if self._taken or self._wanted not in (self._answered_for, self._refused):
            self._tell(f'{self._target} does not answer{why}')

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            self._node.get_logger().warning(trouble)
        self.trouble = trouble
