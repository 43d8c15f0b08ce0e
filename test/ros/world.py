# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera, a listener and node processes, for tests that watch them from outside.

All of it stays on this machine, in a domain of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

# before the first context is made; processes that tests start inherit them
os.environ.setdefault('ROS_DOMAIN_ID', str(60 + os.getpid() % 40))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['OMP_NUM_THREADS'] = '1'
os.environ['PYTHONPATH'] = os.pathsep.join(
    [str(Path(__file__).parents[2]), *filter(None, [os.environ.get('PYTHONPATH')])])

SLOW_S = 60.0
"""How long a busy machine may take for anything; nothing waits so long when all is well."""

WIDTH, HEIGHT, DISPARITY = 160, 120, 4
FOCAL_PX, BASELINE_M = 100.0, 0.1
DEPTH_M = FOCAL_PX * BASELINE_M / DISPARITY  # 2.5


class Process:
    """A process in a group of its own, its output in a file.

    Args:
        command: with its arguments.
        environment: added to this process' own.
    """

    def __init__(self, *command: str | Path, **environment: str) -> None:
        self._file = tempfile.TemporaryFile('w+b')
        self.popen = subprocess.Popen(
            [str(word) for word in command], stdout=self._file, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, **environment})

    @property
    def output(self) -> str:
        """All that it said so far."""
        return os.pread(self._file.fileno(), 1 << 20, 0).decode(errors='replace')

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.popen.poll() is None

    def memory_mb(self) -> float:
        """Resident memory."""
        pages = int(Path(f'/proc/{self.popen.pid}/statm').read_text().split()[1])
        return pages * os.sysconf('SC_PAGE_SIZE') / 1e6

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit status."""
        if self.running:
            os.killpg(self.popen.pid, signal.SIGINT)
        return self.popen.wait(SLOW_S)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            os.killpg(self.popen.pid, signal.SIGINT)
            try:
                self.popen.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.popen.pid, signal.SIGKILL)
                self.popen.wait()
        with suppress(ProcessLookupError):  # what it started and left behind
            os.killpg(self.popen.pid, signal.SIGKILL)
        self._file.close()


def start_node(name: str, *arguments: str, node: str = 'stereo_node',
               **parameters: Any) -> Process:
    """Start a node of this package as `ros2 run` would, with parameters."""
    words = [word for key, value in parameters.items()
             for word in ('-p', f'{key}:={json.dumps(value)}')]
    program = f'from depth_learning_ros.nodes.start import {node}; raise SystemExit({node}())'
    return Process(sys.executable, '-c', program, '--ros-args', '-r', f'__node:={name}', *words,
                   *arguments)


class World:
    """A node of the test's own, with what it needs to watch others; spins while it waits."""

    def __init__(self, name: str, **options: Any) -> None:
        if not rclpy.ok():
            rclpy.init()
        self.node = Node(name, **options)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)

    def spin(self, seconds: float) -> None:
        """Take what comes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._executor.spin_once(left)

    def wait(self, done: Callable[[], Any], what: str, timeout_s: float = SLOW_S,
             process: Process | None = None, meanwhile: Callable[[], None] | None = None) -> Any:
        """Spin until something is true, and return it.

        Raises:
            AssertionError: it does not come true; shows the process' output.
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if found := done():
                return found
            assert process is None or process.running, f'ended: {process.output}'
            if meanwhile is not None:
                meanwhile()
            self._executor.spin_once(0.02)
        raise AssertionError(f'{what} did not happen in {timeout_s:g} s; the process said:\n'
                             f'{process.output if process else ""}')

    def listen(self, kind: Any, topic: str, depth: int = 50,
               reliability: ReliabilityPolicy = ReliabilityPolicy.BEST_EFFORT) -> list[Any]:
        """Return a list that messages of a topic are added to."""
        heard: list[Any] = []
        self.node.create_subscription(
            kind, topic, heard.append, QoSProfile(depth=depth, reliability=reliability))
        return heard

    def call(self, kind: Any, service: str, request: Any, process: Process | None = None) -> Any:
        """Call a service and return its response."""
        client = self.node.create_client(kind, service)
        self.wait(client.service_is_ready, f'service {service}', process=process)
        future = client.call_async(request)
        self.wait(future.done, f'answer of {service}', process=process)
        self.node.destroy_client(client)
        return future.result()

    def close(self) -> None:
        """End all of it; tests of nodes in this process begin with ROS 2 of their own."""
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown()


class StereoCamera:
    """Publishes noise and its shift by :data:`DISPARITY`: a wall at :data:`DEPTH_M`."""

    def __init__(self, world: World, namespace: str = '',
                 reliability: ReliabilityPolicy = ReliabilityPolicy.BEST_EFFORT,
                 encoding: str = 'mono8', width: int = WIDTH, height: int = HEIGHT) -> None:
        self._world = world
        self.encoding, self.width, self.height = encoding, width, height
        self._profile = QoSProfile(depth=5, reliability=reliability)
        prefix = f'{namespace}/' if namespace else ''
        make = world.node.create_publisher
        self.images = {side: make(Image, f'{prefix}{side}/image_rect', self._profile)
                       for side in ('left', 'right')}
        self.infos = {side: make(CameraInfo, f'{prefix}{side}/camera_info', self._profile)
                      for side in ('left', 'right')}
        self.published = 0
        self._due = 0.0

    def frame(self, period_s: float = 0.1) -> None:
        """Publish a pair if the last one was long enough ago; for `World.wait`."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + period_s
            self.publish()

    def publish(self, sides: Sequence[str] = ('left', 'right'), stamp: Any = None) -> Any:
        """Publish a pair now, and return its stamp."""
        stamp = stamp or self._world.node.get_clock().now().to_msg()
        rng = np.random.default_rng(0)
        wide = rng.integers(0, 255, (self.height, self.width + DISPARITY), dtype=np.uint8)
        views = {'left': wide[:, :self.width], 'right': wide[:, DISPARITY:]}
        for side in sides:
            self.infos[side].publish(self.info(side, stamp))
            self.images[side].publish(self.image(views[side], stamp))
        self.published += 1
        return stamp

    def image(self, view: np.ndarray, stamp: Any) -> Image:
        """Make an image message of one view."""
        channels = {'mono8': 1, 'rgb8': 3}[self.encoding]
        pixels = np.repeat(view[:, :, None], channels, 2)
        message = Image(height=view.shape[0], width=view.shape[1], encoding=self.encoding,
                        step=view.shape[1] * channels)
        message.header.stamp, message.header.frame_id = stamp, 'left_optical'
        message.data = pixels.tobytes()
        return message

    def info(self, side: str, stamp: Any) -> CameraInfo:
        """Make a camera_info message."""
        shift = -FOCAL_PX * BASELINE_M if side == 'right' else 0.0
        cx, cy = self.width / 2, self.height / 2
        message = CameraInfo(height=self.height, width=self.width, distortion_model='plumb_bob')
        message.header.stamp, message.header.frame_id = stamp, 'left_optical'
        message.d = [0.0] * 5
        message.k = [FOCAL_PX, 0.0, cx, 0.0, FOCAL_PX, cy, 0.0, 0.0, 1.0]
        message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        message.p = [FOCAL_PX, 0.0, cx, shift, 0.0, FOCAL_PX, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
        return message


def now_ns() -> int:
    """Return the system's time."""
    return rclpy.clock.Clock().now().nanoseconds
