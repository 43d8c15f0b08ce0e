# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image files in and out: what reaches the rest of the package is always uint8 [H, W, 3] RGB."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write

logger = logging.getLogger(__name__)

MIN_PLAUSIBLE_16_BIT_PEAK = 4096
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'
_JPEG_START, _JPEG_END = b'\xff\xd8', b'\xff\xd9'
_IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.ppm', '.tif', '.tiff', '.webp')


def read_image(path: Path | str) -> np.ndarray:
    """Read a colour or gray image of 8 or 16 bits.

    Gray becomes three equal channels, alpha is dropped, 16 bits become 8 by scaling the full range
    (65535 -> 255). The orientation noted in a JPEG's EXIF data is ignored: a calibration belongs
    to the pixels as they were recorded.

    Returns:
        uint8 [H, W, 3], RGB.

    Raises:
        DataError: the file is missing, is no image, is cut off, or holds floating point values.
    """
    image = decode(path)
    if image.dtype == np.uint16:
        image = _to_8_bits(image, path)
    if image.dtype != np.uint8:
        raise DataError(f'{path} holds {image.dtype} values: an image of 8 or 16 bits is needed')
    if image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    if image.shape[2] == 2:
        return np.repeat(image[:, :, :1], 3, axis=2)
    return np.ascontiguousarray(image[:, :, 2::-1])


def decode(path: Path | str) -> np.ndarray:
    """Read an image file as it is: any type, [H, W] or [H, W, C] with channels in BGR(A) order.

    Raises:
        DataError: the file is missing, is no image, or is cut off.
    """
    data = read_bytes(path)
    _refuse_cut_off(data, path)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise DataError(f'{path} cannot be read as an image: {error.err}') from error
    if image is None:
        raise DataError(f'{path} is not an image that can be read ({len(data)} bytes beginning '
                        f'with {data[:8]!r}): PNG, JPEG, TIFF, PNM and BMP work')
    return image


def read_bytes(path: Path | str) -> bytes:
    """Read a file.

    Raises:
        DataError: it is missing, empty, a folder, or not readable.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f'cannot read {path}: {error.strerror}') from error
    if not data:
        raise DataError(f'{path} is empty: was it copied completely?')
    return data


def write_image(path: Path | str, image: np.ndarray, *, force: bool = False) -> None:
    """Write uint8 [H, W, 3] RGB, or uint8 or uint16 [H, W]; the format follows the suffix.

    Raises:
        DataError: the suffix is not that of an image, or the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _IMAGE_SUFFIXES:
        raise DataError(f'{path} does not end like an image file: use one of '
                        f'{" ".join(_IMAGE_SUFFIXES)}')
    stored = image[:, :, ::-1] if image.ndim == 3 else image
    done, data = cv2.imencode(suffix, np.ascontiguousarray(stored))
    if not done:
        raise DataError(f'{path}: an image of {image.dtype} {list(image.shape)} cannot be stored '
                        f'as {suffix}: use .png')
    with atomic_write(path, force=force) as file:
        file.write(data.data)


def _to_8_bits(image: np.ndarray, path: Path | str) -> np.ndarray:
    peak = int(image.max(initial=0))
    if 0 < peak < MIN_PLAUSIBLE_16_BIT_PEAK:
        logger.warning(
            '%s has 16 bits but its brightest value is %d of 65535: it will be nearly black; '
            'if the camera gives %d bits, scale the images to the full range first',
            path, peak, peak.bit_length())
    return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _refuse_cut_off(data: bytes, path: Path | str) -> None:
    """OpenCV decodes what there is of a half-copied file and fills the rest with gray."""
    for start, end in ((_PNG_START, _PNG_END), (_JPEG_START, _JPEG_END)):
        if data.startswith(start) and data.rfind(end) < 0:
            raise DataError(f'{path} is cut off after {len(data)} bytes (its end marker is '
                            f'missing): copy it again')
