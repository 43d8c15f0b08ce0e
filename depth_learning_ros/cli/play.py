# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning play``: a recorded bag on live ROS 2 topics."""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
import threading
from typing import TYPE_CHECKING

from depth_learning_ros.cli import STATUS_ERROR, STATUS_INTERRUPTED, UsageError
from depth_learning_ros.cli.live import add_network_options

if TYPE_CHECKING:
    from depth_learning_ros.live.player import Player, PlayOptions
    from depth_learning_ros.replay.bag import Bag

_EPILOG = """\
BAG is anything that 'depth-learning replay' reads: ROS 2 bags and ROS 1 bags. Topics keep their
types and the quality of service that was recorded; /clock tells the recording's time.

--restamp shifts the stamps of headers to the present, so that listeners without simulated time
see messages that are new, and latencies mean something. Stamps elsewhere, such as in /tf, stay.

examples:
  depth-learning play drive.mcap --rate 0.5
  depth-learning play drive/ --loop --restamp --topics /left/image_rect /right/image_rect
  depth-learning play drive.bag --remap /cam0/image_raw:=/left/image_rect
"""

_CLOCK = '/clock'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('bag', type=Path, metavar='BAG', help='a folder or a file')
    add_network_options(parser)
    parser.add_argument('--rate', type=float, default=1.0, metavar='R',
                        help='2 = twice as fast (default: 1)')
    parser.add_argument('--loop', action='store_true', help='begin again at the end')
    parser.add_argument('--start', type=float, default=0.0, metavar='S',
                        help="begin S seconds after the bag's first message")
    parser.add_argument('--duration', type=float, metavar='S', help='stop S seconds later')
    parser.add_argument('--topics', nargs='+', default=[], metavar='TOPIC',
                        help='only these (default: all)')
    parser.add_argument('--remap', action='append', default=[], metavar='OLD:=NEW',
                        help='publish a topic under another name')
    parser.add_argument('--restamp', action='store_true',
                        help='shift the stamps of headers to the present')
    parser.add_argument('--clock', type=float, default=40.0, metavar='HZ',
                        help='how often /clock is published; 0 = never (default: 40)')
    parser.add_argument('--delay', type=float, default=1.0, metavar='S',
                        help='wait so long before the first message, for others to find the '
                             'topics (default: %(default)s)')
    parser.add_argument('--node-name', default='depth_learning_play', metavar='NAME',
                        help='in the graph (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Play, and say what was sent."""
    if not args.start >= 0 or not args.delay >= 0 or (
            args.duration is not None and not args.duration > 0):
        raise UsageError('--start and --delay must be 0 or more, --duration more than 0')
    from depth_learning_ros.cli.signals import stop_requested
    from depth_learning_ros.live.participant import Participant
    from depth_learning_ros.live.player import Player
    from depth_learning_ros.live.tuning import tune_process
    from depth_learning_ros.replay.bag import Bag
    tune_process()
    options = _options(args)
    with Bag(args.bag) as bag, stop_requested() as stop, Participant(
            args.node_name, '', args.domain, args.distro) as participant:
        topics = _checked_topics(args, bag)
        player = Player(participant, options, stop)
        playable = _announce(player, bag, topics)
        if not playable:
            print(f'depth-learning: error: no topic of {args.bag} can be played', file=sys.stderr)
            return STATUS_ERROR
        participant.start()
        print(f'playing {args.bag} in domain {participant.domain_id}: {", ".join(playable)}',
              flush=True)
        _play(args, bag, player, playable, stop)
        return _summary(args, player, bag)


def _options(args: argparse.Namespace) -> PlayOptions:
    from depth_learning_ros.errors import DepthLearningError
    from depth_learning_ros.live.names import check_topic
    from depth_learning_ros.live.player import PlayOptions
    remap = {}
    for text in args.remap:
        old, arrow, new = text.partition(':=')
        if not arrow:
            raise UsageError(f'--remap {text}: expected OLD:=NEW')
        remap['/' + old.strip('/')] = check_topic(new)
    try:
        return PlayOptions(args.rate, args.clock, args.restamp, remap)
    except DepthLearningError as error:
        raise UsageError(str(error)) from error


def _checked_topics(args: argparse.Namespace, bag: Bag) -> list[str]:
    from depth_learning_ros.errors import BagError
    wanted = ['/' + name.strip('/') for name in args.topics]
    renamed = ['/' + text.partition(':=')[0].strip('/') for text in args.remap]
    unknown = [name for name in (*wanted, *renamed) if name not in bag.topics]
    if unknown:
        raise BagError(f'{args.bag} has no topic {", ".join(unknown)}: there are '
                       f'{", ".join(bag.topics)}')
    if bag.start_ns + args.start * 1e9 >= bag.end_ns:
        raise BagError(f'{args.bag} is only {(bag.end_ns - bag.start_ns) / 1e9:.1f} s long: '
                       f'give a smaller --start')
    return wanted or list(bag.topics)


def _announce(player: Player, bag: Bag, topics: list[str]) -> list[str]:
    """Announce the topics that can be sent, and say which cannot."""
    from depth_learning_ros.errors import LiveError
    playable = []
    for name in topics:
        message_type = bag.message_type(name)
        try:
            if message_type is None:
                raise LiveError(f'the bag does not say how its type {bag.topics[name].type_name} '
                                f'is defined for ROS 2')
            player.add_topic(name, message_type, bag.topics[name].qos)
        except LiveError as error:
            print(f'depth-learning: warning: {name} is not played: {error}', file=sys.stderr)
        else:
            playable.append(name)
    if _CLOCK not in playable:
        player.start_clock()
    return playable


def _play(args: argparse.Namespace, bag: Bag, player: Player, topics: list[str],
          stop: threading.Event) -> None:
    start_ns = bag.start_ns + round(args.start * 1e9)
    end_ns = bag.end_ns if args.duration is None else min(
        bag.end_ns, start_ns + round(args.duration * 1e9))
    if stop.wait(args.delay):
        player.report.stopped = True
        return
    while True:
        player.play(bag.messages(topics, start_ns, end_ns), start_ns, end_ns)
        if not args.loop or player.report.stopped:
            return


def _summary(args: argparse.Namespace, player: Player, bag: Bag) -> int:
    report = player.report
    late = f', at worst {1000 * report.late_s:.0f} ms late' if report.late_s > 0.001 else ''
    print(f'sent {sum(report.sent.values())} messages of {len(report.sent)} topics{late}')
    for topic, count in report.failed.items():
        print(f'depth-learning: warning: {count} messages of {topic} are damaged and were not '
              f'sent', file=sys.stderr)
    if bag.damage:
        print(f'depth-learning: error: {args.bag} is damaged: {bag.damage}', file=sys.stderr)
        return STATUS_ERROR
    return STATUS_INTERRUPTED if report.stopped and not args.loop else 0
