# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Names of networks and how to build them: two plain dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import difflib

from torch import nn

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.crl import CRL, DispResNet
from depth_learning_ros.models.deep3d import Deep3D
from depth_learning_ros.models.dispnet import DispFulNet, DispNetC, DispNetS
from depth_learning_ros.models.monodepth import Monodepth
from depth_learning_ros.models.svs import SVS
from depth_learning_ros.models.view_small import SmallViewSynthesis
from depth_learning_ros.models.view_synthesis import ViewSynthesis

ARCHITECTURES: dict[str, Callable[[NetworkConfig], nn.Module]] = {
    'dispnets': DispNetS,
    'dispnetc': DispNetC,
    'dispfulnet': DispFulNet,
    'dispresnet': DispResNet,
    'crl': CRL,
    'svs': SVS,
    'viewsyn': lambda config: (ViewSynthesis if config.trunk == 'vgg16'
                               else SmallViewSynthesis)(config),
    'deep3d': Deep3D,
    'monodepth': Monodepth,
}


def _small(name: str, architecture: str, width: float = 0.25) -> NetworkConfig:
    """Give the small family: one-sided cosine correlation, residual decoder, half-size stage 2."""
    return NetworkConfig(
        name=name, architecture=architecture, width=width, channel_multiple=8,
        max_displacement=48, two_sided=False, normalize_features=True, match_hint=True,
        local_match=4, residual_decoder=True, unit_px=16.0, second_stage_scale=2,
        channel_order='rgb')


CONFIGS: dict[str, NetworkConfig] = {c.name: c for c in (
    NetworkConfig('dispnets', 'dispnets'),
    NetworkConfig('dispnetc', 'dispnetc'),
    NetworkConfig('dispfulnet', 'dispfulnet'),
    NetworkConfig('dispresnet', 'dispresnet'),
    NetworkConfig('crl', 'crl'),
    NetworkConfig('crl-half', 'crl', width=0.5),
    NetworkConfig('crl-quarter', 'crl', width=0.25),
    _small('crl-small', 'crl'),
    _small('dispnetc-small', 'dispnetc'),
    NetworkConfig('svs', 'svs', input_height=384, input_width=1280),
    NetworkConfig('viewsyn', 'viewsyn', input_height=192, input_width=640),
    NetworkConfig('viewsyn-bn', 'viewsyn', batch_norm=True, input_height=192, input_width=640),
    replace(_small('svs-small', 'svs'), trunk='small', max_displacement=16, local_match=0,
            input_height=192, input_width=640),
    NetworkConfig('deep3d', 'deep3d', levels=33, channel_order='rgb', input_height=160,
                  input_width=384),
    NetworkConfig('monodepth', 'monodepth', channel_order='rgb', input_height=256,
                  input_width=512),
    NetworkConfig('monodepth-small', 'monodepth', width=0.375, channel_multiple=8,
                  channel_order='rgb', input_height=192, input_width=640),
)}


def config_of(name: str) -> NetworkConfig:
    """Give the configuration of a named network.

    Raises:
        ModelError: the name is unknown; the nearest known one is suggested.
    """
    if name in CONFIGS:
        return CONFIGS[name]
    near = difflib.get_close_matches(name, CONFIGS, 1)
    hint = f': did you mean {near[0]!r}?' if near else '.'
    raise ModelError(f'there is no network {name!r}{hint} Known: {", ".join(CONFIGS)}')


def build_network(config: NetworkConfig | str) -> nn.Module:
    """Build a network with fresh weights from a configuration or a name."""
    if isinstance(config, str):
        config = config_of(config)
    if config.architecture not in ARCHITECTURES:
        raise ModelError(f'there is no architecture {config.architecture!r}: '
                         f'known are {", ".join(ARCHITECTURES)}')
    return ARCHITECTURES[config.architecture](config)
