# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a camera makes of light: a lens, an exposure, noise and 8 bits."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
import numpy as np

_GAMMA = 2.2
_STEPS = 4096


@dataclass(frozen=True)
class Sensor:
    """A colour camera.

    Attributes:
        exposure: light that saturates it is 1 / exposure.
        blur_px: deviation of the lens's blur, pixels.
        falloff: share of light that is lost in the corners.
        shot_noise: deviation of the noise of a pixel near saturation, as a share of it.
        read_noise: deviation of the noise in the dark, as a share of saturation.
    """

    exposure: float = 1.0
    blur_px: float = 0.45
    falloff: float = 0.12
    shot_noise: float = 0.010
    read_noise: float = 0.0015

    def expose(self, light: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Take a picture.

        Args:
            light: float32 [H, W, 3], RGB.
            random: source of the noise.

        Returns:
            uint8 [H, W, 3], RGB.
        """
        sharp = light * (self.exposure * self._vignette(*light.shape[:2]))[..., None]
        level = cv2.GaussianBlur(sharp, (0, 0), self.blur_px) if self.blur_px > 0 else sharp
        if self.shot_noise > 0 or self.read_noise > 0:
            deviation = np.sqrt(self.shot_noise ** 2 * level + self.read_noise ** 2)
            level += deviation * _noise(level.shape, random)
        return _CURVE[np.clip(level * _STEPS, 0, _STEPS).astype(np.int32)]

    def _vignette(self, height: int, width: int) -> np.ndarray:
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        return 1 - self.falloff * (x * x + y * y) / 2


def _noise(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Return nearly normal noise of deviation 1: sums of four bytes, which are fast to draw."""
    parts = np.frombuffer(random.bytes(4 * math.prod(shape)), np.uint8).reshape(4, *shape)
    total = parts.sum(axis=0, dtype=np.int16).astype(np.float32)
    return (total - 4 * 127.5) * np.float32(1 / math.sqrt(4 * (256 ** 2 - 1) / 12))


_CURVE = np.rint(255 * (np.arange(_STEPS + 1) / _STEPS) ** (1 / _GAMMA)).astype(np.uint8)
