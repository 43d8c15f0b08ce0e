# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import hashlib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from caffemodels import layer, mean_layer, net, network_layers  # noqa: E402

from depth_learning_ros.cli import main  # noqa: E402
from depth_learning_ros.errors import ModelError  # noqa: E402
from depth_learning_ros.models import releases  # noqa: E402
from depth_learning_ros.models.caffe_names import (  # noqa: E402
    CRL,
    DISPFULNET_IN_SVS,
    DISPNETC,
    DISPRESNET,
    TABLES,
    VIEWSYN_BN,
)
from depth_learning_ros.models.checkpoint import load_checkpoint  # noqa: E402
from depth_learning_ros.models.flops import count_parameters  # noqa: E402
from depth_learning_ros.models.import_caffe import import_caffe  # noqa: E402
from depth_learning_ros.models.normalize import to_network_input  # noqa: E402
from depth_learning_ros.models.registry import CONFIGS, build_network, config_of  # noqa: E402
from depth_learning_ros.models.releases import RELEASES, guess_release  # noqa: E402

LEFT_MEAN, RIGHT_MEAN = (0.38, 0.41, 0.44), (0.37, 0.42, 0.43)
MEANS = [mean_layer('img0s_aug', LEFT_MEAN), mean_layer('img1s_aug', RIGHT_MEAN)]


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    """The released networks with few channels, so that a file is small."""
    for name, release in RELEASES.items():
        config = replace(release.config, width=1 / 64, channel_multiple=2)
        monkeypatch.setitem(releases.RELEASES, name, replace(release, config=config))


def authors_network(release):
    torch.manual_seed(5)
    network = build_network(releases.RELEASES[release].config).eval()
    for name, parameter in network.named_parameters():
        if name.endswith('bias'):
            torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture
def write(tmp_path):
    def write_file(layers):
        path = tmp_path / 'released.caffemodel'
        path.write_bytes(net(layers))
        return path
    return write_file


def outputs(network):
    torch.manual_seed(1)
    result = network(torch.rand(1, 3, 64, 64) - 0.5, torch.rand(1, 3, 64, 64) - 0.5)
    return result.second if hasattr(result, 'second') else result


# The tables of names

@pytest.mark.parametrize('name', [n for n, c in CONFIGS.items()
                                  if not c.match_hint and c.architecture in TABLES])
def test_tables_map_every_layer_one_to_one(name):
    with torch.device('meta'):
        network = build_network(name)
    table = VIEWSYN_BN if config_of(name).batch_norm else TABLES[config_of(name).architecture]
    assert set(table) == {n.rpartition('.')[0] for n, _ in network.named_parameters()}
    assert len(set(table.values())) == len(table)


@pytest.mark.parametrize('table', [DISPFULNET_IN_SVS, *TABLES.values()])
def test_tables_are_bijective(table):
    assert len(set(table.values())) == len(table)


# Caffe layer -> num_output, as the prototxt files say it, and where it stands in our network.
@pytest.mark.parametrize(('ours', 'theirs', 'shape'), [
    ('stage1.conv1', 'conv1', (64, 3, 7, 7)),
    ('stage1.conv_redir', 'conv_redir', (64, 128, 1, 1)),
    ('stage1.conv3', 'conv3', (256, 145, 5, 5)),
    ('stage1.decoder.predict6', 'Convolution1', (1, 1024, 3, 3)),
    ('stage1.decoder.iconv5', 'Convolution2', (512, 1025, 3, 3)),
    ('stage1.decoder.predict5', 'Convolution3', (1, 512, 3, 3)),
    ('stage1.decoder.iconv4', 'Convolution4', (256, 769, 3, 3)),
    ('stage1.decoder.predict4', 'Convolution5', (1, 256, 3, 3)),
    ('stage1.decoder.iconv3', 'Convolution6', (128, 385, 3, 3)),
    ('stage1.decoder.predict3', 'Convolution7', (1, 128, 3, 3)),
    ('stage1.decoder.iconv2', 'Convolution8', (64, 193, 3, 3)),
    ('stage1.decoder.predict2', 'Convolution9', (1, 64, 3, 3)),
    ('stage1.decoder.iconv1', 'Convolution10', (32, 97, 3, 3)),
    ('stage1.decoder.predict1', 'Convolution11', (1, 32, 3, 3)),
    ('stage1.decoder.iconv0', 'Convolution12', (32, 20, 3, 3)),
    ('stage1.decoder.predict0', 'Convolution13', (1, 32, 3, 3)),
    ('stage1.decoder.deconv5', 'deconv5', (1024, 512, 4, 4)),
    ('stage1.decoder.deconv0', 'deconv0', (32, 16, 4, 4)),
    ('stage1.decoder.upsample6to5', 'upsample_flow6to5', (1, 1, 4, 4)),
    ('stage1.decoder.upsample1to0', 'upsample_flow1to0', (1, 1, 4, 4)),
    ('stage2.conv2', 'conv2_s2', (64, 13, 5, 5)),
    ('stage2.conv6_1', 'conv6_1_s2', (1024, 1024, 3, 3)),
    ('stage2.residual16', 'Convolution1_s2', (1, 1024, 3, 3)),
    ('stage2.iconv5', 'Convolution2_s2', (512, 1025, 3, 3)),
    ('stage2.residual8', 'Convolution3_s2', (1, 512, 3, 3)),
    ('stage2.iconv4', 'Convolution4_s2', (256, 513, 3, 3)),
    ('stage2.residual4', 'Convolution5_s2', (1, 256, 3, 3)),
    ('stage2.iconv3', 'Convolution6_s2', (128, 257, 3, 3)),
    ('stage2.residual2', 'Convolution7_s2', (1, 128, 3, 3)),
    ('stage2.residual1', 'Convolution8_s2', (1, 129, 5, 5)),
    ('stage2.deconv2', 'deconv2_s2', (128, 64, 4, 4)),
    ('stage2.upsample3to2', 'upsample_flow3to2_s2', (1, 1, 4, 4))])
