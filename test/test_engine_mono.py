# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mono engines: the graph on numbers worked out by hand, and the export on every backend."""

from __future__ import annotations

from dataclasses import replace
import json
import math

import numpy as np
import pytest

torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

import mono_networks  # noqa: E402
from torch import nn  # noqa: E402

from depth_learning_ros.engine import open_engine  # noqa: E402
from depth_learning_ros.engine.export import export_model  # noqa: E402
from depth_learning_ros.engine.graphs import build_graph  # noqa: E402
from depth_learning_ros.engine.model_file import read_model_file  # noqa: E402
from depth_learning_ros.engine.mono import MonoFacts  # noqa: E402
from depth_learning_ros.engine.mono_graph import (  # noqa: E402
    ENTROPY,
    MonoGraph,
    selection_entropy,
)
from depth_learning_ros.engine.reference import fixed_pair  # noqa: E402
from depth_learning_ros.engine.resample import resize_map, shrink_image  # noqa: E402
from depth_learning_ros.engine.ship import ship  # noqa: E402
from depth_learning_ros.errors import EngineError, ModelError  # noqa: E402
from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint  # noqa: E402
from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.registry import build_network, config_of  # noqa: E402
from depth_learning_ros.pipeline import MonoPipeline  # noqa: E402
from depth_learning_ros.types import StereoCamera  # noqa: E402

FACTS = MonoFacts(0.5, 80.0, (64, 128))
BACKENDS = ('onnxruntime', 'openvino', 'torch')


