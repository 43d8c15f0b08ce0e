#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What each conversion between an rclpy message and an array costs a node, and what it could cost.

Needs a real ROS 2 that is sourced. `made` fills the message as the nodes do; `sent` turns it into
the bytes that go over the wire; the last two fill it by `bytes` and by a list, as is often done.

    python benchmarks/node_conversions.py [--rounds 10]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from timing import alternate

from depth_learning_ros.geometry.cloud import cloud_from_depth
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.messages import MessageWriter
from depth_learning_ros.nodes.conversion import to_rgb
from depth_learning_ros.nodes.make_message import make_message
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.stream.heap import keep_freed_memory
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair

WRITER = MessageWriter(make_message)
HEADER = Header(frame_id='left')


def messages(width: int, height: int,
             writer: MessageWriter = WRITER) -> dict[str, Callable[[], Any]]:
    """Makers of a frame's messages."""
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (height, width, 3), np.uint8)
    camera = StereoCamera(width, height, 500.0, width / 2, height / 2, 0.12)
    values = rng.uniform(1, 60, (height, width)).astype(np.float32)
    depth = disparity_to_depth(values, camera)
    result = StereoResult(StereoPair(rgb, rgb, camera), Disparity(values, values / 60), depth,
                          cloud_from_depth(depth, rgb, camera), {})
    return {
        'Image rgb8': lambda: writer.image(rgb, HEADER),
        'DisparityImage': lambda: writer.disparity_image(result, HEADER),
        'depth 32FC1': lambda: writer.depth_image(result, HEADER),
        'depth 16UC1': lambda: writer.depth_image(result, HEADER, '16UC1'),
        'PointCloud2': lambda: writer.point_cloud2(result, HEADER),
    }


def ways(make: Callable[[], Any]) -> dict[str, Callable[[], Any]]:
    """What is done with one message."""
    message = make()
    holder = getattr(message, 'image', message)
    data = bytes(holder.data)
    listed, kind = list(data), type(holder)
    sent = serialize_message(message)

    def checked(values: Any) -> None:
        options = {'check_fields': True} if '_check_fields' in kind.__slots__ else {}
        kind(**options).data = values

    return {
        'made': make, 'sent': lambda: serialize_message(message),
        'received': lambda: deserialize_message(sent, type(message)),
        'by bytes': lambda: checked(data), 'by a list': lambda: checked(listed),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=10)
    arguments = parser.parse_args()
    keep_freed_memory()  # as the nodes do
    for width, height in ((640, 480), (1242, 375)):
        print(f'{width}x{height}, milliseconds, lower quartile of {arguments.rounds} runs:')
        for name, make in messages(width, height).items():
            times = alternate(ways(make), arguments.rounds)
            print(f'  {name:<16}' + '  '.join(f'{way} {ms:7.2f}' for way, ms in times.items()))
        image = WRITER.image(np.zeros((height, width, 3), np.uint8), HEADER)
        times = alternate({'to RGB': lambda image=image: to_rgb(image)}, arguments.rounds)
        print(f'  an image as the node reads it: {times["to RGB"]:.3f}')


if __name__ == '__main__':
    main()
