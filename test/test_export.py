# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

from conftest import tiny_network  # noqa: E402

from depth_learning_ros.engine import export, open_engine  # noqa: E402
from depth_learning_ros.engine.export import export_model  # noqa: E402
from depth_learning_ros.engine.model_file import read_model_file  # noqa: E402
from depth_learning_ros.engine.reference import fixed_pair  # noqa: E402
from depth_learning_ros.engine.ship import round_weights  # noqa: E402
from depth_learning_ros.errors import DataError, EngineError, ModelError  # noqa: E402
from depth_learning_ros.models.checkpoint import (  # noqa: E402
    CheckpointInfo,
    load_network,
    save_checkpoint,
)
from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.registry import build_network  # noqa: E402


def images(height, width):
    left, right = fixed_pair(height, width)
    return {'left': left, 'right': right}


def shapes_of(path):
    model = onnx.load(str(path))
    return {value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
            for value in [*model.graph.input, *model.graph.output]}


def test_a_users_export_stands_alone(tiny_model, tmp_path):
    done = export_model(tiny_model.weights, tmp_path / 'out.onnx')
    assert done.path == tmp_path / 'out.onnx'
    assert done.error.mean_px < 1e-4
    assert len(done.shapes) == 3
    assert [p.name for p in tmp_path.iterdir()] == ['out.onnx']
    model = onnx.load(str(done.path), load_external_data=False)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert model.opset_import[0].version == 18
    assert shapes_of(done.path) == {
        'left': ['N', 'H', 'W', 3], 'right': ['N', 'H', 'W', 3],
        'disparity': ['N', 'H', 'W'], 'confidence': ['N', 'H', 'W']}


@pytest.mark.parametrize('architecture', ['dispnets', 'dispnetc', 'dispfulnet', 'crl'])
def test_every_paper_network_exports(tmp_path, architecture):
    """Two-sided correlation, BGR, means of its own, second stage at full resolution."""
    torch.manual_seed(0)
    config = NetworkConfig(name=architecture, architecture=architecture, width=1 / 64,
                           channel_multiple=2, max_displacement=8)
    network = build_network(config)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(('predict6.bias', 'predict1.bias')):
                parameter.fill_(-9)  # so that disparities are not all zero
    info = CheckpointInfo(architecture, config, mean_left=(0.3, 0.4, 0.5), mean_right=(0.2, 0, 1))
    save_checkpoint(tmp_path / 'net.safetensors', network, info)
    done = export_model(tmp_path / 'net.safetensors', tmp_path / 'net.onnx')
    assert done.error.acceptable
    assert read_model_file(done.path).reference.disparity.mean() > 0.1
    metadata = read_model_file(done.path).metadata
    assert json.loads(metadata['mean_left']) == [0.3, 0.4, 0.5]
    assert json.loads(metadata['config']) == config.to_dict()


def test_sizes_can_be_fixed(tiny_model, tmp_path):
    done = export_model(tiny_model.weights, tmp_path / 'both.onnx', height=48, width=80)
    assert done.shapes == ((1, 48, 80),)
    assert shapes_of(done.path)['left'] == [1, 48, 80, 3]
    assert read_model_file(done.path).fixed_size == (48, 80)
    done = export_model(tiny_model.weights, tmp_path / 'height.onnx', height=48)
    assert shapes_of(done.path)['disparity'] == ['N', 48, 'W']
    for backend in ('onnxruntime', 'openvino'):
        pytest.importorskip(backend)
        with open_engine(tmp_path / 'both.onnx', backend=backend) as engine:
            assert engine.info.error_px < 0.1
            assert engine.infer(images(48, 80))['disparity'].shape == (1, 48, 80)
            with pytest.raises(EngineError, match='tiny was exported for the height 48 alone'):
                engine.infer(images(50, 80))
    with open_engine(tmp_path / 'height.onnx', backend='onnxruntime') as engine:
        assert engine.infer(images(48, 70))['disparity'].shape == (1, 48, 70)


