# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import numpy as np
import pytest

from depth_learning_ros.engine.opencv import open_opencv
from depth_learning_ros.engine.reference import (
    HEIGHT,
    WIDTH,
    MeasuredError,
    Reference,
    compare,
    fixed_pair,
)
from depth_learning_ros.errors import EngineError


def test_the_fixed_pair_never_changes():
    left, right = fixed_pair()
    assert left.shape == right.shape == (1, HEIGHT, WIDTH, 3)
    assert left.dtype == right.dtype == np.uint8
    # references inside exported files are answers to this very pair
    digest = hashlib.sha256(left.tobytes() + right.tobytes()).hexdigest()
    assert digest == '15cdbfc8e35db2c66208cb02ec7fb4edd1a17085c40b552024f59402616fc223'


def test_the_fixed_pair_is_stereo():
    left, right = fixed_pair()
    disparity = open_opencv('sgbm', 128).infer({'left': left, 'right': right})['disparity'][0]
    assert np.nanmedian(disparity[3, :600]) == 6  # background
    assert np.nanmedian(disparity[20:50, 430:550]) == 40
    assert np.nanmedian(disparity[25:55, 910:1040]) == 110  # nearest box
    assert np.nanmedian(disparity[62]) == pytest.approx(6 + 15, abs=1)  # slanted floor


def test_other_sizes_cut_and_repeat_the_scene():
    left, _ = fixed_pair()
    small, large = fixed_pair(10, 20)[0], fixed_pair(HEIGHT + 3, WIDTH * 2)[0]
    assert np.array_equal(small[0], left[0, :10, :20])
    assert np.array_equal(large[0, HEIGHT:, WIDTH:], left[0, :3])


def test_references_survive_packing():
    random = np.random.default_rng(0)
    disparity = random.uniform(0, 190, (40, 60)).astype(np.float32)
    confidence = random.uniform(0, 1, (40, 60)).astype(np.float32)
    back = Reference.from_text(Reference(disparity, confidence).to_text())
    assert back.disparity.dtype == np.float32
    assert np.abs(back.disparity - disparity).max() <= 190 / 65535
    assert np.abs(back.confidence - confidence).max() <= 0.5 / 255 + 1e-6
    flat = Reference(np.zeros((3, 4), np.float32), np.ones((3, 4), np.float32))
    assert Reference.from_text(flat.to_text()).disparity.tolist() == [[0.0] * 4] * 3


@pytest.mark.parametrize('text', ['', '{}', '{"disparity": 3}', 'null', (
    '{"disparity": {"largest": 1, "shape": [1, 1], "dtype": "u1", "differences": "AAAA"}}')])
def test_damaged_references_are_refused(text):
    with pytest.raises(EngineError, match=r'reference .* damaged'):
        Reference.from_text(text)


def test_errors_by_hand():
    reference = Reference(np.zeros((10, 10), np.float32), np.zeros((10, 10), np.float32))
    disparity = np.zeros((10, 10), np.float32)
    disparity[0, :2] = 4  # 2 of 100 pixels: mean 0.08, and the 99th percentile is one of them
    error = compare(disparity, np.full((10, 10), 0.01, np.float32), reference)
    assert error.mean_px == pytest.approx(0.08)
    assert error.p99_px == pytest.approx(4)
    assert error.confidence == pytest.approx(0.01)
    assert not error.acceptable


@pytest.mark.parametrize(('error', 'acceptable'), [
    ((0.1, 1.5, 0.05), True), ((0.11, 1.5, 0.05), False), ((0.1, 1.51, 0.05), False),
    ((0.1, 1.5, 0.06), False), ((float('nan'), 0, 0), False), ((0, 0, float('nan')), False)])
def test_tolerances(error, acceptable):
    assert MeasuredError(*error).acceptable is acceptable


def test_one_nan_makes_an_engine_unacceptable():
    reference = Reference(np.zeros((10, 10), np.float32), np.zeros((10, 10), np.float32))
    disparity = np.zeros((10, 10), np.float32)
    disparity[3, 3] = np.nan
    assert not compare(disparity, reference.confidence, reference).acceptable
