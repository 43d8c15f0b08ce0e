# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.models.layers import (  # noqa: E402
    ConvLReLU,
    DeconvLReLU,
    Upsample2x,
    conv,
    downsample,
    initialize,
    join,
    negative_relu,
)


def caffe_downsample(image, out_height, out_width):
    """Give what DispNet's Downsample layer gives, sample by sample, as its source defines it."""
    height, width = image.shape
    scale_y, scale_x = (height - 1) / (out_height - 1), (width - 1) / (out_width - 1)
    out = np.zeros((out_height, out_width))
    for row, column in np.ndindex(out.shape):
        y, x = row * scale_y, column * scale_x
        total = weights = 0.0
        for yy in range(round(y) - math.ceil(scale_y), round(y) + math.ceil(scale_y) + 1):
            for xx in range(round(x) - math.ceil(scale_x), round(x) + math.ceil(scale_x) + 1):
                if 0 <= yy < height and 0 <= xx < width:
                    weight = (max(0, 1 - abs(xx - x) / scale_x)
                              * max(0, 1 - abs(yy - y) / scale_y))
                    total += weight * image[yy, xx]
                    weights += weight
        out[row, column] = total / weights
    return out


@pytest.mark.parametrize('factor', [2, 4, 8])
def test_downsample_equals_the_caffe_layer(factor):
    image = np.random.default_rng(0).standard_normal((16, 48)).astype(np.float32)
    result = downsample(torch.from_numpy(image)[None, None], factor)[0, 0].numpy()
    np.testing.assert_allclose(
        result, caffe_downsample(image, 16 // factor, 48 // factor), atol=1e-5)


def test_downsample_worked_by_hand():
    # 4 columns to 2: scale (4 - 1) / (2 - 1) = 3, centres 0 and 3, weights 1, 2/3, 1/3, 0
    rows = torch.tensor([[6., 0., 0., 0.], [0., 6., 0., 0.], [0., 0., 6., 0.], [0., 0., 0., 6.]])
    result = downsample(rows[None, None], 2)[0, 0]
    w = torch.tensor([[1 / 2, 1 / 3, 1 / 6, 0], [0, 1 / 6, 1 / 3, 1 / 2]])
    torch.testing.assert_close(result, w @ rows @ w.T)
    # the first: 6 * (1/2 * 1/2 + 1/3 * 1/3 + 1/6 * 1/6) = 6 * 14 / 36
    assert result[0, 0].item() == pytest.approx(14 / 6)
    assert result[0, 1].item() == pytest.approx(6 * 2 * (1 / 3) * (1 / 6))


def test_downsample_keeps_values_and_corners():
    flat = torch.full((1, 2, 16, 32), -37.25)
    torch.testing.assert_close(downsample(flat, 8), torch.full((1, 2, 2, 4), -37.25))
    assert downsample(flat, 1) is flat
    # corners aligned: a ramp keeps its centre of symmetry
    ramp = torch.arange(32.).expand(1, 1, 16, 32)
    small = downsample(ramp, 4)[0, 0, 0]
    torch.testing.assert_close(small + small.flip(0), torch.full((8,), 31.))


def test_downsample_to_one_pixel_is_finite():
    assert torch.isfinite(downsample(torch.ones(1, 1, 16, 16), 16)).all()


def test_downsample_gradient():
    torch.manual_seed(0)
    image = torch.randn(1, 1, 4, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: downsample(x, 2), (image,))


def test_negative_relu():
    x = torch.tensor([-3., -0.5, 0., 0.5, 3.])
    assert negative_relu(x, training=False).tolist() == [-3, -0.5, 0, 0, 0]
    torch.testing.assert_close(
        negative_relu(x, training=True), torch.tensor([-3., -0.5, 0., 0.05, 0.3]))


def test_convolution_with_leaky_relu():
    layer = ConvLReLU(1, 1, 3)
    torch.nn.init.constant_(layer.weight, 1)
    torch.nn.init.constant_(layer.bias, 1)
    # 3x3 of -1 around the centre: -9 + 1 = -8, times 0.1; at a corner 4 of them: -3
    result = layer(-torch.ones(1, 1, 3, 3))[0, 0]
    torch.testing.assert_close(result[1, 1].item(), -0.8)
    torch.testing.assert_close(result[0, 0].item(), -0.3)
    assert layer(torch.ones(1, 1, 3, 3))[0, 0, 1, 1] == 10


@pytest.mark.parametrize(('kernel', 'stride', 'size'), [(7, 2, 32), (5, 2, 32), (3, 2, 32),
                                                        (5, 1, 64), (1, 1, 64)])
def test_padding_keeps_the_size_divided_by_the_stride(kernel, stride, size):
    assert ConvLReLU(3, 4, kernel, stride)(torch.zeros(1, 3, 64, 64)).shape == (1, 4, size, size)


def test_deconvolution_has_no_bias_and_leaks():
    layer = DeconvLReLU(1, 1)
    assert layer.bias is None
    torch.nn.init.constant_(layer.weight, 1)
    result = layer(-torch.ones(1, 1, 2, 2))[0, 0]
    assert result.shape == (4, 4)
    # each output pixel gathers at most 2 x 2 of the inputs
    assert result[1, 1].item() == pytest.approx(-0.4)
    assert result[0, 0].item() == pytest.approx(-0.1)


def test_upsampling_starts_as_bilinear_interpolation():
    layer = Upsample2x()
    initialize(layer)
    ramp = torch.arange(6.).expand(1, 1, 4, 6)
    result = layer(ramp)[0, 0]
    assert result.shape == (8, 12)
    # pixel centres at -0.25, 0.25, 0.75, ...: inside, the ramp goes on in halves
    torch.testing.assert_close(result[2, 1:11].detach(), torch.arange(10) * 0.5 + 0.25)


def test_upsampling_stays_float32_under_autocast():
    layer = Upsample2x()
    initialize(layer)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert conv(1, 1)(torch.ones(1, 1, 8, 8)).dtype == torch.bfloat16
        flat = layer(torch.full((1, 1, 8, 8), -40.125, dtype=torch.float32))
    assert flat.dtype == torch.float32 and flat[0, 0, 8, 8].item() == -40.125


def test_joining_takes_the_type_of_the_features():
    joined = join(torch.ones(1, 2, 4, 4), torch.ones(1, 3, 4, 4, dtype=torch.bfloat16),
                  torch.ones(1, 1, 4, 4))
    assert joined.shape == (1, 6, 4, 4) and joined.dtype == torch.bfloat16


def test_initial_spread_and_biases():
    torch.manual_seed(0)
    layers = torch.nn.ModuleList([ConvLReLU(64, 128, 3), DeconvLReLU(128, 64), conv(256, 1)])
    initialize(layers)
    # MSRA: sqrt(2 / ((1 + 0.1^2) fan)); the deconvolution gathers 4 of its 16 taps per pixel
    expected = [math.sqrt(2 / 1.01 / (64 * 9)), math.sqrt(2 / 1.01 / (128 * 4)),
                0.1 * math.sqrt(2 / 1.01 / (256 * 9))]
    for layer, spread in zip(layers, expected, strict=True):
        assert layer.weight.std().item() == pytest.approx(spread, rel=0.06)
        assert layer.bias is None or not layer.bias.any()


def test_initialisation_keeps_the_scale_of_a_signal():
    torch.manual_seed(0)
    layers = torch.nn.Sequential(ConvLReLU(64, 64, 3), DeconvLReLU(64, 64), ConvLReLU(64, 64, 3),
                                 DeconvLReLU(64, 64))
    initialize(layers)
    result = layers(torch.randn(1, 64, 12, 12))
    assert 0.3 < result.square().mean().sqrt().item() < 3
