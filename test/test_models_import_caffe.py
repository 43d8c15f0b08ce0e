# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Released Caffe weights become networks of ours, or say what does not fit."""

from __future__ import annotations

from dataclasses import replace
import hashlib

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from caffemodels import layer, mean_layer, net, network_layers  # noqa: E402
from released_networks import (  # noqa: E402
    LEFT_MEAN,
    MEANS,
    RIGHT_MEAN,
    authors_network,
    narrow_releases,
    outputs,
)

from depth_learning_ros.errors import ModelError  # noqa: E402
from depth_learning_ros.models import releases  # noqa: E402
from depth_learning_ros.models.caffe_names import (  # noqa: E402
    CRL,
    DISPFULNET_IN_SVS,
    DISPNETC,
    DISPRESNET,
    TABLES,
)
from depth_learning_ros.models.import_caffe import import_caffe  # noqa: E402
from depth_learning_ros.models.normalize import to_network_input  # noqa: E402
from depth_learning_ros.models.registry import CONFIGS, build_network  # noqa: E402
from depth_learning_ros.models.releases import guess_release  # noqa: E402


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    narrow_releases(monkeypatch)


@pytest.fixture
def write(tmp_path):
    def write_file(layers):
        path = tmp_path / 'released.caffemodel'
        path.write_bytes(net(layers))
        return path
    return write_file


@pytest.mark.parametrize('form', ['new', 'legacy', 'unpacked', 'double'])
def test_cascade_round_trip(write, form):
    theirs = authors_network('crl')
    path = write(MEANS + network_layers(theirs, CRL, form))
    imported = import_caffe(path)
    assert imported.info.name == 'crl' and imported.info.config.channel_order == 'bgr'
    for a, b in zip(outputs(theirs), outputs(imported.network), strict=True):
        assert torch.equal(a, b)
    assert outputs(theirs)[-1].min() < 0
    assert not imported.network.training
    assert imported.info.mean_left == pytest.approx(LEFT_MEAN)
    assert imported.info.mean_right == pytest.approx(RIGHT_MEAN)
    assert imported.unplaced == imported.unfilled == imported.notes == ()
    assert not imported.nonzero_biases
    assert [p.layer for p in imported.placed[:2]] == ['stage1.conv1', 'stage1.conv2']
    assert {p.layer for p in imported.placed} == set(CRL)
    assert sum(p.values for p in imported.placed) == sum(
        p.numel() for p in theirs.parameters())


@pytest.mark.parametrize(('release', 'extra'), [
    ('dispnetc', MEANS), ('dispnets', MEANS), ('zole', []), ('dispfulnet', []),
    ('dispfulnet', MEANS), ('svs-stereo', [])])
@pytest.mark.parametrize('v1', [False, True])
def test_other_releases_are_told_by_their_layers(write, release, extra, v1):
    theirs = authors_network(release)
    imported = import_caffe(
        write(extra + network_layers(theirs, releases.RELEASES[release].layers, v1=v1)))
    assert imported.info.name == release
    assert imported.info.config == releases.RELEASES[release].config
    assert imported.info.mean_left == pytest.approx(LEFT_MEAN if extra else (0, 0, 0))
    for a, b in zip(outputs(theirs), outputs(imported.network), strict=True):
        assert torch.equal(a, b)


def test_input_of_the_network_is_what_caffe_computed(write):
    info = import_caffe(write(MEANS + network_layers(authors_network('crl'), CRL))).info
    red = torch.tensor([255, 51, 0], dtype=torch.uint8).reshape(1, 3, 1, 1)
    values = to_network_input(red, info.config, info.mean_left).flatten()
    # blue, green, red over 255 minus the mean of each
    torch.testing.assert_close(values, torch.tensor([0 - 0.38, 0.2 - 0.41, 1 - 0.44]))


