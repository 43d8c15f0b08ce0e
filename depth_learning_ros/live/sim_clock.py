# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The time of /clock, for recordings and simulators (``use_sim_time``)."""

from __future__ import annotations

import threading
import time

from depth_learning_ros.cdr.store import read_message
from depth_learning_ros.live.endpoints import Received
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.player import CLOCK_TOPIC, CLOCK_TYPE
from depth_learning_ros.live.qos import Profile

_MAX_GAP_S = 0.5


class SimClock:
    """Follows /clock, and goes on at its pace between two of its messages."""

    def __init__(self, participant: Participant) -> None:
        self._lock = threading.Lock()
        self._time_ns, self._at_s, self._pace = 0, 0.0, 1.0
        participant.subscription(
            CLOCK_TOPIC, CLOCK_TYPE, Profile(reliable=False, depth=1), self._add)

    def now_ns(self) -> int:
        """Return the time; 0 before the first message."""
        with self._lock:
            if not self._time_ns:
                return 0
            since_s = min(time.monotonic() - self._at_s, _MAX_GAP_S)
            return self._time_ns + round(since_s * self._pace * 1e9)

    def _add(self, message: Received) -> None:
        stamp = read_message(message.cdr, CLOCK_TYPE).clock
        time_ns, at_s = stamp.sec * 10**9 + stamp.nanosec, time.monotonic()
        with self._lock:
            passed_s = at_s - self._at_s
            if self._time_ns and 0 < passed_s < _MAX_GAP_S and time_ns > self._time_ns:
                self._pace = (time_ns - self._time_ns) / 1e9 / passed_s
            self._time_ns, self._at_s = time_ns, at_s