def test_names_and_shapes_of_the_released_cascade(ours, theirs, shape):
    assert CRL[ours] == theirs
    with torch.device('meta'):
        weight = build_network('crl').get_submodule(ours).weight
    assert tuple(weight.shape) == shape


@pytest.mark.parametrize(('release', 'order'), [
    ('crl', 'bgr'), ('dispnetc', 'bgr'), ('dispnets', 'bgr'), ('zole', 'rgb'),
    ('dispfulnet', 'bgr'), ('svs-stereo', 'bgr')])
def test_channel_order_of_each_release(release, order):
    assert RELEASES[release].config.channel_order == order


def test_releases_are_the_papers_networks():
    assert all(r.config.width == 1 for r in RELEASES.values() if r.config.channel_multiple == 1)
    for name in ('crl', 'dispnetc', 'dispnets', 'dispfulnet'):
        assert config_of(name).channel_order == 'bgr'


# Import

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


# What does not fit

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


# The command

def test_command_writes_a_file_that_loads(write, tmp_path, capsys):
    theirs = authors_network('crl')
    path = write(MEANS + network_layers(theirs, CRL))
    out = tmp_path / 'crl.safetensors'
    assert main(['import-weights', str(path), '-o', str(out)]) == 0
    printed = capsys.readouterr()
    table = printed.out.splitlines()
    assert table[0].split() == ['layer', 'Caffe', 'layer', 'shape', 'values']
    assert ['stage2.residual1', 'Convolution8_s2', '1', 'x', '5', 'x', '5', 'x', '5', '126'] in [
        line.split() for line in table]
    assert 'placed    61 layers' in printed.out
    assert 'mean      left 0.3800 0.4100 0.4400, right 0.3700 0.4200 0.4300' in printed.out
    assert 'wrote' in printed.err and 'warning' not in printed.err
    network, info = load_checkpoint(out)
    assert info.mean_left == pytest.approx(LEFT_MEAN)
    for a, b in zip(outputs(theirs), outputs(network), strict=True):
        assert torch.equal(a, b)


def test_command_warns_of_what_differs(write, tmp_path, capsys):
    layers = MEANS + network_layers(
        authors_network('crl'), {k: v for k, v in CRL.items() if v != 'conv4'},
        deconvolution_bias=0.5)
    out = str(tmp_path / 'crl.safetensors')
    assert main(['import-weights', str(write(layers)), '-o', out]) == 1
    assert not (tmp_path / 'crl.safetensors').exists()
    assert 'stage1.conv4' in capsys.readouterr().err
    assert main(['import-weights', str(write(layers)), '-o', out, '--partial']) == 0
    printed = capsys.readouterr()
    assert 'unfilled  stage1.conv4 (no layer conv4 in the file)' in printed.out
    assert 'deconv5 (up to 0.5)' in printed.err and '1 layers hold random' in printed.err


def test_command_refuses_bad_outputs_before_reading(tmp_path, capsys):
    missing = str(tmp_path / 'none.caffemodel')
    assert main(['import-weights', missing, '-o', str(tmp_path / 'crl.bin')]) == 2
    assert 'must end in .safetensors' in capsys.readouterr().err
    out = tmp_path / 'crl.safetensors'
    out.write_text('precious')
    assert main(['import-weights', missing, '-o', str(out)]) == 1
    assert '--force' in capsys.readouterr().err
    assert main(['import-weights', missing, '-o', str(out), '--force']) == 1
    assert 'No such file' in capsys.readouterr().err
    assert out.read_text() == 'precious'


def test_command_refuses_weights_that_are_not_finite(write, tmp_path, capsys):
    theirs = authors_network('dispnets')
    with torch.no_grad():
        theirs.conv4.weight[0, 0, 0, 0] = float('nan')
    path = write(MEANS + network_layers(theirs, TABLES['dispnets']))
    assert main(['import-weights', str(path), '-o', str(tmp_path / 'x.safetensors')]) == 1
    assert 'conv4.weight' in capsys.readouterr().err
    assert not (tmp_path / 'x.safetensors').exists()


# The document

DOCUMENT = Path(__file__).parent.parent / 'docs' / 'weights.md'


def commands(name):
    lines = DOCUMENT.read_text().splitlines()
    found = [line.split()[1:] for line in lines if line.startswith(f'depth-learning {name} ')]
    assert found
    return found


def test_commands_of_the_document(write, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for file, release, means in (('crl', 'crl', MEANS), ('zole', 'zole', []),
                                 ('disp_flyKitti', 'dispfulnet', MEANS),
                                 ('svs_end2end', 'svs-stereo', [])):
        network = authors_network(release)
        made = write(means + network_layers(network, releases.RELEASES[release].layers))
        made.rename(f'{file}.caffemodel')
    for arguments in commands('import-weights'):
        assert main(arguments) == 0, arguments
    from depth_learning_ros.cli import _build_parser
    for arguments in commands('infer'):
        assert _build_parser(arguments)[0].parse_args(arguments).model == 'crl.safetensors'


@pytest.mark.parametrize('name', [*RELEASES])
def test_figures_of_the_document(name):
    rows = [line for line in DOCUMENT.read_text().splitlines() if f'| `{name}` |' in line]
    cells = [cell.strip() for cell in rows[0].split('|')]
    config = config_of(name if name in CONFIGS else RELEASES[name].config.architecture)
    assert cells[-3:-1] == [str(len(RELEASES[name].layers)), f'{count_parameters(config):,}']
