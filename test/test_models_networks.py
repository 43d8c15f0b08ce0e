# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names, sizes and shapes of all networks; what happens inside CRL is in test_models_crl."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.errors import ModelError  # noqa: E402
from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.dispnet import Matches  # noqa: E402
from depth_learning_ros.models.flops import count_parameters  # noqa: E402
from depth_learning_ros.models.layers import ConvLReLU, DeconvLReLU, Upsample2x  # noqa: E402
from depth_learning_ros.models.registry import (  # noqa: E402
    ARCHITECTURES,
    CONFIGS,
    build_network,
    config_of,
)

TINY = NetworkConfig(width=1 / 64, channel_multiple=2, max_displacement=3)


def tiny(architecture, **changes):
    torch.manual_seed(0)
    return build_network(replace(TINY, architecture=architecture, **changes)).eval()


def pair(height=64, width=128):
    torch.manual_seed(1)
    return torch.rand(2, 3, height, width) - 0.5, torch.rand(2, 3, height, width) - 0.5


@pytest.mark.parametrize(('name', 'parameters'), [
    ('dispnets', 42_321_462), ('dispnetc', 42_429_110), ('dispfulnet', 42_443_399),
    ('dispresnet', 36_320_222), ('crl', 78_763_621)])
def test_parameters_of_the_papers_networks(name, parameters):
    assert count_parameters(config_of(name)) == parameters


def test_parameters_with_the_constant_deconvolution_biases_of_the_caffe_files():
    with torch.device('meta'):
        network = build_network('crl')
    biases = sum(layer.out_channels for layer in network.modules()
                 if isinstance(layer, (DeconvLReLU, Upsample2x)))
    assert count_parameters(config_of('crl')) + biases == 78_765_599


def test_shapes_of_the_papers_layers():
    with torch.device('meta'):
        crl = build_network('crl')
    shapes = {name: tuple(p.shape) for name, p in crl.named_parameters()}
    assert shapes['stage1.conv3.weight'] == (256, 81 + 64, 5, 5)
    assert shapes['stage1.decoder.iconv5.weight'] == (512, 1025, 3, 3)
    assert shapes['stage1.decoder.iconv0.weight'] == (32, 20, 3, 3)
    assert shapes['stage1.decoder.deconv0.weight'] == (32, 16, 4, 4)
    assert shapes['stage2.conv2.weight'] == (64, 13, 5, 5)
    assert shapes['stage2.residual1.weight'] == (1, 129, 5, 5)
    assert not any('deconv' in name or 'upsample' in name
                   for name in shapes if name.endswith('.bias'))


def test_no_activation_on_joining_and_prediction_layers():
    with torch.device('meta'):
        crl = build_network('crl')
    plain = [name for name, layer in crl.named_modules() if type(layer) is torch.nn.Conv2d]
    assert len([name for name in plain if 'iconv' in name]) == 6 + 3
    assert len([name for name in plain if 'predict' in name]) == 7
    assert len([name for name in plain if 'residual' in name]) == 5
    assert len(plain) == 21
    active = [name.split('.')[-1] for name, layer in crl.named_modules()
              if isinstance(layer, ConvLReLU)]
    assert set(active) == {'conv1', 'conv2', 'conv3', 'conv3_1', 'conv4', 'conv4_1', 'conv5',
                           'conv5_1', 'conv6', 'conv6_1', 'conv_redir'}


@pytest.mark.parametrize(('architecture', 'finest'), [
    ('dispnets', 2), ('dispnetc', 2), ('dispfulnet', 1)])
@pytest.mark.parametrize('changes', [
    {}, {'two_sided': False, 'normalize_features': True, 'match_hint': True,
         'residual_decoder': True, 'unit_px': 16.0}])