def test_zole_subtracts_nothing_even_if_the_file_holds_means(write):
    path = write(MEANS + network_layers(authors_network('zole'), DISPNETC))
    imported = import_caffe(path, network='zole')
    assert imported.info.mean_left == imported.info.mean_right == (0, 0, 0)
    assert 'img0s_aug and img1s_aug are not subtracted' in imported.notes[0]
    assert imported.unplaced == ('img0s_aug', 'img1s_aug')


def test_svs_leaves_vgg_out_and_says_so(write):
    vgg = [layer('conv3_1', 'Convolution', [np.ones((4, 2, 3, 3)), np.ones(4)]),
           layer('deconv_sm', 'Deconvolution', [np.ones((3, 1, 4, 4)), np.ones(3)])]
    imported = import_caffe(write(
        vgg + network_layers(authors_network('svs-stereo'), DISPFULNET_IN_SVS)))
    assert imported.info.name == 'svs-stereo'
    assert imported.unplaced == ('conv3_1', 'deconv_sm')


def test_first_stage_of_the_cascade_alone(write):
    theirs = authors_network('crl')
    path = write(MEANS + network_layers(theirs, CRL))
    imported = import_caffe(path, network='dispfulnet')
    torch.manual_seed(1)
    images = torch.rand(1, 3, 64, 64) - 0.5, torch.rand(1, 3, 64, 64) - 0.5
    assert torch.equal(imported.network(*images)[-1], theirs(*images).first[-1])
    assert set(imported.unplaced) == set(DISPRESNET.values())


def test_a_network_of_ours_with_fewer_channels(write, monkeypatch):
    monkeypatch.setitem(CONFIGS, 'crl-quarter', replace(CONFIGS['crl-quarter'], width=1 / 32))
    torch.manual_seed(0)
    theirs = build_network('crl-quarter').eval()
    imported = import_caffe(write(network_layers(theirs, CRL)), network='crl-quarter')
    assert imported.info.config == CONFIGS['crl-quarter']
    assert imported.info.name == 'crl-quarter'
    for a, b in zip(outputs(theirs), outputs(imported.network), strict=True):
        assert torch.equal(a, b)
    assert [n.startswith('the file holds no mean') for n in imported.notes] == [True, True]


def test_weights_file_says_where_it_comes_from(write):
    path = write(MEANS + network_layers(authors_network('crl'), CRL))
    info = import_caffe(path).info
    assert info.notes['imported_from'] == 'released.caffemodel'
    assert info.notes['imported_sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert 'Apache-2.0' in info.licence and 'CRL' in info.training_data


def test_of_two_layers_of_one_name_the_last_counts_as_in_caffe(write):
    theirs = authors_network('dispnets')
    old = layer('conv1', 'Convolution', [np.zeros((2, 6, 7, 7)), np.zeros(2)])
    imported = import_caffe(write(
        [old, *MEANS, *network_layers(theirs, TABLES['dispnets'])]))
    assert torch.equal(imported.network.conv1.weight, theirs.conv1.weight)


def test_missing_layers_are_an_error_that_names_them(write):
    layers = MEANS + network_layers(
        authors_network('crl'), {k: v for k, v in CRL.items() if v not in ('conv4', 'deconv3_s2')})
    with pytest.raises(ModelError) as error:
        import_caffe(write(layers))
    assert 'stage1.conv4 (no layer conv4 in the file)' in str(error.value)
    assert 'stage2.deconv3 (no layer deconv3_s2 in the file)' in str(error.value)
    assert '--partial' in str(error.value)


def test_partial_import_names_what_stays_random_and_is_repeatable(write):
    theirs = authors_network('crl')
    path = write(MEANS + network_layers(
        theirs, {k: v for k, v in CRL.items() if v != 'conv4'}))
    one, two = (import_caffe(path, partial=True) for _ in range(2))
    assert one.unfilled == ('stage1.conv4 (no layer conv4 in the file)',)
    assert 'conv4' in one.info.notes['random_layers']
    assert one.network.stage1.conv4.weight.std() > 0.01
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, two.network.state_dict()[name])
        assert ('conv4.' in name) or torch.equal(value, theirs.state_dict()[name])


