# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered drive as a ROS 2 bag: what a robot with a stereo camera would have recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rosbags.interfaces import QosDurability

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import make, standard_type
from depth_learning_ros.demo.scene import FRAMES, DemoScene, Frame
from depth_learning_ros.demo.transforms import (
    LEFT_FRAME,
    RIGHT_FRAME,
    camera_transform,
    rig_transform,
)
from depth_learning_ros.messages import MessageWriter
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.replay.output import open_output
from depth_learning_ros.replay.qos import RELIABLE
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair

NAMESPACE = '/camera'
TRUTH_TOPIC = '/ground_truth/disparity'
START_NS = 1_767_225_600_000_000_000  # 2026-01-01: a bag must not depend on when it is made

_TYPES = {
    '/tf_static': 'tf2_msgs/msg/TFMessage',
    '/tf': 'tf2_msgs/msg/TFMessage',
    f'{NAMESPACE}/left/camera_info': 'sensor_msgs/msg/CameraInfo',
    f'{NAMESPACE}/right/camera_info': 'sensor_msgs/msg/CameraInfo',
    f'{NAMESPACE}/left/image_rect': 'sensor_msgs/msg/Image',
    f'{NAMESPACE}/right/image_rect': 'sensor_msgs/msg/Image',
    TRUTH_TOPIC: 'stereo_msgs/msg/DisparityImage',
}
_QOS = {'/tf_static': [RELIABLE._replace(durability=QosDurability.TRANSIENT_LOCAL)]}


class _Stamped(NamedTuple):
    """A header as `MessageWriter` reads it."""

    stamp: Any
    frame_id: str


def write_sequence(path: Path | str, frames: int = FRAMES, *, scene: DemoScene | None = None,
                   force: bool = False,
                   on_progress: Callable[[int, int | None], None] | None = None) -> None:
    """Render a drive and write it as a bag.

    Topics: ``/camera/{left,right}/{image_rect,camera_info}`` at 10 Hz (rgb8), the exact disparity
    of the left view as ``/ground_truth/disparity``, and the poses as ``/tf`` and ``/tf_static``.
    The same arguments give the same messages.

    Args:
        path: file to write, ends in .mcap.
        frames: how many pairs.
        scene: what to render; None = the hall at 640x384.
        force: replace an existing file.
        on_progress: told (frames done, frames in all).

    Raises:
        DataError: the file exists, or cannot be written.
    """
    scene = scene or DemoScene()
    with open_output(Path(path), compression='none', force=force) as bag:
        for topic, type_name in _TYPES.items():
            bag.add_topic(topic, standard_type(type_name), _QOS.get(topic, ()))
        for index in range(frames):
            frame = scene.frame(index)
            stamp_ns = START_NS + round(frame.time_s * 1e9)
            for topic, message in _messages(frame, scene.camera, stamp_ns):
                bag.write(topic, stamp_ns, serialize(message, _TYPES[topic]))
            if on_progress is not None:
                on_progress(index + 1, frames)


def _messages(frame: Frame, camera: StereoCamera, stamp_ns: int) -> Iterator[tuple[str, Any]]:
    """Yield (topic, message) of one moment."""
    write = MessageWriter(make)
    stamp = make('builtin_interfaces/msg/Time', sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    left, right = _Stamped(stamp, LEFT_FRAME), _Stamped(stamp, RIGHT_FRAME)
    if frame.index == 0:
        yield '/tf_static', rig_transform(make, stamp)
    yield '/tf', camera_transform(make, stamp, frame.pose)
    left_info, _ = write.camera_infos(camera, left)
    _, right_info = write.camera_infos(camera, right)
    yield f'{NAMESPACE}/left/camera_info', left_info
    yield f'{NAMESPACE}/right/camera_info', right_info
    yield f'{NAMESPACE}/left/image_rect', write.image(frame.left, left)
    yield f'{NAMESPACE}/right/image_rect', write.image(frame.right, right)
    pair = StereoPair(frame.left, frame.right, camera, stamp_ns, LEFT_FRAME)
    truth = StereoResult(pair, Disparity(frame.disparity), None, None, {})
    yield TRUTH_TOPIC, write.disparity_image(truth, left)
