# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Resizing a stereo pair: images, camera and disparity together, so that depth stays."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair


def resize_stereo(
    pair: StereoPair, width: int, height: int, disparity: Disparity | None = None,
) -> tuple[StereoPair, Disparity | None]:
    """Resize everything that belongs to a pair at once.

    Returns:
        The pair with resized images and camera, and the disparity resized and scaled (None when
        there is none). Depth computed from them is that of the original pixels.

    Raises:
        DataError: the new size is not positive.
        CalibrationError: the camera is of another shape than the images.
    """
    if width < 1 or height < 1:
        raise DataError(f'the new size is {width}x{height}: it must be at least 1x1')
    camera = pair.camera
    if camera is not None:
        camera = fit_camera(camera, pair.left.shape[1], pair.left.shape[0])
        camera = camera.resized(width, height)
    resized = replace(pair, camera=camera, left=resize_image(pair.left, width, height),
                      right=resize_image(pair.right, width, height))
    if disparity is None:
        return resized, None
    return resized, resize_disparity(disparity, width, height)


def resize_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resize uint8 or float32 [H, W] or [H, W, C]: area mean to shrink, linear to enlarge."""
    shrinks = width <= image.shape[1] and height <= image.shape[0]
    return cv2.resize(image, (width, height),
                      interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def resize_disparity(disparity: Disparity, width: int, height: int) -> Disparity:
    """Resize a disparity map, and scale its pixels by the change in width.

    Interpolation is linear. Next to a gap, where a neighbour is NaN, the nearest pixel is taken
    instead, so that gaps neither grow nor get filled.
    """
    scale = width / disparity.values.shape[1]
    limit, confidence = disparity.max_disparity, disparity.confidence
    return Disparity(
        values=_resize_with_gaps(disparity.values, width, height) * np.float32(scale),
        confidence=None if confidence is None else _resize_with_gaps(confidence, width, height),
        max_disparity=None if limit is None else limit * scale,
        subpixel_step=disparity.subpixel_step * scale)


def fit_camera(camera: StereoCamera, width: int, height: int) -> StereoCamera:
    """Return the camera of images that are ``width`` x ``height`` pixels.

    Images of the calibrated shape in another size are taken as resized, and the camera follows
    (a pixel of rounding is allowed). Another shape means cropped or somebody else's images, which
    no scaling can repair.

    Raises:
        CalibrationError: the aspect ratios differ.
    """
    if (camera.width, camera.height) == (width, height):
        return camera
    expected_height = camera.height * width / camera.width
    expected_width = camera.width * height / camera.height
    if abs(expected_height - height) > 1 and abs(expected_width - width) > 1:
        raise CalibrationError(
            f'the images are {width}x{height} and the calibration is for '
            f'{camera.width}x{camera.height}, another aspect ratio: it does not belong to these '
            f'images, or they were cropped (then camera_info must say so in roi)')
    return camera.resized(width, height)


def _resize_with_gaps(values: np.ndarray, width: int, height: int) -> np.ndarray:
    values = values.astype(np.float32, copy=False)
    linear = cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)
    broken = np.isnan(linear)
    if broken.any():
        nearest = cv2.resize(values, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        np.copyto(linear, nearest, where=broken)
    return linear
