# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import bags
import numpy as np
import pytest

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import STORE, make, read_message
from depth_learning_ros.errors import MessageError
from depth_learning_ros.messages import MessageWriter
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.types import Disparity, PointCloud, StereoCamera, StereoPair


def result(height: int = 3, width: int = 5) -> StereoResult:
    image = np.zeros((height, width, 3), np.uint8)
    camera = StereoCamera(width, height, 10.0, 2.0, 1.0, 0.1)
    values = np.arange(height * width, dtype=np.float32).reshape(height, width)
    points = np.arange(height * width * 4, dtype=np.float32).reshape(height, width, 4)
    return StereoResult(StereoPair(image, image, camera), Disparity(values, values / 100),
                        values + 1, PointCloud(points), {})


@pytest.mark.parametrize('frame_id', ['', 'a', 'ab', 'abc', 'abcd', 'left_optical'])
def test_pieces_are_the_bytes_of_the_whole(frame_id):
    writer, header = MessageWriter(make), bags.make_header(1_500_000_001, frame_id)
    bag = bags.StereoBag(width=3, height=3)  # 27 bytes: not a multiple of 4
    for name, message, pieces in (
            ('stereo_msgs/msg/DisparityImage', writer.disparity_image(result(), header), 3),
            ('sensor_msgs/msg/Image', writer.depth_image(result(), header), 3),
            ('sensor_msgs/msg/PointCloud2', writer.point_cloud2(result(), header), 3),
            ('sensor_msgs/msg/CameraInfo', bags.make_info(bag, 0, 'right'), 1),
            ('sensor_msgs/msg/Image', bags.make_image(bag, 0, 'left'), 1)):
        found = serialize(message, name)
        assert b''.join(found) == bytes(STORE.serialize_cdr(message, name)), name
        assert len(found) == pieces


def test_the_pixels_are_not_copied():
    depth = result()
    message = MessageWriter(make).depth_image(depth, bags.make_header(0, 'a'))
    pieces = serialize(message, 'sensor_msgs/msg/Image')
    assert np.shares_memory(np.frombuffer(pieces[1], np.float32), depth.depth)


@pytest.mark.parametrize('keep', [0, 3, 4, 20, 60, -1])
def test_cut_messages_are_refused(keep):
    data = bytes(STORE.serialize_cdr(bags.make_image(bags.StereoBag(), 0, 'left'),
                                     'sensor_msgs/msg/Image'))
    with pytest.raises(MessageError, match='not a readable sensor_msgs/msg/Image'):
        read_message(data[:keep], 'sensor_msgs/msg/Image')


def test_garbage_is_refused():
    for seed in range(50):
        data = b'\0\1\0\0' + np.random.default_rng(seed).bytes(300)
        with pytest.raises(MessageError):
            read_message(data, 'sensor_msgs/msg/Image')
