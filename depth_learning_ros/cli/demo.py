# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning demo``: a bag through a model and OpenCV's matchers, with pictures."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from pathlib import Path

from depth_learning_ros.cli.options import DEFAULT_MODEL, add_engine_options, add_zoom_option
from depth_learning_ros.cli.progress import OnProgress, progress_callback, say

_SHOWS = {
    'input.mcap': 'the rendered drive with its ground truth',
    'output.mcap': 'input, disparity, depth, points, confidence; for Foxglove, RViz',
    'panel.png': 'one frame: image, disparity, depth and (with ground truth) error',
    'comparison.png': 'the same frame by all models',
    'cloud.png': 'its point cloud',
    'cloud.html': 'the same to turn in a browser',
    'table.txt': 'the table: speed and error of all models on the same frames',
    'report.json': 'all figures',
}

_EPILOG = """\
Without a BAG, a short drive through a hall is rendered, with exact ground truth, as input.mcap.
The results:
""" + ''.join(f'  {name:<15} {text}\n' for name, text in _SHOWS.items()) + """
A BAG may hold its own ground truth, as stereo_msgs/DisparityImage on --truth.

examples:
  depth-learning demo
  depth-learning demo my_bag/ -o demo --force --frames 500
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('bag', nargs='?', type=Path, metavar='BAG',
                        help='rosbag2 folder, .mcap, .db3 or ROS 1 .bag with a stereo pair')
    parser.add_argument('-o', '--output', type=Path, default=Path('demo'), metavar='DIR',
                        help='folder for the results (default: %(default)s)')
    parser.add_argument(
        '--model', default=DEFAULT_MODEL, metavar='NAME_OR_PATH',
        help="a name from 'depth-learning models', or an .onnx, .safetensors or .engine file "
             '(default: %(default)s)')
    parser.add_argument(
        '--frames', type=int, metavar='N',
        help='use the first N pairs, the same for all models; 0 = all (default: 32 are rendered, '
             'the first 100 of a BAG are used)')
    parser.add_argument(
        '--max-disparity', type=int, metavar='PX',
        help="how far OpenCV's matchers search (default: as far as the ground truth goes, 128 "
             'without)')
    parser.add_argument(
        '--truth', default='/ground_truth/disparity', metavar='TOPIC',
        help='where a BAG has its ground truth (default: %(default)s)')
    add_engine_options(parser)
    add_zoom_option(parser)
    parser.add_argument('--force', action='store_true',
                        help='replace the results of an earlier demo; nothing else is replaced')


class _Reporter:
    """Messages and progress on standard error."""

    def say(self, message: str) -> None:
        say(message)

    def progress(self, label: str, unit: str) -> AbstractContextManager[OnProgress]:
        return progress_callback(label, unit)


def run(args: argparse.Namespace) -> int:
    """Run the demo and print its table."""
    from depth_learning_ros.demo.run import DemoOptions, run_demo
    result = run_demo(
        DemoOptions(output=args.output, bag=args.bag, model=args.model, backend=args.backend,
                    precision=args.precision, cache_dir=args.cache_dir, zoom=args.zoom,
                    frames=args.frames, max_disparity=args.max_disparity,
                    truth_topic=args.truth, force=args.force),
        _Reporter())
    print(result.text)
    for path in result.files:
        print(f'{path!s:<{max(len(str(each)) for each in result.files)}}  {_SHOWS[path.name]}')
    return 0
