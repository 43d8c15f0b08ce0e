# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The networks that were released as Caffe files, with few channels, so that a file is small."""

from __future__ import annotations

from dataclasses import replace

from caffemodels import mean_layer
import torch

from depth_learning_ros.models import releases
from depth_learning_ros.models.registry import build_network
from depth_learning_ros.models.releases import RELEASES

LEFT_MEAN, RIGHT_MEAN = (0.38, 0.41, 0.44), (0.37, 0.42, 0.43)
MEANS = [mean_layer('img0s_aug', LEFT_MEAN), mean_layer('img1s_aug', RIGHT_MEAN)]


def narrow_releases(monkeypatch):
    """Put narrow networks in the place of the released ones."""
    for name, release in RELEASES.items():
        config = replace(release.config, width=1 / 64, channel_multiple=2)
        monkeypatch.setitem(releases.RELEASES, name, replace(release, config=config))


def authors_network(release):
    """Give one of them as its authors trained it: no layer is 0."""
    torch.manual_seed(5)
    network = build_network(releases.RELEASES[release].config).eval()
    for name, parameter in network.named_parameters():
        if name.endswith('bias'):
            torch.nn.init.normal_(parameter, std=0.1)
    return network


def outputs(network):
    """Give its answers to a fixed pair."""
    torch.manual_seed(1)
    result = network(torch.rand(1, 3, 64, 64) - 0.5, torch.rand(1, 3, 64, 64) - 0.5)
    return result.second if hasattr(result, 'second') else result
