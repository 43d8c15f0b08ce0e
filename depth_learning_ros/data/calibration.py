# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The calibration file of a stereo pair, ``calib.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from depth_learning_ros.data.images import read_bytes
from depth_learning_ros.errors import CalibrationError
from depth_learning_ros.types import StereoCamera

_REQUIRED = ('focal_px', 'baseline_m')
_OPTIONAL = ('cx', 'cy', 'focal_y_px')


def read_calibration(path: Path | str, width: int, height: int,
                     baseline_m: float | None = None) -> StereoCamera:
    """Read the camera of a rectified pair of ``width`` x ``height`` pixels, or of one image.

    A JSON object with ``focal_px`` and ``baseline_m``, and optionally ``doffs`` (cx_right -
    cx_left in pixels, 0 when left out; null says that it is not known), ``cx``, ``cy`` (the image
    centre when left out: depth does not depend on them, x and y of points do), ``focal_y_px``,
    ``width`` and ``height`` (of the images it belongs to). Other keys are ignored.

    Args:
        path: the file.
        width, height: of the images, pixels.
        baseline_m: the virtual baseline of a mono model, for which the file need not have
            ``baseline_m``, and whose ``doffs`` is 0.

    Raises:
        DataError: the file cannot be read.
        CalibrationError: it is no JSON object, a value is missing, not a number or not plausible,
            doffs is null, or it belongs to images of another size.
    """
    values = _parse(path)
    _check_size(values, width, height, path)
    if baseline_m is not None:
        values = {**values, 'baseline_m': baseline_m, 'doffs': 0.0}
    if 'doffs' in values and values['doffs'] is None:
        raise CalibrationError(
            f'{path}: doffs is null, which says that the offset of the principal points is not '
            f'known: depth cannot be computed; set it to cx_right - cx_left in pixels')
    numbers = {name: _number(values, name, path) for name in _REQUIRED}
    numbers |= {name: _number(values, name, path) for name in _OPTIONAL if name in values}
    numbers['doffs'] = _number(values, 'doffs', path) if 'doffs' in values else 0.0
    numbers.setdefault('cx', (width - 1) / 2)
    numbers.setdefault('cy', (height - 1) / 2)
    try:
        return StereoCamera(width=width, height=height, **numbers)
    except CalibrationError as error:
        raise CalibrationError(f'{path}: {error}') from error


def _parse(path: Path | str) -> dict[str, Any]:
    try:
        values = json.loads(read_bytes(path))
    except ValueError as error:  # also text that is not UTF-8
        raise CalibrationError(f'{path} is not JSON: {error}') from error
    if not isinstance(values, dict):
        raise CalibrationError(f'{path} holds a {type(values).__name__}: an object with '
                               f'{", ".join(_REQUIRED)} is needed')
    return values


def _check_size(values: dict[str, Any], width: int, height: int, path: Path | str) -> None:
    stated = values.get('width', width), values.get('height', height)
    if stated != (width, height):
        raise CalibrationError(
            f'{path} is for images of {stated[0]}x{stated[1]}, these are {width}x{height}: '
            f'give the calibration of these images (when they were resized by a factor, multiply '
            f'focal_px, cx, cy and doffs by it)')


def _number(values: dict[str, Any], name: str, path: Path | str) -> float:
    if name not in values:
        raise CalibrationError(f'{path} has no {name}: it needs {", ".join(_REQUIRED)}')
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CalibrationError(f'{path}: {name} is {value!r}: a number is needed')
    return float(value)
