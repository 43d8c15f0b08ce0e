# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.confidence import (
    left_right_confidence,
    mirrored,
    mirrored_pair,
    photometric_confidence,
    weakest,
)
from depth_learning_ros.geometry.warp import (
    photometric_error,
    seen_in_both,
    warp_right_to_left,
)

NAN = np.nan


def row(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def brute_force_warp(right: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """Linear interpolation, each tap outside of the image counts as 0 (as Remap of CRL)."""
    height, width = disparity.shape
    warped = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            at = x - disparity[y, x]
            first = int(np.floor(at))
            for tap, weight in ((first, 1 - (at - first)), (first + 1, at - first)):
                if 0 <= tap < width:
                    warped[y, x] += weight * right[y, tap]
    return warped


def test_warp_by_hand():
    right = row(10, 20, 30, 40)
    np.testing.assert_array_equal(
        warp_right_to_left(right, row(0, 1, 0.5, 1.25)), row(10, 10, 25, 27.5))


def test_warp_fades_out_at_the_border_and_is_0_where_unknown():
    right = row(10, 20, 30, 40)
    # half outside on the left; wholly outside; unknown; half outside on the right
    np.testing.assert_array_equal(
        warp_right_to_left(right, row(0.5, 5, NAN, -0.5)), row(5, 0, 0, 20))


def test_warp_takes_colour_and_read_only_images():
    right = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    right.flags.writeable = False
    warped = warp_right_to_left(right, np.ones((2, 4), np.float32))
    assert warped.dtype == np.uint8
    np.testing.assert_array_equal(warped[:, 1:], right[:, :-1])
    assert (warped[:, 0] == 0).all()


def test_warp_agrees_with_brute_force():
    random = np.random.default_rng(1)
    right = random.uniform(0, 255, (9, 31)).astype(np.float32)
    disparity = random.uniform(-4, 35, (9, 31)).astype(np.float32)
    # positions are rounded to 1/32 pixel: off by 1/64 of the largest step at most
    np.testing.assert_allclose(warp_right_to_left(right, disparity),
                               brute_force_warp(right, disparity), atol=255 / 64 + 1e-3)
    grid = np.round(disparity * 32) / 32
    np.testing.assert_allclose(warp_right_to_left(right, grid.astype(np.float32)),
                               brute_force_warp(right, grid), atol=1e-3)


def test_seen_in_both():
    assert seen_in_both(row(0, 1, 2.5, NAN, -1, 4)).tolist() == [
        [True, True, False, False, True, True]]
    assert seen_in_both(row(0, -1, -1)).tolist() == [[True, True, False]]


def test_sizes_that_differ_are_refused():
    with pytest.raises(DataError, match='the right image 3x1'):
        warp_right_to_left(row(1, 2, 3), row(1, 2))
    with pytest.raises(DataError, match='one size'):
        photometric_error(np.zeros((1, 2, 3), np.uint8), np.zeros((1, 3, 3), np.uint8), row(1, 2))


def test_photometric_error_by_hand():
    left = np.array([[[10, 10, 10], [51, 20, 30], [0, 0, 0]]], np.uint8)
    right = np.array([[[0, 20, 30], [9, 9, 9], [0, 0, 0]]], np.uint8)
    error = photometric_error(left, right, row(1, 1, NAN))
    np.testing.assert_allclose(error, row(NAN, 17 / 255, NAN), rtol=1e-6)
    confidence = photometric_confidence(left, right, row(1, 1, NAN), tolerance=17 / 255)
    np.testing.assert_allclose(confidence, row(0, 0.5, 0), rtol=1e-6)
    assert confidence.dtype == np.float32


def test_left_right_confidence_by_hand():
    left_view = row(0, 1, 2, 2, 3, 9)
    right_view = row(2, 1, 4, 5, 6, NAN)
    # x=0 sees right 0 (2, off by 2); x=1 sees 0 (2, off by 1); x=2 sees 0 (2, exact);
    # x=3 sees 1 (1, off by 1); x=4 sees 1 (1, off by 2); x=5 looks outside
    np.testing.assert_allclose(left_right_confidence(left_view, right_view),
                               row(0.2, 0.5, 1, 0.5, 0.2, 0), rtol=1e-6)


def test_a_slanted_wall_is_sure():
    # right_disparity(x - d(x)) = d(x) with d = 0.25 x: the match of x lies at 0.75 x
    columns = np.arange(40, dtype=np.float32)[np.newaxis]
    confidence = left_right_confidence(columns * 0.25, columns / 3)
    assert (confidence > 0.97).all()  # half a pixel of rounding times 1/3


def test_views_of_different_size_are_refused():
    with pytest.raises(DataError, match=r'right \[1, 3\]'):
        left_right_confidence(row(1, 2), row(1, 2, 3))


def test_unknown_disparities_have_no_confidence():
    confidence = left_right_confidence(row(0, NAN, 1, 0), row(0, NAN, 0, NAN))
    np.testing.assert_array_equal(confidence, row(1, 0, 0, 0))


def test_mirrored_pair_makes_the_right_view_a_left_view():
    # a point at right column 1 and left column 3: disparity 2 of a width of 5
    left, right = np.zeros((1, 5, 3), np.uint8), np.zeros((1, 5, 3), np.uint8)
    left[0, 3], right[0, 1] = 255, 255
    new_left, new_right = mirrored_pair(left, right)
    at_left, at_right = (int(np.argmax(image[0, :, 0])) for image in (new_left, new_right))
    assert (at_left, at_right, at_left - at_right) == (3, 1, 2)
    disparity_of_new_left = row(0, 0, 0, 2, 0)
    assert mirrored(disparity_of_new_left)[0, 1] == 2  # belongs to right column 1
    assert new_left.flags.c_contiguous and new_right.flags.c_contiguous


def test_weakest():
    assert weakest(None, None) is None
    one = row(0.25, 0.75)
    assert weakest(None, one) is one
    np.testing.assert_array_equal(weakest(one, row(0.5, 0.5)), row(0.25, 0.5))
