#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Everything of a replay but the network: read, decode, depth, cloud, encode, write.

The engine gives its arrays at once. "work" is the sum of a frame's stages; "wall" is the time of
the whole replay divided by its frames, with reading and writing in threads of their own, and with
forcing the file to the disk at the end.

    python benchmarks/replay_overhead.py [--frames 60] [--images rgb8|mono8|png|jpeg]
        [--model NAME_OR_PATH] [--folder DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from replay_bag import KINDS, FreeEngine, write_bag

from depth_learning_ros.engine import open_engine
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.replay import ReplayOptions, ReplayReport, replay


def measure(source: Path, output: Path, model: str | None, compression: str) -> ReplayReport:
    engine = FreeEngine() if model is None else open_engine(model, zoom=1.0)
    with StereoPipeline(engine) as pipeline:
        return replay(source, output, pipeline,
                      ReplayOptions(compression=compression, force=True))


def show(report: ReplayReport, name: str) -> None:
    stages = {name: spread.median for name, spread in report.stages_ms.items()}
    work = sum(value for stage, value in stages.items() if stage != 'engine')
    wall = 1000 * report.seconds / report.frames
    listed = '  '.join(f'{stage} {value:5.1f}' for stage, value in stages.items())
    print(f'{name:24} work without engine {work:5.1f} ms   wall {wall:5.1f} ms a frame   '
          f'({listed})')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=60)
    parser.add_argument('--width', type=int, default=1242)
    parser.add_argument('--height', type=int, default=375)
    parser.add_argument('--images', choices=('rgb8', 'mono8', 'png', 'jpeg'), default='rgb8')
    parser.add_argument('--kind', choices=KINDS, default='mcap')
    parser.add_argument('--compression', choices=('none', 'zstd'), default='none')
    parser.add_argument('--model', help='a real engine; default: one that costs nothing')
    parser.add_argument('--folder', help='where the bags are written; default: the temporary one')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    with TemporaryDirectory(dir=args.folder) as folder:
        source = Path(folder, 'in.bag' if args.kind.startswith('ros1') else 'in')
        compressed = args.images if args.images in ('png', 'jpeg') else None
        write_bag(source, args.kind, args.frames, args.width, args.height, args.images, compressed)
        for number in range(args.rounds):
            report = measure(source, Path(folder, 'out.mcap'), args.model, args.compression)
            show(report, f'{args.width}x{args.height} {args.images} #{number + 1}')


if __name__ == '__main__':
    main()
