# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What ``depth-learning models`` lists, written once so that listing needs no PyTorch.

``python -m depth_learning_ros.models.catalogue`` brings ``catalogue.json`` up to date after a
network was added or changed, or weights were shipped; a test tells when that is due.
"""

from __future__ import annotations

import json
from pathlib import Path
import sys
from typing import Any

from depth_learning_ros.files import atomic_write
from depth_learning_ros.models.checkpoint import WEIGHTS_FOLDER, read_info
from depth_learning_ros.models.registry import CONFIGS

CATALOGUE = Path(__file__).with_name('catalogue.json')
HEIGHT, WIDTH = 375, 1242  # KITTI 2015

DESCRIPTIONS = {
    'dispnets': 'DispNet without correlation (Mayer 2016), disparity at half resolution',
    'dispnetc': 'DispNet with correlation (Mayer 2016); also what ZOLE adapts',
    'dispfulnet': 'first stage of CRL: DispNetC up to full resolution; also the stereo part of '
                  'SVS',
    'dispresnet': 'second stage of CRL alone: refines a disparity it is given',
    'crl': 'Cascade Residual Learning (Pang 2017), exact',
    'crl-half': 'CRL with half the channels',
    'crl-quarter': 'CRL with a quarter of the channels',
    'crl-small': 'CRL for real time on a CPU: quarter width, second stage at half resolution',
    'dispnetc-small': 'DispNetC for the smallest machines: quarter width, disparity at half '
                      'resolution',
    'svs': 'one image: Single View Stereo Matching (Luo 2018), exact; imagines the right view',
    'viewsyn': 'one image: the view synthesis of SVS alone, exact',
    'viewsyn-bn': 'one image: the view synthesis of SVS with batch normalisation, its first '
                  'training phase',
    'svs-small': 'one image: SVS for real time on a CPU: fully convolutional view synthesis and '
                 'the first stage of crl-small, at 640 x 192',
    'deep3d': 'one image: Deep3D (Xie 2016), the ancestor of SVS',
    'monodepth': 'one image: Monodepth (Godard 2017), VGG variant, exact',
    'monodepth-small': 'one image: Monodepth with three eighths of the channels, at 640 x 192',
}

# OpenCV's matchers are models like any other, but have nothing to count.
CLASSICAL = {
    'bm': 'block matching (OpenCV), the fastest',
    'sgbm': 'semi-global block matching (OpenCV)',
    'sgbm-hh': 'semi-global block matching over eight directions (OpenCV)',
}


def compute() -> list[dict[str, Any]]:
    """Give name, parameters, gflop_1242x375, description, weights and licence of every model."""
    from depth_learning_ros.models.flops import count_parameters, gflop
    models = []
    for name, config in CONFIGS.items():
        weights = WEIGHTS_FOLDER / f'{name}.safetensors'
        shipped = weights.is_file()
        models.append({
            'name': name, 'parameters': count_parameters(config),
            'gflop_1242x375': float(f'{gflop(config, HEIGHT, WIDTH):.4g}'),
            'description': DESCRIPTIONS[name],
            'weights': weights.name if shipped else None,
            'licence': read_info(weights).licence if shipped else None})
    for name, description in CLASSICAL.items():
        models.append({'name': name, 'parameters': None, 'gflop_1242x375': None,
                       'description': description, 'weights': None, 'licence': None})
    return models


def main() -> int:
    """Write the catalogue."""
    with atomic_write(CATALOGUE, force=True, mode='w') as file:
        json.dump(compute(), file, indent=2)
        file.write('\n')
    sys.stderr.write(f'wrote {CATALOGUE}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
