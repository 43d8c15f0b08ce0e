# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bring an image to another aspect ratio without stretching it, and results back.

A window is a rectangle in pixels of the image. One that is larger than the image stands for black
bars around it (letterbox), a smaller one for a part of it (crop).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from depth_learning_ros.errors import DataError

# What is stretched without further ado: the distortion is less than that of many lenses.
STRETCH_TOLERANCE = 0.1
FITS = ('letterbox', 'crop', 'stretch')


@dataclass(frozen=True)
class Window:
    """x and y may be negative, and the window may end outside of the image."""

    x: int
    y: int
    width: int
    height: int


def fit_window(width: int, height: int, aspect: float, fit: str = 'letterbox') -> Window:
    """Choose the window of an image that has about the aspect ratio (width / height) given.

    Args:
        width, height: of the image, pixels.
        aspect: wanted width / height.
        fit: ``letterbox``: the whole image with bars at two sides; ``crop``: the middle part of
            it; ``stretch``: the image as it is, whatever its aspect ratio. Within
            STRETCH_TOLERANCE all of them give the image as it is.

    Raises:
        DataError: there is no such fit.
    """
    if fit not in FITS:
        raise DataError(f'fit is {fit!r}: expected one of {", ".join(FITS)}')
    if fit == 'stretch' or abs(width / height / aspect - 1) <= STRETCH_TOLERANCE:
        return Window(0, 0, width, height)
    # a letterbox keeps the side that is too long already, a crop the other one
    keeps_width = (width / height > aspect) == (fit == 'letterbox')
    wanted_width = width if keeps_width else max(1, round(height * aspect))
    wanted_height = max(1, round(width / aspect)) if keeps_width else height
    return Window((width - wanted_width) // 2, (height - wanted_height) // 2,
                  wanted_width, wanted_height)


def take_window(image: np.ndarray, window: Window) -> np.ndarray:
    """Cut the window out of [H, W, C]; black where it reaches outside."""
    height, width = image.shape[:2]
    left, top = max(window.x, 0), max(window.y, 0)
    right, bottom = min(window.x + window.width, width), min(window.y + window.height, height)
    part = image[top:bottom, left:right]
    bars = (top - window.y, window.y + window.height - bottom,
            left - window.x, window.x + window.width - right)
    if not any(bars):
        return part
    return cv2.copyMakeBorder(np.ascontiguousarray(part), *bars, cv2.BORDER_CONSTANT)


def put_back(values: np.ndarray, window: Window, width: int, height: int,
             outside: float) -> np.ndarray:
    """Give the result of a window at its place in the image: [height, width, ...].

    Args:
        values: of the window, [window.height, window.width, ...].
        window: where it lies.
        width, height: of the image, pixels.
        outside: the value where the window does not reach.
    """
    left, top = max(window.x, 0), max(window.y, 0)
    right, bottom = min(window.x + window.width, width), min(window.y + window.height, height)
    part = values[top - window.y:bottom - window.y, left - window.x:right - window.x]
    if part.shape[:2] == (height, width):
        return np.ascontiguousarray(part)
    whole = np.full((height, width, *values.shape[2:]), outside, values.dtype)
    whole[top:bottom, left:right] = part
    return whole
