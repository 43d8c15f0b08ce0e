# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""sensor_msgs/Image and sensor_msgs/CompressedImage to 8-bit RGB."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from depth_learning_ros.errors import MessageError
from depth_learning_ros.messages.fields import pixel_rows, raw_bytes, typed_rows
from depth_learning_ros.messages.pixels import encoding_named, pixels_to_rgb

_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'
_TAIL_BYTES = 1024  # drivers pad the end of a compressed image to their block size

# what cv2.imdecode gives: (type, channels) -> encoding
_DECODED = {
    ('uint8', 1): 'mono8', ('uint8', 3): 'bgr8', ('uint8', 4): 'bgra8',
    ('uint16', 1): 'mono16', ('uint16', 3): 'bgr16', ('uint16', 4): 'bgra16',
    ('float32', 1): '32FC1',
}


def image_to_rgb(message: Any) -> np.ndarray:
    """Convert a camera image to RGB.

    Args:
        message: a sensor_msgs/Image in one of :data:`~.pixels.ENCODINGS`, or a
            sensor_msgs/CompressedImage (JPEG, PNG of 8 or 16 bit, and whatever else OpenCV reads).

    Returns:
        uint8 [H, W, 3], contiguous. An rgb8 image without row padding comes as a view of the
        message's data, which is read-only if the data is.

    Raises:
        MessageError: unknown encoding, empty or truncated data, wrong step, or what
            :func:`~.pixels.pixels_to_rgb` refuses.
    """
    if not hasattr(message, 'encoding') and hasattr(message, 'format'):
        return _compressed_to_rgb(message)
    return pixels_to_rgb(image_pixels(message), message.encoding)


def image_pixels(message: Any) -> np.ndarray:
    """Return the pixels of a sensor_msgs/Image as they are.

    Returns:
        [H, W], or [H, W, C] with several channels, of the encoding's type in host byte order; a
        view of the message's data where possible.

    Raises:
        MessageError: unknown encoding, zero size, wrong step, truncated data.
    """
    encoding = encoding_named(message.encoding)
    height, width = int(message.height), int(message.width)
    what = f'the {message.encoding} image of {width}x{height}'
    if height < 1 or width < 1:
        raise MessageError(f'{what} is empty: is the camera running?')
    row_bytes = width * encoding.channels * np.dtype(encoding.dtype).itemsize
    rows = pixel_rows(message, row_bytes, what)
    values = typed_rows(rows, encoding.dtype, message.is_bigendian)
    return values if encoding.channels == 1 else values.reshape(height, width, -1)


def _compressed_to_rgb(message: Any) -> np.ndarray:
    data, name = raw_bytes(message.data), message.format
    if 'compressedDepth' in name:
        raise MessageError(f'a compressed image of the format {name!r} holds depth, '
                           f'not what a camera sees: choose another topic')
    _check_complete(data, name)
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise MessageError(f'a compressed image of the format {name!r} ({data.size} bytes) '
                           f'cannot be decoded: {error}') from error
    if pixels is None:
        raise MessageError(
            f'a compressed image of the format {name!r} ({data.size} bytes) cannot be decoded: '
            f'damaged, or neither JPEG nor PNG')
    decoded = (pixels.dtype.name, 1 if pixels.ndim == 2 else pixels.shape[2])
    if decoded not in _DECODED:
        raise MessageError(f'a compressed image of the format {name!r} decodes to '
                           f'{decoded[1]} channels of {decoded[0]}: expected gray or colour')
    # some transports compress the raw Bayer pattern, and say so only before the semicolon
    original = name.split(';')[0].strip()
    is_bayer = original.startswith('bayer_') and pixels.ndim == 2
    return pixels_to_rgb(pixels, original if is_bayer else _DECODED[decoded])


def _check_complete(data: np.ndarray, name: str) -> None:
    """Refuse data that ends early: decoders fill the rest with gray and say nothing."""
    if data.size == 0:
        raise MessageError(f'a compressed image of the format {name!r} is empty')
    head, tail = data[:4].tobytes(), data[-_TAIL_BYTES:].tobytes()
    for kind, start, end in (('JPEG', _JPEG_START, _JPEG_END), ('PNG', _PNG_START, _PNG_END)):
        if head.startswith(start) and end not in tail:
            raise MessageError(f'a {kind} image is truncated: its {data.size} bytes hold no end '
                               f'mark')
