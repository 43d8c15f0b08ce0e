# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pixel encodings of sensor_msgs/Image, and their way to 8-bit RGB."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import logging

import cv2
import numpy as np

from depth_learning_ros.errors import MessageError

_log = logging.getLogger(__name__)

DARKEST_16_BIT_PEAK = 4096
"""A camera of 12 bits that does not shift its values up stays below this."""


@dataclass(frozen=True)
class Encoding:
    """How pixels lie in memory.

    Attributes:
        dtype: of one channel.
        channels: per pixel.
        to_rgb: OpenCV's conversion code; None for what is RGB already.
        block: columns and rows of the pixels that share a colour.
    """

    dtype: type
    channels: int
    to_rgb: int | None
    block: tuple[int, int] = (1, 1)


def _bayer(dtype: type, to_rgb: int) -> Encoding:
    return Encoding(dtype, 1, to_rgb, block=(2, 2))


# OpenCV names a Bayer pattern by its second row, ROS by its first: rggb is OpenCV's BG.
# 8UC3 and 8UC4 say nothing of the order of colours: taken as OpenCV's own, BGR.
ENCODINGS: dict[str, Encoding] = {
    'mono8': Encoding(np.uint8, 1, cv2.COLOR_GRAY2RGB),
    '8UC1': Encoding(np.uint8, 1, cv2.COLOR_GRAY2RGB),
    'mono16': Encoding(np.uint16, 1, cv2.COLOR_GRAY2RGB),
    '16UC1': Encoding(np.uint16, 1, cv2.COLOR_GRAY2RGB),
    '32FC1': Encoding(np.float32, 1, cv2.COLOR_GRAY2RGB),
    'rgb8': Encoding(np.uint8, 3, None),
    'bgr8': Encoding(np.uint8, 3, cv2.COLOR_BGR2RGB),
    '8UC3': Encoding(np.uint8, 3, cv2.COLOR_BGR2RGB),
    'rgba8': Encoding(np.uint8, 4, cv2.COLOR_RGBA2RGB),
    'bgra8': Encoding(np.uint8, 4, cv2.COLOR_BGRA2RGB),
    '8UC4': Encoding(np.uint8, 4, cv2.COLOR_BGRA2RGB),
    'rgb16': Encoding(np.uint16, 3, None),
    'bgr16': Encoding(np.uint16, 3, cv2.COLOR_BGR2RGB),
    'rgba16': Encoding(np.uint16, 4, cv2.COLOR_RGBA2RGB),
    'bgra16': Encoding(np.uint16, 4, cv2.COLOR_BGRA2RGB),
    'bayer_rggb8': _bayer(np.uint8, cv2.COLOR_BayerBG2RGB),
    'bayer_bggr8': _bayer(np.uint8, cv2.COLOR_BayerRG2RGB),
    'bayer_gbrg8': _bayer(np.uint8, cv2.COLOR_BayerGR2RGB),
    'bayer_grbg8': _bayer(np.uint8, cv2.COLOR_BayerGB2RGB),
    'bayer_rggb16': _bayer(np.uint16, cv2.COLOR_BayerBG2RGB),
    'bayer_bggr16': _bayer(np.uint16, cv2.COLOR_BayerRG2RGB),
    'bayer_gbrg16': _bayer(np.uint16, cv2.COLOR_BayerGR2RGB),
    'bayer_grbg16': _bayer(np.uint16, cv2.COLOR_BayerGB2RGB),
    # UYVY and YUYV; the second name of each is the one of ROS 2 Iron and later
    'yuv422': Encoding(np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY, block=(2, 1)),
    'uyvy': Encoding(np.uint8, 2, cv2.COLOR_YUV2RGB_UYVY, block=(2, 1)),
    'yuv422_yuy2': Encoding(np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2, block=(2, 1)),
    'yuyv': Encoding(np.uint8, 2, cv2.COLOR_YUV2RGB_YUY2, block=(2, 1)),
}


def encoding_named(name: str) -> Encoding:
    """Look an encoding up.

    Raises:
        MessageError: listing the known ones.
    """
    try:
        return ENCODINGS[name]
    except KeyError:
        raise MessageError(f'unknown image encoding {name!r}: known are '
                           f'{", ".join(ENCODINGS)}') from None


def pixels_to_rgb(pixels: np.ndarray, name: str) -> np.ndarray:
    """Convert pixels to RGB.

    16-bit values are divided by 257 (65535 becomes 255), alike for every image, because left and
    right must stay comparable; a 12-bit camera should publish its values shifted up, and a
    warning says so once.

    Args:
        pixels: [H, W] or [H, W, C] of the encoding's type, host byte order.
        name: the encoding.

    Returns:
        uint8 [H, W, 3]; ``pixels`` itself when that is what they are.

    Raises:
        MessageError: unknown encoding, odd size where pixels share colours, or a float image that
            is not in 0..1.
    """
    encoding = encoding_named(name)
    height, width = pixels.shape[:2]
    columns, rows = encoding.block
    # OpenCV makes a black image, and no error, of a Bayer pattern of one block
    if width % columns or height % rows or (rows > 1 and min(width, height) <= rows):
        raise MessageError(f'a {name} image of {width}x{height} cannot be: its colours come in '
                           f'blocks of {columns}x{rows} pixels')
    pixels = _eight_bit(pixels)
    return pixels if encoding.to_rgb is None else cv2.cvtColor(pixels, encoding.to_rgb)


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        peak = int(pixels.max())
        if 0 < peak < DARKEST_16_BIT_PEAK:
            _tell_of_darkness(peak.bit_length())
        return cv2.convertScaleAbs(pixels, alpha=255 / 65535)
    unknown = pixels.size - int(np.count_nonzero(np.isfinite(pixels)))
    if unknown:
        raise MessageError(
            f'a 32FC1 camera image holds {unknown} of {pixels.size} values that are NaN or '
            f'infinite: is it a depth image on an image topic?')
    lowest, highest = float(pixels.min()), float(pixels.max())
    if lowest < 0 or highest > 1:
        raise MessageError(
            f'a 32FC1 camera image holds values from {lowest:.4g} to {highest:.4g}: expected '
            f'brightness in 0..1; publish mono8 instead')
    return cv2.convertScaleAbs(pixels, alpha=255)


@lru_cache
def _tell_of_darkness(bits: int) -> None:
    """Warn, once in a process for each number of bits: a camera sends thirty images a second."""
    _log.warning('a 16-bit image is nearly black, its brightest value has %d bits: if the camera '
                 'gives no more, let the driver shift them up to 16', bits)
