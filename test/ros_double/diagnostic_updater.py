# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from .messages import message_class

_Status = message_class('diagnostic_msgs/msg/DiagnosticStatus')
_KeyValue = message_class('diagnostic_msgs/msg/KeyValue')
_Array = message_class('diagnostic_msgs/msg/DiagnosticArray')


class DiagnosticStatusWrapper(_Status):
    def summary(self, *args):
        self.level, self.message = args

    def add(self, key, val):
        self.values.append(_KeyValue(key=key, value=str(val)))


class Updater:
    def __init__(self, node, period=1.0):
        self._node, self._tasks, self._hardware = node, [], ''
        self._publisher = node.create_publisher(_Array, '/diagnostics', 1)
        period = node.declare_parameter('diagnostic_updater.period', period).value
        node.create_timer(period, self.update)

    def setHardwareID(self, hwid):  # noqa: N802
        self._hardware = hwid

    def add(self, *args):
        self._tasks.append(args)

    def update(self):
        statuses = []
        for name, run in self._tasks:
            wrapper = run(DiagnosticStatusWrapper(hardware_id=self._hardware))
            statuses.append(_Status(
                name=f'{self._node.get_name()}: {name}', level=wrapper.level,
                message=wrapper.message, hardware_id=self._hardware,
                values=list(wrapper.values)))
        self._publisher.publish(_Array(status=statuses))

    def force_update(self):
        self.update()
