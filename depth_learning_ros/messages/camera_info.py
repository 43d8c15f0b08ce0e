# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Two sensor_msgs/CameraInfo become one StereoCamera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from depth_learning_ros.errors import CalibrationError
from depth_learning_ros.types import StereoCamera, check_baseline

FOCAL_TOLERANCE = 1e-3  # relative; rectified cameras share their focal length
ROW_TOLERANCE_PX = 1.0  # of cy; rectified cameras share their rows


@dataclass(frozen=True)
class _Projection:
    """The projection matrix of one camera for the image that is really sent, in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    offset_m: float  # where the optical centre lies along x, -P[3] / P[0]


def camera_from_info(
    left_info: Any, right_info: Any, baseline_override_m: float | None = None,
) -> StereoCamera:
    """Build the camera of a rectified pair from its two camera_info messages.

    Only P counts, as the images are rectified. Binning and region of interest are applied as
    image_geometry does. The baseline is -P[3] / P[0] of the right camera, less that of the left,
    which is 0 except in rigs whose reference is a third camera (KITTI's colour pair).

    Args:
        left_info: sensor_msgs/CameraInfo, or ROS 1's with upper-case K and P.
        right_info: the same of the right camera.
        baseline_override_m: taken instead of what P[3] says.

    Raises:
        CalibrationError: not calibrated, not calibrated as a stereo pair, the halves do not fit,
            or a baseline that is zero, negative or not in metres.
    """
    left, right = _projection(left_info, 'left'), _projection(right_info, 'right')
    _check_same(left, right)
    if baseline_override_m is None:
        baseline_m = right.offset_m - left.offset_m
        check_baseline(baseline_m)
    else:
        baseline_m = baseline_override_m
        try:
            check_baseline(baseline_m)
        except CalibrationError as error:
            raise CalibrationError(f'the baseline override cannot be used: {error}') from error
    return StereoCamera(
        width=left.width, height=left.height, focal_px=left.fx, focal_y_px=left.fy,
        cx=left.cx, cy=left.cy, baseline_m=baseline_m, doffs=right.cx - left.cx)


def mono_camera_from_info(info: Any, baseline_m: float) -> StereoCamera:
    """Build the camera of a single rectified image, with the virtual baseline of a model.

    P counts, as the image is rectified; where a driver leaves P empty, K does, but only without
    lens distortion, for which the image would have to be rectified first. P[3] is not looked at.

    Args:
        info: sensor_msgs/CameraInfo, or ROS 1's with upper-case K and P.
        baseline_m: ``virtual_baseline_m`` of the model.

    Raises:
        CalibrationError: no camera_info, no focal length in it, or an unrectified image.
    """
    projection = _projection(_with_projection(info), 'single')
    return StereoCamera(
        width=projection.width, height=projection.height, focal_px=projection.fx,
        focal_y_px=projection.fy, cx=projection.cx, cy=projection.cy, baseline_m=baseline_m)


class _KAsP:
    """A camera_info whose P is made from its K."""

    def __init__(self, info: Any, k: np.ndarray) -> None:
        self._info = info
        self.p = np.array([k[0], 0, k[2], 0, 0, k[4], k[5], 0, 0, 0, 1, 0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._info, name)


def _with_projection(info: Any) -> Any:
    if info is None:
        raise CalibrationError('there is no camera_info: record or publish that topic, or ask for '
                               'disparity only')
    p, k = _matrix(info, 'p', 12, 'single'), _matrix(info, 'k', 9, 'single')
    if p[0] > 0 and p[5] > 0:
        return info
    if k[0] <= 0 or k[4] <= 0:
        raise CalibrationError(
            f'the camera_info has no focal length (K has {k[0]:g} and {k[4]:g}, P has {p[0]:g} '
            f'and {p[5]:g}): depth needs one; calibrate the camera')
    distortion = np.asarray(info.d if hasattr(info, 'd') else info.D, np.float64)
    if distortion.any():
        raise CalibrationError(
            f'P of the camera_info is empty and there is lens distortion '
            f'({", ".join(f"{value:g}" for value in distortion)}): rectify the image first '
            f'(image_proc), and use its camera_info')
    return _KAsP(info, k)


def _projection(info: Any, side: str) -> _Projection:
    if info is None:
        raise CalibrationError(f'there is no {side} camera_info: record or publish that topic')
    p, k = _matrix(info, 'p', 12, side), _matrix(info, 'k', 9, side)
    if p[0] <= 0 or p[5] <= 0:
        if k.any():
            raise CalibrationError(
                f'P of the {side} camera_info has the focal lengths {p[0]:g} and {p[5]:g}, though '
                f'K is set: the camera was calibrated alone; calibrate the two as a stereo pair')
        raise CalibrationError(
            f'the {side} camera_info is empty (K and P are zero): the camera is not calibrated')
    if info.width < 1 or info.height < 1:
        raise CalibrationError(
            f'the {side} camera_info gives the image size {info.width}x{info.height}: '
            f'it must be that of the calibration')
    x, y, width, height = _window(info, side)
    # image_geometry: the window is in unbinned pixels, binning scales the first two rows of P
    bin_x, bin_y = max(int(info.binning_x), 1), max(int(info.binning_y), 1)
    return _Projection(
        width=width // bin_x, height=height // bin_y, fx=p[0] / bin_x, fy=p[5] / bin_y,
        cx=(p[2] - x) / bin_x, cy=(p[6] - y) / bin_y, offset_m=-p[3] / p[0])


def _matrix(info: Any, name: str, size: int, side: str) -> np.ndarray:
    values = getattr(info, name, None)
    if values is None:
        values = getattr(info, name.upper(), None)  # ROS 1
    if values is None or len(values) != size:
        got = 'missing' if values is None else f'of {len(values)} values'
        raise CalibrationError(
            f'{name.upper()} of the {side} camera_info is {got}: expected {size} values')
    matrix = np.asarray(values, np.float64)
    if not np.isfinite(matrix).all():
        raise CalibrationError(f'{name.upper()} of the {side} camera_info holds values that are '
                               f'not finite: {matrix.tolist()}')
    return matrix


def _window(info: Any, side: str) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the part of the sensor that is sent; all zero means all."""
    roi = info.roi
    x, y = int(roi.x_offset), int(roi.y_offset)
    width, height = int(roi.width) or info.width - x, int(roi.height) or info.height - y
    if x + width > info.width or y + height > info.height or width < 1 or height < 1:
        raise CalibrationError(
            f'roi of the {side} camera_info is {width}x{height} at {x}, {y}, outside of the '
            f'{info.width}x{info.height} image')
    return x, y, width, height


def _check_same(left: _Projection, right: _Projection) -> None:
    if (left.width, left.height) != (right.width, right.height):
        raise CalibrationError(
            f'the left camera_info is for {left.width}x{left.height} and the right for '
            f'{right.width}x{right.height}: a rectified pair has one size')
    for name, one, other in (('fx', left.fx, right.fx), ('fy', left.fy, right.fy)):
        if abs(one - other) > FOCAL_TOLERANCE * one:
            raise CalibrationError(
                f'P of the left camera_info has {name} {one:.6g} and of the right {other:.6g}: '
                f'a rectified pair has one focal length; calibrate the two as a stereo pair')
    if abs(left.cy - right.cy) > ROW_TOLERANCE_PX:
        raise CalibrationError(
            f'P of the left camera_info has cy {left.cy:.6g} and of the right {right.cy:.6g}: '
            f'rows of a rectified pair agree; calibrate the two as a stereo pair')
