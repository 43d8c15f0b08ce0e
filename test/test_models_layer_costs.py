# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

torch = pytest.importorskip('torch')

from depth_learning_ros.models.flops import gflop  # noqa: E402
from depth_learning_ros.models.layer_costs import (  # noqa: E402
    Gpu,
    LayerCost,
    bound_seconds,
    floor_seconds,
    layer_costs,
)
from depth_learning_ros.models.registry import config_of  # noqa: E402


def test_the_first_layer_by_hand():
    costs = {cost.name: cost for cost in layer_costs(config_of('dispnetc'), 64, 128)}
    # conv1: 7x7, 3 -> 64 channels, stride 2: 32x64 outputs; the last call sees the right image
    first = costs['conv1']
    assert first.flop == 2 * 32 * 64 * 64 * 3 * 49
    assert first.values == 3 * 64 * 128 + 64 * 32 * 64 + 64 * 3 * 49
    # correlation at 1/4: 81 displacements of 128 channels
    match = costs['correlation']
    assert match.flop == 2 * 81 * 128 * 16 * 32
    assert match.values == 16 * 32 * (128 + 128 + 81)


@pytest.mark.parametrize('name', ['crl', 'crl-small', 'dispnetc', 'dispnets'])
def test_the_sum_is_what_is_counted_elsewhere(name):
    total = sum(cost.flop for cost in layer_costs(config_of(name), 375, 1242))
    assert total / 1e9 == pytest.approx(gflop(config_of(name), 375, 1242))


def test_the_floor_takes_the_larger_of_two_times():
    gpu = Gpu('g', 100.0, 10.0, 'made up')
    costs = [LayerCost('a', 1000, 10), LayerCost('b', 100, 100)]
    # a: 10 s of arithmetic, 2 s of memory; b: 1 s and 20 s
    assert floor_seconds(costs, gpu) == 30
    assert bound_seconds(costs, gpu) == (11, 22)
