# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from torch import nn  # noqa: E402

from depth_learning_ros.engine.base import EngineInfo  # noqa: E402
from depth_learning_ros.engine.graphs import load_graph  # noqa: E402
from depth_learning_ros.engine.reference import fixed_pair  # noqa: E402
from depth_learning_ros.engine.torch_half import HalfHead, to_half  # noqa: E402
from depth_learning_ros.engine.torch_runner import TorchEngine, open_torch  # noqa: E402
from depth_learning_ros.errors import EngineError  # noqa: E402


@pytest.mark.parametrize(('kernel', 'channels', 'batch'), [(3, 8, 1), (5, 13, 2), (3, 1, 1)])
def test_a_head_is_its_convolution(kernel, channels, batch):
    torch.manual_seed(0)
    layer = nn.Conv2d(channels, 1, kernel, padding=kernel // 2)
    x = torch.randn(batch, channels, 6, 9).half()
    with torch.no_grad():
        layer.weight.copy_(layer.weight.half().float())
        head = HalfHead(layer)
        expected = layer(x.float())
        for given in (x, x.to(memory_format=torch.channels_last)):
            got = head(given)
            assert got.dtype == torch.float32
            assert got.shape == expected.shape
            assert (got - expected).abs().max() < 1e-5


def test_a_head_sees_left_and_right_as_a_convolution_does():
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 1, 2] = 1  # the right neighbour
        x = torch.arange(4.0).reshape(1, 1, 1, 4)
        assert HalfHead(layer)(x.half()).flatten().tolist() == [1, 2, 3, 0]


def disparity(graph, pair):
    with torch.inference_mode():
        return graph(*(torch.from_numpy(image) for image in pair))[0].numpy()


def test_half_networks_are_close_and_stay_float32_where_it_matters(tiny_model):
    pair = fixed_pair(64, 256)
    graph = load_graph(tiny_model.weights)[0]
    exact = disparity(graph, pair)
    convolutions = sum(isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)) and
                       layer.out_channels > 1 for layer in graph.modules())
    assert to_half(graph) == convolutions
    dtypes = {name: parameter.dtype for name, parameter in graph.named_parameters()}
    assert dtypes['network.stage1.conv4_1.weight'] == torch.float16
    assert dtypes['network.stage1.decoder.upsample2to1.weight'] == torch.float32
    assert isinstance(graph.network.stage2.residual1, HalfHead)
    got = disparity(graph.to(memory_format=torch.channels_last), pair)
    assert got.dtype == np.float32
    error = np.abs(got - exact)
    assert 0 < error.mean() < 0.02 and np.percentile(error, 99) < 0.2


def test_every_network_survives_half(tiny_model):
    from depth_learning_ros.engine.stereo_graph import StereoGraph
    from depth_learning_ros.models.config import NetworkConfig
    from depth_learning_ros.models.registry import build_network
    left, right = (torch.from_numpy(image) for image in fixed_pair(64, 128))
    for architecture in ('dispnets', 'dispnetc', 'crl'):
        network = build_network(NetworkConfig(
            name='narrow', architecture=architecture, width=1 / 16, max_displacement=8))
        graph = StereoGraph(network).eval()
        to_half(graph)
        with torch.inference_mode():
            found, rated = graph(left, right)
        assert found.dtype == rated.dtype == torch.float32
        assert found.shape == (1, 64, 128) and bool(torch.isfinite(found).all())


def test_without_a_gpu_pytorch_says_so(tiny_model):
    if torch.cuda.is_available():
        pytest.skip('what happens without a GPU')
    from depth_learning_ros.engine.torch_cuda import TorchCudaEngine
    info = EngineInfo('tiny', '', '', '', '')
    with pytest.raises(EngineError, match='PyTorch finds no GPU'):
        TorchCudaEngine(tiny_model.weights, info)
    with pytest.raises(EngineError, match='fp16 on a GPU alone'):
        open_torch(tiny_model.weights, info, 'fp16')
    assert isinstance(open_torch(tiny_model.weights, info), TorchEngine)


@pytest.mark.gpu
@pytest.mark.parametrize(('precision', 'tolerance'), [('fp16', 0.05), ('fp32', 1e-3)])
def test_on_a_real_gpu(tiny_model, precision, tolerance):
    if not torch.cuda.is_available():
        pytest.skip('PyTorch finds no GPU')
    from depth_learning_ros.engine.torch_cuda import TorchCudaEngine
    pair = fixed_pair(64, 256)
    exact = disparity(load_graph(tiny_model.weights)[0], pair)
    inputs = {'left': pair[0], 'right': pair[1]}
    with TorchCudaEngine(tiny_model.weights, EngineInfo('tiny', '', '', '', ''),
                         precision) as engine:
        for _ in range(3):
            assert np.abs(engine.infer(inputs)['disparity'] - exact).mean() < tolerance
        assert engine.session(64, 256).captured
        tensors = engine.infer_tensors(*(torch.from_numpy(image).cuda() for image in pair))
        assert np.abs(tensors['disparity'].cpu().numpy() - exact).mean() < tolerance
