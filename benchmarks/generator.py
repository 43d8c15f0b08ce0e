# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Does the scene generator keep the training step fed? Rates per second, one thread each.

``python benchmarks/generator.py [--width 768 --height 384 --network crl-small --rounds 3]``
"""

import argparse
from pathlib import Path
import tempfile
import time

import torch

from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import render_to_pool
from depth_learning_ros.models.normalize import to_network_input
from depth_learning_ros.models.registry import build_network, config_of
from depth_learning_ros.training.losses import multiscale_l1, scale_weights
from depth_learning_ros.training.samples import PoolSamples

BATCH, CROP = 4, (256, 512)


def rate(work, count: int) -> float:
    """Items per second of ``work``, which does ``count`` of them."""
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--width', type=int, default=768)
    parser.add_argument('--height', type=int, default=384)
    parser.add_argument('--network', default='crl-small')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    generator = SceneGenerator(1, args.width, args.height)
    with tempfile.TemporaryDirectory() as folder:
        list(render_to_pool(Path(folder), generator, range(16)))
        samples = PoolSamples(Path(folder), *CROP, seed=0)
        config = config_of(args.network)
        network = build_network(config).to(memory_format=torch.channels_last).train()
        batch = [torch.stack(x) for x in zip(*(samples.sample(i) for i in range(BATCH)),
                                              strict=True)]

        def step() -> None:
            views = [to_network_input(v, config).contiguous(memory_format=torch.channels_last)
                     for v in batch[:2]]
            with torch.autocast('cpu', torch.bfloat16):
                output = network(*views)
            predictions = output.second if hasattr(output, 'second') else output
            loss = multiscale_l1(predictions, batch[2], scale_weights(0.5, len(predictions)))
            loss.backward()
            network.zero_grad(set_to_none=True)

        step()
        print(f'{"round":8s}{"render":>10s}{"augment":>10s}{"step":>10s}   per second, one thread')
        for number in range(args.rounds):
            first = 16 * (number + 1)
            rendered = rate(lambda a=first: [generator[a + i] for i in range(16)], 16)
            augmented = rate(lambda: [samples.sample(i) for i in range(32)], 32)
            stepped = rate(lambda: [step() for _ in range(3)], 3 * BATCH)
            print(f'{number + 1:<8d}{rendered:10.1f}{augmented:10.1f}{stepped:10.1f}')
        reuse = max(1.0, 1.3 * stepped / rendered)
        print(f'each rendered pair must be used {reuse:.1f} times for 1.3 x the rate of the step')


if __name__ == '__main__':
    main()
