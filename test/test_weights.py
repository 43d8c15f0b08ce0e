# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ships: whole, small, documented, and a network that sees depth."""

from __future__ import annotations

import json

import numpy as np
import pytest

from depth_learning_ros.engine import available_models, open_engine
from depth_learning_ros.engine.model_file import is_export_of, read_model_file
from depth_learning_ros.engine.reference import fixed_pair
from depth_learning_ros.models.checkpoint import WEIGHTS_FOLDER, read_info
from depth_learning_ros.models.registry import config_of

SHIPPED = [entry.name for entry in available_models() if entry.available and not entry.classical]


SINGLE_VIEW = [name for name in SHIPPED if config_of(name).single_view]


def test_the_default_models_ship():
    assert 'crl-small' in SHIPPED
    assert 'svs-small' in SINGLE_VIEW


@pytest.mark.parametrize('name', SHIPPED)
def test_files_are_whole_small_and_belong_together(name):
    onnx, weights = (WEIGHTS_FOLDER / f'{name}{suffix}' for suffix in ('.onnx', '.safetensors'))
    assert is_export_of(onnx, weights)
    read_model_file(onnx)  # checks the weights' checksum
    assert onnx.stat().st_size + weights.stat().st_size < (16e6 if name in SINGLE_VIEW else 12e6)


@pytest.mark.parametrize('name', SHIPPED)
def test_they_say_where_they_come_from(name):
    info = read_info(WEIGHTS_FOLDER / f'{name}.safetensors')
    assert info.name == name
    assert info.steps > 0
    assert len(info.commit) >= 7
    assert info.licence == 'Apache-2.0'
    assert 'random' not in info.training_data
    assert info.tool_versions['torch']
    metadata = read_model_file(WEIGHTS_FOLDER / f'{name}.onnx').metadata
    assert json.loads(metadata['config']) == info.config.to_dict()
    assert metadata['training_data'] == info.training_data


@pytest.mark.parametrize('name', [name for name in SHIPPED if name not in SINGLE_VIEW])
def test_they_see_depth(name):
    pytest.importorskip('onnxruntime')
    left, right = fixed_pair()
    with open_engine(name, backend='onnxruntime') as engine:
        result = engine.infer({'left': left, 'right': right})
    disparity, confidence = result['disparity'][0], result['confidence'][0]
    for rows, columns, expected in ((slice(20, 52), slice(430, 550), 40),
                                    (slice(24, 56), slice(910, 1040), 110),
                                    (slice(12, 36), slice(210, 320), 18)):
        assert np.median(disparity[rows, columns]) == pytest.approx(expected, rel=0.15)
    # what lies outside the right image cannot be known
    assert confidence[:, :4].max() < 0.05
    assert confidence[20:52, 440:540].mean() > 0.15


@pytest.mark.parametrize('name', SINGLE_VIEW)
def test_they_know_how_far_a_street_is(name):
    """Gray ground under a bright sky, seen from 1.65 m, three baselines of 0.54 m above it."""
    pytest.importorskip('onnxruntime')
    image = np.full((1, 192, 640, 3), 230, np.uint8)
    noise = np.random.default_rng(0).integers(-12, 13, (104, 640, 1))
    image[:, 88:] = 105 + noise
    with open_engine(name, backend='onnxruntime') as engine:
        disparity = engine.infer({'left': image})['disparity'][0]
    # row r shows the ground at (r - 88) / 3.06 px of disparity
    for row in (130, 150, 170, 185):
        assert np.median(disparity[row - 3:row + 4, 100:540]) == pytest.approx(
            (row - 88) / 3.06, rel=0.35)
    assert np.median(disparity[10:60]) < 8
