# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each rewrite gives equal values, and really happens."""

from __future__ import annotations

from pathlib import Path
import tempfile
import warnings

import numpy as np
import pytest

torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')

from conftest import tiny_network  # noqa: E402
import torch.nn.functional as F  # noqa: E402

from depth_learning_ros.engine import processor  # noqa: E402
from depth_learning_ros.engine.export import trace  # noqa: E402
from depth_learning_ros.engine.fast_graph import block_weight, enlarging, to_fast  # noqa: E402
from depth_learning_ros.engine.stereo_graph import StereoGraph  # noqa: E402
from depth_learning_ros.models.warp import warp  # noqa: E402


def exported(module, *inputs):
    """Export a module free in H and W, as (model before, model after, replaced)."""
    names = [f'input{number}' for number in range(len(inputs))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'x.onnx')
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            torch.onnx.export(
                module.eval(), inputs, path, input_names=names, output_names=['output'],
                dynamo=False, opset_version=18,
                dynamic_axes={n: {2: 'H', 3: 'W'} for n in [*names, 'output']})
        before, after = onnx.load(path), onnx.load(path)
    return before, after, to_fast(after)


def run(model, *inputs):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {f'input{n}': x.numpy() for n, x in enumerate(inputs)})[0]


def types(model):
    return [node.op_type for node in model.graph.node]


def check(module, *inputs):
    before, after, replaced = exported(module, *inputs)
    larger = [torch.rand(1, x.shape[1], 2 * x.shape[2], 3 * x.shape[3]) for x in inputs]
    for images in (inputs, larger):
        np.testing.assert_allclose(run(after, *images), run(before, *images), atol=1e-5)
    return after, replaced


def test_blocks_by_hand():
    kernel = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)
    blocked = block_weight(kernel, 2)
    assert blocked.shape == (4, 1, 4, 4)
    assert blocked[0, 0].tolist() == [[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0], [0, 0, 0, 0]]
    assert blocked[3, 0].tolist() == [[0, 0, 0, 0], [0, 1, 2, 3], [0, 4, 5, 6], [0, 7, 8, 9]]


class Head(torch.nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.features = torch.nn.Conv2d(3, 5, 1)
        self.residual1 = torch.nn.Conv2d(5 + 3, 1, kernel, padding=kernel // 2)


class JoinedHead(Head):
    def forward(self, image):
        return self.residual1(torch.cat([self.features(image), image], 1))


class SharedHead(Head):
    def forward(self, image):
        joined = torch.cat([self.features(image), image], 1)
        return self.residual1(joined) + joined.sum(1, keepdim=True)


@pytest.mark.parametrize('kernel', [3, 5])
def test_a_head_over_a_join_becomes_a_sum_of_blocks(kernel):
    model, replaced = check(JoinedHead(kernel), torch.rand(1, 3, 8, 16))
    assert replaced['Conv'] == 1
    assert 'Concat' not in types(model)
    assert types(model).count('Conv') == 3
    assert 'DepthToSpace' in types(model)


def test_a_join_that_others_read_stays():
    model, replaced = check(SharedHead(3), torch.rand(1, 3, 8, 16))
    assert replaced['Conv'] == 1
    assert 'Concat' in types(model)


def test_images_are_halved_by_convolution_and_maps_are_not():
    class Halves(torch.nn.Module):
        def forward(self, image, disparity):
            return F.avg_pool2d(image, 2) + F.avg_pool2d(disparity, 2)
    model, replaced = check(Halves(), torch.rand(1, 3, 8, 12), torch.rand(1, 1, 8, 12))
    assert replaced['AveragePool'] == 1
    assert types(model).count('AveragePool') == 1


def test_enlarging_keeps_borders():
    class Enlarges(torch.nn.Module):
        def forward(self, disparity):
            return F.interpolate(disparity, scale_factor=2.0, mode='bilinear',
                                 align_corners=False)
    model, replaced = check(Enlarges(), torch.rand(1, 1, 4, 6))
    assert replaced['Resize'] == 1
    assert 'Resize' not in types(model)
    ramp = torch.arange(4.0).reshape(1, 1, 1, 4)
    expected = [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]
    assert run(model, ramp)[0, 0].tolist() == [expected, expected]


def test_a_selection_is_enlarged_by_products_and_other_maps_are_not():
    class Selects(torch.nn.Module):
        def forward(self, image, maps):
            selection = torch.softmax(F.interpolate(maps, (4, 6)), 1)
            fine = F.interpolate(selection, scale_factor=4.0, mode='bilinear',
                                 align_corners=False)
            other = F.interpolate(1 + selection, scale_factor=4.0, mode='bilinear',
                                  align_corners=False)
            first, second, _ = fine.split(1, 1)
            return first * image + second + other.sum(1, keepdim=True)
    images = torch.rand(1, 1, 16, 24), torch.rand(1, 3, 4, 6)
    before, after, replaced = exported(Selects(), *images)
    np.testing.assert_allclose(run(after, *images), run(before, *images), atol=1e-6)
    assert replaced['Resize'] == 1
    assert types(after).count('MatMul') == 2 and types(after).count('Resize') == 2


def test_the_matrix_that_enlarges_by_hand():
    assert enlarging(2, 2).T.tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]


def test_every_rewrite_happens_in_the_cascade():
    model = trace(StereoGraph(tiny_network()).eval(), None, None)
    assert to_fast(model) == {'Conv': 2, 'AveragePool': 2, 'Resize': 1}


@pytest.mark.skipif(not processor.bf16_is_fast(), reason='needs a processor with AMX')
def test_warping_in_bf16_is_right_far_from_the_left_border():
    """Coordinates in bfloat16 would be off by 4 pixels at column 1000."""
    openvino = pytest.importorskip('openvino')

    class Warps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            # something heavy behind it, or OpenVINO would keep float32 to the end
            self.after = torch.nn.Conv2d(3, 3, 1, bias=False)
            self.after.weight.data = torch.eye(3)[:, :, None, None].clone()

        def forward(self, image, disparity):
            return self.after(warp(image, disparity))
    torch.manual_seed(0)
    image, disparity = torch.rand(1, 3, 4, 1200), -60 * torch.rand(1, 1, 4, 1200)
    _, model, _ = exported(Warps(), image, disparity)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model.SerializeToString()), 'CPU',
                                  {'INFERENCE_PRECISION_HINT': 'bf16'})
    result = compiled([image.numpy(), disparity.numpy()])[0]
    exact = warp(image, disparity.bfloat16().float()).numpy()
    np.testing.assert_allclose(result, exact, atol=0.02)
