# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Single-view networks: sizes of the papers, the selection against brute force, shapes."""

from __future__ import annotations

from dataclasses import replace

from caffemodels import layer, net, network_layers
import numpy as np
import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.errors import ModelError  # noqa: E402
from depth_learning_ros.models import releases  # noqa: E402
from depth_learning_ros.models.caffe_names import STATISTICS  # noqa: E402
from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.flops import count_parameters, gflop  # noqa: E402
from depth_learning_ros.models.import_caffe import import_caffe  # noqa: E402
from depth_learning_ros.models.layers import DeconvLReLU, Upsample2x  # noqa: E402
from depth_learning_ros.models.registry import build_network, config_of  # noqa: E402
from depth_learning_ros.models.selection import (  # noqa: E402
    expected_shift,
    seen_from_left,
    shifted_copies,
    synthesize,
)
from depth_learning_ros.models.svs import input_mean  # noqa: E402
from depth_learning_ros.models.view_small import row_height  # noqa: E402
from depth_learning_ros.models.view_synthesis import MEANS, bilinear  # noqa: E402

TINY = replace(config_of('svs-small'), width=1 / 32, channel_multiple=2, max_displacement=3,
               levels=9)


def tiny(architecture='svs', **changes):
    torch.manual_seed(0)
    return build_network(replace(TINY, architecture=architecture, **changes)).eval()


# The papers' sizes. Godard's code prints 31600072 itself; Deep3D's was added up from sym.py.
@pytest.mark.parametrize(('name', 'parameters'), [
    ('viewsyn', 348_184_577), ('viewsyn-bn', 348_184_577 + 2 * (64 + 128 + 256 + 512)),
    ('monodepth', 31_600_072), ('deep3d', 28_024_785)])
def test_parameters_of_the_papers_networks(name, parameters):
    assert count_parameters(config_of(name)) == parameters


def test_parameters_of_svs_with_the_constants_of_the_caffe_files():
    with torch.device('meta'):
        network = build_network('svs')
    biases = sum(layer.out_channels for layer in network.modules()
                 if isinstance(layer, (DeconvLReLU, Upsample2x)))
    scale_layers = 3 * 2  # a factor of 1 and a mean for each of three channels
    assert count_parameters(config_of('svs')) + biases + scale_layers == 390_629_047


def test_shapes_of_the_papers_layers():
    with torch.device('meta'):
        network = build_network('svs')
        output = network(torch.empty(1, 3, 384, 1280))
        pools = network.view.trunk(torch.empty(1, 3, 192, 640))
        deep3d = build_network('deep3d')(torch.empty(1, 3, 160, 384))
    assert [tuple(p.shape[1:]) for p in pools] == [
        (64, 96, 320), (128, 48, 160), (256, 24, 80), (512, 12, 40), (512, 6, 20)]
    shapes = {name: tuple(p.shape) for name, p in network.named_parameters()}
    assert shapes['view.fc6.weight'] == (4096, 61_440)
    assert shapes['view.fc8.weight'] == (15_360, 4096)
    assert shapes['view.up5.weight'] == (128, 1, 32, 32)
    assert shapes['deconv_sm.weight'] == (3, 1, 4, 4)
    assert output.selection.shape == (1, 65, 192, 640)
    assert output.view.shape == (1, 3, 192, 640)
    assert output.right.shape == (1, 3, 384, 1280)
    assert [d.shape[-1] for d in output.disparities] == [20, 40, 80, 160, 320, 640, 1280]
    assert deep3d.selection.shape == (1, 33, 160, 384)


@pytest.mark.parametrize(('shifts', 'edge'), [
    (range(5), 'zero'), ([3, 1, 0, -2], 'zero'), ([2, 0, -3], 'clamp'), ([-1], 'clamp')])
def test_selection_against_brute_force(shifts, edge):
    torch.manual_seed(1)
    left, selection = torch.rand(2, 3, 4, 11), torch.rand(2, len(shifts), 4, 11)
    expected = torch.zeros(2, 3, 4, 11)
    for x in range(11):
        for k, shift in enumerate(shifts):
            source = x + shift
            if edge == 'clamp':
                source = min(max(source, 0), 10)
            if 0 <= source < 11:
                expected[..., x] += selection[:, k, None, :, x] * left[..., source]
    assert torch.allclose(synthesize(left, selection, shifts, edge=edge), expected, atol=1e-6)


