# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Converts what the tests of the nodes need, and fails as cv_bridge does."""

from __future__ import annotations

import cv2
import numpy as np


class CvBridgeError(TypeError):
    pass


class CvBridge:
    def imgmsg_to_cv2(self, img_msg, desired_encoding='passthrough'):
        if img_msg.encoding not in ('nv21', '8UC3') or desired_encoding != 'rgb8':
            raise CvBridgeError(f'Unrecognized image encoding [{img_msg.encoding}]')
        channels = 3 if img_msg.encoding == '8UC3' else 1
        pixels = np.ndarray((img_msg.height, img_msg.width, channels), np.uint8, img_msg.data)
        return pixels if channels == 3 else cv2.cvtColor(pixels, cv2.COLOR_YUV2RGB_NV21)
