# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the stereo and the mono node share: parameters, lifecycle and diagnostics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
import logging
from typing import Any, ClassVar

from diagnostic_updater import Updater
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter

from depth_learning_ros.errors import DepthLearningError
from depth_learning_ros.nodes.diagnostics import fill
from depth_learning_ros.nodes.inputs import Inputs
from depth_learning_ros.nodes.lifecycle import PatientLifecycleNode
from depth_learning_ros.nodes.log import forward_logging
from depth_learning_ros.nodes.outlet import NodeOutlet
from depth_learning_ros.nodes.parameters import as_parameters, changes_among, declare_settings
from depth_learning_ros.stream import Diagnosis, Stream, StreamSettings
from depth_learning_ros.stream.diagnosis import ERROR, OK
from depth_learning_ros.stream.heap import keep_freed_memory
from depth_learning_ros.stream.say_once import SayOnce

_POLL_S = 0.1
_WATCH_S = 1.0
_CLOSE_S, _HURRY_S = 5.0, 0.5  # for what is being computed to end
_log = logging.getLogger(__name__)


class StreamNode(PatientLifecycleNode):
    """A lifecycle node around a stream.

    Configuring loads the model, activating begins to process. What comes in is never fatal.

    Attributes:
        kind, stream_kind: the settings it takes, and its stream.
        stream: there is one from configuring to cleaning up.
        stopped_in_time: whether all threads ended when the node was cleaned up last.
    """

    kind: ClassVar[type[StreamSettings]]
    stream_kind: ClassVar[type[Stream]]

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._forwarding = forward_logging(self.get_logger())
        self.settings = declare_settings(self, self.kind)
        self._autostart = self.declare_parameter('autostart', True, ParameterDescriptor(
            description='Configure and activate at the start; else wait for transitions.',
            read_only=True)).value
        self.stream: Stream | None = None
        self.stopped_in_time = True
        self._inputs: Inputs | None = None
        self._outlet: NodeOutlet | None = None
        self._early_problems = SayOnce(lambda level, text: self.get_logger().warning(text))
        self._failure = ''
        self._to_revert: list[dict[str, Any]] = []
        self._retry = False
        self._guard = self.create_guard_condition(self._do_what_waits)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._updater = Updater(self)
        self._updater.setHardwareID('none')
        self._updater.add('depth', lambda status: fill(status, self._diagnose()))
        # by the steady clock: simulated time stands still just when there is something to say
        self.create_timer(_WATCH_S, self._watch, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def autostart(self) -> bool:
        """Whether it is to become active by itself."""
        return bool(self._autostart)

    def begin(self) -> None:
        """Prepare the process for the node, and start it if it is to do that by itself."""
        keep_freed_memory()
        if self.autostart:
            self.start()

    def start(self) -> bool:
        """Configure and activate; tell whether that went well."""
        done = TransitionCallbackReturn.SUCCESS
        try:
            return self.trigger_configure() == done and self.trigger_activate() == done
        except Exception:
            if self.context.ok():
                raise
            return False  # the process was told to end meanwhile

    @abstractmethod
    def _make_stream(self, outlet: NodeOutlet) -> Stream:
        """Return a new stream for the present settings."""

    @abstractmethod
    def _subscribe(self) -> Inputs:
        """Subscribe to the inputs."""

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make publishers and subscriptions, and load the model; fails when that cannot be."""
        return self._guarded(self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Process from now on."""
        def activate() -> bool:
            assert self.stream is not None
            self.stream.activate()
            return True
        result = super().on_activate(state)
        return result if result != TransitionCallbackReturn.SUCCESS else self._guarded(activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let inputs pass."""
        if self.stream is not None:
            self.stream.deactivate()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything that configuring made."""
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything."""
        self._release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything; the node can be configured again."""
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def destroy_node(self) -> None:
        """Free everything, and the node."""
        self._release()
        self._forwarding.remove()
        super().destroy_node()

    def _configure(self) -> bool:
        self._failure = ''
        self._outlet = NodeOutlet(self, self.stream_kind.topics, self._problem, self._on_reverted)
        self.stream = self._make_stream(self._outlet)
        self._inputs = self._subscribe()
        self.get_logger().info(f'listening to {", ".join(self._inputs.topics)}')
        self.get_logger().info(f'loading {self.settings.model}')
        self.stream.load_model()
        while not self.stream.model.wait(_POLL_S):
            if not self.context.ok():
                self._failure = 'interrupted while the model was being loaded'
                break
        if self.stream.model.info is not None and not self._failure:
            return True
        self._failure = self._failure or self.stream.said.present().get('model', 'no model')
        self._release()
        return False

    def _guarded(self, function: Callable[[], bool]) -> TransitionCallbackReturn:
        """Run a part of a transition; rclpy would swallow what it raises."""
        try:
            if function():
                return TransitionCallbackReturn.SUCCESS
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self._failure = str(error) or type(error).__name__
            if not self.context.ok():
                return TransitionCallbackReturn.FAILURE  # the process was told to end
            self.get_logger().error(f'a transition failed: {self._failure}')
            _log.debug('a transition failed', exc_info=True)
            return TransitionCallbackReturn.ERROR

    def _release(self) -> None:
        inputs, self._inputs = self._inputs, None
        for subscription in inputs.subscriptions if inputs is not None else ():
            self.destroy_subscription(subscription)
        stream, self.stream = self.stream, None
        if stream is not None:
            self.stopped_in_time = stream.close(_CLOSE_S if self.context.ok() else _HURRY_S)
        if self._outlet is not None:
            self._outlet.destroy()
            self._outlet = None

    # Parameters

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        changes = changes_among(parameters, self.kind)
        try:
            if self.stream is None:
                self.settings = self.settings.changed(changes)
                # a node that would run if its model were there gets another chance
                if 'model' in changes and self.autostart and self._failure:
                    self._retry = True
                    self._guard.trigger()
            elif changes:
                self.stream.update(changes)
                self.settings = self.stream.settings
        except DepthLearningError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _on_reverted(self, changes: dict[str, Any]) -> None:
        """Let the executor set parameters back; runs in the thread that loads models."""
        self._to_revert.append(changes)
        self._guard.trigger()

    def _do_what_waits(self) -> None:
        while self._to_revert:
            self.set_parameters(as_parameters(self._to_revert.pop(0)))
        if self._retry:
            self._retry = False
            self.start()

    # What is told

    def _watch(self) -> None:
        if self._inputs is not None and self.context.ok():
            self._inputs.look_for_latched()
        self._diagnose()

    def _problem(self, cause: str, text: str) -> None:
        said = self._early_problems if self.stream is None else self.stream.said
        said.problem(cause, text)

    def _diagnose(self) -> Diagnosis:
        if self.stream is not None:
            return self.stream.diagnose()
        if self._failure:
            return Diagnosis(ERROR, self._failure, {'model': self.settings.model})
        return Diagnosis(OK, 'not configured', {'model': self.settings.model})
