# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The size at which a stereo network is shown a pair, where nobody says another."""

from __future__ import annotations

import math

#: A network is shown small images enlarged up to so many pixels, so that cameras of up to this
#: size cost the same time ...
WORKING_PIXELS = 1_000_000
#: ... and never enlarged further than this: disparities grow as well, and what grows beyond the
#: network's reach is missed.
LARGEST_AUTOMATIC_ZOOM = 1.5
#: Less gains nothing that would be worth the blur.
SMALLEST_AUTOMATIC_ZOOM = 1.1


def automatic_zoom(height: int, width: int) -> float:
    """Give the factor for images of a size: 1 for large ones."""
    factor = math.sqrt(WORKING_PIXELS / (height * width))
    return 1.0 if factor < SMALLEST_AUTOMATIC_ZOOM else min(factor, LARGEST_AUTOMATIC_ZOOM)


def zoomed_size(height: int, width: int, zoom: float | None) -> tuple[int, int]:
    """Give the height and width at which the network works; None = `automatic_zoom`."""
    factor = automatic_zoom(height, width) if zoom is None else zoom
    return max(1, round(height * factor)), max(1, round(width * factor))
