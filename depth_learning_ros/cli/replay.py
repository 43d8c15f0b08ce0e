# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning replay``: a recorded bag of a stereo pair or a single camera."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from depth_learning_ros.cli import STATUS_ERROR, UsageError
from depth_learning_ros.cli.options import (
    add_force_option,
    add_left_right_option,
    add_model_options,
    check_mono_options,
    check_outputs,
    open_engine_for,
)

if TYPE_CHECKING:
    from depth_learning_ros.pipeline import DepthOptions, MonoPipeline, StereoPipeline
    from depth_learning_ros.replay import ReplayOptions, ReplayReport

_EPILOG = """\
IN is a ROS 2 bag (folder, .mcap or .db3 file, also compressed) or a ROS 1 .bag file; ROS 2 is not
needed. Its images must be rectified: a point has the same row in both. The stereo pair is found by
its names (.../left/... with .../right/..., cam0 with cam1) when there is only one.

OUT.mcap is one file that Foxglove and 'ros2 bag play OUT.mcap' open; OUT without suffix is a
rosbag2 folder. Beside the images and camera_info of the pairs, unchanged, it holds below the
common parent of both cameras:
  disparity     stereo_msgs/DisparityImage
  depth         sensor_msgs/Image, 32FC1, metres (with depth/camera_info and camera_info)
  points2       sensor_msgs/PointCloud2, organised and coloured
  confidence    sensor_msgs/Image, 32FC1, 0 to 1
each with the header stamp and frame of the left image.

With --mono the bag needs one camera only (of a stereo pair the left one is taken), and the results
lie beside its image. Its depth is metric by the virtual baseline of the mono model.

A damaged bag is replayed up to the damage, and the exit status is 1 unless --allow-truncated is
given. Pairs that cannot be used are skipped and counted.

examples:
  depth-learning replay drive.mcap -o depth.mcap
  depth-learning replay drive.bag -o depth.mcap --left /cam0/image_rect --right /cam1/image_rect
  depth-learning replay drive/ -o points.mcap --start 10 --duration 5 --outputs points2
  depth-learning replay drive.mcap --mono --left /camera/image_rect -o depth.mcap
"""

_OUTPUTS = ('disparity', 'depth', 'points2', 'confidence')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('source', type=Path, metavar='IN', help='the bag: a folder or a file')
    parser.add_argument('-o', '--output', type=Path, required=True, metavar='OUT.mcap',
                        help='the bag to write')
    add_model_options(parser)
    _add_input_options(parser.add_argument_group('input'))
    _add_output_options(parser.add_argument_group('output'))
    add_force_option(parser)


def _add_input_options(group: argparse._ArgumentGroup) -> None:
    for name, text in (('left', 'left image topic (with --mono the only one)'),
                       ('right', 'right image topic'),
                       ('left-info', 'camera_info topic of the left camera'),
                       ('right-info', 'camera_info topic of the right camera')):
        group.add_argument(f'--{name}', metavar='TOPIC', help=f'{text} (default: found by name)')
    group.add_argument('--start', type=float, default=0.0, metavar='S',
                       help="begin S seconds after the bag's first message")
    group.add_argument('--duration', type=float, metavar='S', help='stop S seconds later')
    group.add_argument('--every', type=int, default=1, metavar='N',
                       help='process each N-th pair only')
    group.add_argument(
        '--sync', choices=('auto', 'exact', 'approximate'), default='auto',
        help='bring left and right together by equal stamps (exact) or nearest ones '
             '(approximate); auto looks at the first images (default)')
    group.add_argument(
        '--tolerance', type=float, default=0.01, metavar='S',
        help='largest distance of two stamps with approximate sync (default: %(default)s)')
    group.add_argument(
        '--baseline', type=float, metavar='M',
        help='distance of the cameras in metres, where P[3] of the right camera_info is wrong')
    group.add_argument(
        '--allow-truncated', action='store_true',
        help='exit with status 0 also when the bag is damaged and ends early')


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--outputs', type=_output_list, default=_OUTPUTS, metavar='LIST',
        help=f'what to compute, separated by commas (default: {",".join(_OUTPUTS)})')
    group.add_argument('--min-depth', type=float, default=0.0, metavar='M',
                       help='what is nearer becomes -inf and no point')
    group.add_argument('--max-depth', type=float, default=math.inf, metavar='M',
                       help='what is farther becomes inf and no point')
    group.add_argument('--min-confidence', type=float, default=0.0, metavar='C',
                       help='depth and points less sure than this, 0 to 1, are left out')
    add_left_right_option(group)
    group.add_argument('--point-stride', type=int, default=1, metavar='N',
                       help='points of each N-th pixel of each N-th row only')
    group.add_argument('--no-input', action='store_true',
                       help='do not copy the images and camera_info')
    group.add_argument('--all-topics', action='store_true',
                       help='copy all other topics too, such as /tf and /tf_static')
    group.add_argument('--compression', choices=('none', 'zstd'), default='none',
                       help='compress the chunks of the output (default: none, the fastest)')
    group.add_argument('--json', type=Path, metavar='REPORT',
                       help='write all figures of the replay to this file')


