# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine contract, kept by every backend that is installed."""

from __future__ import annotations

import numpy as np
import pytest

from depth_learning_ros.engine import open_engine
from depth_learning_ros.engine.model_file import read_model_file
from depth_learning_ros.engine.reference import HEIGHT, WIDTH, fixed_pair
from depth_learning_ros.errors import EngineError

LIBRARIES = {'openvino': 'openvino', 'onnxruntime': 'onnxruntime', 'torch': 'torch'}


@pytest.fixture(scope='module', params=list(LIBRARIES))
def engine(request, tiny_model, tmp_path_factory):
    pytest.importorskip(LIBRARIES[request.param])
    with open_engine(tiny_model.onnx, backend=request.param, precision='fp32', zoom=1.0,
                     cache_dir=tmp_path_factory.mktemp('engines')) as opened:
        yield opened


def pair(count: int, height: int, width: int) -> dict[str, np.ndarray]:
    left, right = fixed_pair(height, width)
    return {'left': np.repeat(left, count, 0), 'right': np.repeat(right, count, 0)}


def test_it_says_what_it_is(engine):
    info = engine.info
    assert info.model == 'tiny'
    assert info.backend in LIBRARIES
    assert info.backend_version[0].isdigit()
    assert info.precision == 'fp32'
    assert info.device
    assert info.inputs == ('left', 'right')
    assert info.outputs == ('disparity', 'confidence')
    assert 0 <= info.error_px < 0.001
    assert info.metadata['training_data'] == 'none: random weights'


@pytest.mark.parametrize('shape', [
    (1, 64, 128), (1, 128, 256), (1, 50, 100), (1, 65, 129), (2, 70, 130), (1, 2, 3), (1, 1, 1)])
def test_any_size_gives_that_size(engine, shape):
    result = engine.infer(pair(*shape))
    assert set(result) == {'disparity', 'confidence'}
    for values in result.values():
        assert values.shape == shape
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert result['disparity'].min() >= 0
    assert 0 <= result['confidence'].min() <= result['confidence'].max() <= 1


def test_it_repeats_pytorch_on_the_fixed_pair(engine, tiny_model):
    reference = read_model_file(tiny_model.onnx).reference
    result = engine.infer(pair(1, HEIGHT, WIDTH))
    assert reference.disparity.mean() > 10  # there is something to compare
    np.testing.assert_allclose(result['disparity'][0], reference.disparity, atol=0.002)
    np.testing.assert_allclose(result['confidence'][0], reference.confidence, atol=0.003)


def test_pairs_of_a_batch_do_not_mix(engine):
    inputs = pair(2, 64, 128)
    inputs['left'][1] = inputs['left'][1, ::-1]
    inputs['right'][1] = inputs['right'][1, ::-1]
    both = engine.infer(inputs)['disparity']
    for number in range(2):
        one = engine.infer({k: v[number:number + 1] for k, v in inputs.items()})['disparity'][0]
        np.testing.assert_allclose(both[number], one, atol=1e-3)
    assert np.abs(both[0] - both[1]).max() > 0.01


def test_left_and_right_are_not_the_same_thing(engine):
    inputs = pair(1, 64, 128)
    swapped = {'left': inputs['right'], 'right': inputs['left']}
    difference = engine.infer(inputs)['disparity'] - engine.infer(swapped)['disparity']
    assert np.abs(difference).max() > 0.01


def test_views_and_read_only_images_are_taken_and_not_written(engine):
    inputs = pair(1, 64, 128)
    expected = engine.infer(inputs)['disparity']
    wide = {name: np.repeat(image, 2, axis=2)[:, :, ::2] for name, image in inputs.items()}
    for image in wide.values():
        image.flags.writeable = False
    before = wide['left'].copy()
    np.testing.assert_array_equal(engine.infer(wide)['disparity'], expected)
    np.testing.assert_array_equal(wide['left'], before)


def test_results_belong_to_the_caller(engine):
    first = engine.infer(pair(1, 64, 128))['disparity']
    kept = first.copy()
    inputs = pair(1, 64, 128)
    inputs['left'] = 255 - inputs['left']
    engine.infer(inputs)
    np.testing.assert_array_equal(first, kept)
    first[:] = 0  # and may be written


@pytest.mark.parametrize(('change', 'message'), [
    ({'left': None}, "'left' is missing"),
    ({'left': np.zeros((1, 64, 8, 3), np.float32)}, r'float32 \[1, 64, 8, 3\]: expected uint8'),
    ({'left': np.zeros((64, 128, 3), np.uint8)}, r'uint8 \[64, 128, 3\]: expected'),
    ({'left': np.zeros((1, 64, 128, 1), np.uint8)}, r'\[1, 64, 128, 1\]: expected'),
    ({'left': np.zeros((1, 64, 0, 3), np.uint8)}, r'\[1, 64, 0, 3\]: expected'),
    ({'left': np.zeros((1, 64, 126, 3), np.uint8)}, 'differ in size')])
def test_wrong_images_are_named(engine, change, message):
    inputs = {**pair(1, 64, 128), **change}
    with pytest.raises(EngineError, match=message):
        engine.infer({name: image for name, image in inputs.items() if image is not None})


def test_preparing_a_size_changes_no_answer(engine):
    engine.prepare(40, 72)
    assert engine.infer(pair(1, 40, 72))['disparity'].shape == (1, 40, 72)