@pytest.mark.parametrize('edge', ['zero', 'clamp'])
def test_gradients_of_the_selection_are_those_of_the_plain_sum(edge):
    torch.manual_seed(2)
    left = torch.rand(1, 2, 3, 7, dtype=torch.float64, requires_grad=True)
    selection = torch.rand(1, 4, 3, 7, dtype=torch.float64, requires_grad=True)
    shifts = [0, 2, -1, 3]
    assert torch.autograd.gradcheck(
        lambda a, b: synthesize(a, b, shifts, edge=edge), (left, selection))
    if edge == 'zero':
        plain = (selection[:, :, None] * shifted_copies(left, shifts)).sum(1)
        assert torch.allclose(synthesize(left, selection, shifts), plain)


def test_a_certain_selection_shifts_the_image_to_the_left_and_fills_with_zero():
    left = torch.arange(1.0, 7).reshape(1, 1, 1, 6)
    selection = torch.zeros(1, 4, 1, 6)
    selection[:, 2] = 1
    assert synthesize(left, selection, range(4)).flatten().tolist() == [3, 4, 5, 6, 0, 0]
    assert expected_shift(selection, range(4)).flatten().tolist() == [2] * 6


def test_the_right_views_disparity_is_brought_to_the_left_view():
    # right pixel x shows what the left one shows at x + d: d = 2 for right x < 4, else 1;
    # left pixel 5 is claimed by right 3 (d = 2) and right 4 (d = 1), and either may have it
    right = torch.tensor([2.0, 2, 2, 2, 1, 1, 1, 1, 1, 1]).reshape(1, 1, 1, 10)
    assert seen_from_left(right).flatten()[2:].tolist() == [2, 2, 2, 1, 1, 1, 1, 1]


