# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import math

import numpy as np
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.evaluation.depth_metrics import depth_figures, garg_mask
from depth_learning_ros.evaluation.gaps import fill_gaps
from depth_learning_ros.evaluation.image_metrics import psnr, ssim
from depth_learning_ros.evaluation.metrics import (
    bad_share,
    d1_share,
    density,
    end_point_error,
    sparsification,
)

NAN = np.nan


def floats(*rows):
    return np.array(rows, np.float32)


# Errors 0, 3, 3.5, 4, 10; unknown truth is left out.
TRUTH = floats([10, 10, 10, 100, 200, NAN])
PREDICTION = floats([10, 13, 13.5, 104, 210, 99])


def test_end_point_error():
    assert end_point_error(PREDICTION, TRUTH) == pytest.approx((0 + 3 + 3.5 + 4 + 10) / 5)


def test_bad_share_counts_errors_over_the_threshold_only():
    assert bad_share(PREDICTION, TRUTH, 3.0) == pytest.approx(60)
    assert bad_share(PREDICTION, TRUTH, 2.9) == pytest.approx(80)
    assert bad_share(PREDICTION, TRUTH, 10.0) == 0


def test_d1_needs_over_3_px_and_over_5_percent():
    # 4 of 100 is 4 %, 10 of 200 is exactly 5 %: neither is an outlier; 3.5 of 10 is.
    assert d1_share(PREDICTION, TRUTH) == pytest.approx(20)
    assert d1_share(floats([200 - 10.5]), floats([200])) == 100


def test_mask():
    objects = np.array([[False, False, True, True, False, True]])
    assert d1_share(PREDICTION, TRUTH, objects) == pytest.approx(50)
    assert d1_share(PREDICTION, TRUTH, ~objects) == 0
    assert math.isnan(d1_share(PREDICTION, TRUTH, np.zeros((1, 6), bool)))


def test_unknown_prediction_and_wrong_size_are_refused():
    with pytest.raises(DataError, match='1 of 2'):
        end_point_error(floats([1, NAN]), floats([1, 2]))
    with pytest.raises(DataError, match=r'\[1, 2\].*\[1, 3\]'):
        end_point_error(floats([1, 2]), floats([1, 2, 3]))


def test_density_is_of_the_pixels_with_ground_truth():
    assert density(floats([1, NAN, NAN, 1]), floats([1, 1, NAN, NAN])) == 50


def test_sparsification_by_hand():
    truth, prediction = floats([10, 10, 10, 10]), floats([10, 10, 10, 20])
    # Kept 1, 2, 3, 4: outliers 0, 0, 0, 1/4.
    good = sparsification(floats([.9, .8, .7, .1]), prediction, truth)
    assert (good.area, good.best) == (pytest.approx(6.25), pytest.approx(6.25))
    # Outliers 1, 1/2, 1/3, 1/4.
    bad = sparsification(floats([.1, .2, .3, .9]), prediction, truth)
    assert bad.area == pytest.approx(100 * 25 / 48)
    assert bad.best == pytest.approx(6.25)
    # A constant confidence knows nothing: the D1 of all, whatever the order.
    assert sparsification(floats([1, 1, 1, 1]), prediction, truth).area == pytest.approx(25)


def test_sparsification_without_ground_truth():
    assert math.isnan(sparsification(floats([1]), floats([1]), floats([NAN])).area)


def test_gaps_take_the_smaller_neighbour_and_borders_extend():
    filled = fill_gaps(floats([NAN, 5, NAN, NAN, 3, NAN], [7, NAN, 9, NAN, NAN, NAN]))
    assert filled.tolist() == [[5, 5, 3, 3, 3, 3], [7, 7, 9, 9, 9, 9]]
    assert filled.dtype == np.float32


def test_empty_rows_are_filled_along_columns():
    empty = [NAN, NAN]
    filled = fill_gaps(floats(empty, [4, 6], empty, [5, 2], empty))
    assert filled.tolist() == [[4, 6], [4, 6], [4, 2], [5, 2], [5, 2]]


def test_nothing_known_becomes_0():
    assert fill_gaps(floats([NAN, NAN])).tolist() == [[0, 0]]


def test_filling_leaves_its_input_alone():
    values = floats([NAN, 1])
    fill_gaps(values)
    assert np.isnan(values[0, 0])


def test_depth_figures_by_hand():
    figures = depth_figures(floats([2, 4, 7]), floats([1, 4, NAN]))
    assert figures.pixels == 2
    assert figures.abs_rel == pytest.approx(0.5)
    assert figures.sq_rel_m == pytest.approx(0.5)
    assert figures.rmse_m == pytest.approx(math.sqrt(0.5))
    assert figures.rmse_log == pytest.approx(math.log(2) / math.sqrt(2))
    assert (figures.delta1, figures.delta2, figures.delta3) == (0.5, 0.5, 0.5)


def test_deltas_are_strict():
    figures = depth_figures(floats([1.25, 1.5, 1.9]), floats([1, 1, 1]))
    assert figures.delta1 == 0
    assert figures.delta2 == pytest.approx(2 / 3)
    assert figures.delta3 == 1


def test_caps_choose_pixels_and_clip_the_prediction():
    # 80 m is not below the far cap; the infinite prediction becomes 80 m.
    figures = depth_figures(floats([np.inf, 1]), floats([40, 80]))
    assert (figures.pixels, figures.abs_rel) == (1, 1)
    assert depth_figures(floats([3]), floats([0])).pixels == 0
    with pytest.raises(DataError, match='1 of 1'):
        depth_figures(floats([NAN]), floats([2]))


def test_garg_crop_of_a_kitti_image():
    rows, columns = np.nonzero(garg_mask(375, 1242))
    # 375 * 0.40810811 = 153.04, 375 * 0.99189189 = 371.96, 1242 * 0.03594771 = 44.6, ... = 1197.4
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (153, 370, 44, 1196)
    truth = np.full((375, 1242), 5, np.float32)
    assert depth_figures(truth, truth, garg_crop=True).pixels == 218 * 1153


def picture(value):
    return np.full((12, 16, 3), value, np.uint8)


def test_psnr():
    # 10 log10(255^2 / 5^2)
    assert psnr(picture(100), picture(105)) == pytest.approx(34.1514, abs=1e-4)
    assert psnr(picture(3), picture(3)) == math.inf
    half = np.zeros((12, 16), bool)
    half[:, :8] = True
    mixed = picture(100)
    mixed[:, 8:] = 0
    assert psnr(mixed, picture(105), half) == pytest.approx(34.1514, abs=1e-4)
    assert math.isnan(psnr(mixed, mixed, half & ~half))


def test_ssim_of_flat_pictures_by_hand():
    # No variance: (2 * 100 * 110 + 6.5025) / (100^2 + 110^2 + 6.5025)
    assert ssim(picture(100), picture(110)) == pytest.approx(22006.5025 / 22106.5025)


def test_ssim_of_equal_and_of_inverted_pictures():
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert ssim(noise, noise) == pytest.approx(1)
    assert ssim(noise, 255 - noise) < -0.5
    with pytest.raises(DataError, match='one size'):
        ssim(noise, noise[1:])
