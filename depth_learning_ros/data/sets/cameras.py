# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The calibration files that public data sets come with."""

from __future__ import annotations

from pathlib import Path
import re

from depth_learning_ros.data.images import read_bytes
from depth_learning_ros.errors import CalibrationError
from depth_learning_ros.types import StereoCamera

_CAMERA_MATRIX, _PROJECTION = 9, 12


def read_middlebury_camera(path: Path, width: int, height: int) -> StereoCamera:
    """Read a ``calib.txt`` of Middlebury 2014, v3 or ETH3D.

    Lines such as ``cam0=[f 0 cx; 0 f cy; 0 0 1]``, ``doffs=...`` (pixels) and ``baseline=...``
    (millimetres); ``width`` and ``height`` must be those of the images.

    Raises:
        DataError: the file cannot be read.
        CalibrationError: something is missing or not plausible.
    """
    values = parse_lines(path, '=')
    left = read_numbers(values, 'cam0', _CAMERA_MATRIX, path)
    for name, needed in (('width', width), ('height', height)):
        if name in values and read_numbers(values, name, 1, path)[0] != needed:
            raise CalibrationError(f'{path} has {name} {values[name]}, the images have {needed}: '
                                   f'give the calibration of these images')
    return _camera(path, width=width, height=height, focal_px=left[0], focal_y_px=left[4],
                   cx=left[2], cy=left[5], doffs=read_numbers(values, 'doffs', 1, path)[0],
                   baseline_m=read_numbers(values, 'baseline', 1, path)[0] / 1000)


def read_kitti_camera(path: Path, width: int, height: int, *, left: str,
                      right: str) -> StereoCamera:
    """Read a calibration file of KITTI: lines such as ``P_rect_02: ...``, 3x4 projections.

    Args:
        path: the file.
        width, height: of the images.
        left, right: names of the two projections.

    Raises:
        DataError: the file cannot be read.
        CalibrationError: something is missing or not plausible.
    """
    values = parse_lines(path, ':')
    p, q = (read_numbers(values, name, _PROJECTION, path) for name in (left, right))
    if p[0] == 0:
        raise CalibrationError(f'{path}: {left} has focal length 0')
    return _camera(path, width=width, height=height, focal_px=p[0], focal_y_px=p[5], cx=p[2],
                   cy=p[6], doffs=q[2] - p[2], baseline_m=(p[3] - q[3]) / p[0])


def middlebury_2005_camera(path: Path, width: int, height: int, *,
                           reduction: float) -> StereoCamera:
    """Return the camera of Middlebury 2005 and 2006: one rig, 3740 px and 160 mm at full size.

    Args:
        path: the scene's ``dmin.txt``: what cropping took off each full-size disparity, pixels.
        width, height: of the images.
        reduction: full size over the images' size.

    Raises:
        DataError, CalibrationError: the file cannot be read, or holds no number.
    """
    text = read_bytes(path).decode('ascii', 'replace').strip()
    try:
        dmin = float(text)
    except ValueError:
        raise CalibrationError(f'{path} holds {text[:20]!r}: a number is needed') from None
    return _camera(path, width=width, height=height, focal_px=3740 / reduction,
                   cx=(width - 1) / 2, cy=(height - 1) / 2, baseline_m=0.160,
                   doffs=dmin / reduction)


def _camera(path: Path, *, width: int, height: int, focal_px: float, cx: float, cy: float,
            baseline_m: float, doffs: float, focal_y_px: float | None = None) -> StereoCamera:
    try:
        return StereoCamera(width, height, focal_px, cx, cy, baseline_m, doffs, focal_y_px)
    except CalibrationError as error:
        raise CalibrationError(f'{path}: {error}') from error


def parse_lines(path: Path, separator: str) -> dict[str, str]:
    """Return name -> text of all lines ``name SEPARATOR text``."""
    lines = read_bytes(path).decode('ascii', 'replace').splitlines()
    pairs = [line.split(separator, 1) for line in lines if separator in line]
    return {name.strip(): text.strip() for name, text in pairs}


def read_numbers(values: dict[str, str], name: str, count: int, path: Path) -> list[float]:
    """Return the numbers of a line; brackets, commas and semicolons do not count.

    Raises:
        CalibrationError: it is missing, or they are not that many.
    """
    if name not in values:
        raise CalibrationError(f'{path} has no {name}: it is cut off, or of another data set')
    words = re.split(r'[\s;,\[\]]+', values[name].strip('[] '))
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise CalibrationError(f'{path}: {name} is {values[name]!r}: {count} numbers are needed')
    return numbers
