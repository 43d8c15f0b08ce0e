# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sends recorded messages at the pace at which they were recorded, like `ros2 bag play`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
import struct
import threading
import time
from typing import Protocol

from rosbags.interfaces import Nodetype, Qos, QosDurability, QosReliability

from depth_learning_ros.cdr.store import STORE, MessageType
from depth_learning_ros.errors import LiveError
from depth_learning_ros.live.endpoints import Writer
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import RELIABLE, Profile

_log = logging.getLogger(__name__)

CLOCK_TOPIC = '/clock'
CLOCK_TYPE = 'rosgraph_msgs/msg/Clock'
CLOCK_HZ = 40.0
_HEADER = 'std_msgs/msg/Header'
_CDR_LITTLE_ENDIAN = b'\x00\x01'


class Recorded(Protocol):
    """A message of a recording."""

    @property
    def topic(self) -> str: ...

    @property
    def log_time_ns(self) -> int: ...

    @property
    def data(self) -> bytes | memoryview: ...


@dataclass(frozen=True)
class PlayOptions:
    """How a recording is played.

    Attributes:
        rate: 2 = twice as fast.
        clock_hz: how often /clock tells the recording's time; 0 = never.
        restamp: shift the stamps of headers to the present, so that latencies mean something.
        remap: other names for topics.

    Raises:
        LiveError: a value is outside its range.
    """

    rate: float = 1.0
    clock_hz: float = CLOCK_HZ
    restamp: bool = False
    remap: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.001 <= self.rate <= 1000:
            raise LiveError(f'the rate is {self.rate}: expected 0.001 to 1000')
        if not 0 <= self.clock_hz <= 1000:
            raise LiveError(f'the clock is to tick at {self.clock_hz} Hz: expected 0 to 1000')


@dataclass
class PlayReport:
    """What was played.

    Attributes:
        sent: messages by topic.
        failed: messages that could not be sent, by topic.
        late_s: by how much a message was late at worst.
        stopped: it was interrupted.
    """

    sent: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    late_s: float = 0.0
    stopped: bool = False


def profile_of_recording(profiles: Sequence[Qos]) -> Profile:
    """Return what the recorded publishers offered; reliable when the recording does not say."""
    if not profiles:
        return RELIABLE
    return Profile(
        reliable=all(p.reliability != QosReliability.BEST_EFFORT for p in profiles),
        depth=max(1, min(100, max(p.depth for p in profiles) or RELIABLE.depth or 1)),
        transient_local=all(p.durability == QosDurability.TRANSIENT_LOCAL for p in profiles))


