# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning live``: depth of live ROS 2 topics, with no ROS 2 installed."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
import sys
import threading
from typing import TYPE_CHECKING, Any

from depth_learning_ros.cli import STATUS_ERROR, UsageError

if TYPE_CHECKING:
    from depth_learning_ros.live.inputs import InputTopic
    from depth_learning_ros.live.participant import Participant
    from depth_learning_ros.live.process import LiveProcess
    from depth_learning_ros.stream import MonoSettings, Setting, StereoSettings

_EPILOG = """\
Joins the ROS 2 graph by DDS, Cyclone DDS being the other side's best match: no ROS 2 is needed
here. ROS_DOMAIN_ID, ROS_AUTOMATIC_DISCOVERY_RANGE, ROS_STATIC_PEERS and CYCLONEDDS_URI mean what
they mean to ROS 2. Images must be rectified. Without topics the only stereo pair there is is
taken, found by its names (.../left/... with .../right/...).

Published, below the common parent of both cameras, is what somebody subscribes to:
  disparity     stereo_msgs/DisparityImage
  depth         sensor_msgs/Image, 32FC1, metres (with depth/camera_info and camera_info)
  points2       sensor_msgs/PointCloud2, organised and coloured
  confidence    sensor_msgs/Image, 32FC1, 0 to 1
  scan          sensor_msgs/LaserScan of obstacles (with its frame on /tf_static)
and /diagnostics. The settings are parameters of the node: 'ros2 param list', 'get' and 'set'.

Ctrl-C ends it, with status 0.

examples:
  depth-learning live
  depth-learning live --left-ns /camera/left --right-ns /camera/right --model sgbm
  depth-learning live --mono --image /camera/image_rect --set max_depth_m=30
"""

_NODES = {False: 'stereo_node', True: 'mono_node'}  # as those of the ROS 2 package
_POLL_S = 0.5
_PACKAGE_LOGGER = 'depth_learning_ros'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    add_network_options(parser)
    parser.add_argument('--node-name', metavar='NAME',
                        help=f'in the graph (default: {_NODES[False]}, or {_NODES[True]})')
    parser.add_argument('--mono', action='store_true',
                        help='a single camera, by a mono model')
    topics = parser.add_argument_group('topics')
    for side in ('left', 'right'):
        topics.add_argument(f'--{side}-ns', metavar='NS',
                            help=f'namespace of the {side} camera: image_rect and camera_info')
        topics.add_argument(f'--{side}', metavar='TOPIC',
                            help=f'{side} image; what ends in /compressed is decoded')
        topics.add_argument(f'--{side}-info', metavar='TOPIC',
                            help=f'{side} camera_info (default: beside the image)')
    topics.add_argument('--image', metavar='TOPIC', default='image_rect',
                        help='image of a single camera (default: %(default)s)')
    topics.add_argument('--info', metavar='TOPIC',
                        help='its camera_info (default: beside the image)')
    topics.add_argument('--namespace', metavar='NS',
                        help='of the outputs (default: the common parent of the images)')
    topics.add_argument('--use-sim-time', action='store_true',
                        help='take the time of /clock, for recordings and simulators')
    settings = parser.add_argument_group('settings')
    settings.add_argument('--model', metavar='NAME_OR_PATH',
                          help="a name from 'depth-learning models', or a file")
    settings.add_argument('--outputs', metavar='LIST',
                          help='what may be published, separated by commas (default: all)')
    settings.add_argument('--set', action='append', default=[], metavar='NAME=VALUE',
                          help='any other setting, as often as needed')
    settings.add_argument('--params-file', type=Path, metavar='FILE.yaml',
                          help='settings in the form of ROS 2 parameter files')
    settings.add_argument('--list-settings', action='store_true',
                          help='print all settings with their meaning, and end')


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """Add what tells where the others are."""
    parser.add_argument('--domain', type=int, metavar='N',
                        help='DDS domain (default: what ROS_DOMAIN_ID says, else 0)')
    parser.add_argument('--distro', metavar='NAME',
                        help="the other side's ROS 2 release; only humble and older make a "
                             'difference (default: what ROS_DISTRO says, else jazzy)')


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from depth_learning_ros.stream import MonoSettings, StereoSettings, table
    kind = MonoSettings if args.mono else StereoSettings
    rows = table(kind)
    if args.list_settings:
        print('\n'.join(_described(row) for row in rows))
        return 0
    settings = _settings(args, kind, rows)
    _check_topic_options(args)
    from depth_learning_ros.cli.signals import stop_requested
    from depth_learning_ros.live.participant import Participant
    from depth_learning_ros.live.tuning import tune_process
    tune_process()
    if not args.verbose:
        logging.getLogger(f'{_PACKAGE_LOGGER}.live').setLevel(logging.INFO)
    with stop_requested() as stop, Participant(
            args.node_name or _NODES[args.mono], args.namespace or '', args.domain,
            args.distro) as participant:
        participant.start()
        return _serve(args, participant, settings, stop)


