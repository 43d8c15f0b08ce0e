#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What making and publishing the messages of a 640x480 frame costs, in processor time.

Needs a real ROS 2 that is sourced. Another process receives them. The time is that of the thread
that publishes, so it holds on a busy machine too. Compared are messages of rclpy, as the nodes
publish them, and the bytes that this package serialises by itself.

    python benchmarks/node_publishing.py [--fresh-memory] [--rounds 40]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from node_conversions import messages
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import make
from depth_learning_ros.messages import MessageWriter
from depth_learning_ros.nodes.make_message import make_message, message_class
from depth_learning_ros.nodes.qos import result_qos
from depth_learning_ros.stream.heap import keep_freed_memory

ROOT = Path(__file__).resolve().parents[1]
KINDS = {'DisparityImage': 'stereo_msgs/msg/DisparityImage',
         'depth 32FC1': 'sensor_msgs/msg/Image', 'PointCloud2': 'sensor_msgs/msg/PointCloud2'}
PAUSE_S = 0.03  # as between frames: whoever else runs takes the caches


def topic(name: str) -> str:
    return f'benchmark/{name.split()[0]}'


def receive() -> None:
    """Be the other process."""
    node = Node('benchmark_receiver')
    for name, kind in KINDS.items():
        node.create_subscription(message_class(kind), topic(name), lambda data: None, result_qos(),
                                 raw=True)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


def measure(publishers: dict[str, Any], rounds: int) -> None:
    """Publish each message in each way in turn, and print lower quartiles."""
    ways = {'messages': messages(640, 480, MessageWriter(make_message)),
            'bytes': messages(640, 480, MessageWriter(make))}
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, publisher in publishers.items():
            for way, makers in ways.items():
                start = time.thread_time()
                message = makers[name]()
                publisher.publish(message if way == 'messages'
                                  else b''.join(serialize(message, KINDS[name])))
                times.setdefault((name, way), []).append(1e3 * (time.thread_time() - start))
                time.sleep(PAUSE_S)
    totals = dict.fromkeys(ways, 0.0)
    for (name, way), values in times.items():
        quartile = statistics.quantiles(values, n=4)[0]
        totals[way] += quartile
        print(f'  {name:<16} as {way:<9} {quartile:6.2f} ms')
    print('  together: ' + ', '.join(f'as {way} {ms:.2f} ms' for way, ms in totals.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--fresh-memory', action='store_true',
                        help='let the C library give memory back, as it does by itself')
    parser.add_argument('--receiver', action='store_true', help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.setdefault('ROS_DOMAIN_ID', '97')
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    os.environ.setdefault('CYCLONEDDS_URI', f'file://{ROOT}/config/cyclonedds.xml')
    rclpy.init()
    if arguments.receiver:
        receive()
        return
    if not arguments.fresh_memory:
        keep_freed_memory()
    node = Node('benchmark_publisher')
    publishers = {name: node.create_publisher(message_class(kind), topic(name), result_qos())
                  for name, kind in KINDS.items()}
    with subprocess.Popen([sys.executable, __file__, '--receiver']) as receiver:
        while not all(publisher.get_subscription_count() for publisher in publishers.values()):
            time.sleep(0.1)
        # in a thread, as a stream does
        worker = threading.Thread(target=measure, args=(publishers, arguments.rounds))
        worker.start()
        worker.join()
        receiver.terminate()


if __name__ == '__main__':
    main()
