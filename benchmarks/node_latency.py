#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Three processes as on a robot: a camera, stereo_node, and one that wants its results.

Needs a real ROS 2 that is sourced. For each image size and model it tells, as the receiver saw
it, how many results came and how old they were (image's stamp to arrival) in the first and in the
last quarter of the time; from the node's diagnostics, what each stage took; what a frame costs the
node in processor time; and how its memory grows.

    python benchmarks/node_latency.py [--seconds 20] [--rate 30] [--model bm --model crl-small]
"""

from __future__ import annotations

import argparse
from array import array
import json
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import time
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZES = {'640x480 mono8': (640, 480, 1), '1242x375 rgb8': (1242, 375, 3)}
RESULTS = {'disparity': ('stereo_msgs.msg', 'DisparityImage'),
           'depth': ('sensor_msgs.msg', 'Image'), 'points2': ('sensor_msgs.msg', 'PointCloud2')}
ENGINE_STAGE = 'engine time (ms)'


def publish_pairs(width: int, height: int, channels: int, rate_hz: float) -> None:
    """Be the camera: one textured pair, over and over, with the stamp of its moment."""
    import numpy as np
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CameraInfo, Image
    rclpy.init()
    node = rclpy.create_node('benchmark_camera')
    rng = np.random.default_rng(0)
    wide = np.repeat(rng.integers(0, 255, (height, width + 20, 1), np.uint8), channels, 2)
    views = {'left': wide[:, :width], 'right': wide[:, 20:]}
    topics = []
    for side, view in views.items():
        image = Image(height=height, width=width, step=width * channels,
                      encoding='mono8' if channels == 1 else 'rgb8')
        image.header.frame_id = 'left_optical'
        data = array('B')
        data.frombytes(np.ascontiguousarray(view).reshape(-1).data)
        image.data = data
        info = CameraInfo(height=height, width=width)
        info.header.frame_id = 'left_optical'
        info.k = [500.0, 0.0, width / 2, 0.0, 500.0, height / 2, 0.0, 0.0, 1.0]
        info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
        info.p = [500.0, 0.0, width / 2, -60.0 if side == 'right' else 0.0,
                  0.0, 500.0, height / 2, 0.0, 0.0, 0.0, 1.0, 0.0]
        topics += [(node.create_publisher(CameraInfo, f'{side}/camera_info',
                                          qos_profile_sensor_data), info),
                   (node.create_publisher(Image, f'{side}/image_rect',
                                          qos_profile_sensor_data), image)]

    def tick() -> None:
        stamp = node.get_clock().now().to_msg()
        for publisher, message in topics:
            message.header.stamp = stamp
            publisher.publish(message)

    node.create_timer(1.0 / rate_hz, tick)
    rclpy.spin(node)


class Usage:
    """Memory and processor time of a process, sampled again and again."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f'/proc/{pid}')
        self._cpu_before_s = self._cpu_s()
        self.samples: list[tuple[float, float]] = []

    def sample(self) -> None:
        pages = int((self._folder / 'statm').read_text().split()[1])
        self.samples.append((time.monotonic(), pages * os.sysconf('SC_PAGE_SIZE') / 1e6))

    def cpu_s(self) -> float:
        """Seconds since the beginning, of all threads."""
        return self._cpu_s() - self._cpu_before_s

    def told(self) -> str:
        """Memory at each tenth of the time, and the slope of a line through its second half."""
        tenths = self.samples[::max(1, len(self.samples) // 10)]
        times, memory = zip(*self.samples[len(self.samples) // 2:], strict=True)
        slope = statistics.linear_regression(times, memory).slope * 60
        return (f'memory {", ".join(f"{mb:.1f}" for _, mb in tenths)} MB; in the second half '
                f'{slope:+.2f} MB a minute')

    def _cpu_s(self) -> float:
        fields = (self._folder / 'stat').read_text().rpartition(')')[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Receiver:
    """Takes results as bytes, so that reading them is not what is measured."""

    def __init__(self) -> None:
        from importlib import import_module

        from diagnostic_msgs.msg import DiagnosticArray
        import rclpy
        from rclpy.qos import QoSProfile
        self._rclpy = rclpy
        rclpy.init()
        self.node = rclpy.create_node('benchmark_receiver')
        self.ages: dict[str, list[tuple[float, float]]] = {name: [] for name in RESULTS}
        self.values: dict[str, str] = {}
        for name, (module, kind) in RESULTS.items():
            self.node.create_subscription(
                getattr(import_module(module), kind), name,
                lambda data, name=name: self._arrived(name, data), QoSProfile(depth=2), raw=True)
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnosed, 5)

    def _arrived(self, name: str, data: bytes) -> None:
        # little-endian CDR: four bytes of encapsulation, then the header's stamp
        stamp_ns = int.from_bytes(data[4:8], 'little') * 10**9 + int.from_bytes(
            data[8:12], 'little')
        now_ns = time.time_ns()
        self.ages[name].append((time.monotonic(), (now_ns - stamp_ns) / 1e6))

    def _diagnosed(self, message: Any) -> None:
        for status in message.status:
            if any(value.key == ENGINE_STAGE for value in status.values):
                self.values = {value.key: value.value for value in status.values}

    def spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._rclpy.spin_once(self.node, timeout_sec=left)


def start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *words], start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measure(receiver: Receiver, model: str, size: tuple[int, int, int], seconds: float,
            rate_hz: float) -> str:
    """Run one combination, and return what is told of it."""
    camera = start(__file__, '--camera', json.dumps([*size, rate_hz]))
    node = start('-c', 'from depth_learning_ros.nodes.stereo_node import main; main()',
                 '--ros-args', '-p', f'model:={model}', '-p', 'max_disparity:=64')
    try:
        end = time.monotonic() + 90
        while not receiver.ages['points2'] and time.monotonic() < end:
            receiver.spin(0.2)
        receiver.spin(2.0)  # the first frames prepare the engine
        for ages in receiver.ages.values():
            ages.clear()
        usage = Usage(node.pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            usage.sample()
            receiver.spin(min(1.0, max(0.0, end - time.monotonic())))
        return told(receiver, seconds, usage)
    finally:
        stop(node)
        stop(camera)
        receiver.values.clear()
        for ages in receiver.ages.values():
            ages.clear()


def told(receiver: Receiver, seconds: float, usage: Usage) -> str:
    lines = []
    for name, ages in receiver.ages.items():
        if not ages:
            lines.append(f'  {name:<10} nothing came')
            continue
        start_s, quarter = ages[0][0], (ages[-1][0] - ages[0][0]) / 4
        first = [age for at, age in ages if at - start_s <= quarter]
        last = [age for at, age in ages if at - start_s >= 3 * quarter]
        lines.append(f'  {name:<10} {len(ages) / seconds:5.1f} Hz, age median '
                     f'{statistics.median(first):6.1f} ms at first, {statistics.median(last):6.1f}'
                     f' ms at last, worst {max(age for _, age in ages):6.1f} ms')
    stages = {key.removesuffix(' time (ms)'): float(value.split()[0])
              for key, value in receiver.values.items()
              if key.endswith(' time (ms)') and ' median' in value}
    engine = stages.pop('engine', float('nan'))
    parts = ', '.join(f'{name} {value:.1f}' for name, value in stages.items())
    lines.append(f'  the node: engine {engine:.1f} ms, all else {sum(stages.values()):.1f} ms '
                 f'({parts})')
    frames = max((len(ages) for ages in receiver.ages.values()), default=0)
    if frames:
        lines.append(f'  processor time of the node: {1e3 * usage.cpu_s() / frames:.1f} ms a '
                     f'frame, all threads')
    lines.append(f'  {usage.told()}; frames dropped {receiver.values.get("frames dropped", "?")}')
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=20.0)
    parser.add_argument('--rate', type=float, default=30.0, help='of the camera, in Hz')
    parser.add_argument('--model', action='append', help='default: bm and crl-small')
    parser.add_argument('--size', action='append', choices=list(SIZES))
    parser.add_argument('--camera', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.camera:
        width, height, channels, rate_hz = json.loads(arguments.camera)
        publish_pairs(int(width), int(height), int(channels), rate_hz)
        return
    os.environ.setdefault('ROS_DOMAIN_ID', '97')
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ.setdefault('CYCLONEDDS_URI', f'file://{ROOT}/config/cyclonedds.xml')
    os.environ['PYTHONPATH'] = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    receiver = Receiver()
    for size in arguments.size or SIZES:
        for model in arguments.model or ('bm', 'crl-small'):
            print(f'{size}, {model}, camera at {arguments.rate:g} Hz, {arguments.seconds:g} s:',
                  flush=True)
            print(measure(receiver, model, SIZES[size], arguments.seconds, arguments.rate),
                  flush=True)


if __name__ == '__main__':
    main()
