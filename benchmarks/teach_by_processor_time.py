#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Teach networks on the first frames of a log, each for the same processor time.

    python benchmarks/teach_by_processor_time.py config/training/teach-svs-small.yaml LOG \\
        -o runs/taught --first 40 --minutes 5
    python benchmarks/teach_by_processor_time.py config/training/monodepth-small.yaml LOG \\
        -o runs/godard --first 40 --minutes 5 --rate 3e-4 --batch 2 --width 576
    python benchmarks/teach_single_view.py LOG --from 40 runs/*/weights.safetensors

One thread, whose processor time counts: the same work on an idle and a busy machine. Loading and
augmenting, in a process of its own, does not count. ``--rate``, ``--batch`` and ``--width``
replace what the configuration says.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
import time

import torch

from depth_learning_ros.cli.train import render_missing
from depth_learning_ros.training.config import DataConfig, TrainingConfig
from depth_learning_ros.training.loop import Trainer
from depth_learning_ros.training.mixture import open_sets

EMA = 0.98  # these runs are short: weights averaged over about fifty steps


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path)
    parser.add_argument('log', type=Path, help='folder with left/, right/ and calib.json')
    parser.add_argument('-o', '--output', type=Path, required=True)
    parser.add_argument('--first', type=int, default=40, metavar='N', help='frames to learn from')
    parser.add_argument('--minutes', type=float, default=5.0)
    parser.add_argument('--rate', type=float, help='learning rate')
    parser.add_argument('--batch', type=int)
    parser.add_argument('--width', type=int, help='of the crops')
    return parser.parse_args()


def main() -> None:
    """Train, and print what was seen."""
    args = arguments()
    torch.set_num_threads(1)
    config = TrainingConfig.read(args.config).within(args.minutes)
    wishes = {'learning_rate': args.rate, 'batch': args.batch, 'crop_width': args.width}
    stages = tuple(replace(stage, **{name: wish for name, wish in wishes.items() if wish})
                   for stage in config.stages)
    config = replace(config, stages=stages, scenes_weight=0.0, validate_minutes=1e6, ema=EMA,
                     data=(DataConfig('pairs', str(args.log)),))
    render_missing(config, True, 0)
    sets = open_sets(config.data, ground_truth=False)
    for each in sets:
        each.scenes = each.scenes[:args.first]  # type: ignore[attr-defined]
    trainer = Trainer(config, args.output, sets=sets)
    trainer.clock = time.process_time
    torch.set_flush_denormal(True)
    trainer.run()
    print(f'{trainer.state.samples} crops in {trainer.state.minutes:.2f} minutes')


if __name__ == '__main__':
    main()
