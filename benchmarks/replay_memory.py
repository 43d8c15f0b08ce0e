#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of a replay, of a bag and of one with ten times the frames: within 5 %.

Each replay runs in a process of its own, which reports its peak resident set. The exit status is 1
when a format needs more.

    python benchmarks/replay_memory.py [--frames 20] [--rounds 3]
        [--kinds mcap sqlite3 ros1 mcap_zstd] [--model NAME_OR_PATH] [--folder DIR]
"""

from __future__ import annotations

import argparse
from pathlib import Path
import resource
import subprocess
import sys
from tempfile import TemporaryDirectory

from replay_bag import KINDS, FreeEngine, write_bag

from depth_learning_ros.engine import open_engine
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.replay import replay

LIMIT = 1.05
FACTOR = 10


def replay_here(source: Path, output: Path, model: str) -> None:
    """Replay and print frames and this process's peak resident set in MB."""
    with StereoPipeline(open_engine(model) if model else FreeEngine()) as pipeline:
        report = replay(source, output, pipeline)
    print(report.frames, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def peak_mb(kind: str, frames: int, args: argparse.Namespace) -> float:
    """Return the highest peak of some rounds: how full the queues get is a matter of chance."""
    return max(one_peak_mb(kind, frames, args) for _ in range(args.rounds))


def one_peak_mb(kind: str, frames: int, args: argparse.Namespace) -> float:
    """Write a bag, replay it in another process, and return the peak of that one."""
    with TemporaryDirectory(dir=args.folder) as folder:
        source = Path(folder, 'in.bag' if kind.startswith('ros1') else 'in')
        write_bag(source, kind, frames, args.width, args.height)
        command = [sys.executable, __file__, '--child', str(source),
                   str(Path(folder, 'out.mcap')), args.model]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    done, peak = printed.split()
    assert int(done) == frames, printed
    return float(peak)


def main() -> int:
    if sys.argv[1:2] == ['--child']:
        replay_here(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--frames', type=int, default=20)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--width', type=int, default=1242)
    parser.add_argument('--height', type=int, default=375)
    parser.add_argument('--kinds', nargs='+', choices=KINDS,
                        default=['mcap', 'sqlite3', 'ros1', 'mcap_zstd'])
    parser.add_argument('--model', default='', help='default: an engine that costs nothing')
    parser.add_argument('--folder', help='where the bags are written; default: the temporary one')
    args = parser.parse_args()
    worst = 0.0
    for kind in args.kinds:
        short, long = (peak_mb(kind, args.frames * factor, args) for factor in (1, FACTOR))
        worst = max(worst, long / short)
        print(f'{kind:16} {args.frames:4} frames {short:6.1f} MB   '
              f'{args.frames * FACTOR:5} frames {long:6.1f} MB   x {long / short:.3f}')
    print(f'worst x {worst:.3f}, limit x {LIMIT}')
    return 0 if worst <= LIMIT else 1


if __name__ == '__main__':
    sys.exit(main())