def _serve(args: argparse.Namespace, participant: Participant,
           settings: StereoSettings | MonoSettings, stop: threading.Event) -> int:
    from depth_learning_ros.live.config import small_buffer_hint
    from depth_learning_ros.live.names import check_namespace
    from depth_learning_ros.live.process import LiveOptions, LiveProcess
    hint = small_buffer_hint()
    if hint:
        _warn(hint)
    topics = _topics(args, participant, settings.image_transport == 'compressed', stop)
    if topics is None:
        return 0
    namespace = None if args.namespace is None else check_namespace(args.namespace)
    with LiveProcess(participant, topics, settings,
                     LiveOptions(namespace, args.use_sim_time)) as live:
        images = ' and '.join(t.name for t in topics if t.role == 'image')
        print(f'{participant.full_name} in domain {participant.domain_id}: {images} -> '
              f'{live.namespace}/{{{",".join(settings.outputs)}}}', flush=True)
        live.start()
        live.run(stop)
        return _summary(live)


def _summary(live: LiveProcess) -> int:
    figures = live.stream.statistics.figures()
    latency = f', {figures.latency} ms old' if figures.latency else ''
    print(f'{figures.results} results{latency}')
    for cause, count in sorted(figures.dropped.items()):
        print(f'  dropped {count}: {cause}')
    return 0 if live.stream.model.info is not None else STATUS_ERROR


def _topics(args: argparse.Namespace, participant: Participant, compressed: bool,
            stop: threading.Event) -> list[InputTopic] | None:
    """Return the topics to listen to; None when told to stop before they were found."""
    from depth_learning_ros.live.inputs import camera_topics
    if args.mono:
        return camera_topics('left', args.image, args.info, compressed)
    images = {side: getattr(args, side) or (
        f'{getattr(args, f"{side}_ns")}/image_rect' if getattr(args, f'{side}_ns') else None)
        for side in ('left', 'right')}
    infos = {side: getattr(args, f'{side}_info') for side in ('left', 'right')}
    if None in images.values():
        found = _found_pair(participant, stop)
        if found is None:
            return None
        images, infos = found
    return [topic for side in ('left', 'right')
            for topic in camera_topics(side, images[side] or '', infos[side], compressed)]


def _found_pair(participant: Participant,
                stop: threading.Event) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Wait until there is one stereo pair in the graph."""
    from depth_learning_ros.cli.live_topics import published_pair
    from depth_learning_ros.errors import DepthLearningError
    said = None
    while not stop.wait(_POLL_S):
        try:
            found = published_pair(participant.graph)
        except DepthLearningError as error:
            if str(error) != said:
                said = str(error)
                _warn(f'waiting for a stereo pair in domain {participant.domain_id}: {said}')
            continue
        return {'left': found.left, 'right': found.right}, {
            'left': found.left_info, 'right': found.right_info}
    return None


def _check_topic_options(args: argparse.Namespace) -> None:
    given = [name for name in ('left', 'right', 'left_ns', 'right_ns', 'left_info', 'right_info')
             if getattr(args, name)]
    if args.mono and given:
        raise UsageError('--mono takes one camera: name it by --image and --info')
    if not args.mono and (args.image != 'image_rect' or args.info):
        raise UsageError('--image and --info are for --mono: a pair is named by --left, --right')
    if bool(args.left or args.left_ns) != bool(args.right or args.right_ns):
        raise UsageError('name both cameras, or none to have them found')
    if given and not (args.left or args.left_ns):
        raise UsageError('--left-info and --right-info need --left and --right')


def _settings(args: argparse.Namespace, kind: type[Any], rows: list[Setting]) -> Any:
    """Return the settings; later sources win: file, --set, options."""
    from depth_learning_ros.errors import DepthLearningError
    known = {row.name: row for row in rows}
    values: dict[str, Any] = {}
    if args.params_file is not None:
        from depth_learning_ros.cli.params_file import read_parameters
        values.update(read_parameters(args.params_file, known))
    for text in args.set:
        name, equals, value = text.partition('=')
        if not equals or name not in known:
            raise UsageError(f'--set {text}: expected NAME=VALUE with a name out of '
                             f'{", ".join(known)}')
        values[name] = _parsed(known[name], value)
    if args.model is not None:
        values['model'] = args.model
    if args.outputs is not None:
        values['outputs'] = _parsed(known['outputs'], args.outputs)
    try:
        return kind(**values)
    except DepthLearningError as error:
        raise UsageError(str(error)) from error


def _parsed(row: Setting, text: str) -> Any:
    kind = type(row.default)
    if kind is tuple:
        return tuple(item.strip() for item in text.split(',') if item.strip())
    if kind is bool:
        if text.lower() not in ('true', 'false'):
            raise UsageError(f'{row.name} is {text!r}: expected true or false')
        return text.lower() == 'true'
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f'{row.name} is {text!r}: expected {kind.__name__}') from None


def _described(row: Setting) -> str:
    default = ','.join(row.default) if isinstance(row.default, tuple) else row.default
    shown = str(default).lower() if isinstance(default, bool) else default
    return f'{row.name}={shown}\n    {row.about}'


def _warn(text: str) -> None:
    print(f'depth-learning: warning: {text}', file=sys.stderr, flush=True)
