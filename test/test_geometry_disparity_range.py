# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from depth_learning_ros.geometry.disparity_range import (
    MIN_DISPARITY_PX,
    disparity_range,
    message_disparity,
)
from depth_learning_ros.types import Disparity

NAN, INF = np.nan, np.inf
BELOW = np.nextafter(np.float32(1 / 64), np.float32(0))
LARGEST = np.finfo(np.float32).max


@pytest.mark.parametrize(('doffs', 'expected'), [
    (0.0, [0, 0, 0, 0, 1 / 64, 3, 0, 0, 0]),
    (2.0, [0, 2, 2, 2 + BELOW, 2 + 1 / 64, 5, 0, 0, 0]),  # unknown stays so: -1 is no 1
    (-2.0, [0, 0, 0, 0, 0, 1, 0, 0, 0]),
])
@pytest.mark.parametrize('times', [1, 50])  # few pixels, and as many as vector instructions take
def test_unknown_and_endless_are_0_and_all_else_is_shifted(doffs, expected, times):
    values = np.array([[NAN, 0.0, -0.0, BELOW, 1 / 64, 3, INF, -INF, -1] * times], np.float32)
    before = values.copy()
    found = message_disparity(Disparity(values), doffs)
    np.testing.assert_array_equal(found, np.array([expected * times], np.float32))
    np.testing.assert_array_equal(values, before)
    assert found.dtype == np.float32 and not np.signbit(found).any()


def test_the_largest_number_is_one():
    found = message_disparity(Disparity(np.array([[LARGEST]], np.float32)), 0.0)
    assert found.tolist() == [[LARGEST]]


def test_the_window_holds_all_that_is_known():
    values = np.zeros((6, 40), np.float32)
    values[2, 5], values[4, 33] = 7, MIN_DISPARITY_PX
    found = disparity_range(values, Disparity(values), 0.0)
    assert found.window == (5, 2, 29, 3)
    assert (found.min_disparity, found.max_disparity) == (1 / 64, 16)
