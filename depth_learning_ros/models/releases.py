# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The released Caffe networks: which architecture, which input, whose terms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
import difflib
from typing import Any

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.caffe_names import (
    CRL,
    DISPFULNET,
    DISPFULNET_IN_SVS,
    DISPNETC,
    DISPNETS,
    MEAN_LAYERS,
    SVS,
    TABLES,
    VIEWSYN,
    VIEWSYN_BN,
)
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.registry import CONFIGS

_APACHE = 'Apache-2.0 (licence of the repository that links the file)'
_LMB = 'not stated in the file: see the terms of the DispNet authors (LMB, University of Freiburg)'
_SVS = "none stated: the authors' repository has no licence"


@dataclass(frozen=True)
class Release:
    """One released file, or several alike.

    Attributes:
        name: what ``import-weights --network`` takes.
        config: the network that takes the weights; its channel order is that of the release.
        layers: our layer -> Caffe layer.
        mean: ``'file'``: the file must hold the running means of its training images;
            ``'optional'``: subtract them where the file holds them; ``'none'``: subtract nothing.
        licence: of the weights, as far as the authors state one.
        description: in words, for the weights file.
        notes: of single-view networks, the camera that they imagine: ``virtual_baseline_m``,
            ``focal_px``, ``training_size``.
    """

    name: str
    config: NetworkConfig
    layers: Mapping[str, str]
    mean: str
    licence: str
    description: str
    notes: Mapping[str, Any] = field(default_factory=dict)


# The rig of KITTI raw, from its calibration: (44.86 + 339.52) / 721.54 = 0.5327 m between the
# colour cameras, a focal length of 721.54 px at a width of 1242. SVS's scripts bring
# its images to 1280 x 384 and to half of that.
_KITTI_RIG = {'virtual_baseline_m': 0.5327, 'focal_px': 743.6, 'training_size': [384, 1280]}
_KITTI_RIG_HALF = {'virtual_baseline_m': 0.5327, 'focal_px': 371.8, 'training_size': [192, 640]}


def _config(name: str, architecture: str, channel_order: str) -> NetworkConfig:
    return replace(CONFIGS[architecture], name=name, channel_order=channel_order)


# OpenCV, through which Caffe and DispNet's tools read images, gives BGR; CRL's and SVS's scripts
# swap to BGR by hand; ZOLE's script does not.
RELEASES: Mapping[str, Release] = {release.name: release for release in (
    Release('crl', _config('crl', 'crl', 'bgr'), CRL, 'file', _APACHE,
            "released by the authors of CRL (FlyingThings3D, see the authors' paper)"),
    Release('dispnetc', _config('dispnetc', 'dispnetc', 'bgr'), DISPNETC, 'file', _LMB,
            'released by the authors of DispNet (DispNetCorr1D)'),
    Release('dispnets', _config('dispnets', 'dispnets', 'bgr'), DISPNETS, 'file', _LMB,
            'released by the authors of DispNet (DispNet, without correlation)'),
    Release('zole', _config('zole', 'dispnetc', 'rgb'), DISPNETC, 'none', _APACHE,
            'released by the authors of ZOLE (demonstration model, smartphone images)'),
    Release('dispfulnet', _config('dispfulnet', 'dispfulnet', 'bgr'), DISPFULNET, 'optional',
            _SVS, 'released by the authors of SVS (stereo part alone, CRL stage 1)'),
    Release('svs-stereo', _config('svs-stereo', 'dispfulnet', 'bgr'), DISPFULNET_IN_SVS, 'none',
            _SVS, 'released by the authors of SVS (stereo part of the joined network)'),
    Release('svs', _config('svs', 'svs', 'bgr'), SVS, 'none', _SVS,
            'released by the authors of SVS (KITTI raw, KITTI 2015)', _KITTI_RIG),
    Release('viewsyn', _config('viewsyn', 'viewsyn', 'bgr'), VIEWSYN, 'none', _SVS,
            'released by the authors of SVS (view synthesis alone, KITTI raw)', _KITTI_RIG_HALF),
    Release('viewsyn-bn', CONFIGS['viewsyn-bn'], VIEWSYN_BN, 'none', _SVS,
            'released by the authors of SVS (view synthesis with batch normalisation, KITTI raw)',
            _KITTI_RIG_HALF),
)}


def guess_release(layers: Collection[str]) -> Release:
    """Tell from the names of the layers which release a file is.

    Raises:
        ModelError: no layer is known.
    """
    names = set(layers)
    if 'Convolution8_s2' in names:
        return RELEASES['crl']
    if 'fc6_half' in names and 'Convolution13' in names:
        return RELEASES['svs']
    if 'fc6_half' in names:
        return RELEASES['viewsyn-bn' if 'bn_pool1' in names else 'viewsyn']
    if 'conv5_1_' in names and 'Convolution13' in names:
        return RELEASES['svs-stereo']
    if 'Convolution13' in names:
        return RELEASES['dispfulnet']
    if 'Convolution11' in names and 'conv_redir' not in names:
        return RELEASES['dispnets']
    if 'Convolution11' in names:
        return RELEASES['dispnetc' if MEAN_LAYERS[0] in names else 'zole']
    few = ', '.join(sorted(names)[:6])
    raise ModelError(f'no network of DispNet, CRL, ZOLE or SVS has these layers: {few}, ... '
                     f'({len(names)} in all); --network {{{",".join(RELEASES)}}} says which one '
                     f'it is')


def release_of(name: str) -> Release:
    """Give the release of a name, or one that fills another network of the same layers.

    Raises:
        ModelError: the name is unknown; the nearest is suggested.
    """
    if name in RELEASES:
        return RELEASES[name]
    if name in CONFIGS and CONFIGS[name].architecture in RELEASES:
        config = CONFIGS[name]
        return replace(RELEASES[config.architecture], name=name, config=config, mean='optional',
                       layers=TABLES[config.architecture],
                       licence='unknown', description='imported from a Caffe file')
    known = [*RELEASES, *(n for n, c in CONFIGS.items()
                          if n not in RELEASES and c.architecture in RELEASES)]
    near = difflib.get_close_matches(name, known, 1)
    hint = f': did you mean {near[0]!r}?' if near else '.'
    raise ModelError(f'there is no network {name!r}{hint} Known: {", ".join(known)}')
