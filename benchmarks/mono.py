#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Depth from one camera beside depth from two, image in to disparity and confidence out.

    python benchmarks/mono.py [--mono svs-small] [--stereo crl-small] [--rounds 15]

Both get images of 1242x375; the mono model brings them to its own 640x192 inside its graph. Runs
alternate, so that both see the same machine; what counts are the ratios. Processor time adds up
all threads, and is steady even where other programs run.
"""

from __future__ import annotations

import argparse
import statistics
import time

from depth_learning_ros.engine import Engine, open_engine
from depth_learning_ros.engine.reference import fixed_pair

WIDTH, HEIGHT = 1242, 375


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--mono', default='svs-small', help='a name or a file')
    parser.add_argument('--stereo', default='crl-small', help='a name or a file')
    parser.add_argument('--backend', default='auto')
    parser.add_argument('--precision', default='auto')
    parser.add_argument('--rounds', type=int, default=15)
    return parser.parse_args()


def measure(engines: list[Engine], rounds: int) -> list[tuple[float, float]]:
    """Return median wall and processor milliseconds of each engine; the first round is extra."""
    pair = dict(zip(('left', 'right'), fixed_pair(HEIGHT, WIDTH), strict=True))
    times: list[list[tuple[float, float]]] = [[] for _ in engines]
    for count in range(rounds + 1):
        for number, engine in enumerate(engines):
            images = {name: pair[name] for name in engine.info.inputs}
            wall, processor = time.perf_counter(), time.process_time()
            engine.infer(images)
            if count:
                times[number].append((time.perf_counter() - wall,
                                      time.process_time() - processor))
    return [tuple(1000 * statistics.median(column)  # type: ignore[misc]
                  for column in zip(*found, strict=True)) for found in times]


def main() -> None:
    args = arguments()
    engines = [open_engine(model, backend=args.backend, precision=args.precision, zoom=1.0)
               for model in (args.mono, args.stereo)]
    for engine in engines:
        engine.prepare(HEIGHT, WIDTH)
    found = measure(engines, args.rounds)
    print('| model | backend | ms | processor ms |\n|---|---|---:|---:|')
    for engine, (wall, processor) in zip(engines, found, strict=True):
        info = engine.info
        print(f'| {info.model} | {info.backend} {info.precision} | {wall:.1f} | {processor:.1f} |')
    print(f'{engines[0].info.model} takes {found[0][0] / found[1][0]:.2f} of the time and '
          f'{found[0][1] / found[1][1]:.2f} of the processor time of {engines[1].info.model}')


if __name__ == '__main__':
    main()
