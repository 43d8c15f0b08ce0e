# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning scenes``: render stereo pairs with exact disparity, to learn from or to see."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.progress import progress_callback, say

if TYPE_CHECKING:
    from depth_learning_ros.data.synthetic.generator import SceneGenerator

MOST_ON_A_SHEET = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        'Render scenes: into a folder, one NUMBER.npz each (left and right image, disparity of '
        'both views), or as one picture to look at. A scene is decided by seed and number: a '
        'folder is filled up by calling again, and several machines can share the work.')
    parser.add_argument('-o', '--output', type=Path, metavar='FOLDER',
                        help='folder for the scenes')
    parser.add_argument('--sheet', type=Path, metavar='PICTURE',
                        help='instead: one picture of the first scenes and their disparities')
    parser.add_argument('--count', type=_positive, default=16, metavar='N',
                        help='how many scenes there shall be (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=1, help='default: %(default)s')
    parser.add_argument('--size', type=_size, default=(640, 320), metavar='WIDTHxHEIGHT',
                        help='default: 640x320')
    parser.add_argument('--worlds', metavar='NAMES',
                        help='kinds of scenes, with commas between (default: all)')
    parser.add_argument('--textures', type=Path, metavar='FOLDER',
                        help='pictures of your own, from which half of the textures are cut')
    parser.add_argument('--workers', type=int, default=0, metavar='N',
                        help='processes (default: this one alone)')
    parser.add_argument('--device', default='cpu',
                        help='where to render: cpu or cuda (default: %(default)s)')
    parser.add_argument('--force', action='store_true', help='replace PICTURE if it exists')


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r} scenes are none: give a number from 1 on')
    return int(text)


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.partition('x')
    if not (cross and width.isdigit() and height.isdigit()) or min(int(width), int(height)) < 32:
        raise argparse.ArgumentTypeError(f'{text!r} is no size: write 640x320, at least 32 a side')
    return int(width), int(height)


def run(args: argparse.Namespace) -> int:
    """Render what was asked for."""
    if (args.output is None) == (args.sheet is None):
        raise UsageError('give either --output FOLDER or --sheet PICTURE')
    if args.sheet is not None and args.count > MOST_ON_A_SHEET:
        raise UsageError(f'--sheet holds up to {MOST_ON_A_SHEET} scenes, not {args.count}')
    from depth_learning_ros.data.synthetic.generator import SceneGenerator
    from depth_learning_ros.data.synthetic.options import GeneratorOptions

    _check_device(args.device)
    options: dict[str, Any] = {}
    if args.worlds is not None:
        options['worlds'] = tuple(args.worlds.split(','))
    if args.textures is not None:
        options['textures'] = str(args.textures)
    width, height = args.size
    generator = SceneGenerator(args.seed, width, height, args.device,
                               options=GeneratorOptions.from_dict(options))
    if args.sheet is not None:
        _draw(args, generator)
        return 0
    from depth_learning_ros.data.synthetic.workers import fill
    with progress_callback('scenes', 'scene') as report:
        for done in fill(args.output, generator, range(args.count), args.workers):
            report(done, args.count)
    say(f'{args.output} holds {args.count} scenes of seed {args.seed}')
    return 0


def _check_device(name: str) -> None:
    import torch
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:  # PyTorch without CUDA asserts
        raise UsageError(f'--device {name} cannot be used here '
                         f'({str(error).splitlines()[0]}): give cpu, or leave it out') from error


def _draw(args: argparse.Namespace, generator: SceneGenerator) -> None:
    from depth_learning_ros.data.images import write_image
    from depth_learning_ros.data.synthetic.sheet import contact_sheet
    from depth_learning_ros.files import check_output

    check_output(args.sheet, args.force)
    samples = []
    with progress_callback('scenes', 'scene') as report:
        for number in range(args.count):
            samples.append(generator[number])
            report(number + 1, args.count)
    write_image(args.sheet, contact_sheet(samples), force=args.force)
    say(f'wrote {args.sheet}')
