# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning pieces``: cut large files for moving, check them, join them again."""

from __future__ import annotations

import argparse
from pathlib import Path

from depth_learning_ros.cli.options import add_force_option
from depth_learning_ros.cli.progress import say
from depth_learning_ros.errors import DataError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        'Cut files into pieces beside an index NAME.pieces.json; check pieces against it; join '
        'them again. A joined file is the old one byte for byte, or there is none.')
    parser.add_argument('what', choices=('split', 'verify', 'join'))
    parser.add_argument('files', type=Path, nargs='+', metavar='FILE',
                        help='split: files to cut; else: indices, or a folder of them')
    parser.add_argument('-o', '--output', type=Path, metavar='FOLDER',
                        help='where the result goes (split and join; made if it is missing)')
    parser.add_argument('--size-mb', type=float, default=16.0, metavar='MB',
                        help='largest size of a piece (default: %(default)g)')
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Do one of the three; status 1 if pieces are missing or damaged."""
    from depth_learning_ros.cli import UsageError
    from depth_learning_ros.training.pieces import join, split, verify

    if args.what != 'verify':
        if args.output is None:
            raise UsageError(f'{args.what} needs --output FOLDER')
        args.output.mkdir(parents=True, exist_ok=True)
    if args.what == 'split':
        for path in args.files:
            pieces = split(path, args.output, int(args.size_mb * 1e6), force=args.force)
            say(f'{path}: {len(pieces)} pieces in {args.output}')
        return 0
    faults = []
    for index in indices(args.files):
        if args.what == 'join':
            say(f'wrote {join(index, args.output, force=args.force)}')
        else:
            found = verify(index)
            faults += found
            say(f'{index}: {"; ".join(found) or "all pieces are whole"}')
    return 1 if faults else 0


def indices(paths: list[Path]) -> list[Path]:
    """Return the indices themselves, and those in folders."""
    from depth_learning_ros.training.pieces import INDEX_SUFFIX
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.glob(f'*{INDEX_SUFFIX}')) if path.is_dir() else [path]
        if not inside:
            raise DataError(f'{path} holds no index (NAME{INDEX_SUFFIX})')
        found += inside
    return found