def test_bilinear_filler_keeps_a_constant():
    for kernel in (1, 4, 8, 16, 32):
        up = torch.nn.functional.conv_transpose2d(
            torch.ones(1, 1, 6, 6), bilinear(kernel)[None, None],
            stride=max(1, kernel // 2), padding=kernel // 4)
        inner = up[..., up.shape[-1] // 4:-up.shape[-1] // 4, up.shape[-1] // 4:-up.shape[-1] // 4]
        assert torch.allclose(inner, torch.ones_like(inner), atol=1e-6), kernel


def test_small_network_gives_what_the_engine_expects():
    network = tiny()
    left = torch.rand(2, 3, 64, 128) - 0.5
    with torch.no_grad():
        output = network(left)
    assert [tuple(d.shape) for d in output.disparities][-1] == (2, 1, 64, 128)
    assert all(float(d.max()) <= 0 for d in output.disparities)
    assert output.right.shape == left.shape
    assert output.selection.shape == (2, 9, 16, 32)
    assert torch.allclose(output.selection.sum(1), torch.ones(2, 16, 32), atol=1e-5)
    assert network(left, 'view').disparities == []


def test_stereo_stage_gives_the_view_no_gradient():
    network = tiny().train()
    output = network(torch.rand(1, 3, 64, 128) - 0.5, 'stereo')
    output.disparities[-1].sum().backward()
    assert all(p.grad is None for p in network.view.parameters())
    assert any(p.grad is not None for p in network.stereo.parameters())
    network.zero_grad()
    network(torch.rand(1, 3, 64, 128) - 0.5).disparities[-1].sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in network.view.parameters())


def test_rows_know_their_height():
    assert row_height(torch.zeros(1, 5, 4, 2))[0, 0, :, 0].tolist() == [-0.75, -0.25, 0.25, 0.75]


@pytest.mark.parametrize('architecture', ['viewsyn', 'deep3d', 'monodepth'])
def test_other_single_view_networks_give_a_negative_disparity_and_a_view(architecture):
    network = tiny(architecture, trunk='vgg16', input_height=64, input_width=128)
    with torch.no_grad():
        output = network(torch.rand(1, 3, 64, 128))
    assert output.disparities[-1].shape == (1, 1, 64, 128)
    assert float(output.disparities[-1].max()) <= 0
    assert output.right.shape == (1, 3, 64, 128)


def test_view_synthesis_fills_with_the_mean_colour():
    network = tiny('viewsyn', trunk='vgg16', input_height=64, input_width=128)
    network.conv_sum.weight.data.zero_()
    network.conv_sum.bias.data.copy_(torch.tensor([0.0] * 8 + [60.0]))  # the largest shift, 8
    with torch.no_grad():
        right = network(torch.ones(1, 3, 64, 128)).right
    assert torch.allclose(right[..., :-8], torch.ones(1, 3, 64, 120), atol=1e-4)
    mean = torch.tensor(MEANS)[:, None, None] / 255
    assert torch.allclose(right[..., -8:], mean.expand(1, 3, 64, 8), atol=1e-4)


def test_monodepth_takes_sizes_that_are_no_multiple_of_128():
    network = tiny('monodepth')
    with torch.no_grad():
        output = network(torch.rand(1, 3, 192, 64))
    assert [d.shape[-2] for d in output.disparities] == [24, 48, 96, 192]


def test_deep3d_has_an_empty_channel_and_levels_around_zero():
    with torch.device('meta'):
        network = build_network('deep3d')
    assert (network.shifts[0], network.shifts[-1], len(network.shifts)) == (15, -16, 32)


def test_the_released_nets_subtract_their_means_inside():
    assert input_mean(config_of('svs')) == (0, 0, 0)
    assert input_mean(config_of('svs-small')) == (0.5, 0.5, 0.5)
    assert config_of('svs').single_view and not config_of('crl').single_view


def test_svs_small_costs_less_than_crl_small():
    assert gflop(config_of('svs-small'), 375, 1242) < gflop(config_of('crl-small'), 375, 1242) / 3


def test_configuration_survives_its_dictionary():
    config = config_of('svs-small')
    assert NetworkConfig.from_dict(config.to_dict()) == config


# Released weights

@pytest.fixture
def narrow(monkeypatch):
    """The released networks with few channels and a small image, so that a file is small."""
    for name in ('svs', 'viewsyn', 'viewsyn-bn'):
        release = releases.RELEASES[name]
        scale = 2 if name == 'svs' else 1
        config = replace(release.config, width=1 / 64, channel_multiple=2,
                         input_height=64 * scale, input_width=128 * scale)
        monkeypatch.setitem(releases.RELEASES, name, replace(release, config=config))


def released(name):
    """A network as the authors may have trained it, and the layers of its Caffe file."""
    torch.manual_seed(5)
    release = releases.RELEASES[name]
    network = build_network(release.config).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network, network_layers(network, release.layers)


@pytest.mark.parametrize('name', ['svs', 'viewsyn'])
def test_released_weights_round_trip(tmp_path, narrow, name):
    network, layers = released(name)
    path = tmp_path / 'released.caffemodel'
    path.write_bytes(net(layers))
    imported = import_caffe(path)
    assert imported.info.name == name
    assert imported.unplaced == () and imported.unfilled == ()
    assert imported.info.mean_left == (0, 0, 0) == input_mean(imported.info.config)
    assert imported.info.notes['virtual_baseline_m'] == pytest.approx(0.5327)
    config = imported.info.config
    left = torch.rand(1, 3, config.input_height, config.input_width)
    with torch.no_grad():
        assert torch.equal(imported.network(left).right, network(left).right)


def test_statistics_of_the_normalisations_are_divided_by_their_weight(tmp_path, narrow):
    _, layers = released('viewsyn-bn')
    config = releases.RELEASES['viewsyn-bn'].config
    for channels, name in zip((64, 128, 256, 512), STATISTICS.values(), strict=True):
        width = config.channels(channels)
        layers.append(layer(name, 'BatchNorm', [
            np.full(width, 6.0), np.full(width, 8.0), np.array([2.0])]))
    path = tmp_path / 'bn.caffemodel'
    path.write_bytes(net(layers))
    norm = import_caffe(path).network.norm1
    assert norm.running_mean.tolist() == [3.0] * len(norm.running_mean)
    assert norm.running_var.tolist() == [4.0] * len(norm.running_var)


def test_missing_statistics_are_named(tmp_path, narrow):
    _, layers = released('viewsyn-bn')
    path = tmp_path / 'bn.caffemodel'
    path.write_bytes(net(layers))
    with pytest.raises(ModelError, match=r'norm1\.running_mean'):
        import_caffe(path, network='viewsyn-bn')
