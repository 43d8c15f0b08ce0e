# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning infer``: one pair of image files, or a single one."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.options import (
    add_force_option,
    add_left_right_option,
    add_model_options,
    check_mono_options,
    check_outputs,
    open_engine_for,
)
from depth_learning_ros.errors import DataError, EngineError

if TYPE_CHECKING:
    import numpy as np

    from depth_learning_ros.pipeline import DepthOptions, Pipeline, StereoResult

_log = logging.getLogger(__name__)

_EPILOG = """\
calib.json holds {"focal_px": 718.9, "baseline_m": 0.537, "doffs": 0.0}, and may hold cx and cy.
The images must be rectified: a point has the same row in both. With --mono there is one image,
and calib.json needs focal_px only.

examples:
  depth-learning infer left.png right.png -o disparity.png --color colours.png
  depth-learning infer left.png right.png -o disparity.npy --calib calib.json --points cloud.ply
  depth-learning infer image.png --mono -o disparity.png --calib calib.json --depth depth.png
"""

_MAPS = ('.png', '.npy', '.pfm')
_PICTURES = ('.png', '.jpg', '.jpeg')
# Option -> the endings of its file, and whether it needs a calibration.
_OUTPUTS = {
    'output': (_MAPS, False), 'color': (_PICTURES, False), 'confidence': (_MAPS, False),
    'depth': (_MAPS, True), 'points': (('.ply',), True),
    'view': (('.png', '.jpg', '.html'), True), 'right_view': (_PICTURES, False),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('left', type=Path, metavar='LEFT', help='left image of a rectified pair')
    parser.add_argument('right', type=Path, metavar='RIGHT', nargs='?',
                        help='right image; none with --mono')
    parser.add_argument(
        '-o', '--output', type=Path, required=True, metavar='OUT',
        help='disparity of the left view: .png (16 bits, disparity x 256, 0 = unknown, as KITTI), '
             '.npy or .pfm (float32 pixels)')
    parser.add_argument('--color', type=Path, metavar='OUT', help='disparity as a colour picture')
    parser.add_argument(
        '--calib', type=Path, metavar='JSON',
        help="the pair's calibration, needed for depth and points")
    parser.add_argument(
        '--depth', type=Path, metavar='OUT',
        help='depth along Z: .npy or .pfm (float32 metres), or .png (16 bits, millimetres, 0 = '
             'none)')
    parser.add_argument('--points', type=Path, metavar='OUT', help='coloured point cloud, .ply')
    parser.add_argument(
        '--view', type=Path, metavar='OUT',
        help='the point cloud to look at: .html (turns in a browser) or .png (a still)')
    parser.add_argument(
        '--confidence', type=Path, metavar='OUT',
        help='confidence: .png (0..255), .npy or .pfm (0..1)')
    parser.add_argument(
        '--max-depth', type=float, default=100.0, metavar='METRES',
        help='what is farther becomes inf and no point (default: 100)')
    parser.add_argument(
        '--min-confidence', type=float, default=0.0, metavar='C',
        help='depth and points less sure than this, 0 to 1, are left out (default: 0)')
    add_left_right_option(parser)
    add_model_options(parser)
    parser.add_argument(
        '--right-view', type=Path, metavar='OUT',
        help='with --mono: the right view that the model imagines, from models that were exported '
             'with --right-view')
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Compute and write what was asked for."""
    model = _check_options(args)
    from depth_learning_ros.pipeline import DepthOptions
    options = DepthOptions(max_depth_m=args.max_depth, min_confidence=args.min_confidence,
                           left_right_check=args.left_right_check)
    process = _process_image if args.mono else _process_pair
    pipeline, result = process(args, model, options)
    with pipeline:
        _write(args, result)
        _report(args, pipeline, result)
    return 0


def _process_pair(args: argparse.Namespace, model: str,
                  options: DepthOptions) -> tuple[Pipeline, StereoResult]:
    from depth_learning_ros.data.calibration import read_calibration
    from depth_learning_ros.data.images import read_image
    from depth_learning_ros.pipeline import StereoPipeline, looks_swapped
    from depth_learning_ros.types import StereoPair
    left, right = read_image(args.left), read_image(args.right)
    height, width = left.shape[:2]
    camera = None if args.calib is None else read_calibration(args.calib, width, height)
    pair = StereoPair(left, right, camera)
    pipeline = StereoPipeline(open_engine_for(args, model, args.max_disparity), options)
    if (left == right).all():
        raise DataError(f'{args.left} and {args.right} hold the same image, in which no depth can '
                        f'be seen: give both views')
    _check_confidence(args, pipeline)
    pipeline.prepare(height, width)  # so that the time told is that of the network
    result = pipeline.process(pair, _needed(args))
    if looks_swapped(pipeline, result):
        _log.warning('%s and %s look swapped: more is found the other way round; LEFT is the view '
                     'in which everything lies further to the right', args.left, args.right)
    return pipeline, result


def _process_image(args: argparse.Namespace, model: str,
                   options: DepthOptions) -> tuple[Pipeline, StereoResult]:
    from depth_learning_ros.data.calibration import read_calibration
    from depth_learning_ros.data.images import read_image
    from depth_learning_ros.pipeline import MonoPipeline
    image: np.ndarray = read_image(args.left)
    height, width = image.shape[:2]
    pipeline = MonoPipeline(open_engine_for(args, model, args.max_disparity), options,
                            fit=args.fit or 'letterbox')
    _check_confidence(args, pipeline)
    info = pipeline.engine.info
    if args.right_view and 'right' not in info.outputs:
        raise EngineError(f"{info.model} keeps its right view to itself: export it with "
                          f"'depth-learning export MODEL --right-view -o my.onnx', and use that")
    camera = None
    if args.calib is not None:
        camera = read_calibration(args.calib, width, height, pipeline.facts.virtual_baseline_m)
    pipeline.prepare(height, width)
    return pipeline, pipeline.process(image, camera, _needed(args))


def _check_options(args: argparse.Namespace) -> str:
    """Refuse what does not fit together; give the model."""
    model = check_mono_options(args)
    if args.mono and args.right is not None:
        raise UsageError(f'--mono takes one image: leave {args.right} out, or leave --mono out')
    if not args.mono and args.right is None:
        raise UsageError('give LEFT and RIGHT, or one image and --mono')
    if args.right_view and not args.mono:
        raise UsageError('--right-view is imagined by mono models: add --mono, or leave it out')
    for name, (suffixes, needs_calibration) in _OUTPUTS.items():
        path = getattr(args, name)
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            raise UsageError(f"{path}: --{name.replace('_', '-')} is written as "
                             f"{', '.join(suffixes)}")
        if needs_calibration and args.calib is None:
            raise UsageError(f'--{name} needs metres: give the calibration with --calib')
    check_outputs((getattr(args, name) for name in _OUTPUTS), args.force)
    return model


def _check_confidence(args: argparse.Namespace, pipeline: Pipeline) -> None:
    info = pipeline.engine.info
    if args.confidence and 'confidence' not in info.outputs and not args.left_right_check:
        raise EngineError(f'{info.model} gives no confidence: add --left-right-check, or leave '
                          f'--confidence out')


def _needed(args: argparse.Namespace) -> set[str]:
    wanted = {'depth': args.depth, 'points2': args.points or args.view,
              'confidence': args.confidence}
    return {'disparity'} | {name for name, path in wanted.items() if path is not None}


def _write(args: argparse.Namespace, result: StereoResult) -> None:
    from depth_learning_ros.data.images import write_image
    from depth_learning_ros.data.maps import write_confidence, write_depth, write_disparity
    from depth_learning_ros.data.ply import write_ply
    write_disparity(args.output, result.disparity.values, force=args.force)
    if args.color:
        from depth_learning_ros.evaluation.colors import color_disparity
        write_image(args.color, color_disparity(result.disparity.values), force=args.force)
    if args.confidence and result.confidence is not None:
        write_confidence(args.confidence, result.confidence, force=args.force)
    if args.depth and result.depth is not None:
        write_depth(args.depth, result.depth, force=args.force)
    if args.points and result.points is not None:
        write_ply(args.points, result.points, force=args.force)
    if args.view and result.points is not None:
        _write_view(args, result)
    if args.right_view and result.right is not None:
        write_image(args.right_view, result.right, force=args.force)


def _write_view(args: argparse.Namespace, result: StereoResult) -> None:
    if result.points is None:
        return
    if args.view.suffix.lower() == '.html':
        from depth_learning_ros.evaluation.cloud_page import write_cloud_page
        write_cloud_page(args.view, result.points, title=args.left.name, force=args.force)
    else:
        from depth_learning_ros.data.images import write_image
        from depth_learning_ros.evaluation.cloud_view import render_cloud
        write_image(args.view, render_cloud(result.points), force=args.force)


def _report(args: argparse.Namespace, pipeline: Pipeline, result: StereoResult) -> None:
    import numpy as np
    values = result.disparity.values
    known = values[np.isfinite(values)]
    found = (f'{known.min():.1f} to {known.max():.1f} px' if known.size else 'nowhere')
    info = pipeline.engine.info
    print(f'{info.model} on {info.backend} ({info.precision}): {values.shape[1]}x'
          f'{values.shape[0]} in {1000 * result.seconds["engine"]:.0f} ms')
    print(f'disparity {found}, known at {100 * known.size / values.size:.1f} % of the pixels')
    print('wrote ' + ', '.join(str(getattr(args, name)) for name in _OUTPUTS
                               if getattr(args, name) is not None))