def _output_list(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(',') if name.strip()))
    unknown = [name for name in names if name not in _OUTPUTS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f'{", ".join(unknown) or "nothing"}: choose from {",".join(_OUTPUTS)}')
    return names


def run(args: argparse.Namespace) -> int:
    """Replay, and say what was done."""
    from depth_learning_ros.cli.progress import progress_callback
    from depth_learning_ros.errors import DepthLearningError
    from depth_learning_ros.pipeline import MonoPipeline, StereoPipeline
    from depth_learning_ros.replay import replay
    from depth_learning_ros.replay.output import check_bag_output
    model = check_mono_options(args)
    try:
        options, depth_options = _options(args)
    except DepthLearningError as error:
        raise UsageError(str(error)) from error
    check_bag_output(args.output, args.force)
    check_outputs([args.json], args.force)

    def open_pipeline() -> StereoPipeline | MonoPipeline:
        engine = open_engine_for(args, model, args.max_disparity)
        try:
            if args.mono:
                return MonoPipeline(engine, depth_options, fit=args.fit or 'letterbox')
            return StereoPipeline(engine, depth_options)
        except BaseException:
            engine.close()
            raise

    with progress_callback('replay', 'frame') as on_progress:
        report = replay(args.source, args.output, open_pipeline, options, on_progress)
    if args.json:
        _write_json(args, report)
    _print(report)
    return _tell_damage(report, args.allow_truncated)


def _options(args: argparse.Namespace) -> tuple[ReplayOptions, DepthOptions]:
    from depth_learning_ros.pipeline import DepthOptions
    from depth_learning_ros.replay import ReplayOptions, TopicWishes
    return (
        ReplayOptions(
            topics=TopicWishes(args.left, args.right, args.left_info, args.right_info),
            mono=args.mono,
            start_s=args.start, duration_s=args.duration, every=args.every, outputs=args.outputs,
            sync=args.sync, tolerance_s=args.tolerance, baseline_m=args.baseline,
            copy_inputs=not args.no_input, all_topics=args.all_topics,
            compression=args.compression, force=args.force),
        DepthOptions(args.min_depth, args.max_depth, args.min_confidence, args.point_stride,
                     args.left_right_check))


def _write_json(args: argparse.Namespace, report: ReplayReport) -> None:
    import json

    from depth_learning_ros.files import atomic_write
    with atomic_write(args.json, force=args.force, mode='w') as file:
        json.dump(report.as_json(), file, indent=2)
        file.write('\n')


def _print(report: ReplayReport) -> None:
    print(f'{report.model} on {report.backend} ({report.precision}): {_frames(report)} in '
          f'{report.seconds:.1f} s, {report.frames_per_second:.1f} frames/s end to end')
    if report.prepare_seconds >= 0.1:
        print(f'  preparing the engine took another {report.prepare_seconds:.1f} s')
    if report.latency_ms is not None:
        latency = report.latency_ms
        print(f'  latency: median {latency.median:.1f} ms, p95 {latency.p95:.1f} ms, '
              f'worst {latency.worst:.1f} ms')
    stages = ', '.join(f'{name} {s.median:.1f}' for name, s in report.stages_ms.items())
    print(f'  median ms: {stages}')
    if 'right' in report.topics:
        print(f'  {report.topics["left"]} with {report.topics["right"]}, {report.sync} sync')
    else:
        print(f'  {report.topics["left"]} with {report.topics["left_info"]}')
    for topic, causes in report.dropped.items():
        gap = report.drop_gap_ms.get(topic)
        near = f'; nearest image {gap.median:.1f} ms away (median)' if gap else ''
        for cause, count in causes.items():
            print(f'  dropped {count} of {topic}: {cause}{near}')
    for cause, count in report.skipped.items():
        print(f'  skipped {count}: {cause}')
    print(f'wrote {report.output}')
    for text in report.warnings:
        print(f'depth-learning: warning: {text}', file=sys.stderr)


def _tell_damage(report: ReplayReport, accepted: bool) -> int:
    """Say where a damaged bag ended; give the exit status."""
    if not report.damage:
        return 0
    kind, remedy = (('warning', '') if accepted else
                    ('error', '; --allow-truncated accepts it'))
    print(f'depth-learning: {kind}: {report.source} is damaged: {report.damage}. '
          f'{report.output} holds the {_frames(report)} before that{remedy}', file=sys.stderr)
    return 0 if accepted else STATUS_ERROR


def _frames(report: ReplayReport) -> str:
    return f'{report.frames} frame' + ('s' if report.frames != 1 else '')
