#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What adaptation_node takes from stereo_node, when both run on the same processor.

Needs a real ROS 2 that is sourced, PyTorch, Linux, root (to leave the class idle again), and a
machine that does nothing else. A camera, stereo_node and adaptation_node are started; once it
trains, it is stopped (SIGSTOP) and let go on in turn, at niceness 19 alone and of the class idle
as well, so that all cases see the same machine, and the results of stereo_node are counted.

    python benchmarks/node_beside_training.py [--model crl-small] [--periods 3] [--seconds 7]
"""

from __future__ import annotations

import argparse
from array import array
import os
from pathlib import Path
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from node_latency import ROOT, Receiver, Usage, start, stop

WIDTH, HEIGHT, SHIFT, VIEWS, RATE_HZ = 640, 480, 20, 40, 30
SETTLE_S = 1.0  # after the training was stopped or let go on
TO_TRAIN_S = 600.0
RESULT = 'disparity'
# how the training runs -> its scheduling class
CASES = {'alone': None, 'beside a training, niceness alone': os.SCHED_OTHER,
         'beside a training of the class idle': os.SCHED_IDLE}
# as by default, but for what has to be rendered and labelled before it begins
ROUND = 'method: zole\nsteps: 100000\nvalidate_steps: 100000\nscenes: 8\nheld_out_scenes: 4\n'


def publish_views() -> None:
    """Be a camera that sees something else each time, or nothing would be learned from."""
    import cv2
    import numpy as np
    import rclpy
    from rclpy.qos import qos_profile_sensor_data
    from sensor_msgs.msg import CameraInfo, Image
    rclpy.init()
    node = rclpy.create_node('benchmark_camera')
    rng = np.random.default_rng(0)
    infos, images, pairs = {}, {}, []
    for side in ('left', 'right'):
        infos[side] = node.create_publisher(CameraInfo, f'{side}/camera_info',
                                            qos_profile_sensor_data)
        images[side] = node.create_publisher(Image, f'{side}/image_rect', qos_profile_sensor_data)
    for _ in range(VIEWS):
        layers = [cv2.resize(rng.random((rows, rows * 4 // 3), np.float32),
                             (WIDTH + SHIFT, HEIGHT), interpolation=cv2.INTER_CUBIC)
                  for rows in (3, 12, 48, 192)]
        wide = np.clip(sum(layers) * 63, 0, 255).astype(np.uint8)
        pair = {}
        for side, begin in (('left', 0), ('right', SHIFT)):
            pair[side] = Image(height=HEIGHT, width=WIDTH, step=WIDTH, encoding='mono8')
            pair[side].header.frame_id = 'left_optical'
            pair[side].data = array('B', wide[:, begin:begin + WIDTH].tobytes())
        pairs.append(pair)
    shown = 0

    def tick() -> None:
        nonlocal shown
        shown += 1
        stamp = node.get_clock().now().to_msg()
        for side, image in pairs[shown // RATE_HZ % VIEWS].items():
            info = CameraInfo(height=HEIGHT, width=WIDTH)
            info.k = [500.0, 0.0, WIDTH / 2, 0.0, 500.0, HEIGHT / 2, 0.0, 0.0, 1.0]
            info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
            info.p = [500.0, 0.0, WIDTH / 2, -60.0 if side == 'right' else 0.0,
                      0.0, 500.0, HEIGHT / 2, 0.0, 0.0, 0.0, 1.0, 0.0]
            info.header.frame_id = 'left_optical'
            info.header.stamp = image.header.stamp = stamp
            infos[side].publish(info)
            images[side].publish(image)

    node.create_timer(1.0 / RATE_HZ, tick)
    rclpy.spin(node)


def wait_until_it_trains(receiver: Receiver) -> float:
    """Ask the node to save its state, which it does only while it trains; return the seconds."""
    from std_srvs.srv import Trigger
    client = receiver.node.create_client(Trigger, 'adaptation_node/save')
    begin = time.monotonic()
    while time.monotonic() - begin < TO_TRAIN_S:
        if client.service_is_ready():
            answer = client.call_async(Trigger.Request())
            end = time.monotonic() + 90
            while not answer.done() and time.monotonic() < end:
                receiver.spin(0.5)
            if answer.done() and answer.result().success:
                return time.monotonic() - begin
        receiver.spin(3.0)
    raise SystemExit(f'adaptation_node did not begin to train in {TO_TRAIN_S:g} s')


def let_run(pid: int, policy: int | None) -> None:
    """Let all threads of a process run in a scheduling class; None = not at all."""
    for task in Path(f'/proc/{pid}/task').iterdir():
        if policy is not None:
            os.sched_setscheduler(int(task.name), policy, os.sched_param(0))
    os.kill(pid, signal.SIGSTOP if policy is None else signal.SIGCONT)


def busy_s() -> float:
    """Processor time of the whole machine."""
    user, nice, system = (int(word) for word in
                          Path('/proc/stat').read_text().split()[1:4])
    return (user + nice + system) / os.sysconf('SC_CLK_TCK')


class Period:
    """What happened while the training went on, or was stopped."""

    def __init__(self, receiver: Receiver, processes: list[subprocess.Popen[bytes]],
                 seconds: float) -> None:
        receiver.spin(SETTLE_S)
        receiver.ages[RESULT].clear()
        usages = [Usage(process.pid) for process in processes]
        busy, begin = busy_s(), time.monotonic()
        receiver.spin(seconds)
        took = time.monotonic() - begin
        ages = [age for _, age in receiver.ages[RESULT]]
        self.rate_hz = len(ages) / took
        self.age_ms = statistics.median(ages) if ages else float('nan')
        self.stereo, self.training = (usage.cpu_s() / took for usage in usages)
        self.all = (busy_s() - busy) / took


def told(name: str, periods: list[Period]) -> str:
    def spread(key: str) -> str:
        values = [getattr(period, key) for period in periods]
        return (f'{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})')
    return (f'{name}: {spread("rate_hz")} Hz, age {spread("age_ms")} ms; cores used by '
            f'stereo_node {spread("stereo")}, adaptation_node {spread("training")}, all '
            f'processes {spread("all")}')


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    settings = folder / 'round.yaml'
    settings.write_text(ROUND)
    receiver: Any = Receiver()
    camera = start(__file__, '--camera')
    nodes = [start('-c', f'from depth_learning_ros.nodes.{name} import main; main()',
                   '--ros-args', *(word for value in values for word in ('-p', value)))
             for name, values in (
                 ('stereo_node', [f'model:={arguments.model}']),
                 ('adaptation_node', [f'model:={arguments.model}', f'folder:={folder}/learned',
                                      f'config:={settings}', 'autostart:=true',
                                      "target_node:=''", f'threads:={arguments.threads}']))]
    training = nodes[1]
    try:
        print(f'it trains after {wait_until_it_trains(receiver):.0f} s', flush=True)
        if arguments.wait:
            sys.stdin.readline()
        found: dict[str, list[Period]] = {name: [] for name in CASES}
        for _ in range(arguments.periods):
            for name, policy in CASES.items():
                let_run(training.pid, policy)
                found[name].append(Period(receiver, nodes, arguments.seconds))
        for name, periods in found.items():
            print(told(name, periods), flush=True)
    finally:
        os.kill(training.pid, signal.SIGCONT)
        for process in (*nodes, camera):
            stop(process)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='crl-small')
    parser.add_argument('--periods', type=int, default=3, help='of each case')
    parser.add_argument('--seconds', type=float, default=7.0, help='of a period')
    parser.add_argument('--threads', type=int, default=1, help='of adaptation_node')
    parser.add_argument('--wait', action='store_true',
                        help='wait for a line on standard input before measuring')
    parser.add_argument('--camera', action='store_true', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.camera:
        publish_views()
        return
    os.environ.setdefault('ROS_DOMAIN_ID', '97')
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ.setdefault('CYCLONEDDS_URI', f'file://{ROOT}/config/cyclonedds.xml')
    os.environ['PYTHONPATH'] = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments, Path(folder))


if __name__ == '__main__':
    main()
