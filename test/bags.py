# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes tiny synthetic stereo bags in every format, for the tests of everything that reads bags.

``write_stereo_bag(path, kind)`` is enough for most tests; `messages` and `write_bag` let a test
bend single messages (another size, cut data, a missing topic) before they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
STORE1 = get_typestore(Stores.ROS1_NOETIC)

KINDS = ('mcap', 'mcap_file', 'mcap_zstd', 'mcap_message', 'sqlite3', 'sqlite3_zstd',
         'sqlite3_message', 'ros1', 'ros1_lz4', 'ros1_bz2')
"""``mcap_file`` is a single file without metadata.yaml; ``mcap_zstd`` has compressed chunks;
``sqlite3_zstd`` is compressed as a file, ``*_message`` message by message."""


class BagMessage(NamedTuple):
    """One message to write; ``data`` is a message object, or CDR bytes to be written as is."""

    topic: str
    type_name: str
    log_time_ns: int
    data: Any


@dataclass(frozen=True)
class StereoBag:
    """What to record. The left image is random noise, the right one its shift by `disparity`.

    Attributes:
        frames: number of pairs.
        width, height: image size in pixels.
        disparity: whole pixels, the same everywhere.
        encoding: ``rgb8``, ``bgr8`` or ``mono8``; with ``compressed`` the decoded image is RGB.
        compressed: None, ``'png'`` or ``'jpeg'``: CompressedImage topics.
        focal, baseline: of the camera_info, in pixels and metres.
        prefix, left, right, image: topics are ``prefix/left/image``, ``prefix/left/camera_info``.
        period_ns, start_ns: stamps are ``start_ns + i * period_ns``.
        right_offset_ns: added to the right stamps.
        latched_info: camera_info only once, at the start.
        log_delay_ns: log time minus stamp.
    """

    frames: int = 3
    width: int = 32
    height: int = 16
    disparity: int = 4
    encoding: str = 'rgb8'
    compressed: str | None = None
    focal: float = 20.0
    baseline: float = 0.1
    prefix: str = '/stereo'
    left: str = 'left'
    right: str = 'right'
    image: str = 'image_rect'
    period_ns: int = 100_000_000
    start_ns: int = 1_700_000_000_000_000_000
    right_offset_ns: int = 0
    latched_info: bool = False
    log_delay_ns: int = 1_000_000
    seed: int = 0

    def topic(self, side: str, name: str | None = None) -> str:
        """Return the topic of one side's image, or of ``name`` beside it."""
        namespace = f'{self.prefix}/{self.left if side == "left" else self.right}'
        if name is not None:
            return f'{namespace}/{name}'
        return f'{namespace}/{self.image}' + ('/compressed' if self.compressed else '')

    def stamp_ns(self, index: int, side: str = 'left') -> int:
        offset = self.right_offset_ns if side == 'right' else 0
        return self.start_ns + index * self.period_ns + offset

    def rgb(self, index: int, side: str) -> np.ndarray:
        """Return the image as an engine must see it: uint8 [H, W, 3], RGB."""
        random = np.random.default_rng((self.seed, index))
        channels = 1 if self.encoding.startswith('mono') else 3
        wide = random.integers(
            0, 256, (self.height, self.width + self.disparity, channels), np.uint8)
        shift = self.disparity if side == 'right' else 0
        image = wide[:, shift:shift + self.width]
        return np.ascontiguousarray(np.broadcast_to(image, (self.height, self.width, 3)))


def make(name: str, /, **fields: Any) -> Any:
    return STORE.types[name](**fields)


