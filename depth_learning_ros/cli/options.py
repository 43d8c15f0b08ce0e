# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.progress import say

if TYPE_CHECKING:
    from depth_learning_ros.engine.base import Engine

DEFAULT_MODEL = 'crl-small'
DEFAULT_MONO_MODEL = 'svs-small'


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add which model sees the images, of one camera or of two, and how it is run."""
    parser.add_argument(
        '--model', metavar='NAME_OR_PATH',
        help="a name from 'depth-learning models', or an .onnx, .safetensors or .engine file "
             f'(default: {DEFAULT_MODEL})')
    add_mono_options(parser)
    parser.add_argument(
        '--max-disparity', type=int, default=192, metavar='PX',
        help='how far the classical matchers search (default: 192); networks know by themselves')
    add_engine_options(parser)
    add_zoom_option(parser)


def add_left_right_option(parser: argparse._ActionsContainer) -> None:
    """Add the check of the result against that of the right view."""
    parser.add_argument(
        '--left-right-check', action='store_true',
        help='run a second time from the right and trust only what agrees; gives the classical '
             'matchers a confidence')


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """Add what chooses how a network is run."""
    parser.add_argument(
        '--backend', default='auto', metavar='NAME',
        help='what runs the network: openvino, onnxruntime, torch, ...; auto takes the fastest '
             "that works here, 'depth-learning doctor' lists them (default: auto)")
    parser.add_argument(
        '--precision', default='auto', metavar='NAME',
        help='fp32, bf16 or fp16; auto takes the fastest whose measured error is within '
             'tolerance (default: auto)')
    parser.add_argument(
        '--cache-dir', type=Path, metavar='DIR',
        help='where built engines are kept (default: your cache folder)')


def add_zoom_option(parser: argparse.ArgumentParser) -> None:
    """Add the size at which a stereo network sees the images."""
    parser.add_argument(
        '--zoom', type=_zoom, metavar='Z',
        help='show stereo networks the images resized by this factor: more finds finer detail, '
             'for more time, 1 leaves them as they are; auto enlarges images to one '
             'megapixel, by 1.5 at most (default: auto)')


def _zoom(word: str) -> float | None:
    """Read auto or a number; its range is the engine's to check."""
    try:
        return None if word == 'auto' else float(word)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{word!r} is no factor: give auto, or a number such as 1.5') from None


def add_mono_options(parser: argparse._ActionsContainer) -> None:
    """Add what a single camera needs."""
    parser.add_argument(
        '--mono', action='store_true',
        help='one camera: a mono model takes the left image alone (default model: '
             f"{DEFAULT_MONO_MODEL}); depth is metric by the model's virtual baseline")
    parser.add_argument(
        '--fit', choices=('letterbox', 'crop', 'stretch'), default=None,
        help='with --mono: what happens to images of another aspect ratio than the model learned '
             'from: black bars around, the middle part only, or stretched (default: letterbox)')


def check_mono_options(args: argparse.Namespace) -> str:
    """Give the model that was asked for, or the default one of its kind.

    Raises:
        UsageError: options that do not go with one camera, or only with one.
    """
    if not args.mono:
        if args.fit:
            raise UsageError('--fit is for mono models: add --mono, or leave it out')
        return args.model or DEFAULT_MODEL
    if args.left_right_check:
        raise UsageError('--left-right-check compares two images, and --mono has one: leave one '
                         'of the two out; mono models give a confidence of their own')
    return args.model or DEFAULT_MONO_MODEL


def add_force_option(parser: argparse.ArgumentParser) -> None:
    """Add the permission to replace files."""
    parser.add_argument('--force', action='store_true', help='replace output files that exist')


def open_engine_for(args: argparse.Namespace, model: str, max_disparity: int = 192, *,
                    zoomed: bool = True) -> Engine:
    """Open a model as the options say, telling the user what takes time.

    Args:
        args: of a command with engine options.
        model: name or file.
        max_disparity: of the matchers.
        zoomed: whether ``--zoom`` is meant for this model.
    """
    from depth_learning_ros.engine import open_engine
    return open_engine(model, backend=args.backend, precision=args.precision,
                       cache_dir=args.cache_dir, max_disparity=max_disparity,
                       zoom=args.zoom if zoomed else None, on_message=say)


def check_outputs(paths: Iterable[Path | None], force: bool) -> None:
    """Refuse outputs before any work is done.

    Raises:
        UsageError: two outputs are one file.
        DataError: a file exists (and not ``force``), or cannot be written.
    """
    from depth_learning_ros.files import check_output
    seen: set[Path] = set()
    for path in paths:
        if path is None:
            continue
        if path.absolute() in seen:
            raise UsageError(f'{path} is named for two outputs: give each its own file')
        seen.add(path.absolute())
        check_output(path, force)