def test_scales_of_one_stage(architecture, finest, changes):
    scales = tiny(architecture, **changes)(*pair())
    factors = [64, 32, 16, 8, 4, 2, 1][:7 if finest == 1 else 6]
    assert [tuple(s.shape) for s in scales] == [(2, 1, 64 // f, 128 // f) for f in factors]
    assert all(s.max() <= 0 and torch.isfinite(s).all() for s in scales)
    assert scales[-1].min() < 0


def test_training_lets_the_positive_side_through():
    network = tiny('dispnetc')
    torch.nn.init.constant_(network.decoder.predict6.bias, 20.0)
    assert network(*pair())[0].max() == 0
    assert network.train()(*pair())[0].max() > 0.1


def test_raw_predictions_climb_not_the_cut_ones():
    # a positive prediction at 1/64 is cut in the output, but not for the layer above it
    network = tiny('dispnets')
    seen = []
    network.decoder.upsample6to5.register_forward_hook(lambda m, i, o: seen.append(i[0]))
    torch.nn.init.zeros_(network.decoder.predict6.weight)
    torch.nn.init.constant_(network.decoder.predict6.bias, 7.0)
    assert network(*pair())[0].unique().tolist() == [0.0]
    assert seen[0].unique().tolist() == [7.0]


def test_residual_decoder_adds_to_the_prediction_from_above():
    network = tiny('dispnetc', residual_decoder=True)
    for name, parameter in network.decoder.named_parameters():
        if name.startswith('predict'):
            torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(network.decoder.predict6.bias, -3.0)
    scales = network(*pair(192, 192))
    assert scales[0].unique().tolist() == [-3.0]
    # bilinear up-sampling leaves a constant alone away from the borders
    assert scales[-1][0, 0, 48, 48].item() == pytest.approx(-3.0)


def test_unit_scales_disparities():
    one, sixteen = tiny('dispnetc'), tiny('dispnetc', unit_px=16.0)
    sixteen.load_state_dict(one.state_dict())
    images = pair()
    for a, b in zip(one(*images), sixteen(*images), strict=True):
        torch.testing.assert_close(16 * a, b)


def test_features_are_compared_not_their_lengths():
    # the cosine does not change with the contrast of the images, the raw product does
    network = tiny('dispnetc', normalize_features=True)
    joined = []
    network.conv3.register_forward_hook(lambda m, i, o: joined.append(i[0][:, :7]))
    for layer in (network.conv1, network.conv2):
        torch.nn.init.zeros_(layer.bias)
    left, right = pair()
    network(100 * left, 100 * right)
    network(1000 * left, 1000 * right)
    torch.testing.assert_close(joined[0], joined[1], atol=1e-4, rtol=0)
    assert joined[0].abs().max() <= 1 + 1e-5


def test_match_hint_knows_the_shift():
    network = tiny('dispnetc', two_sided=False, match_hint=True, max_displacement=6,
                   normalize_features=True, unit_px=4.0)
    corr = torch.zeros(1, 1, 2, 7)  # (B, H, W, K)
    corr[0, 0, 0, 6 - 5] = 1.0  # five pixels to the left at 1/4 resolution: 20 px
    expected, peak = network.hint(corr).split(1, -1)
    # softmax with sharpness e^3 = 20.1 is nearly a choice: six others of e^-20.1
    assert expected[0, 0, 0, 0].item() == pytest.approx(-5 * 4 / 4, abs=1e-6)
    assert peak[0, 0, 0, 0].item() == pytest.approx(1, abs=1e-6)
    # nothing matches better than anything else: the middle of 0..6, and no confidence
    assert expected[0, 0, 1, 0].item() == pytest.approx(-3)
    assert peak[0, 0, 1, 0].item() == pytest.approx(1 / 7)


def test_local_matches_are_read_around_the_prediction():
    # one match, 3 px to the left at 1/4: channel 6 - 3 of 0..6. A prediction of -2 units of 4 px
    # is 2 px there, channel 4: the match lies one below it.
    network = tiny('dispnetc', two_sided=False, max_displacement=6, unit_px=4.0, local_match=2)
    volume = torch.zeros(1, 1, 1, 7)
    volume[0, 0, 0, 3] = 1.0
    matches = Matches(torch.zeros(0), torch.full((1, 1, 1, 1), 9.0), volume, None, torch.zeros(0))
    skip = network.quarter_skip(matches)(torch.full((1, 1, 1, 1), -2.0))
    assert skip.flatten().tolist() == [9, 0, 1, 0, 0, 0]


def test_local_matches_of_the_second_stage_have_their_best_in_the_middle():
    network = tiny('crl', local_match=2)
    image = torch.rand(1, 3, 16, 24)
    cosines = network.stage2.local_matches(image, image)  # stage 1 was right everywhere
    assert cosines.shape == (1, 5, 16, 24)
    torch.testing.assert_close(cosines[:, 2], torch.ones(1, 16, 24), atol=1e-3, rtol=0)
    assert (cosines[:, 2] >= cosines.amax(1) - 1e-5).all()


def test_local_matches_give_features_a_gradient():
    network = tiny('crl', two_sided=False, local_match=2, match_hint=True)
    left, right = pair()
    network.train()(left, right).second[-1].sum().backward()
    assert network.stage2.match.weight.grad.abs().max() > 0
    extra = network.stage1.decoder.iconv2.weight
    assert extra.grad.abs().max() > 0


@pytest.mark.parametrize('name', list(CONFIGS))
def test_configuration_round_trip(name):
    import json
    config = config_of(name)
    assert NetworkConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.name == name and config.architecture in ARCHITECTURES
    assert set(config.to_dict()) == {f.name for f in fields(NetworkConfig)}


def test_configuration_of_a_newer_version():
    with pytest.raises(ModelError, match=r"\['attention'\].*upgrade"):
        NetworkConfig.from_dict({'name': 'x', 'attention': True})


@pytest.mark.parametrize(('count', 'expected'), [(64, 16), (32, 8), (16, 8), (1024, 256)])
def test_channels_of_the_small_family(count, expected):
    assert config_of('crl-small').channels(count) == expected


def test_channels_round_up_to_the_multiple():
    assert NetworkConfig(width=0.3, channel_multiple=8).channels(64) == 24  # 19.2 -> 19 -> 24
    assert NetworkConfig(width=0.001).channels(64) == 1


@pytest.mark.parametrize(('name', 'suggestion'), [
    ('clr', "did you mean 'crl'"), ('crl_small', "did you mean 'crl-small'"),
    ('dispnet', "did you mean 'dispnet"), ('zzz', 'Known: dispnets, dispnetc')])
def test_unknown_name(name, suggestion):
    with pytest.raises(ModelError, match=suggestion):
        build_network(name)


def test_unknown_architecture():
    with pytest.raises(ModelError, match="'transformer': known are dispnets"):
        build_network(NetworkConfig(architecture='transformer'))
