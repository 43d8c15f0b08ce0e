# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from enum import IntEnum
import time

from .time import Time


class ClockType(IntEnum):
    ROS_TIME = 1
    SYSTEM_TIME = 2
    STEADY_TIME = 3


class Clock:
    def __init__(self, *, clock_type=ClockType.SYSTEM_TIME):
        self._steady = clock_type == ClockType.STEADY_TIME

    def now(self):
        return Time(nanoseconds=time.monotonic_ns() if self._steady else time.time_ns())
