# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning export``: a network as one ONNX file."""

from __future__ import annotations

import argparse
from pathlib import Path

from depth_learning_ros.cli import UsageError
from depth_learning_ros.cli.options import add_force_option
from depth_learning_ros.cli.progress import say
from depth_learning_ros.errors import EngineError

_EPILOG = """\
The file holds everything: it takes left and right (a mono model left alone) as uint8 [N, H, W, 3]
RGB of any size and gives disparity (float32 [N, H, W], pixels) and confidence (0..1). Before it
gets its name it is run at several sizes and compared with PyTorch. Exporting needs PyTorch and
onnx; running what was exported does not.

examples:
  depth-learning export crl-small -o crl-small.onnx
  depth-learning export my.safetensors -o my.onnx --height 480 --width 640 --precision fp16
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument(
        'model', metavar='MODEL',
        help="a .safetensors file, or the name of a model whose weights ship (see 'depth-learning "
             "models')")
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT',
                        help='the .onnx file')
    parser.add_argument('--height', type=int, metavar='H',
                        help='fix the height of the images (default: any)')
    parser.add_argument('--width', type=int, metavar='W',
                        help='fix the width of the images (default: any)')
    parser.add_argument(
        '--precision', choices=('fp32', 'fp16'), default='fp32',
        help='fp16: convolutions in float16 for GPUs, disparities still in float32 '
             '(default: fp32)')
    parser.add_argument('--right-view', action='store_true',
                        help='mono models: also give the right view that the model imagines')
    add_force_option(parser)


def run(args: argparse.Namespace) -> int:
    """Export and say how close the file is to PyTorch."""
    if args.output.suffix != '.onnx':
        raise UsageError(f'{args.output}: the output is an .onnx file')
    for what, value in (('--height', args.height), ('--width', args.width)):
        if value is not None and value < 2:
            raise UsageError(f'{what} is {value}: an image has at least 2 pixels')
    try:
        from depth_learning_ros.engine.export import export_model
    except ModuleNotFoundError as error:
        raise EngineError(f"exporting needs {error.name}, which is not installed here: pip "
                          f"install 'depth_learning_ros[train]'") from error
    done = export_model(args.model, args.output, height=args.height, width=args.width,
                        precision=args.precision, force=args.force,
                        right_view=args.right_view, on_message=say)
    sizes = ', '.join(f'{width}x{height}' for _, height, width in done.shapes)
    print(f'{done.checked_by} at {sizes}: {done.error} away from PyTorch')
    print(f'wrote {args.output}, {args.output.stat().st_size / 1e6:.1f} MB')
    return 0
