# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Results of the pipeline, and images and cameras, to ROS 2 messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np

from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.geometry.depth import millimetres_from_depth
from depth_learning_ros.geometry.disparity_range import disparity_range, message_disparity
from depth_learning_ros.messages.fields import HOST_IS_BIGENDIAN, as_message_data
from depth_learning_ros.types import StereoCamera

if TYPE_CHECKING:
    from depth_learning_ros.pipeline import StereoResult

_FLOAT32 = 7  # sensor_msgs/PointField.FLOAT32

Array = TypeVar('Array', bound=object)


class MessageWriter:
    """Builds ROS 2 messages of whatever library ``make`` belongs to.

    Args:
        make: ``make('sensor_msgs/msg/Image', height=..., ...)`` builds one message. Every field is
            given by its name, so the first parameter must not be called ``name``, as PointField
            has a field of that name. Byte arrays come as uint8 numpy arrays, which share memory
            with the result; other arrays as numpy arrays of the field's type, lists of messages
            as lists.

            For rosbags: ``lambda kind, **fields: typestore.types[kind](**fields)``. For rclpy see
            `nodes.make_message`; bytes or lists take hundreds of times longer.

    Each method takes the header of the left image and copies its stamp and frame, so that headers
    of ROS 1 do as well.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make

    def disparity_image(self, result: StereoResult, header: Any) -> Any:
        """Build a stereo_msgs/DisparityImage: 32FC1 pixels, 0 = unknown, every field filled.

        Raises:
            CalibrationError: the pair has no camera, so f and T are unknown.
        """
        camera = result.pair.camera
        if camera is None:
            raise CalibrationError('stereo_msgs/DisparityImage holds focal length and baseline: '
                                   'it cannot be written without a camera; give the calibration')
        values = message_disparity(result.disparity, camera.doffs)
        limits = disparity_range(values, result.disparity, camera.doffs)
        return self.make(
            'stereo_msgs/msg/DisparityImage', header=self._header(header),
            image=self._image(values, header, '32FC1'), f=float(camera.focal_px),
            t=float(camera.baseline_m), valid_window=self._window(limits.window),
            min_disparity=limits.min_disparity, max_disparity=float(limits.max_disparity),
            delta_d=float(limits.delta_d))

    def depth_image(self, result: StereoResult, header: Any, encoding: str = '32FC1') -> Any:
        """Build a depth image (REP 118): 32FC1 metres, or 16UC1 millimetres with 0 = unknown.

        Raises:
            DataError: there is no depth in the result, or another encoding is asked for.
        """
        depth = _there(result.depth, 'depth')
        if encoding == '32FC1':
            return self._image(depth, header, encoding)
        if encoding == '16UC1':
            return self._image(millimetres_from_depth(depth), header, encoding)
        raise DataError(f'a depth image cannot be {encoding!r}: choose 32FC1 (metres) or '
                        f'16UC1 (millimetres)')

    def confidence_image(self, result: StereoResult, header: Any) -> Any:
        """Build a 32FC1 image of the confidence, 0..1.

        Raises:
            DataError: the engine gives none and no check was asked for.
        """
        return self._image(_there(result.confidence, 'confidence'), header, '32FC1')

    def point_cloud2(self, result: StereoResult, header: Any) -> Any:
        """Build an organised sensor_msgs/PointCloud2 of x, y, z, rgb; NaN where no point is.

        Raises:
            DataError: there are no points in the result.
        """
        packed = _there(result.points, 'points').packed
        height, width = packed.shape[:2]
        fields = [self.make('sensor_msgs/msg/PointField', name=name, offset=4 * index,
                            datatype=_FLOAT32, count=1)
                  for index, name in enumerate(('x', 'y', 'z', 'rgb'))]
        return self.make(
            'sensor_msgs/msg/PointCloud2', header=self._header(header), height=height,
            width=width, fields=fields, is_bigendian=HOST_IS_BIGENDIAN, point_step=16,
            row_step=16 * width, data=as_message_data(packed), is_dense=False)

    def laser_scan(self, result: StereoResult, header: Any, frame_id: str = '') -> Any:
        """Build a sensor_msgs/LaserScan of the obstacles.

        Args:
            result: what the pipeline made.
            header: of the left image.
            frame_id: a level frame (x forward, y left, z up) at the left optical centre; empty =
                the one that :meth:`scan_transform` describes.

        Raises:
            DataError: there is no scan in the result.
        """
        scan = _there(result.scan, 'scan')
        return self.make(
            'sensor_msgs/msg/LaserScan',
            header=self._header(header, frame_id or scan_frame(header.frame_id)),
            angle_min=scan.angle_min_rad, angle_max=scan.angle_max_rad,
            angle_increment=scan.angle_increment_rad, time_increment=0.0, scan_time=0.0,
            range_min=float(scan.min_range_m), range_max=float(scan.max_range_m),
            ranges=np.ascontiguousarray(scan.ranges), intensities=np.empty(0, np.float32))

    def scan_transform(self, result: StereoResult, header: Any) -> Any:
        """Build the tf2_msgs/TFMessage that ties the scan's own frame to the optical frame.

        It holds as long as pitch and roll of the options do: publish it as a static transform.

        Raises:
            DataError: there is no scan in the result.
        """
        x, y, z, w = _there(result.scan, 'scan').rotation
        transform = self.make(
            'geometry_msgs/msg/Transform',
            translation=self.make('geometry_msgs/msg/Vector3', x=0.0, y=0.0, z=0.0),
            rotation=self.make('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w))
        stamped = self.make(
            'geometry_msgs/msg/TransformStamped', header=self._header(header),
            child_frame_id=scan_frame(header.frame_id), transform=transform)
        return self.make('tf2_msgs/msg/TFMessage', transforms=[stamped])

    def image(self, rgb: np.ndarray, header: Any, encoding: str = 'rgb8') -> Any:
        """Build a sensor_msgs/Image of uint8 [H, W, 3] RGB as ``rgb8``, ``bgr8`` or ``mono8``.

        Raises:
            DataError: another encoding is asked for.
        """
        codes = {'rgb8': None, 'bgr8': cv2.COLOR_RGB2BGR, 'mono8': cv2.COLOR_RGB2GRAY}
        if encoding not in codes:
            raise DataError(f'an image cannot be written as {encoding!r}: '
                            f'choose {", ".join(codes)}')
        code = codes[encoding]
        return self._image(rgb if code is None else cv2.cvtColor(rgb, code), header, encoding)

    def compressed_image(self, rgb: np.ndarray, header: Any, kind: str = 'jpeg',
                         quality: int = 95) -> Any:
        """Build a sensor_msgs/CompressedImage of uint8 [H, W, 3] RGB, ``jpeg`` or ``png``.

        Raises:
            DataError: another kind is asked for.
        """
        options = {'jpeg': [cv2.IMWRITE_JPEG_QUALITY, quality], 'png': []}
        if kind not in options:
            raise DataError(f'an image cannot be compressed as {kind!r}: choose jpeg or png')
        _, data = cv2.imencode(f'.{kind}', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options[kind])
        return self.make('sensor_msgs/msg/CompressedImage', header=self._header(header),
                         format=f'rgb8; {kind} compressed bgr8', data=as_message_data(data))

    def camera_infos(self, camera: StereoCamera, header: Any) -> tuple[Any, Any]:
        """Build the sensor_msgs/CameraInfo of the left and of the right camera, rectified."""
        return (self._camera_info(camera, header, camera.cx, 0.0),
                self._camera_info(camera, header, camera.cx + camera.doffs,
                                  -camera.focal_px * camera.baseline_m))

    def _camera_info(self, camera: StereoCamera, header: Any, cx: float, tx: float) -> Any:
        fx, fy, cy = camera.focal_px, camera.fy, camera.cy
        return self.make(
            'sensor_msgs/msg/CameraInfo', header=self._header(header), height=camera.height,
            width=camera.width, distortion_model='plumb_bob', d=np.zeros(5),
            k=np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1], np.float64), r=np.eye(3).reshape(-1),
            p=np.array([fx, 0, cx, tx, 0, fy, cy, 0, 0, 0, 1, 0], np.float64),
            binning_x=0, binning_y=0, roi=self._window((0, 0, 0, 0)))

    def _image(self, pixels: np.ndarray, header: Any, encoding: str) -> Any:
        height, width = pixels.shape[:2]
        data = as_message_data(pixels)
        return self.make(
            'sensor_msgs/msg/Image', header=self._header(header), height=height, width=width,
            encoding=encoding, is_bigendian=int(HOST_IS_BIGENDIAN), step=data.size // height,
            data=data)

    def _header(self, header: Any, frame_id: str | None = None) -> Any:
        stamp = self.make('builtin_interfaces/msg/Time', sec=header.stamp.sec,
                          nanosec=header.stamp.nanosec)
        return self.make('std_msgs/msg/Header', stamp=stamp,
                         frame_id=header.frame_id if frame_id is None else frame_id)

    def _window(self, window: tuple[int, int, int, int]) -> Any:
        x, y, width, height = window
        return self.make('sensor_msgs/msg/RegionOfInterest', x_offset=x, y_offset=y,
                         height=height, width=width, do_rectify=False)


def scan_frame(left_frame: str) -> str:
    """Name the level frame of the scan after the left optical frame."""
    return f'{left_frame}_scan'


def _there(value: Array | None, name: str) -> Array:
    if value is None:
        raise DataError(f'the result holds no {name}: ask the pipeline for it, and check that '
                        f'the model gives it')
    return value
