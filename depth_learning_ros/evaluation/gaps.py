# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Filling the gaps of classical matchers, so that they can be compared with dense networks."""

from __future__ import annotations

import numpy as np


def fill_gaps(disparity: np.ndarray) -> np.ndarray:
    """Fill what is unknown from what is behind it, as the KITTI 2012 and 2015 kits do.

    In each row a gap takes the smaller of the two disparities beside it (the farther surface: gaps
    are mostly occlusions), gaps at the left and right border take their one neighbour. Rows with
    nothing in them are filled column by column: at the top and bottom from the next row, and, what
    the kits leave undone, in between from the smaller of the rows above and below.

    Args:
        disparity: float32 [H, W], NaN where unknown.

    Returns:
        float32 [H, W] without NaN; all 0 if nothing is known at all.
    """
    rows = _fill_along_rows(disparity)
    filled = _fill_along_rows(rows.T).T
    return np.ascontiguousarray(np.nan_to_num(filled, nan=0.0), np.float32)


def _fill_along_rows(values: np.ndarray) -> np.ndarray:
    before = _last_known(values)
    after = _last_known(values[:, ::-1])[:, ::-1]
    # fmin ignores NaN: at the borders it is the one neighbour there is.
    return np.where(np.isnan(values), np.fmin(before, after), values)


def _last_known(values: np.ndarray) -> np.ndarray:
    """Return, for each pixel, the last known value at or to the left of it in its row."""
    columns = np.where(np.isnan(values), 0, np.arange(values.shape[1]))
    return np.take_along_axis(values, np.maximum.accumulate(columns, axis=1), axis=1)
