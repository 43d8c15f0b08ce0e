# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which layer of a released network is which of ours."""

from __future__ import annotations

import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.models.caffe_names import (  # noqa: E402
    CRL,
    DISPFULNET_IN_SVS,
    TABLES,
    VIEWSYN_BN,
)
from depth_learning_ros.models.registry import CONFIGS, build_network, config_of  # noqa: E402
from depth_learning_ros.models.releases import RELEASES  # noqa: E402


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