def test_half_precision_keeps_disparities_in_float32(tiny_model, tmp_path):
    half = export_model(tiny_model.weights, tmp_path / 'half.onnx', precision='fp16')
    assert half.error.mean_px < 0.02
    floats = sum(4 * p.numel() for p in load_network(tiny_model.weights).parameters())
    assert half.path.stat().st_size < tiny_model.onnx.stat().st_size + 0.6 * floats
    assert read_model_file(half.path).precision == 'fp16'
    model = onnx.load(str(half.path))
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    kinds = {'Conv': set(), 'MatMul': set()}
    for node in model.graph.node:
        if node.op_type == 'Conv':
            kinds['Conv'].add(types[node.input[1]])
    assert kinds['Conv'] == {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16}
    heads = [t for t in model.graph.initializer if 'predict' in t.name or 'residual' in t.name]
    assert heads
    assert {t.data_type for t in heads} == {onnx.TensorProto.FLOAT}
    with open_engine(half.path, backend='onnxruntime') as engine:
        disparity = engine.infer(images(64, 128))['disparity']
    assert disparity.dtype == np.float32
    assert np.unique(disparity).size > 0.5 * disparity.size  # no float16 grid


def test_a_wrong_graph_is_never_handed_out(tiny_model, tmp_path, monkeypatch):
    real = export.trace

    def wrong(graph, height, width):
        model = real(graph, height, width)
        for tensor in model.graph.initializer:
            if tensor.name.endswith('predict6.bias'):
                values = onnx.numpy_helper.to_array(tensor) + 1
                tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        return model
    monkeypatch.setattr(export, 'trace', wrong)
    with pytest.raises(EngineError, match=r'wrong at 100x50: .* was not written'):
        export_model(tiny_model.weights, tmp_path / 'out.onnx')
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_knows_only_its_traced_size_is_caught(tiny_model, tmp_path, monkeypatch):
    real = export.trace

    def traced_for_one_size(graph, height, width):
        model = real(graph, 128, 256)
        for value in [*model.graph.input, *model.graph.output]:
            for axis, name in enumerate('NHW'):
                value.type.tensor_type.shape.dim[axis].dim_param = name
        return model
    monkeypatch.setattr(export, 'trace', traced_for_one_size)
    with pytest.raises(EngineError):
        export_model(tiny_model.weights, tmp_path / 'out.onnx')
    assert list(tmp_path.iterdir()) == []


def test_bad_requests_are_refused_before_any_work(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(export, 'trace', lambda *_: pytest.fail('traced'))
    (tmp_path / 'there.onnx').write_bytes(b'precious')
    with pytest.raises(DataError, match='exists already'):
        export_model(tiny_model.weights, tmp_path / 'there.onnx')
    assert (tmp_path / 'there.onnx').read_bytes() == b'precious'
    with pytest.raises(DataError, match='does not exist'):
        export_model(tiny_model.weights, tmp_path / 'no folder' / 'out.onnx')
    with pytest.raises(EngineError, match="'int8': use fp32 or fp16"):
        export_model(tiny_model.weights, tmp_path / 'out.onnx', precision='int8')
    with pytest.raises(EngineError, match='height is 1'):
        export_model(tiny_model.weights, tmp_path / 'out.onnx', height=1)
    with pytest.raises(ModelError, match="no weights ship under the name 'crl-smal'"):
        export_model('crl-smal', tmp_path / 'out.onnx')


def test_rounded_weights_are_the_same_in_every_format():
    network = tiny_network()
    round_weights(network)
    for name, value in network.state_dict().items():
        assert torch.equal(value, value.bfloat16().float()), name
        assert torch.allclose(value, value.half().float(), atol=1e-7), name


def test_shipping_rounds_weights_and_keeps_what_is_known(tiny_model):
    network = load_network(tiny_model.weights)
    trained = load_network(tiny_model.weights.with_name('trained.safetensors'))
    for (name, ours), theirs in zip(network.state_dict().items(), trained.state_dict().values(),
                                    strict=True):
        assert torch.allclose(ours, theirs, rtol=2 ** -8, atol=1e-6), name
    metadata = read_model_file(tiny_model.onnx).metadata
    assert metadata['weights_file'] == 'tiny.safetensors'
    assert metadata['model'] == 'tiny'
