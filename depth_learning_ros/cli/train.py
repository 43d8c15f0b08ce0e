# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning train``: render scenes, then train a network on them."""

from __future__ import annotations

import argparse
from pathlib import Path

from depth_learning_ros.cli.progress import progress, progress_callback, say

WIDTH, HEIGHT = 640, 320  # of rendered scenes
TRAINING_SEED, VALIDATION_SEED = 1, 999


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        'Train a network on rendered scenes. The folder given by --output keeps metrics.csv, '
        'weights.safetensors (the averaged weights, for --model and for export) and state.pt, '
        'from which --resume goes on after any interruption.')
    parser.add_argument('config', type=Path, metavar='CONFIG.yaml',
                        help='network, stages and data: see config/training/ and docs/training.md')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='FOLDER',
                        help='folder of the run')
    parser.add_argument('--resume', action='store_true', help='go on with the run in FOLDER')
    parser.add_argument('--threads', type=int, default=0, metavar='N',
                        help='CPU threads of the training step (default: PyTorch decides; 1 is '
                             'fastest on a machine whose other cores are busy)')


def run(args: argparse.Namespace) -> int:
    import torch

    from depth_learning_ros.models.registry import config_of
    from depth_learning_ros.training.config import TrainingConfig
    from depth_learning_ros.training.loop import Progress, Trainer
    from depth_learning_ros.training.mixture import open_sets

    if args.threads:
        torch.set_num_threads(args.threads)
    config = TrainingConfig.read(args.config)
    single_view = config_of(config.network).single_view
    with progress_callback('screening', 'map') as screened:
        sets = open_sets(config.data, screened, ground_truth=not single_view)
    if config.scenes_weight > 0:
        fill_pool(config.scenes, config.scene_count, TRAINING_SEED, 'training scenes', single_view)
    fill_pool(config.validation, config.validation_count, VALIDATION_SEED, 'validation scenes',
              single_view)
    trainer = Trainer(config, args.output, resume=args.resume, sets=sets)
    total = 1000 * len(config.stages)
    with progress_callback('train', 'permille') as report:
        def show(now: Progress) -> None:
            report(int(1000 * (now.stage + min(1.0, now.share))), total)
        torch.set_flush_denormal(True)  # vanishing gradients would slow the step down
        try:
            trainer.run(show)
        finally:
            torch.set_flush_denormal(False)
    say(f'wrote {args.output / "weights.safetensors"}')
    return 0


def fill_pool(folder: str, count: int, seed: int, label: str, single_view: bool = False) -> None:
    """Render the scenes that are missing from a folder."""
    from depth_learning_ros.data.synthetic.generator import SceneGenerator
    from depth_learning_ros.data.synthetic.mono import MonoSceneGenerator
    from depth_learning_ros.data.synthetic.pool import render_to_pool

    generator = (MonoSceneGenerator(seed) if single_view
                 else SceneGenerator(seed, WIDTH, HEIGHT))
    numbers = render_to_pool(Path(folder), generator, range(count))
    for _ in progress(numbers, count, label, 'scene'):
        pass
