# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning train``: render scenes, then train a network on them."""

from __future__ import annotations

import argparse
from dataclasses import replace
import os
from pathlib import Path
import time
from typing import TYPE_CHECKING

from depth_learning_ros.cli.pair_logs import add_log_arguments, with_logs
from depth_learning_ros.cli.progress import PERCENT, progress_callback, say

if TYPE_CHECKING:
    from depth_learning_ros.training.config import TrainingConfig

WIDTH, HEIGHT = 640, 320  # of rendered scenes
TRAINING_SEED, VALIDATION_SEED = 1, 999


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        'Train a network on rendered scenes. The folder given by --output keeps metrics.csv, '
        'weights.safetensors (the averaged weights, for --model and for export), samples.jpg '
        '(what it sees by now) and state.pt, from which --resume goes on after any interruption.')
    parser.add_argument('config', type=Path, metavar='CONFIG.yaml',
                        help='network, stages and data: see config/training/ and docs/training.md')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='FOLDER',
                        help='folder of the run')
    parser.add_argument('--resume', action='store_true', help='go on with the run in FOLDER')
    parser.add_argument('--minutes', type=_minutes, metavar='M',
                        help='stretch or shorten the stages to a total of M minutes of training')
    parser.add_argument('--pause-after', type=_minutes, metavar='M',
                        help='stop with a checkpoint M minutes after the start of this command, '
                             'rendering included; --resume goes on (status 0 either way)')
    parser.add_argument('--textures', type=Path, metavar='FOLDER',
                        help='pictures of your own, from which half of the textures are cut')
    parser.add_argument('--render-workers', type=int, default=0, metavar='N',
                        help='processes that render missing scenes (default: this one alone)')
    parser.add_argument('--pieces', type=Path, metavar='FOLDER',
                        help='leave weights and state there as well, in pieces of at most 16 MB, '
                             'which depth-learning pieces joins')
    add_log_arguments(parser)
    parser.add_argument('--threads', type=int, default=0, metavar='N',
                        help='CPU threads of the training step (default: PyTorch decides; 1 is '
                             'fastest on a machine whose other cores are busy)')


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise argparse.ArgumentTypeError(f'{text!r} is no time: give minutes, a number > 0')
    return value


def run(args: argparse.Namespace) -> int:
    """Render what is missing, train, and say where the weights are."""
    start = time.monotonic()
    import torch

    from depth_learning_ros.cli import STATUS_INTERRUPTED
    from depth_learning_ros.cli.signals import stop_requested
    from depth_learning_ros.models.registry import config_of
    from depth_learning_ros.training.loop import Progress, Trainer
    from depth_learning_ros.training.mixture import open_sets

    if args.threads:
        torch.set_num_threads(args.threads)
    config = with_logs(read_config(args), args)
    single_view = config_of(config.network).single_view
    with progress_callback('screening', 'map') as screened:
        sets = open_sets(config.data, screened, ground_truth=not single_view)
    render_missing(config, single_view, args.render_workers)
    trainer = Trainer(config, args.output, resume=args.resume, sets=sets)
    total = 1000 * len(config.stages)
    with progress_callback('train', PERCENT) as report, stop_requested() as stop:
        def show(now: Progress) -> None:
            report(int(1000 * (now.stage + min(1.0, now.share))), total)
        torch.set_flush_denormal(True)  # vanishing gradients would slow the step down
        try:
            complete = trainer.run(
                show, start + 60 * args.pause_after if args.pause_after else None, stop)
        finally:
            torch.set_flush_denormal(False)
    if trainer.together.first:
        finish(args, complete)
    return STATUS_INTERRUPTED if stop.is_set() and not complete else 0


def read_config(args: argparse.Namespace) -> TrainingConfig:
    """Read the configuration, as the options change it."""
    from depth_learning_ros.training.config import TrainingConfig
    config = TrainingConfig.read(args.config)
    if args.textures is not None:
        config = replace(config, generator={**config.generator, 'textures': str(args.textures)})
    return config.within(args.minutes) if args.minutes else config


def render_missing(config: TrainingConfig, single_view: bool, workers: int) -> None:
    """Fill the folders of scenes; processes of one machine share the work."""
    if config.scenes_weight > 0:
        fill_pool(config, config.scene_folders()[0], config.scene_count, TRAINING_SEED,
                  'training scenes', single_view, workers)
    fill_pool(config, Path(config.validation), config.validation_count, VALIDATION_SEED,
              'validation scenes', single_view, workers)


def fill_pool(config: TrainingConfig, folder: Path, count: int, seed: int, label: str,
              single_view: bool, workers: int) -> None:
    """Render the scenes that are missing from a folder."""
    from depth_learning_ros.data.synthetic.generator import SceneGenerator
    from depth_learning_ros.data.synthetic.mono import MonoSceneGenerator
    from depth_learning_ros.data.synthetic.workers import fill

    generator = (MonoSceneGenerator(seed) if single_view
                 else SceneGenerator(seed, WIDTH, HEIGHT, options=config.generator_options()))
    rank, local = (int(os.environ.get(name, default)) for name, default in
                   (('LOCAL_RANK', '0'), ('LOCAL_WORLD_SIZE', '1')))
    numbers = range(rank, count, local)
    with progress_callback(label, 'scene') as report:
        for done in fill(folder, generator, numbers, workers):
            report(done, len(numbers))


def finish(args: argparse.Namespace, complete: bool) -> None:
    """Say how it ended, and leave the pieces."""
    if args.pieces:
        from depth_learning_ros.training.pieces import split
        args.pieces.mkdir(parents=True, exist_ok=True)
        for name in ('weights.safetensors', 'state.pt', 'metrics.csv'):
            count = len(split(args.output / name, args.pieces, force=True))
            say(f'wrote {name} as {count} pieces into {args.pieces}')
    weights = args.output / 'weights.safetensors'
    say(f'wrote {weights}' if complete
        else f'stopped for now, with all that is needed to go on: add --resume. So far: {weights}')
