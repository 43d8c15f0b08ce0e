# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections import deque
import time
from types import SimpleNamespace

from ._bus import BUS, Entity
from .clock import Clock
from .exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
)
from .logging import get_logger
from .parameter import Parameter
from .qos import QoSDurabilityPolicy, _as_profile
from .qos_overriding_options import _declare


class _Context:
    def ok(self):
        return BUS.running


class _Publisher(Entity):
    def __init__(self, full_name, qos_profile, event_callbacks):
        super().__init__(full_name, qos_profile, event_callbacks)
        self.kept = deque(maxlen=qos_profile.depth)
        self.enabled = True

    def publish(self, msg):
        if not self.enabled:
            return
        with BUS.lock:
            if self.qos_profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL:
                self.kept.append(msg)
            for subscription in BUS.matched(self):
                subscription.queue.append(msg)

    def get_subscription_count(self):
        return len(BUS.matched(self))


class _Subscription(Entity):
    def __init__(self, full_name, callback, qos_profile, event_callbacks):
        super().__init__(full_name, qos_profile, event_callbacks)
        self.callback = callback
        self.queue = deque(maxlen=qos_profile.depth)


class _Timer:
    def __init__(self, period_s, callback):
        self.period_s, self.callback = period_s, callback
        self.due = time.monotonic() + period_s


class _Guard:
    def __init__(self, callback):
        self.callback, self.triggered = callback, False

    def trigger(self):
        self.triggered = True


class Node:
    def __init__(self, node_name, *, cli_args=None, namespace=None, parameter_overrides=None):
        self._name, self._namespace = node_name, (namespace or '').strip('/')
        self._remaps = dict(a.split(':=') for a in cli_args or () if ':=' in a)
        self._overrides = {p.name: p.value for p in parameter_overrides or ()}
        self._values, self._about, self._checks = {}, {}, []
        self._ros_publishers, self._ros_subscriptions = [], []
        self._ros_timers, self._ros_guards = [], []
        self._logger, self._clock = get_logger(node_name), Clock()
        self.context = _Context()

    def get_name(self):
        return self._name

    def get_namespace(self):
        return f'/{self._namespace}'

    def get_logger(self):
        return self._logger

    def get_clock(self):
        return self._clock

    def resolve_topic_name(self, topic, *, only_expand=False):
        if not only_expand:
            topic = self._remaps.get(topic, topic)
        if topic.startswith('/'):
            return topic
        return '/' + '/'.join(part for part in (self._namespace, topic) if part)

    def get_publishers_info_by_topic(self, topic_name):
        full_name = self.resolve_topic_name(topic_name)
        with BUS.lock:
            return [SimpleNamespace(qos_profile=publisher.qos_profile)
                    for publisher in BUS.publishers if publisher.full_name == full_name]

    def declare_parameter(self, name, value=None, descriptor=None):
        from rcl_interfaces.msg import ParameterDescriptor
        if name in self._values:
            raise ParameterAlreadyDeclaredException(name)
        self._about[name] = descriptor or ParameterDescriptor()
        self._values[name] = value
        chosen = self._overrides.get(name, value)
        if type(chosen) is not type(value):
            raise InvalidParameterTypeException(name)
        reason = self._refused(Parameter(name, value=chosen), starting=True)
        if reason:
            raise InvalidParameterValueException(reason)
        self._values[name] = chosen
        return self.get_parameter(name)

    def declare_parameters(self, namespace, parameters):
        return [self.declare_parameter(*row) for row in parameters]

    def has_parameter(self, name):
        return name in self._values

    def get_parameter(self, name):
        return Parameter(name, value=self._values[name])

    def describe_parameter(self, name):
        return self._about[name]

    def add_on_set_parameters_callback(self, callback):
        self._checks.append(callback)

    def set_parameters(self, parameter_list):
        return [self._set(parameter) for parameter in parameter_list]

    def _set(self, parameter):
        from rcl_interfaces.msg import SetParametersResult
        reason = self._refused(parameter)
        if reason:
            return SetParametersResult(successful=False, reason=reason)
        for check in self._checks:
            result = check([parameter])
            if not result.successful:
                return result
        self._values[parameter.name] = parameter.value
        return SetParametersResult(successful=True)

    def _refused(self, parameter, starting=False):
        about, value = self._about[parameter.name], parameter.value
        if about.read_only and not starting:
            return f'{parameter.name} cannot be changed while running'
        if type(value) is not type(self._values[parameter.name]):
            return f'{parameter.name} is of another type'
        for limits in (*about.integer_range, *about.floating_point_range):
            if not limits.from_value <= value <= limits.to_value:
                return f'{parameter.name} is outside of its range'
        return ''

    def create_publisher(self, msg_type, topic, qos_profile, *, event_callbacks=None,
                         qos_overriding_options=None):
        profile, name = _as_profile(qos_profile), self.resolve_topic_name(topic)
        _declare(self, 'publisher', name, profile, qos_overriding_options)
        publisher = _Publisher(name, profile, event_callbacks)
        self._ros_publishers.append(publisher)
        BUS.join_publisher(publisher)
        return publisher

    def create_subscription(self, msg_type, topic, callback, qos_profile, *,
                            event_callbacks=None, qos_overriding_options=None):
        profile, name = _as_profile(qos_profile), self.resolve_topic_name(topic)
        _declare(self, 'subscription', name, profile, qos_overriding_options)
        subscription = _Subscription(name, callback, profile, event_callbacks)
        self._ros_subscriptions.append(subscription)
        BUS.join_subscription(subscription)
        return subscription

    def create_timer(self, timer_period_sec, callback, *, clock=None):
        timer = _Timer(timer_period_sec, callback)
        self._ros_timers.append(timer)
        return timer

    def create_guard_condition(self, callback):
        guard = _Guard(callback)
        self._ros_guards.append(guard)
        return guard

    def destroy_publisher(self, publisher):
        self._ros_publishers.remove(publisher)
        BUS.publishers.remove(publisher)
        return True

    def destroy_subscription(self, subscription):
        self._ros_subscriptions.remove(subscription)
        BUS.subscriptions.remove(subscription)
        return True

    def destroy_node(self):
        for publisher in list(self._ros_publishers):
            self.destroy_publisher(publisher)
        for subscription in list(self._ros_subscriptions):
            self.destroy_subscription(subscription)
        self._ros_timers.clear()
        self._ros_guards.clear()

    def _do_one_thing(self):
        for guard in self._ros_guards:
            if guard.triggered:
                guard.triggered = False
                guard.callback()
                return True
        for timer in self._ros_timers:
            if timer.due <= time.monotonic():
                timer.due = time.monotonic() + timer.period_s
                timer.callback()
                return True
        for entity in (*self._ros_publishers, *self._ros_subscriptions):
            if entity.events:
                callback, event = entity.events.popleft()
                callback(event)
                return True
        for subscription in self._ros_subscriptions:
            if subscription.queue:
                subscription.callback(subscription.queue.popleft())
                return True
        return False