class Player:
    """Publishes topics of a recording.

    Args:
        stop: ends `play` when it is set, by any thread or signal handler.
    """

    def __init__(self, participant: Participant, options: PlayOptions | None = None,
                 stop: threading.Event | None = None) -> None:
        self._participant, self.options = participant, options or PlayOptions()
        self._writers: dict[str, Writer] = {}
        self._stamped: set[str] = set()
        self._clock: Writer | None = None
        self._stop = stop or threading.Event()
        self.report = PlayReport()

    def add_topic(self, name: str, message_type: MessageType,
                  profiles: Sequence[Qos] = ()) -> None:
        """Announce a topic.

        Raises:
            LiveError: its type cannot be sent; it is left out.
        """
        self._participant.types.define(message_type)
        topic = self.options.remap.get(name, name)
        self._writers[name] = self._participant.publisher(
            topic, message_type.name, profile_of_recording(profiles))
        if self.options.restamp and _begins_with_header(message_type.name):
            self._stamped.add(name)

    def start_clock(self) -> None:
        """Announce /clock, unless the options say that it is not wanted."""
        if self.options.clock_hz and CLOCK_TOPIC not in self._writers:
            self._clock = self._participant.publisher(CLOCK_TOPIC, CLOCK_TYPE, RELIABLE)

    def matched(self) -> int:
        """Return how many subscriptions there are for the topics."""
        return sum(writer.subscribers for writer in self._writers.values())

    def play(self, messages: Iterable[Recorded], start_ns: int, end_ns: int) -> PlayReport:
        """Send messages, each when its time has come, and end when the recording does.

        Args:
            messages: in the order of their log times, of topics that were added.
            start_ns, end_ns: log times at which to begin and to end.
        """
        pace = _Pace(start_ns, self.options.rate)
        for message in messages:
            if not self._wait_until(pace, message.log_time_ns):
                break
            self._send(message, pace)
        else:
            self._wait_until(pace, end_ns)
        self.report.stopped = self._stop.is_set()
        return self.report

    def _wait_until(self, pace: _Pace, time_ns: int) -> bool:
        while True:
            wait_s = pace.wait_s(time_ns)
            if wait_s <= 0:
                self.report.late_s = max(self.report.late_s, -wait_s)
                return not self._stop.is_set()
            tick_s = self._tick(pace)
            if self._stop.wait(min(wait_s, tick_s)):
                return False

    def _tick(self, pace: _Pace) -> float:
        """Publish the clock when it is time, and return the seconds until it is time again."""
        if self._clock is None:
            return 1.0
        now = time.monotonic()
        if now >= pace.next_tick_s:
            pace.next_tick_s = now + 1 / self.options.clock_hz
            self._clock.send(_clock_message(pace.now_ns()))
        return max(0.001, pace.next_tick_s - now)

    def _send(self, message: Recorded, pace: _Pace) -> None:
        writer = self._writers[message.topic]
        cdr = bytes(message.data)
        if message.topic in self._stamped:
            cdr = _restamped(cdr, pace)
        try:
            writer.send(cdr)
        except LiveError as error:  # damaged, or not of the type that the recording states
            if not self.report.failed[message.topic]:
                _log.warning('%s', error)
            self.report.failed[message.topic] += 1
        else:
            self.report.sent[message.topic] += 1


class _Pace:
    """Converts between the recording's time and the present."""

    def __init__(self, start_ns: int, rate: float) -> None:
        self._start_ns, self._rate = start_ns, rate
        self._began_s, self._began_ns = time.monotonic(), time.time_ns()
        self.next_tick_s = self._began_s

    def wait_s(self, time_ns: int) -> float:
        """Return the seconds until a time of the recording; negative when it is past."""
        due_s = self._began_s + (time_ns - self._start_ns) / 1e9 / self._rate
        return due_s - time.monotonic()

    def now_ns(self) -> int:
        """Return the recording's time."""
        return self._start_ns + round((time.monotonic() - self._began_s) * 1e9 * self._rate)

    def shifted_ns(self, stamp_ns: int) -> int:
        """Return a stamp of the recording as a time of the present."""
        return self._began_ns + round((stamp_ns - self._start_ns) / self._rate)


def _begins_with_header(type_name: str) -> bool:
    fields = STORE.fielddefs[type_name][1] if type_name in STORE.fielddefs else []
    return bool(fields) and fields[0][1] == (Nodetype.NAME, _HEADER)


def _restamped(cdr: bytes, pace: _Pace) -> bytes:
    """Shift the stamp of a message that begins with a header: 4 bytes of CDR, then the stamp."""
    order = '<' if cdr[:2] == _CDR_LITTLE_ENDIAN else '>'
    if len(cdr) < 12:
        return cdr
    sec, nanosec = struct.unpack_from(f'{order}iI', cdr, 4)
    if not sec and not nanosec:  # not stamped at all
        return cdr
    stamp_ns = max(0, pace.shifted_ns(sec * 10**9 + nanosec))
    return b''.join((cdr[:4], struct.pack(f'{order}iI', *divmod(stamp_ns, 10**9)),
                     memoryview(cdr)[12:]))


def _clock_message(time_ns: int) -> bytes:
    return _CDR_LITTLE_ENDIAN + struct.pack('<xxiI', *divmod(max(0, time_ns), 10**9))
