# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Image messages to RGB, with cv_bridge for what the package does not read itself.

All encodings that cv_bridge of Jazzy makes RGB of are converted by `messages.image_to_rgb`, to
the same pixels: so nodes, bags and live topics see the same image, rgb8 costs no copy, and errors
name the fault. Any other encoding goes to cv_bridge, which may know it in another distribution,
or has been taught it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from depth_learning_ros.errors import MessageError
from depth_learning_ros.messages import ENCODINGS, image_to_rgb


def to_rgb(message: Any) -> np.ndarray:
    """Convert a sensor_msgs/Image or CompressedImage to uint8 [H, W, 3], RGB.

    Raises:
        MessageError: it cannot be converted.
    """
    encoding = getattr(message, 'encoding', None)
    if encoding is None or encoding in ENCODINGS:
        return image_to_rgb(message)
    return _by_cv_bridge(message)


def _by_cv_bridge(message: Any) -> np.ndarray:
    bridge, error_class = _bridge()
    try:
        image = bridge.imgmsg_to_cv2(message, 'rgb8')
    except (error_class, TypeError, ValueError, KeyError, RuntimeError) as error:
        raise MessageError(f'an image of the encoding {message.encoding!r} and '
                           f'{message.width}x{message.height} pixels cannot be converted: '
                           f'{error}') from error
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise MessageError(f'an image of the encoding {message.encoding!r} becomes '
                           f'{image.dtype} {list(image.shape)}, not RGB')
    return image


@lru_cache(maxsize=1)
def _bridge() -> tuple[Any, type[Exception]]:
    try:
        from cv_bridge import CvBridge, CvBridgeError
        return CvBridge(), CvBridgeError
    except (ImportError, AttributeError, KeyError) as error:
        raise MessageError(
            f'cv_bridge does not load ({error}), so only these encodings can be read: '
            f'{", ".join(ENCODINGS)}. It needs the NumPy that it was built with, and OpenCV '
            f'below 5') from error
