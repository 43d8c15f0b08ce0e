# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages with their camera_info become what the pipeline takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from depth_learning_ros.errors import DataError, MessageError
from depth_learning_ros.messages import camera_from_info, image_to_rgb, stamp_ns
from depth_learning_ros.types import StereoPair

Decode = Callable[[Any], np.ndarray]


class PairDecoder:
    """Decodes pairs; has a helper thread for what takes long.

    Args:
        decode: turns an image message into uint8 [H, W, 3] RGB, and raises MessageError.
    """

    def __init__(self, decode: Decode = image_to_rgb) -> None:
        self._decode = decode
        self._helper = ThreadPoolExecutor(1, 'decoder')

    def pair(self, left: Any, right: Any, left_info: Any, right_info: Any,
             baseline_override_m: float | None = None) -> StereoPair:
        """Make a pair with its camera, stamp and frame of the left image.

        Raises:
            MessageError: an image cannot be decoded; tells which.
            CalibrationError: the camera_info messages are missing or cannot be used.
            DataError: the images do not fit each other.
        """
        _check_same_encoding(left, right)
        camera = camera_from_info(left_info, right_info, baseline_override_m)
        return StereoPair(*self._sides(left, right), camera, stamp_ns(left.header),
                          left.header.frame_id)

    def close(self) -> None:
        """End the helper thread."""
        self._helper.shutdown()

    def _sides(self, left: Any, right: Any) -> tuple[np.ndarray, np.ndarray]:
        if hasattr(left, 'encoding'):
            return self._side('left', left), self._side('right', right)
        # JPEG and PNG take longer than anything else here, and decoding lets other threads run.
        other = self._helper.submit(self._side, 'right', right)
        try:
            decoded = self._side('left', left)
        finally:
            wait([other])
        return decoded, other.result()

    def _side(self, side: str, message: Any) -> np.ndarray:
        try:
            return self._decode(message)
        except MessageError as error:
            raise MessageError(f'{side} image: {error}') from error


def _check_same_encoding(left: Any, right: Any) -> None:
    """Refuse pairs such as mono8 with rgb8; Bayer patterns may differ by where a window begins."""
    names = [getattr(message, 'encoding', None) for message in (left, right)]
    bayer = all(name is not None and name.startswith('bayer_') for name in names)
    if None not in names and names[0] != names[1] and not bayer:
        raise DataError(f'left is {names[0]} and right is {names[1]}: a pair has one encoding')
