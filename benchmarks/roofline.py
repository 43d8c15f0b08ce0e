#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""COMPUTED, not measured: the least time each network needs on GPUs, from operations and bytes.

    python benchmarks/roofline.py [--layers crl]

Operations and bytes of every layer are counted; a GPU's two ceilings are datasheet figures unless
marked. Per layer the larger of the two times counts. Expect real engines at 2 to 4 times this.
"""

from __future__ import annotations

import argparse

from depth_learning_ros.models.layer_costs import (
    Gpu,
    bound_seconds,
    floor_seconds,
    layer_costs,
)
from depth_learning_ros.models.registry import config_of

DATASHEET = 'datasheet, dense float16'
GPUS = (
    Gpu('H200', 790e12, 4.3e12, 'ceilings measured: matrix product, copy'),
    Gpu('H100 SXM', 798e12, 3.0e12, 'ceilings measured: matrix product, copy'),
    Gpu('RTX 4090', 165e12, 1.008e12, DATASHEET),
    Gpu('Jetson AGX Thor', 259e12, 0.273e12, 'an eighth of the FP4 sparse figure'),
    Gpu('Jetson AGX Orin 64GB', 43e12, 0.2048e12, DATASHEET),
    Gpu('Jetson Orin NX 16GB', 15e12, 0.1024e12, DATASHEET),
    Gpu('Jetson Orin Nano 8GB', 17e12, 0.102e12, DATASHEET),
)
NETWORKS = ('crl', 'crl-half', 'crl-small', 'dispnetc')
SIZES = ((375, 1242), (480, 640))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--layers', metavar='NETWORK', help='its layers at 1242x375')
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.layers:
        for cost in layer_costs(config_of(args.layers), *SIZES[0]):
            print(f'{cost.name:34s}{cost.flop / 1e9:9.2f} GFLOP{2 * cost.values / 1e6:9.1f} MB')
        return
    for height, width in SIZES:
        costs = {name: layer_costs(config_of(name), height, width) for name in NETWORKS}
        print(f'\n{width}x{height}, COMPUTED floor in ms, float16')
        print(f'{"":24s}' + ''.join(f'{name:>12s}' for name in NETWORKS))
        print(f'{"GFLOP":24s}' + ''.join(
            f'{sum(c.flop for c in costs[name]) / 1e9:12.1f}' for name in NETWORKS))
        print(f'{"GB moved":24s}' + ''.join(
            f'{2 * sum(c.values for c in costs[name]) / 1e9:12.2f}' for name in NETWORKS))
        for gpu in GPUS:
            print(f'{gpu.name:24s}' + ''.join(
                f'{1e3 * floor_seconds(costs[name], gpu):12.2f}' for name in NETWORKS)
                + f'   ({gpu.source})')
    flops, moved = bound_seconds(layer_costs(config_of('crl'), *SIZES[0]), GPUS[0])
    print(f'\ncrl at 1242x375 on the {GPUS[0].name}: {1e3 * flops:.2f} ms of arithmetic, '
          f'{1e3 * moved:.2f} ms of memory traffic')


if __name__ == '__main__':
    main()
