# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning watch``: rates and latencies of live topics."""

from __future__ import annotations

import argparse
from dataclasses import asdict
import json
from pathlib import Path
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from depth_learning_ros.cli import STATUS_ERROR, UsageError
from depth_learning_ros.cli.live import add_network_options

if TYPE_CHECKING:
    from depth_learning_ros.live.watch import Watcher

_EPILOG = """\
Prints a table every few seconds. Without names it listens to everything that is named and typed
like an output of 'live' or of the nodes: disparity, depth, points2, confidence, scan.

  ms since stamp   from the stamp in the header to the arrival here, median / worst; '-' when the
                   stamps are not of the present, such as those of a recording
  ms on the way    from the sending to the arrival here: the network alone

The clocks of both machines must agree. Ctrl-C ends it; the status is 1 when nothing ever came.

examples:
  depth-learning watch
  depth-learning watch /depth /left/image_rect --every 5
  depth-learning watch --duration 10 --json figures.json
"""

_LOOK_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('topics', nargs='*', metavar='TOPIC', help='what to listen to')
    add_network_options(parser)
    parser.add_argument('--every', type=float, default=2.0, metavar='S',
                        help='seconds between two tables (default: 2)')
    parser.add_argument('--duration', type=float, metavar='S', help='end after S seconds')
    parser.add_argument('--json', type=Path, metavar='FILE',
                        help='write the figures of the whole time to this file at the end')
    parser.add_argument('--node-name', default='depth_learning_watch', metavar='NAME',
                        help='in the graph (default: %(default)s)')


def run(args: argparse.Namespace) -> int:
    """Print tables until told to stop."""
    if not args.every > 0 or (args.duration is not None and not args.duration > 0):
        raise UsageError('--every and --duration must be more than 0')
    from depth_learning_ros.cli.options import check_outputs
    from depth_learning_ros.cli.signals import stop_requested
    from depth_learning_ros.live.names import check_topic
    from depth_learning_ros.live.participant import Participant
    from depth_learning_ros.live.tuning import tune_process
    from depth_learning_ros.live.watch import Watcher
    tune_process()
    check_outputs([args.json], force=True)
    topics = [check_topic(name) for name in args.topics]
    with stop_requested() as stop, Participant(
            args.node_name, '', args.domain, args.distro) as participant:
        participant.start()
        watcher = Watcher(participant, topics)
        _watch(args, watcher, stop, participant.domain_id)
        whole = watcher.whole()
        if args.json is not None:
            _write(args.json, [asdict(figures) for figures in whole])
    return 0 if any(figures.total for figures in whole) else STATUS_ERROR


def _watch(args: argparse.Namespace, watcher: Watcher, stop: threading.Event,
           domain_id: int) -> None:
    from depth_learning_ros.live.watch import table
    end_s = None if args.duration is None else time.monotonic() + args.duration
    next_s = time.monotonic() + args.every
    while not stop.wait(_LOOK_S):
        watcher.look()
        now_s = time.monotonic()
        last = end_s is not None and now_s >= end_s
        if now_s >= next_s or last:
            next_s += args.every
            figures = watcher.figures()
            if figures:
                print(f'{table(figures)}\n', flush=True)
            else:
                what = ', '.join(watcher.missing) or 'disparity, depth, points2, ...'
                print(f'waiting in domain {domain_id} for {what}', file=sys.stderr, flush=True)
        if last:
            return


def _write(path: Path, content: Any) -> None:
    from depth_learning_ros.files import atomic_write
    with atomic_write(path, force=True, mode='w') as file:
        json.dump(content, file, indent=2)
        file.write('\n')
