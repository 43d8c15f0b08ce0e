# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A robot's stereo logs as data to learn from: folders as they are, bags unpacked once."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.progress import progress_callback
from depth_learning_ros.files import atomic_write

if TYPE_CHECKING:
    from depth_learning_ros.training.config import DataConfig, TrainingConfig
    from depth_learning_ros.types import StereoPair

DONE = 'calib.json'  # written last: a folder that has it is complete


def add_log_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``--log`` and what belongs to it."""
    parser.add_argument(
        '--log', type=Path, action='append', default=[], metavar='PATH',
        help='a rectified stereo log without ground truth that a network of one image learns '
             'from, instead of rendered scenes: a bag (rosbag2 folder, .mcap, .db3, ROS 1 .bag), '
             'or a folder with left/, right/ and calib.json; may be given again')
    parser.add_argument(
        '--log-scenes', type=float, default=0.0, metavar='W',
        help='beside the logs, learn from rendered scenes as well: W of them to each pair of one '
             'log (default 0); their rig must be that of the logs')
    parser.add_argument('--left', metavar='TOPIC', help='left image topic of the bags')
    parser.add_argument('--right', metavar='TOPIC', help='right image topic of the bags')


def with_logs(config: TrainingConfig, args: argparse.Namespace) -> TrainingConfig:
    """Put the logs of the command line in place of rendered scenes, or beside them.

    Raises:
        UsageError: its network learns from ground truth, which logs have not.
        BagError, DataError: a log cannot be read.
    """
    from dataclasses import replace

    from depth_learning_ros.models.registry import config_of
    if not args.log:
        if args.log_scenes:
            raise UsageError('--log-scenes adds rendered scenes to logs: give --log, or set '
                             'scenes_weight in the configuration')
        return config
    if not config_of(config.network).single_view:
        raise UsageError(f'{config.network} learns from ground truth, which --log has not: take '
                         f'a network of one image, such as svs-small, or adapt a stereo network '
                         f'to its log with depth-learning adapt')
    logs = [open_log(path, args.output / 'logs' / f'{number}-{path.stem}', args)
            for number, path in enumerate(args.log)]
    return replace(config, data=(*config.data, *logs), scenes_weight=args.log_scenes)


def open_log(path: Path, folder: Path, args: argparse.Namespace) -> DataConfig:
    """Give a log as a data set; bags are unpacked into ``folder`` unless they are there."""
    from depth_learning_ros.training.config import DataConfig
    if (path / 'left').is_dir():
        return DataConfig('pairs', str(path))
    if not (folder / DONE).is_file():
        unpack(path, folder, args)
    return DataConfig('pairs', str(folder))


def unpack(bag: Path, folder: Path, args: argparse.Namespace) -> None:
    """Write the pairs of a bag as ``left/000000.png``, ``right/000000.png`` and ``calib.json``."""
    from depth_learning_ros.replay.frames import bag_pairs, count_pairs
    from depth_learning_ros.replay.options import ReplayOptions
    from depth_learning_ros.replay.topics import TopicWishes
    options = ReplayOptions(topics=TopicWishes(args.left, args.right))
    total = count_pairs(bag, options)
    for side in ('left', 'right'):
        (folder / side).mkdir(parents=True, exist_ok=True)
    pair = None
    with progress_callback(f'unpacking {bag.name}', 'pair') as report:
        for number, pair in enumerate(bag_pairs(bag, options)):
            _write_pair(pair, folder, number)
            report(number + 1, total)
    camera = pair.camera if pair is not None else None
    if camera is None:
        raise UsageError(f'{bag} has no camera_info: without a baseline and a focal length depth '
                         f'has no scale; unpack it yourself and put a calib.json beside left/ and '
                         f'right/')
    with atomic_write(folder / DONE, force=True, mode='w') as file:
        json.dump({'focal_px': camera.focal_px, 'baseline_m': camera.baseline_m,
                   'doffs': camera.doffs, 'cx': camera.cx, 'cy': camera.cy}, file)


def _write_pair(pair: StereoPair, folder: Path, number: int) -> None:
    import cv2
    for side, image in (('left', pair.left), ('right', pair.right)):
        path = folder / side / f'{number:06d}.png'
        with atomic_write(path, force=True) as file:
            file.write(cv2.imencode('.png', image[..., ::-1])[1].tobytes())