class Fixed(nn.Module):
    """Answers the same everywhere, imagines the left image as the right one, remembers both."""

    def __init__(self, disparity=6.0, channel_order='rgb', levels=4, chosen=1.0):
        super().__init__()
        self.config = NetworkConfig(channel_order=channel_order)
        self.disparity, self.levels, self.chosen = disparity, levels, chosen

    def forward(self, left):
        self.left = left
        count, _, height, width = left.shape
        rest = (1 - self.chosen) / (self.levels - 1)
        selection = torch.full((count, self.levels, height // 4, width // 4), rest)
        selection[:, 1] = self.chosen
        disparity = torch.full((count, 1, height, width), -self.disparity)
        return mono_networks.Output([disparity], left, selection)


def image(height, width, rgb=(255, 0, 51)):
    return torch.tensor(rgb, dtype=torch.uint8).expand(1, height, width, 3).clone()


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
    """Export the tiny mono network with its right view."""
    with pytest.MonkeyPatch.context() as patch:
        mono_networks.register(patch)
        folder = tmp_path_factory.mktemp('mono')
        weights = mono_networks.save(folder / 'tiny-mono.safetensors')
        export_model(weights, folder / 'tiny-mono.onnx', right_view=True)
        yield folder / 'tiny-mono.onnx'


def test_disparity_is_in_pixels_of_the_image_not_of_the_network():
    graph = MonoGraph(Fixed(6.0), FACTS)
    # 6 px at a width of 128 are 15 px at 320, and 3 px at 64
    assert graph(image(160, 320))[0].unique().tolist() == pytest.approx([15])
    assert graph(image(32, 64))[0].unique().tolist() == pytest.approx([3])
    assert graph(image(1, 1))[0].shape == (1, 1, 1)
    assert MonoGraph(Fixed(-2.0), FACTS)(image(64, 128))[0].unique().tolist() == [0]


def test_networks_see_the_training_size_in_their_own_order_and_mean():
    network = Fixed(channel_order='bgr')
    MonoGraph(network, FACTS, mean=(0.1, 0.2, 0.3))(image(37, 91))
    assert network.left.shape == (1, 3, 64, 128)
    assert network.left.mean((0, 2, 3)).tolist() == pytest.approx([0.2 - 0.1, -0.2, 1 - 0.3])


def test_large_images_are_averaged_and_not_sampled():
    """Stripes of one pixel become gray; every fourth pixel alone would be black or white."""
    stripes = torch.zeros(1, 64, 256, 3)
    stripes[:, :, ::2] = 200
    assert shrink_image(stripes, 16, 64)[..., 4:-4].unique().tolist() == pytest.approx([100])


def test_maps_are_resized_about_pixel_centres():
    values = torch.rand(2, 2, 5, 9)
    expected = nn.functional.interpolate(values, (13, 4), mode='bilinear', align_corners=False)
    torch.testing.assert_close(resize_map(values, 13, 4), expected)


def test_the_right_view_comes_back_as_camera_bytes():
    graph = MonoGraph(Fixed(channel_order='bgr'), FACTS, mean=(0.1, 0.2, 0.3), right=True)
    right = graph(image(40, 90))[2]
    assert right.dtype == torch.uint8 and right.shape == (1, 40, 90, 3)
    assert right[0, 20, 45].tolist() == [255, 0, 51]


@pytest.mark.parametrize('chosen,entropy', [(1.0, 0.0), (0.25, 1.0)])
def test_an_undecided_selection_lowers_the_confidence_by_the_documented_amount(chosen, entropy):
    network = Fixed(4.0, chosen=chosen)
    rated = MonoGraph(network, FACTS)(image(64, 128))[1]
    # a plain image agrees with itself; the first 4 columns match outside of it, four half-size
    # columns more see that
    assert rated[..., :4].max() == 0
    assert rated[..., 12:].flatten().tolist() == pytest.approx(
        [math.exp(-entropy / ENTROPY)] * (64 * 116), rel=1e-3)


def test_entropy_by_hand():
    shares = torch.tensor([1.0, 0, 0, 0, 0.5, 0.5, 0, 0, 0.25, 0.25, 0.25, 0.25]).reshape(3, 4)
    found = selection_entropy(shares.reshape(3, 4, 1, 1)).flatten()
    assert found.tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)  # log 2 / log 4 is a half


def test_a_view_that_does_not_agree_lowers_the_confidence():
    network = Fixed(4.0)
    noisy = torch.randint(0, 255, (1, 64, 128, 3), dtype=torch.uint8)
    # the right view is the left one itself, and the disparity says it is shifted by 4
    assert MonoGraph(network, FACTS)(noisy)[1].mean() < 0.5


def test_it_exports_with_everything_that_it_must_say(tiny):
    model = read_model_file(tiny)
    assert model.inputs == ('left',) and model.outputs == ('disparity', 'confidence', 'right')
    assert MonoFacts.of(model.metadata, 'tiny') == FACTS
    assert model.reference.disparity.mean() > 20
    graph = onnx.load(str(tiny)).graph
    sizes = {value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
             for value in [*graph.input, *graph.output]}
    assert sizes == {'left': ['N', 'H', 'W', 3], 'disparity': ['N', 'H', 'W'],
                     'confidence': ['N', 'H', 'W'], 'right': ['N', 'H', 'W', 3]}


@pytest.mark.parametrize('backend', BACKENDS)
def test_every_backend_repeats_pytorch(tiny, backend):
    pytest.importorskip(backend)
    camera = StereoCamera(97, 50, focal_px=80.0, cx=48.0, cy=24.5, baseline_m=0.1)
    with open_engine(tiny, backend=backend, precision='fp32') as engine:
        info = engine.info
        assert info.inputs == ('left',) and 0 <= info.error_px < 0.01
        left = np.repeat(fixed_pair(50, 97)[0], 2, 0)
        found = engine.infer({'left': left})
        assert found['disparity'].shape == found['confidence'].shape == (2, 50, 97)
        assert found['right'].shape == left.shape and found['right'].dtype == np.uint8
        # the selection shifts by eight pixels of 128 at most: the view is like the image
        assert np.abs(found['right'].astype(int) - left).mean() < 40
        result = MonoPipeline(engine).process(left[0], camera)
        np.testing.assert_allclose(result.depth, 80 * 0.5 / result.disparity.values, rtol=1e-4)


def test_low_precision_keeps_its_disparity_fine(tiny):
    """A Resize in bfloat16 would leave steps of a quarter of a pixel at 40 px and more."""
    pytest.importorskip('openvino')
    try:
        engine = open_engine(tiny, backend='openvino', precision='bf16')
    except EngineError as error:
        pytest.skip(str(error))
    with engine:
        assert engine.info.error_px < 0.1
        found = engine.infer({'left': fixed_pair(64, 640)[0]})['disparity']
        assert found.mean() > 40 and len(np.unique(found)) > 10_000


@pytest.mark.parametrize('name,size', [
    ('svs-small', (64, 128)), ('monodepth', (64, 128)), ('viewsyn', (64, 128))])
def test_the_networks_of_one_image_export(tmp_path, name, size):
    """Narrow ones: view synthesis with a selection, its small form, and the one without."""
    config = replace(config_of(name), width=1 / 64, channel_multiple=2, levels=9,
                     input_height=size[0], input_width=size[1])
    torch.manual_seed(0)
    network = build_network(config)
    facts = MonoFacts(0.5, 80.0, size)
    save_checkpoint(tmp_path / 'net.safetensors', network,
                    CheckpointInfo(name, config, notes=facts.to_dict(), mean_left=(0, 0, 0)))
    done = export_model(tmp_path / 'net.safetensors', tmp_path / 'net.onnx', right_view=True)
    assert done.error.mean_px < 0.01 and len(done.shapes) == 3
    weights = [tensor.name for tensor in onnx.load(str(done.path)).graph.initializer]
    enlarged = any(weight.endswith('.across') for weight in weights)
    assert enlarged == (name == 'svs-small')  # the others' selections are not enlarged so


def test_half_precision_exports(tiny, tmp_path):
    done = export_model(tiny.with_suffix('.safetensors'), tmp_path / 'half.onnx',
                        precision='fp16', width=96)
    assert done.error.acceptable and done.shapes[0] == (1, 50, 96)
    assert read_model_file(done.path).outputs == ('disparity', 'confidence')


def test_weights_alone_do(tiny, tmp_path):
    weights = mono_networks.save(tmp_path / 'alone.safetensors')
    with open_engine(weights, backend='torch') as engine:
        assert engine.info.inputs == ('left',)
        assert MonoPipeline(engine).facts == FACTS


@pytest.mark.parametrize('notes,complaint', [
    ({}, 'does not say its virtual_baseline_m, focal_px, training_size.*--virtual-baseline'),
    ({**mono_networks.NOTES, 'training_size': [100, 128]}, 'needs multiples of 64')])
def test_weights_that_do_not_say_their_scale_are_not_exported(tiny, tmp_path, notes, complaint):
    weights = mono_networks.save(tmp_path / 'vague.safetensors', notes)
    with pytest.raises(ModelError, match=complaint):
        export_model(weights, tmp_path / 'vague.onnx')
    assert not (tmp_path / 'vague.onnx').exists()


def test_shipping_can_say_the_scale(tiny, tmp_path):
    weights = mono_networks.save(tmp_path / 'vague.safetensors', {'steps': 3})
    done = ship('named', weights, folder=tmp_path, mono=FACTS)
    metadata = read_model_file(done.path).metadata
    assert MonoFacts.of(metadata, 'named') == FACTS and metadata['model'] == 'named'
    assert json.loads(metadata['notes'])['steps'] == 3
    assert (tmp_path / 'named.safetensors').is_file()


def test_stereo_networks_imagine_no_right_view():
    with pytest.raises(EngineError, match='is a stereo model: it is given the right view'):
        build_graph(nn.Identity(), CheckpointInfo('crl', NetworkConfig()), ('right',))


def test_tensorrt_for_rtx_builds_it(tiny):
    """A real build, which needs no GPU; its graph is emulated on the CPU and compared."""
    rtx = pytest.importorskip('depth_learning_ros.engine.tensorrt_rtx_runner')
    from depth_learning_ros.engine.build import BuildRequest, build_engine
    from depth_learning_ros.engine.cuda_driver import find_gpu
    from depth_learning_ros.engine.engine_file import Shapes
    from depth_learning_ros.engine.tensorrt_build import BuildOptions
    if find_gpu() is not None:
        pytest.skip('the GPU tests measure engines where there is a GPU')
    shapes = Shapes((1, 48, 96), (1, 64, 128), (1, 64, 160))
    built = build_engine(rtx.LIBRARY, read_model_file(tiny),
                         BuildRequest('fp16', BuildOptions(shapes, ('8.9',))), lambda _: None)
    assert built.record.measured is None and built.record.emulated.acceptable
    assert len(built.plan) > 10_000