def test_import_leaves_the_random_numbers_of_the_program_alone(write):
    path = write(MEANS + network_layers(authors_network('crl'), CRL))
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    import_caffe(path)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(('blobs', 'complaint'), [
    ([np.ones((2, 6, 5, 5)), np.ones(2)], r'conv1 \(conv1 of shape \[2, 6, 5, 5\] instead of '
                                          r'\[2, 6, 7, 7\]\)'),
    ([np.ones((2, 3, 7, 7)), np.ones(2)], r'of shape \[2, 3, 7, 7\]'),
    ([np.ones((2, 6, 7, 7))], r'conv1 \(conv1 has no bias\)'),
    ([np.ones((2, 6, 7, 7)), np.ones(3)], r'has a bias of shape \[3\] instead of \[2\]'),
    ([np.ones((2, 6, 7, 7)), np.ones(2), np.ones(2)], r'has 3 blobs instead of 2')])
def test_layers_of_another_shape(write, blobs, complaint):
    layers = network_layers(authors_network('dispnets'), TABLES['dispnets'])
    with pytest.raises(ModelError, match=complaint):
        import_caffe(write([*MEANS, *layers, layer('conv1', 'Convolution', blobs)]))


def test_deconvolution_biases_that_are_not_0_are_named(write):
    layers = MEANS + network_layers(authors_network('dispnets'), TABLES['dispnets'])
    weight = np.ones((1, 1, 4, 4), np.float32)
    layers.append(layer('upsample_flow6to5', 'Deconvolution', [weight, np.float32([-0.25])]))
    assert import_caffe(write(layers)).nonzero_biases == {'upsample_flow6to5': 0.25}


@pytest.mark.parametrize('means', [
    [], MEANS[:1],
    [MEANS[0], mean_layer('img1s_aug', (93.0, 99.0, 104.0))],  # 0..255: not what Caffe stores
    [MEANS[0], mean_layer('img1s_aug', (0.3, float('nan'), 0.3))],
    [MEANS[0], mean_layer('img1s_aug', (0.0, 0.0, 0.0), iterations=0)]])
def test_missing_or_senseless_means(write, means):
    layers = means + network_layers(authors_network('crl'), CRL)
    with pytest.raises(ModelError, match=r'the mean of the right images \(no layer img1s_aug'):
        import_caffe(write(layers))
    imported = import_caffe(write(layers), partial=True)
    assert imported.info.mean_right == (0, 0, 0)


def test_another_network_than_the_file_holds(write):
    path = write(MEANS + network_layers(authors_network('dispnets'), TABLES['dispnets']))
    with pytest.raises(ModelError, match=r'does not fill the network crl: it leaves stage1.conv1 '
                       r'\(conv1 of shape \[2, 6, 7, 7\]'):
        import_caffe(path, network='crl')


def test_a_variant_that_caffe_does_not_know(write, monkeypatch):
    config = replace(releases.RELEASES['crl'].config, match_hint=True)
    monkeypatch.setitem(CONFIGS, 'crl-hint', config)
    torch.manual_seed(0)
    path = write(network_layers(build_network(config), CRL))
    with pytest.raises(ModelError, match=r'leaves stage1.log_sharpness \(no Caffe network has'):
        import_caffe(path, network='crl-hint')


def test_progress_counts_the_layers(write):
    calls = []
    import_caffe(write(MEANS + network_layers(authors_network('crl'), CRL)),
                 on_progress=lambda done, total: calls.append((done, total)))
    assert calls == [(n, 61) for n in range(1, 62)]


def test_unknown_network_and_unknown_layers(write):
    path = write([layer('fc6', 'InnerProduct', [np.ones((1, 1, 2, 2))])])
    with pytest.raises(ModelError, match=r"'zolle': did you mean 'zole'"):
        import_caffe(path, network='zolle')
    with pytest.raises(ModelError, match=r'these layers: fc6, .*--network'):
        import_caffe(path)
    with pytest.raises(ModelError, match='fc6'):
        guess_release(['fc6'])
