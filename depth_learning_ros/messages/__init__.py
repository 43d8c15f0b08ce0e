# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""ROS messages to and from the package's types, by duck typing.

Nothing here imports a ROS client library: any object with the fields of the message will do, be
it rclpy's (``data`` is an ``array.array``), rosbags' (``data`` is a numpy array, often read-only)
or a test's. What is written is made by a function the caller brings; see :class:`MessageWriter`.
"""

from depth_learning_ros.messages.camera_info import camera_from_info, mono_camera_from_info
from depth_learning_ros.messages.fields import stamp_ns
from depth_learning_ros.messages.images import image_to_rgb
from depth_learning_ros.messages.outputs import OUTPUT_TYPES, result_messages, topics_of
from depth_learning_ros.messages.pixels import ENCODINGS
from depth_learning_ros.messages.results import (
    cloud_from_message,
    depth_from_image,
    disparity_from_message,
)
from depth_learning_ros.messages.writer import MessageWriter

__all__ = [
    'ENCODINGS', 'MessageWriter', 'OUTPUT_TYPES', 'camera_from_info', 'cloud_from_message',
    'depth_from_image', 'disparity_from_message', 'image_to_rgb', 'mono_camera_from_info',
    'result_messages', 'stamp_ns', 'topics_of',
]
