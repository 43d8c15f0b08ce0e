# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from depth_learning_ros.engine.model_file import read_model_file
from depth_learning_ros.errors import EngineError, ModelError

onnx = pytest.importorskip('onnx')


def test_metadata_is_what_onnx_reads(tiny_model):
    model = read_model_file(tiny_model.onnx)
    theirs = onnx.load(str(tiny_model.onnx), load_external_data=False)
    assert model.metadata == {entry.key: entry.value for entry in theirs.metadata_props}
    assert model.sha256 == hashlib.sha256(tiny_model.onnx.read_bytes()).hexdigest()


def test_a_model_tells_what_it_is(tiny_model):
    model = read_model_file(tiny_model.onnx)
    assert model.name == 'tiny'
    assert model.precision == 'fp32'
    assert model.fixed_size == (None, None)
    described = model.described()
    assert described['training_data'] == 'none: random weights'
    assert described['licence'] == 'Apache-2.0'
    assert json.loads(described['config'])['architecture'] == 'crl'
    assert 'torch' in json.loads(described['tool_versions'])
    assert 'reference' not in described
    assert model.reference.disparity.shape == (64, 1280)
    weights = tiny_model.weights.read_bytes()
    assert described['weights_file_sha256'] == hashlib.sha256(weights).hexdigest()


@pytest.mark.parametrize('damage', [
    lambda data: data[:-10], lambda data: data[:len(data) // 2], lambda data: b'',
    lambda data: b'\xff' * 100, lambda data: b'this is text, not a model\n' * 20,
    lambda data: data[:3]], ids=['cut', 'half', 'empty', 'ones', 'text', 'three bytes'])
def test_damaged_files_are_named(tiny_model, tmp_path, damage):
    copy = tiny_model.copy_to(tmp_path)
    copy.onnx.write_bytes(damage(copy.onnx.read_bytes()))
    with pytest.raises(EngineError, match=r'tiny\.onnx (is no whole ONNX file|was not exported)'):
        read_model_file(copy.onnx)


def test_missing_and_damaged_weights_are_named(tiny_model, tmp_path):
    copy = tiny_model.copy_to(tmp_path)
    data = bytearray(copy.weights.read_bytes())
    data[-1] ^= 1
    copy.weights.write_bytes(data)
    with pytest.raises(ModelError, match=r'weights .*tiny\.safetensors are damaged'):
        read_model_file(copy.onnx)
    copy.weights.unlink()
    with pytest.raises(ModelError, match=r'needs its weights beside it.*is missing'):
        read_model_file(copy.onnx)


def test_foreign_and_newer_models_are_refused(tmp_path):
    from onnx import TensorProto, helper
    node = helper.make_node('Identity', ['a'], ['b'])
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in 'ab']
    model = helper.make_model(helper.make_graph([node], 'other', values[:1], values[1:]))
    path = tmp_path / 'other.onnx'
    onnx.save(model, str(path))
    with pytest.raises(EngineError, match='was not exported by'):
        read_model_file(path)
    helper.set_model_props(model, {'depth_learning_format': '99'})
    onnx.save(model, str(path))
    with pytest.raises(EngineError, match='format version 99'):
        read_model_file(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(EngineError, match=r'cannot read the model .*none\.onnx'):
        read_model_file(tmp_path / 'none.onnx')


def test_nothing_is_stored_twice(tiny_model):
    """The graph is small because its weights are those of the safetensors file."""
    model = onnx.load(str(tiny_model.onnx), load_external_data=False)
    assert sum(np.prod(t.dims) for t in model.graph.initializer if t.external_data) > 80_000
    rewritten = ('.blocked', 'halving.', 'enlarging.', 'mean_', 'onnx::')
    for tensor in model.graph.initializer:
        assert tensor.external_data or any(part in tensor.name for part in rewritten), tensor.name
