# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations


class Time:
    def __init__(self, *, nanoseconds=0):
        self._nanoseconds = nanoseconds

    @property
    def nanoseconds(self):
        return self._nanoseconds

    def to_msg(self):
        from builtin_interfaces.msg import Time as Message
        return Message(sec=self._nanoseconds // 10**9, nanosec=self._nanoseconds % 10**9)
