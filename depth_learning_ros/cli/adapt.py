# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning adapt``: fit weights to a new place, from logs without ground truth."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.options import DEFAULT_MODEL, add_force_option
from depth_learning_ros.cli.progress import progress_callback, say

if TYPE_CHECKING:
    from depth_learning_ros.adaptation.config import AdaptationConfig
    from depth_learning_ros.adaptation.gate import Verdict
    from depth_learning_ros.adaptation.logs import Log

STATUS_REJECTED = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        'Adapt weights to a new place from recorded stereo pairs, without ground truth. The '
        'result is written only if it is better on frames that were held out, and has not '
        'forgotten how to match rendered ones; OUT.html and OUT.json say why or why not. The '
        f'weights it begins with are never changed. Exit status: 0 accepted, {STATUS_REJECTED} '
        'rejected.')
    parser.epilog = ('Over several processes or machines: torchrun --nproc_per_node N -m '
                     'depth_learning_ros adapt ...')
    parser.add_argument('logs', nargs='+', type=Path, metavar='BAG_OR_FOLDER',
                        help='bags (rosbag2 folder, .mcap, .db3, ROS 1 .bag), or folders with '
                             'left/ and right/ of rectified images')
    parser.add_argument('--weights', default=DEFAULT_MODEL, metavar='W',
                        help=f'what to begin with: a shipped name or a .safetensors file '
                             f'(default: {DEFAULT_MODEL})')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT.safetensors')
    length = parser.add_mutually_exclusive_group()
    length.add_argument('--minutes', type=float, metavar='M',
                        help='how long to take steps, with the labels they need; on top of that '
                             'come reading the logs, rendering scenes for the first time, '
                             'validations and the verdict')
    length.add_argument('--steps', type=int, metavar='N', help='or how many steps: '
                        'interrupted and resumed, these give the same result')
    parser.add_argument('--method', metavar='NAME',
                        help='zole, tonioni or photometric (default: zole)')
    parser.add_argument('--config', type=Path, metavar='FILE.yaml',
                        help='settings, see config/adaptation/ and docs/adaptation.md')
    parser.add_argument('--scenes', type=Path, metavar='FOLDER',
                        help='rendered scenes, made here where they are missing and kept for the '
                             'next time (default: your cache folder)')
    parser.add_argument('--left', metavar='TOPIC', help='left image topic of the bags')
    parser.add_argument('--right', metavar='TOPIC', help='right image topic of the bags')
    parser.add_argument('--resume', action='store_true',
                        help='go on with what an interruption left in OUT.work/')
    parser.add_argument('--threads', type=int, metavar='N',
                        help='CPU threads (default: PyTorch and OpenCV decide; 1 is '
                             'fastest on a machine whose other cores are busy)')
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    import torch

    from depth_learning_ros.adaptation.run import Outputs, adapt
    from depth_learning_ros.adaptation.scene_cache import scene_maker, scenes_below
    from depth_learning_ros.adaptation.threads import limit_threads
    from depth_learning_ros.adaptation.workers import Workers
    from depth_learning_ros.engine.cache import default_cache_dir

    config = settings(args)
    if args.threads is not None:
        limit_threads(args.threads)
    logs: list[Log] = []
    scenes = scenes_below(default_cache_dir()) if args.scenes is None else args.scenes
    outputs = Outputs.beside(args.output)
    torch.set_flush_denormal(True)  # vanishing gradients would slow the step down
    try:
        with Workers() as workers:
            # the other processes, of other machines perhaps, need not have them
            workers.by_first(lambda: logs.extend(log_of(path, args) for path in args.logs))
            verdict = adapt(logs, args.weights, outputs, config,
                            scene_maker(scenes, progress_callback), workers=workers,
                            resume=args.resume, force=args.force, meters=progress_callback)
    finally:
        torch.set_flush_denormal(False)
    return announce(verdict, args.output, outputs.page) if workers.first else (
        0 if verdict.accepted else STATUS_REJECTED)


def settings(args: argparse.Namespace) -> AdaptationConfig:
    """Give the settings of the file, overruled by the options.

    Raises:
        UsageError: an option is outside its range.
        TrainingError: the file is not right.
    """
    from depth_learning_ros.adaptation.config import AdaptationConfig
    from depth_learning_ros.errors import TrainingError

    if args.threads is not None and args.threads < 1:
        raise UsageError(f'--threads is {args.threads}: give 1 or more')
    config = AdaptationConfig() if args.config is None else AdaptationConfig.read(args.config)
    changes: dict[str, object] = {}
    if args.method is not None:
        changes['method'] = args.method
    if args.minutes is not None:
        changes |= {'minutes': args.minutes, 'steps': 0}
    if args.steps is not None:
        changes |= {'steps': args.steps, 'minutes': 0.0}
    try:
        return config.with_changes(**changes)
    except TrainingError as error:
        raise UsageError(str(error)) from error


def log_of(path: Path, args: argparse.Namespace) -> Log:
    """Describe a bag or a folder.

    Raises:
        DataError, BagError: it is neither, or of no use.
    """
    from depth_learning_ros.adaptation.folders import folder_log, is_image_folder
    from depth_learning_ros.adaptation.logs import Log
    if is_image_folder(path):
        return folder_log(path)
    from depth_learning_ros.replay.frames import bag_pairs, count_pairs
    from depth_learning_ros.replay.options import ReplayOptions
    from depth_learning_ros.replay.topics import TopicWishes
    options = ReplayOptions(topics=TopicWishes(args.left, args.right))
    unreadable: Counter[str] = Counter()
    return Log(str(path), count_pairs(path, options),
               lambda every: bag_pairs(path, options, every, unreadable), unreadable)


def announce(verdict: Verdict, output: Path, page: Path) -> int:
    """Say what came out, and give the exit status."""
    if verdict.accepted:
        say(f'accepted: wrote {output}; the report is {page}')
        return 0
    written = f'{output}, an older one, is still there' if output.exists() else \
        f'{output} was not written'
    say(f'rejected, {written}: {"; ".join(verdict.reasons)}. The report is {page}')
    return STATUS_REJECTED