def make_header(stamp_ns: int, frame_id: str) -> Any:
    stamp = make('builtin_interfaces/msg/Time', sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return make('std_msgs/msg/Header', stamp=stamp, frame_id=frame_id)


def make_image(bag: StereoBag, index: int, side: str) -> Any:
    """Return an Image or CompressedImage message."""
    rgb = bag.rgb(index, side)
    header = make_header(bag.stamp_ns(index, side), 'left_optical' if side == 'left'
                         else 'right_optical')
    if bag.compressed:
        _, data = cv2.imencode(f'.{bag.compressed}', rgb[..., ::-1])
        return make('sensor_msgs/msg/CompressedImage', header=header,
                    format=f'bgr8; {bag.compressed} compressed bgr8', data=data.ravel())
    pixels = {'rgb8': rgb, 'bgr8': rgb[..., ::-1], 'mono8': rgb[..., 0]}[bag.encoding]
    data = np.ascontiguousarray(pixels).reshape(-1)
    return make('sensor_msgs/msg/Image', header=header, height=bag.height, width=bag.width,
                encoding=bag.encoding, is_bigendian=0, step=data.size // bag.height, data=data)


def make_info(bag: StereoBag, index: int, side: str) -> Any:
    """Return the CameraInfo message that goes with `make_image`."""
    f, cx, cy = bag.focal, (bag.width - 1) / 2, (bag.height - 1) / 2
    shift = -f * bag.baseline if side == 'right' else 0.0
    return make(
        'sensor_msgs/msg/CameraInfo', header=make_image(bag, index, side).header,
        height=bag.height, width=bag.width, distortion_model='plumb_bob', d=np.zeros(5),
        k=np.array([f, 0, cx, 0, f, cy, 0, 0, 1.0]), r=np.eye(3).ravel(),
        p=np.array([f, 0, cx, shift, 0, f, cy, 0, 0, 0, 1.0, 0]), binning_x=0, binning_y=0,
        roi=make('sensor_msgs/msg/RegionOfInterest', x_offset=0, y_offset=0, height=0, width=0,
                 do_rectify=False))


def messages(bag: StereoBag) -> Iterator[BagMessage]:
    """Yield the messages of the bag in the order of their log times."""
    image_type = f'sensor_msgs/msg/{"CompressedImage" if bag.compressed else "Image"}'
    for index in range(bag.frames):
        for side in ('left', 'right'):
            log_time_ns = bag.stamp_ns(index, side) + bag.log_delay_ns
            if index == 0 or not bag.latched_info:
                yield BagMessage(bag.topic(side, 'camera_info'), 'sensor_msgs/msg/CameraInfo',
                                 log_time_ns, make_info(bag, index, side))
            yield BagMessage(bag.topic(side), image_type, log_time_ns,
                             make_image(bag, index, side))


def write_stereo_bag(path: Path, kind: str = 'mcap', bag: StereoBag | None = None,
                     change: Callable[[BagMessage], BagMessage | None] | None = None,
                     **settings: Any) -> StereoBag:
    """Write a bag of one of `KINDS` and return its description.

    Args:
        path: folder (rosbag2) or file (ROS 1, ``mcap_file``) to make.
        change: called with every message; returns what to write instead, None for nothing.
        settings: fields of `StereoBag` to set.
    """
    bag = replace(bag or StereoBag(), **settings)
    found = messages(bag)
    if change is not None:
        found = (m for m in map(change, found) if m is not None)
    write_bag(path, kind, found)
    return bag


def write_bag(path: Path, kind: str, found: Iterable[BagMessage]) -> None:
    """Write messages to a bag of one of `KINDS`."""
    if kind.startswith('ros1'):
        _write_ros1(path, kind.partition('_')[2], found)
    elif kind == 'mcap_file':
        folder = path.with_name(f'{path.name}.folder')
        _write_ros2(folder, 'mcap', found)
        next(folder.glob('*.mcap')).rename(path)
        (folder / 'metadata.yaml').unlink()
        folder.rmdir()
    else:
        _write_ros2(path, kind, found)


_MODES = {'mcap_zstd': CompressionMode.STORAGE, 'mcap_message': CompressionMode.MESSAGE,
          'sqlite3_zstd': CompressionMode.FILE, 'sqlite3_message': CompressionMode.MESSAGE}


@dataclass
class _Connections:
    """Connections by topic and type, made at the first message."""

    add: Callable[[str, str], Any]
    known: dict[tuple[str, str], Any] = field(default_factory=dict)

    def get(self, message: BagMessage) -> Any:
        key = (message.topic, message.type_name)
        if key not in self.known:
            self.known[key] = self.add(*key)
        return self.known[key]


def _cdr(message: BagMessage) -> bytes | memoryview:
    if isinstance(message.data, bytes | memoryview):
        return message.data
    return STORE.serialize_cdr(message.data, message.type_name)


def _write_ros2(path: Path, kind: str, found: Iterable[BagMessage]) -> None:
    plugin = StoragePlugin.SQLITE3 if kind.startswith('sqlite3') else StoragePlugin.MCAP
    writer = Writer2(path, version=9, storage_plugin=plugin)
    if kind in _MODES:
        writer.set_compression(_MODES[kind], CompressionFormat.ZSTD)
    with writer:
        connections = _Connections(
            lambda topic, name: writer.add_connection(topic, name, typestore=STORE))
        for message in found:
            writer.write(connections.get(message), message.log_time_ns, _cdr(message))


def _write_ros1(path: Path, compression: str, found: Iterable[BagMessage]) -> None:
    writer = Writer1(path)
    if compression:
        writer.set_compression(Writer1.CompressionFormat[compression.upper()])
    with writer:
        connections = _Connections(
            lambda topic, name: writer.add_connection(topic, name, typestore=STORE1))
        for message in found:
            raw = STORE.cdr_to_ros1(_cdr(message), message.type_name)
            writer.write(connections.get(message), message.log_time_ns, raw)
