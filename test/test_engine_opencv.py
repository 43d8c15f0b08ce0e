# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import numpy as np
import pytest

from depth_learning_ros.engine.opencv import MATCHERS, open_opencv
from depth_learning_ros.errors import EngineError

TRUE_DISPARITY = 12


@pytest.fixture(scope='module')
def pair():
    texture = np.random.default_rng(1).integers(0, 256, (64, 220, 3), dtype=np.uint8)
    # left (x) is right (x - d)
    return {'left': texture[None, :, :200].copy(),
            'right': texture[None, :, TRUE_DISPARITY:200 + TRUE_DISPARITY].copy()}


@pytest.mark.parametrize('name', MATCHERS)
@pytest.mark.parametrize('gray', [False, True])
def test_finds_a_shift(pair, name, gray):
    images = {key: np.repeat(image[..., :1], 3, axis=3) if gray else image
              for key, image in pair.items()}
    with open_opencv(name, 32) as engine:
        disparity = engine.infer(images)['disparity']
    assert disparity.dtype == np.float32 and disparity.shape == (1, 64, 200)
    known = disparity[np.isfinite(disparity)]
    assert known.size > 0.5 * disparity.size
    assert np.mean(np.abs(known - TRUE_DISPARITY) <= 1 / 16) > 0.99
    # Left of the search range nothing can be found: gaps are NaN, not -1 or 0.
    assert np.isnan(disparity[:, :, :16]).all()
    assert known.min() > 0


def test_info():
    info = open_opencv('sgbm', 100).info
    assert (info.model, info.backend, info.outputs) == ('sgbm', 'opencv', ('disparity',))
    assert info.subpixel_step == 1 / 16
    assert info.max_disparity == 111  # 100 rounded up to 112, counted from 0


def test_gray_and_colour_have_their_own_penalties(pair):
    from depth_learning_ros.engine.opencv import _semi_global_matcher
    gray, colour = (_semi_global_matcher(32, channels, 0) for channels in (1, 3))
    assert (gray.getP1(), gray.getP2()) == (200, 800)
    assert (colour.getP1(), colour.getP2()) == (600, 2400)
    assert colour.getUniquenessRatio() == 10 and colour.getSpeckleWindowSize() == 100
    assert colour.getSpeckleRange() == 32 and colour.getBlockSize() == 5


def test_each_pair_of_a_batch_counts(pair):
    double = {key: np.concatenate([image, image]) for key, image in pair.items()}
    disparity = open_opencv('bm', 32).infer(double)['disparity']
    np.testing.assert_array_equal(disparity[0], disparity[1])


def test_search_range_larger_than_the_image_is_cut(pair):
    disparity = open_opencv('sgbm', 512).infer(pair)['disparity']
    assert np.nanmedian(disparity) == TRUE_DISPARITY


@pytest.mark.parametrize('name', MATCHERS)
def test_smallest_image(name):
    def run(height, width):
        image = np.zeros((1, height, width, 3), np.uint8)
        return open_opencv(name).infer({'left': image, 'right': image})['disparity']
    assert run(16, 32).shape == (1, 16, 32)
    for height, width in ((15, 32), (16, 31)):
        with pytest.raises(EngineError, match=f'{width}x{height}.*32x16'):
            run(height, width)


def test_bad_input_is_refused(pair):
    engine = open_opencv('bm')
    with pytest.raises(EngineError, match="'right' is missing"):
        engine.infer({'left': pair['left']})
    with pytest.raises(EngineError, match='float64'):
        engine.infer({'left': pair['left'] / 255, 'right': pair['right']})
    with pytest.raises(EngineError, match='one size'):
        engine.infer({'left': pair['left'], 'right': pair['right'][:, 1:]})
    with pytest.raises(EngineError, match='sgbm-hh'):
        open_opencv('sgmb')
    with pytest.raises(EngineError, match='-3'):
        open_opencv('bm', -3)
