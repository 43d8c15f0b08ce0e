# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Textures that stay sharp and free of aliasing, however far away and slanted they are seen.

A ripmap (Larson and Shah 1990) holds a texture shrunk independently along both axes. A floor seen
at a grazing angle is shrunk along the view, not across it; a mipmap would blur it both ways, and
a matcher would be judged on blur. Levels are half an octave apart, so the nearest one will do.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

_STEPS_PER_OCTAVE = 2
_SMALLEST = 6
_BORDER = 2  # texels around each level that repeat its other side
_ROW = 1024  # cv2.remap takes pictures of at most 32767 rows and columns


class Ripmap:
    """A texture in all sizes, in one picture.

    Args:
        texture: float32 [S, S, 3], RGB, 0..1, tiling.
    """

    def __init__(self, texture: np.ndarray) -> None:
        self.size = len(texture)
        count = int(_STEPS_PER_OCTAVE * math.log2(self.size / _SMALLEST)) + 1
        sizes = [round(self.size * 2 ** (-k / _STEPS_PER_OCTAVE)) for k in range(count)]
        starts = np.cumsum([0, *(size + 2 * _BORDER for size in sizes)])
        stored = np.rint(texture * 255).astype(np.uint8)
        self._atlas = np.zeros((starts[-1], starts[-1], 3), np.uint8)
        for across, x in zip(sizes, starts, strict=False):
            narrow = cv2.resize(stored, (across, self.size), interpolation=cv2.INTER_AREA)
            for down, y in zip(sizes, starts, strict=False):
                level = cv2.resize(narrow, (across, down), interpolation=cv2.INTER_AREA)
                bordered = cv2.copyMakeBorder(level, *(_BORDER,) * 4, cv2.BORDER_WRAP)
                self._atlas[y:y + len(bordered), x:x + bordered.shape[1]] = bordered
        self._sizes = np.array(sizes, np.float32)
        self._starts = starts[:-1].astype(np.float32) + (_BORDER - 0.5)

    def sample(self, u: np.ndarray, v: np.ndarray, footprint_u: np.ndarray,
               footprint_v: np.ndarray) -> np.ndarray:
        """Look the texture up, bilinearly, in the levels that the footprints ask for.

        Args:
            u: float32 [N], position in units of the texture; it repeats at each whole number.
            v: float32 [N], the same along the other axis.
            footprint_u: float32 [N], extent of a pixel along u.
            footprint_v: float32 [N], extent of a pixel along v.

        Returns:
            uint8 [N, 3], RGB.
        """
        columns = _shaped(self._position(u, footprint_u))
        rows = _shaped(self._position(v, footprint_v))
        colors = cv2.remap(self._atlas, columns, rows, cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)
        return colors.reshape(-1, 3)[:len(u)]

    def _position(self, along: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        level = np.rint(_STEPS_PER_OCTAVE * np.log2(np.maximum(footprint * self.size, 1e-6)))
        level = np.clip(level, 0, len(self._sizes) - 1).astype(np.intp)
        return self._starts[level] + (along - np.floor(along)) * self._sizes[level]


def sample_light(lightmap: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Look a map of light up, bilinearly.

    Args:
        lightmap: float32 [H, W].
        columns: float32 [N], in cells; 0 is the centre of the first.
        rows: float32 [N].

    Returns:
        float32 [N].
    """
    values = cv2.remap(lightmap, _shaped(columns), _shaped(rows), cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1)[:len(columns)]


def _shaped(values: np.ndarray) -> np.ndarray:
    """Return a vector as float32 [n, 1024], the last row filled up with zeros."""
    shaped = np.zeros(-(-len(values) // _ROW) * _ROW, np.float32)
    shaped[:len(values)] = values
    return shaped.reshape(-1, _ROW)
