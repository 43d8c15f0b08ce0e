# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Processes on live topics for tests: real DDS, on this machine only, in a domain of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import STORE, read_message
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import RELIABLE, Profile

ROOT = Path(__file__).parent.parent
# a shared machine may stall for seconds; nothing waits so long when all is well
PATIENCE_S = 30.0


def free_domain() -> int:
    """Return a domain that other tests on this machine hardly use."""
    return random.SystemRandom().randint(40, 100)


def environment(domain: int) -> dict[str, str]:
    """Return what ROS 2 reads, for processes that stay on this machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(('ROS_', 'CYCLONEDDS'))}
    return {**kept, 'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', 'PYTHONUNBUFFERED': '1'}


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = PATIENCE_S) -> Any:
    """Wait until a condition is true and return it; fail when it is not in time."""
    end_s = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < end_s, f'waited {timeout_s:g} s for {what}'
        time.sleep(0.02)
    return found


class Command:
    """A running ``depth-learning`` command and what it printed."""

    def __init__(self, domain: int, *arguments: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'depth_learning_ros', *arguments], text=True, cwd=ROOT,
            env={**environment(domain), **variables}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return ''.join(self._lines)

    def wait_for_output(self, text: str) -> None:
        """Wait until a text was printed."""
        wait_for(lambda: text in self.output or self.process.poll() is not None,
                 f'{text!r}; the output is {self.output}')
        assert text in self.output, self.output

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as a user would, and return its status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return its status."""
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)


@contextmanager
def command(domain: int, *arguments: str, **variables: str) -> Iterator[Command]:
    """Run a command, and be sure that it is gone at the end."""
    running = Command(domain, *arguments, **variables)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


class Robot:
    """What stands for the rest of a robot: publishes, and collects what comes.

    Attributes:
        messages: what came, by topic.
    """

    def __init__(self, domain: int) -> None:
        self.participant = Participant(
            'robot', domain=domain, environment=environment(domain))
        self.messages: dict[str, list[Any]] = defaultdict(list)
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Robot:
        self.participant.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.participant.close()

    def listen(self, topic: str, type_name: str, profile: Profile = RELIABLE) -> None:
        """Collect the messages of a topic."""
        self.participant.subscription(
            topic, type_name, profile,
            lambda message: self.messages[topic].append(read_message(message.cdr, type_name)))

    def say(self, topic: str, type_name: str, message: Any,
            profile: Profile = RELIABLE) -> None:
        """Publish a message."""
        if topic not in self._writers:
            self._writers[topic] = self.participant.publisher(topic, type_name, profile)
        self._writers[topic].send(b''.join(serialize(message, type_name)))

    def fall_silent(self) -> None:
        """Remove all publishers, as a process that ends."""
        for writer in self._writers.values():
            self.participant.remove(writer)
        self._writers.clear()

    def wait_for_message(self, topic: str, count: int = 1) -> Any:
        """Wait for messages of a topic, and return the last."""
        wait_for(lambda: len(self.messages[topic]) >= count, f'{count} messages of {topic}')
        return self.messages[topic][-1]


def values_of(image: Any) -> np.ndarray:
    """Return a 32FC1 image as float32 [H, W]."""
    return np.asarray(image.data).view(np.float32).reshape(image.height, image.width)


__all__ = ['STORE', 'Command', 'Robot', 'command', 'environment', 'free_domain', 'values_of',
           'wait_for']
