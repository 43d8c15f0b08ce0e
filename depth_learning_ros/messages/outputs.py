# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which topics a result goes to: the same ones whether it is published, sent or recorded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from depth_learning_ros.messages.writer import MessageWriter

if TYPE_CHECKING:
    from depth_learning_ros.pipeline import StereoResult

OUTPUT_TYPES = {
    'disparity': 'stereo_msgs/msg/DisparityImage',
    'depth': 'sensor_msgs/msg/Image',
    'depth/camera_info': 'sensor_msgs/msg/CameraInfo',
    'camera_info': 'sensor_msgs/msg/CameraInfo',
    'points2': 'sensor_msgs/msg/PointCloud2',
    'confidence': 'sensor_msgs/msg/Image',
    'scan': 'sensor_msgs/msg/LaserScan',
}
"""Types of all topics, by their names relative to the camera's."""

# RViz and image_transport look for the camera_info beside the depth topic, others below it.
DEPTH_INFOS = ('depth/camera_info', 'camera_info')


def topics_of(outputs: Collection[str]) -> list[str]:
    """Return the topics that hold some outputs of the pipeline."""
    return [*outputs, *(DEPTH_INFOS if 'depth' in outputs else ())]


def result_messages(writer: MessageWriter, result: StereoResult, header: Any,
                    topics: Collection[str], depth_encoding: str = '32FC1',
                    scan_frame_id: str = '') -> Iterator[tuple[str, Any]]:
    """Build the messages of a result, one after the other.

    Args:
        writer: makes the messages.
        result: what the pipeline made; what it does not hold is left out.
        header: of the left image.
        topics: names out of :data:`OUTPUT_TYPES`.
        depth_encoding: ``32FC1`` (metres) or ``16UC1`` (millimetres).
        scan_frame_id: see :meth:`~.writer.MessageWriter.laser_scan`.

    Yields:
        Names of topics with their messages.

    Raises:
        CalibrationError: the disparity is asked for and there is no camera.
        DataError: an unknown depth encoding.
    """
    builders: list[tuple[str, object, Callable[[], Any]]] = [
        ('disparity', result.disparity, lambda: writer.disparity_image(result, header)),
        ('depth', result.depth, lambda: writer.depth_image(result, header, depth_encoding)),
        ('points2', result.points, lambda: writer.point_cloud2(result, header)),
        ('confidence', result.confidence, lambda: writer.confidence_image(result, header)),
        ('scan', result.scan, lambda: writer.laser_scan(result, header, scan_frame_id)),
    ]
    for name, there, build in builders:
        if there is not None and name in topics:
            yield name, build()
    infos = [name for name in DEPTH_INFOS if name in topics]
    camera = result.pair.camera
    if infos and camera is not None:
        info = writer.camera_infos(camera, header)[0]
        yield from ((name, info) for name in infos)
