# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Height fields: rolling ground, cloth, cushions, rocks; met by rays to a ten-thousandth."""

from __future__ import annotations

from dataclasses import dataclass
import math

import torch
from torch import Tensor

from depth_learning_ros.data.synthetic.surfaces import (
    NEAR,
    Hit,
    Rays,
    cross,
    dot,
)
from depth_learning_ros.data.synthetic.waves import Waves

REFINEMENTS = 6
FARTHEST = 1e5  # baselines; a ray that skims along the slab longer than that hits nothing


@dataclass(frozen=True)
class Relief:
    """A rectangle whose points are raised along its normal by waves.

    Attributes:
        center, across, down: as of a `Quad`: middle and half edges (orthogonal).
        waves: of the coordinates along the edges, which are -1..1 inside.
        height: what 1 of the waves is, in baselines.
        repeat: of the texture, along both edges.
        round: cut out the ellipse that touches the edges.
        steps: of the search along a ray for the first crossing; more where rays skim the surface.
    """

    center: tuple[float, float, float]
    across: tuple[float, float, float]
    down: tuple[float, float, float]
    waves: Waves
    height: float
    repeat: tuple[float, float] = (1.0, 1.0)
    round: bool = False
    steps: int = 6

    def corners(self) -> list[tuple[float, ...]]:
        """Points whose projections span the figure's."""
        n = self._normal()
        return [tuple(c + i * a + j * d + k * self.height * m for c, a, d, m in
                      zip(self.center, self.across, self.down, n, strict=True))
                for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]

    def _normal(self) -> tuple[float, float, float]:
        n = cross(self.across, self.down)
        size = math.sqrt(dot(n, n)) or 1.0
        return (n[0] / size, n[1] / size, n[2] / size)

    def hit(self, rays: Rays) -> Hit:
        n = self._normal()
        origin = (rays.origin_x - self.center[0], -self.center[1], -self.center[2])
        side = 1.0 if dot(n, origin) > 0 else -1.0  # raised seen from either side
        n = (side * n[0], side * n[1], side * n[2])
        over = dot(n, origin)
        sinking = -(n[0] * rays.x + n[1] * rays.y + n[2])
        sinking = torch.where(sinking.abs() < 1e-9, 1e-9, sinking)
        reach = 1.02 * self.height  # rounding must not lose the lowest points
        enter, leave = (over - reach) / sinking, (over + reach) / sinking
        enter, leave = torch.minimum(enter, leave), torch.maximum(enter, leave)
        enter, leave = enter.clamp(NEAR, FARTHEST), leave.clamp(NEAR, FARTHEST)
        lines = [self._line(edge, origin, rays) for edge in (self.across, self.down)]

        def above(depth: Tensor) -> Tensor:
            """How far the ray is above the surface at a depth."""
            a, b = (start + depth * ray for start, ray in lines)
            return over - depth * sinking - side * self.height * self.waves.at(a, b)

        depth, found = _first_crossing(above, enter, leave, self.steps)
        a, b = (start + depth * ray for start, ray in lines)
        inside = a * a + b * b <= 1 if self.round else torch.maximum(a.abs(), b.abs()) <= 1
        seen = found & inside & (depth > NEAR)
        return Hit(torch.where(seen, depth, math.inf), (a + 1) * (self.repeat[0] / 2),
                   (b + 1) * (self.repeat[1] / 2), self._normal_at(a, b, n, side))

    @staticmethod
    def _line(edge: tuple[float, ...], origin: tuple[float, ...],
              rays: Rays) -> tuple[float, Tensor]:
        """Coordinate along an edge as start + depth * change."""
        scale = 1 / max(dot(edge, edge), 1e-12)
        return dot(edge, origin) * scale, (edge[0] * rays.x + edge[1] * rays.y + edge[2]) * scale

    def _normal_at(self, a: Tensor, b: Tensor, n: tuple[float, float, float],
                   side: float) -> tuple[Tensor, Tensor, Tensor]:
        slope_a, slope_b = self.waves.gradient(a, b)
        slope_a = slope_a * (side * self.height / max(dot(self.across, self.across), 1e-12))
        slope_b = slope_b * (side * self.height / max(dot(self.down, self.down), 1e-12))
        nx, ny, nz = (n[k] - slope_a * self.across[k] - slope_b * self.down[k] for k in range(3))
        size = (nx * nx + ny * ny + nz * nz).sqrt()
        return nx / size, ny / size, nz / size


def _first_crossing(above, low: Tensor, high: Tensor,  # type: ignore[no-untyped-def]
                    steps: int) -> tuple[Tensor, Tensor]:
    """Find where a function of the depth first falls to 0 between two depths.

    Returns:
        depth, and whether there is such a place.
    """
    width = (high - low) / steps
    value = above(low)
    found = value <= 0  # the camera is below the top of the slab, or an earlier step crossed
    start, start_value = low, value
    end, end_value = low, value
    for number in range(1, steps + 1):
        there = low + number * width
        value = above(there)
        before = ~found
        start = torch.where(before, end, start)
        start_value = torch.where(before, end_value, start_value)
        end = torch.where(before, there, end)
        end_value = torch.where(before, value, end_value)
        found = found | (value <= 0)
    for _ in range(REFINEMENTS):
        gap = start_value - end_value
        share = torch.where(gap > 0, start_value / gap.clamp(min=1e-12), 0.5).clamp(0.05, 0.95)
        middle = start + share * (end - start)
        value = above(middle)
        below = value <= 0
        end, end_value = torch.where(below, middle, end), torch.where(below, value, end_value)
        start = torch.where(below, start, middle)
        start_value = torch.where(below, start_value, value)
    gap = (start_value - end_value).clamp(min=1e-12)
    return start + (start_value / gap).clamp(0, 1) * (end - start), found & (end_value <= 0)
