# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the demo's textures are painted with: noise on all scales, cells, joints and writing."""

from __future__ import annotations

import numpy as np

Rgb = tuple[float, float, float]


class Brush:
    """Paints on a square; all randomness comes from its own seeded generator."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.random = np.random.default_rng(seed)
        line = (np.arange(size, dtype=np.float32) + 0.5) / size
        self.u, self.v = np.meshgrid(line, line)

    def noise(self, slope: float, low_cut: float = 1.0, stretch: float = 1.0) -> np.ndarray:
        """Tiling noise with a power-law spectrum, mean 0, deviation 1; slope 0 = white.

        Args:
            slope: of the spectrum's amplitude; 1 to 2 looks like clouds, 0.5 like sand.
            low_cut: no structure larger than size / low_cut.
            stretch: > 1 draws it out along v, < 1 along u.
        """
        size = self.size
        fy = np.fft.fftfreq(size, 1 / size)[:, None]
        fx = np.fft.rfftfreq(size, 1 / size)[None, :]
        radius = np.hypot(fx / stretch, fy * stretch)
        gain = np.maximum(radius, low_cut) ** -slope * (radius > 0)
        values = np.fft.irfft2(np.fft.rfft2(self.random.standard_normal((size, size))) * gain,
                               s=(size, size))
        return (values / values.std()).astype(np.float32)

    def fill(self, color: Rgb) -> np.ndarray:
        """Return a picture of one colour."""
        return np.broadcast_to(np.array(color, np.float32), (self.size, self.size, 3)).copy()

    def shades(self, rows: np.ndarray, columns: np.ndarray, spread: float) -> np.ndarray:
        """Return a factor around 1 that is the same within each cell (row, column)."""
        table = 1 + spread * self.random.uniform(
            -1, 1, (int(rows.max()) + 1, int(columns.max()) + 1)).astype(np.float32)
        return table[rows, columns][..., None]

    def writing(self, cells: int) -> np.ndarray:
        """Return lines of marks like writing: bool [S, S]."""
        marks = self.random.uniform(size=(cells, cells)) < 0.5
        marks[::4] = False
        marks[:, ::5] = False
        return marks[(self.v * cells).astype(int), (self.u * cells).astype(int)]

    def edge(self) -> np.ndarray:
        """Return the distance to the nearest edge, in sizes of the square."""
        return np.minimum(np.minimum(self.u, 1 - self.u), np.minimum(self.v, 1 - self.v))


def blend(first: np.ndarray, second: np.ndarray | Rgb, share: np.ndarray) -> np.ndarray:
    """Go over from the first picture to the second one or a colour; share is clipped to 0..1."""
    other = np.asarray(second, np.float32)
    return first + (other - first) * np.clip(share, 0, 1)[..., None]


def joints(position: np.ndarray, width: float, softness: float = 0.35) -> np.ndarray:
    """1 on the lines where ``position`` is whole, 0 beside them; width is a share of a cell."""
    distance = np.abs((position + 0.5) % 1 - 0.5)
    return np.clip((width / 2 - distance) / (width * softness) + 0.5, 0, 1)
