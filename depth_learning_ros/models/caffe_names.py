# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the layers of the released Caffe files are called here, one to one.

Each table gives the name of a layer of ours (a module path) and the name of the Caffe layer that
holds its blobs. What was read to write them, layer by layer with inputs, outputs and channels:

- CRL: ``deploy_kitti.prototxt`` of the authors' repository. Its joining and prediction layers
  are only numbered: ``Convolution1`` predicts at 1/64, then ``Convolution2`` joins and
  ``Convolution3`` predicts at 1/32, and so on to ``Convolution13``, the prediction at full
  resolution. Stage 2 counts anew with ``_s2`` at the end, and ends in the 5x5
  ``Convolution8_s2``.
- ZOLE: ``DispNetC.prototxt`` of the authors' repository: the same names up to ``Convolution11``.
- DispNetC and DispNetS: training and deployment files of dispflownet-release, the DispNet
  authors' release, in a public copy of it: again the same names.
- SVS: ``stereo_deploy.prototxt`` (names as CRL's first stage) and ``svs_deploy.prototxt``, where
  three stereo layers carry a trailing underscore because VGG's own have their names.

- SVS's view synthesis: ``ViewSyn_train.prototxt``, ``ViewSyn_BN_train.prototxt`` and the joined
  ``svs_deploy.prototxt``: VGG's names, ``fc6_half`` to ``fc8_half`` for the fully connected layers
  of images of half size, ``conv_bn1`` and ``conv_bn1_`` for the first branch whether or not it is
  normalised. A normalisation is two layers of Caffe: ``bn_pool1`` holds mean, variance and their
  weight, ``scale_pool1`` factor and offset.

Caffe keeps the weights of a convolution as (out, in, k, k) and of a deconvolution as
(in, out, k, k), as PyTorch does, and both correlate rather than convolve.
"""

from __future__ import annotations

from collections.abc import Mapping

_TRUNK = ('conv1', 'conv2', 'conv3', 'conv3_1', 'conv4', 'conv4_1', 'conv5', 'conv5_1', 'conv6',
          'conv6_1')


def _dispnet(finest: int) -> dict[str, str]:
    """Give trunk and decoder; ``finest`` is the level of the last prediction, 1 = 1/2, 0 = 1/1."""
    names = {name: name for name in _TRUNK}
    names['decoder.predict6'] = 'Convolution1'
    number = 1
    for level in range(5, finest - 1, -1):
        names[f'decoder.deconv{level}'] = f'deconv{level}'
        names[f'decoder.upsample{level + 1}to{level}'] = f'upsample_flow{level + 1}to{level}'
        names[f'decoder.iconv{level}'] = f'Convolution{number + 1}'
        names[f'decoder.predict{level}'] = f'Convolution{number + 2}'
        number += 2
    return names


DISPNETS: Mapping[str, str] = _dispnet(finest=1)
DISPNETC: Mapping[str, str] = {**_dispnet(finest=1), 'conv_redir': 'conv_redir'}
DISPFULNET: Mapping[str, str] = {**_dispnet(finest=0), 'conv_redir': 'conv_redir'}

DISPRESNET: Mapping[str, str] = {
    'conv2': 'conv2_s2',
    'conv3': 'conv3_s2',
    'conv3_1': 'conv3_1_s2',
    'conv4': 'conv4_s2',
    'conv4_1': 'conv4_1_s2',
    'conv5': 'conv5_s2',
    'conv5_1': 'conv5_1_s2',
    'conv6': 'conv6_s2',
    'conv6_1': 'conv6_1_s2',
    'residual16': 'Convolution1_s2',
    'deconv5': 'deconv5_s2',
    'upsample6to5': 'upsample_flow6to5_s2',
    'iconv5': 'Convolution2_s2',
    'residual8': 'Convolution3_s2',
    'deconv4': 'deconv4_s2',
    'upsample5to4': 'upsample_flow5to4_s2',
    'iconv4': 'Convolution4_s2',
    'residual4': 'Convolution5_s2',
    'deconv3': 'deconv3_s2',
    'upsample4to3': 'upsample_flow4to3_s2',
    'iconv3': 'Convolution6_s2',
    'residual2': 'Convolution7_s2',
    'deconv2': 'deconv2_s2',
    'upsample3to2': 'upsample_flow3to2_s2',
    'residual1': 'Convolution8_s2',
}

CRL: Mapping[str, str] = {
    **{f'stage1.{ours}': theirs for ours, theirs in DISPFULNET.items()},
    **{f'stage2.{ours}': theirs for ours, theirs in DISPRESNET.items()},
}

# SVS's joined network: VGG-16 owns conv3_1, conv4_1 and conv5_1, so the stereo layers got a '_'.
DISPFULNET_IN_SVS: Mapping[str, str] = {
    **DISPFULNET, 'conv3_1': 'conv3_1_', 'conv4_1': 'conv4_1_', 'conv5_1': 'conv5_1_'}

_VGG = ('conv1_1', 'conv1_2', 'conv2_1', 'conv2_2', 'conv3_1', 'conv3_2', 'conv3_3', 'conv4_1',
        'conv4_2', 'conv4_3', 'conv5_1', 'conv5_2', 'conv5_3')

VIEWSYN: Mapping[str, str] = {
    **{name: name for name in _VGG},
    'fc6': 'fc6_half',
    'fc7': 'fc7_half',
    'fc8': 'fc8_half',
    **{f'branch{n}{end}': f'conv_bn{n}{end}' for n in range(1, 5) for end in ('', '_')},
    **{f'up{n}': f'deconv_bn{n}' for n in range(1, 6)},
    'up_sum': 'deconv_sum',
    'conv_sum_': 'conv_sum_',
    'conv_sum': 'conv_sum',
}

VIEWSYN_BN: Mapping[str, str] = {
    **VIEWSYN, **{f'norm{n}': f'scale_pool{n}' for n in range(1, 5)}}

SVS: Mapping[str, str] = {
    **{f'view.{ours}': theirs for ours, theirs in VIEWSYN.items()},
    'deconv_sm': 'deconv_sm',
    **{f'stereo.{ours}': theirs for ours, theirs in DISPFULNET_IN_SVS.items()},
}

# Where the running mean and variance of our normalisations are kept.
STATISTICS: Mapping[str, str] = {f'scale_pool{n}': f'bn_pool{n}' for n in range(1, 5)}

TABLES: Mapping[str, Mapping[str, str]] = {
    'dispnets': DISPNETS,
    'dispnetc': DISPNETC,
    'dispfulnet': DISPFULNET,
    'dispresnet': DISPRESNET,
    'crl': CRL,
    'svs': SVS,
    'viewsyn': VIEWSYN,
}
"""Architecture -> the table of its layers."""

# The DataAugmentation layers that subtract the running mean of the left and of the right images.
MEAN_LAYERS = ('img0s_aug', 'img1s_aug')
