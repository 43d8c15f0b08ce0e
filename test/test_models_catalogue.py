# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
import json

import pytest

torch = pytest.importorskip('torch')
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from depth_learning_ros.models import catalogue  # noqa: E402
from depth_learning_ros.models.config import NetworkConfig  # noqa: E402
from depth_learning_ros.models.flops import count_flop, gflop  # noqa: E402
from depth_learning_ros.models.layers import ConvLReLU, DeconvLReLU  # noqa: E402
from depth_learning_ros.models.registry import CONFIGS, build_network, config_of  # noqa: E402

# Layers of CRL by the authors' table: (kernel^2 x in x out, where it is applied, as the
# denominator of the resolution; twice for the layers that see both images). Deconvolutions
# multiply at each input position.
STAGE_1 = [
    (49 * 3 * 64, 2), (49 * 3 * 64, 2), (25 * 64 * 128, 4), (25 * 64 * 128, 4), (128 * 64, 4),
    (81 * 128, 4), (25 * 145 * 256, 8), (9 * 256 * 256, 8), (9 * 256 * 512, 16),
    (9 * 512 * 512, 16), (9 * 512 * 512, 32), (9 * 512 * 512, 32), (9 * 512 * 1024, 64),
    (9 * 1024 * 1024, 64),
    (9 * 1024, 64), (16 * 1024 * 512, 64), (16, 64), (9 * 1025 * 512, 32),
    (9 * 512, 32), (16 * 512 * 256, 32), (16, 32), (9 * 769 * 256, 16),
    (9 * 256, 16), (16 * 256 * 128, 16), (16, 16), (9 * 385 * 128, 8),
    (9 * 128, 8), (16 * 128 * 64, 8), (16, 8), (9 * 193 * 64, 4),
    (9 * 64, 4), (16 * 64 * 32, 4), (16, 4), (9 * 97 * 32, 2),
    (9 * 32, 2), (16 * 32 * 16, 2), (16, 2), (9 * 20 * 32, 1), (9 * 32, 1)]
STAGE_2 = [
    (25 * 13 * 64, 1), (25 * 64 * 128, 2), (9 * 128 * 128, 2), (9 * 128 * 256, 4),
    (9 * 256 * 256, 4), (9 * 256 * 512, 8), (9 * 512 * 512, 8), (9 * 512 * 1024, 16),
    (9 * 1024 * 1024, 16), (9 * 1024, 16),
    (16 * 1024 * 512, 16), (16, 16), (9 * 1025 * 512, 8), (9 * 512, 8),
    (16 * 512 * 256, 8), (16, 8), (9 * 513 * 256, 4), (9 * 256, 4),
    (16 * 256 * 128, 4), (16, 4), (9 * 257 * 128, 2), (9 * 128, 2),
    (16 * 128 * 64, 2), (16, 2), (25 * 129, 1)]


def by_hand(layers, height, width):
    return sum(2 * products * (height // part) * (width // part) for products, part in layers)


def test_one_layer_worked_by_hand():
    convolution = ConvLReLU(3, 64, 7, 2)
    # 32 x 32 places, 64 outputs, each of 7 x 7 x 3 products
    assert count_flop(convolution, torch.zeros(1, 3, 64, 64)) == 2 * 32 * 32 * 64 * 147
    deconvolution = DeconvLReLU(8, 4)
    # 5 x 6 places, 8 inputs, each spread over 4 outputs of 4 x 4
    assert count_flop(deconvolution, torch.zeros(2, 8, 5, 6)) == 2 * 2 * 5 * 6 * 8 * 4 * 16


def test_groups_are_counted():
    layer = torch.nn.Conv2d(6, 6, 3, groups=3, padding=1)
    assert count_flop(layer, torch.zeros(1, 6, 4, 4)) == 2 * 16 * 6 * (2 * 9)


@pytest.mark.parametrize(('name', 'layers'), [
    ('dispfulnet', STAGE_1), ('dispresnet', STAGE_2), ('crl', STAGE_1 + STAGE_2)])
def test_the_papers_networks_layer_by_layer(name, layers):
    assert gflop(config_of(name), 384, 1280) == by_hand(layers, 384, 1280) / 1e9


def test_equals_the_counter_of_torch_where_that_counts_the_same():
    config = NetworkConfig(architecture='dispnets', width=1 / 16)  # no correlation
    network = build_network(config).eval()
    images = torch.zeros(1, 3, 64, 128), torch.zeros(1, 3, 64, 128)
    with FlopCounterMode(display=False) as counter:
        network(*images)
    assert count_flop(network, *images) == counter.get_total_flops()


def test_odd_sizes_are_padded():
    config = config_of('crl-small')
    assert gflop(config, 375, 1242) == gflop(config, 384, 1280) > gflop(config, 384, 1216)


def test_second_stage_at_half_resolution_costs_a_quarter():
    full = replace(config_of('crl'), width=0.25)
    first = gflop(replace(full, architecture='dispfulnet'), 384, 1280)
    half = gflop(replace(full, second_stage_scale=2), 384, 1280)
    assert half - first == pytest.approx((gflop(full, 384, 1280) - first) / 4)


def test_counting_leaves_no_hooks_behind():
    network = build_network(NetworkConfig(architecture='dispnets', width=1 / 64))
    count_flop(network, torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))
    assert not any(layer._forward_hooks for layer in network.modules())


def test_committed_catalogue_is_up_to_date():
    committed = json.loads(catalogue.CATALOGUE.read_text())
    fresh = catalogue.compute()
    message = 'run: python -m depth_learning_ros.models.catalogue'
    assert [m['name'] for m in committed] == [*CONFIGS, 'bm', 'sgbm', 'sgbm-hh'], message
    for old, new in zip(committed, fresh, strict=True):
        if new['gflop_1242x375'] is not None:
            assert old.pop('gflop_1242x375') == pytest.approx(
                new.pop('gflop_1242x375'), rel=1e-3), message
        assert old == new, message


def test_writing_the_catalogue(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, 'CATALOGUE', tmp_path / 'catalogue.json')
    monkeypatch.setattr(catalogue, 'CONFIGS', {'crl-small': config_of('crl-small')})
    assert catalogue.main() == 0
    first, *classical = json.loads((tmp_path / 'catalogue.json').read_text())
    assert first['parameters'] == 4_997_678
    assert all(m['parameters'] is None for m in classical)


def test_shipped_weights_are_listed(tmp_path, monkeypatch):
    from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
    config = NetworkConfig('tiny', 'dispnets', width=1 / 64)
    save_checkpoint(tmp_path / 'tiny.safetensors', build_network(config),
                    CheckpointInfo('tiny', config, licence='CC0'))
    monkeypatch.setattr(catalogue, 'WEIGHTS_FOLDER', tmp_path)
    monkeypatch.setattr(catalogue, 'CONFIGS', {'tiny': config})
    monkeypatch.setitem(catalogue.DESCRIPTIONS, 'tiny', 'the smallest')
    tiny = catalogue.compute()[0]
    assert (tiny['weights'], tiny['licence']) == ('tiny.safetensors', 'CC0')
