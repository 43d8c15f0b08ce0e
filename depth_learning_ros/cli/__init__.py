# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Argument parsing and progress bars only.

One command is one module of this folder with ``add_arguments(parser)`` and ``run(args) -> int``.
Only the module of the command that was asked for is imported, and no module imports a heavy
library at its top, so that ``--help`` and a usage error come at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
import logging
import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from depth_learning_ros.cli.parser import STATUS_USAGE, Parser, nearest
from depth_learning_ros.errors import DepthLearningError

PROGRAM = 'depth-learning'

STATUS_ERROR = 1
STATUS_INTERRUPTED = 130
STATUS_BROKEN_PIPE = 141
STATUS_TERMINATED = 143

COMMANDS: dict[str, tuple[str, str]] = {
    name: (f'{__name__}.{name.replace("-", "_")}', text) for name, text in {
        'demo': 'a bag through a model and OpenCV, with table and pictures',
        'replay': 'run a stereo bag through a model, into a new bag',
        'live': 'depth of live ROS 2 topics, with no ROS 2 installed',
        'play': 'a bag on live ROS 2 topics',
        'watch': 'rates and latencies of live ROS 2 topics',
        'infer': 'disparity, depth and points of one pair of images',
        'evaluate': 'measure models against ground truth',
        'export': 'write a model as an ONNX file',
        'build': 'a TensorRT engine, measured, in one file',
        'models': 'list the models: size, cost, weights, licence',
        'doctor': 'what is installed, which backends work and why not',
        'train': 'train a network',
        'scenes': 'render stereo pairs with exact disparity',
        'pieces': 'cut large files for moving, and join them again',
        'adapt': 'fit weights to a new place, from logs without ground truth',
        'import-weights': 'read released Caffe weights',
    }.items()}
"""Name -> (module, one-line help)."""

_EXTRAS = {
    'torch': 'train', 'lightning_fabric': 'train', 'yaml': 'train', 'onnx': 'train',
    'cyclonedds': 'live', 'openvino': 'cpu', 'onnxruntime': 'cpu',
    'tensorrt_rtx': 'tensorrt-rtx',
}
"""Library that a command may miss -> the package's extra that brings it."""

_APART = {'tensorboard': 'tensorboard'}
"""Library that no extra brings -> what to install."""

_EPILOG = """\
'%(prog)s COMMAND --help' explains a command. Results go to the files you name and to standard
output, messages and progress to standard error. The exit status is 0 only on success: 1 says that
the work failed, 2 that the command line was wrong, 130 that it was interrupted.
"""


class UsageError(Exception):
    """Options that do not fit together: the command line is wrong, not the data (status 2)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; raises only on what is a bug."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _termination_unwinds():
            try:
                status = _run(arguments)
            except SystemExit as stop:  # help and version (0), usage errors (2), SIGTERM
                status = stop.code if isinstance(stop.code, int) else STATUS_ERROR
            sys.stdout.flush()
        return status
    except DepthLearningError as error:
        return _complain(str(error), STATUS_ERROR)
    except ModuleNotFoundError as error:
        needed = _what_brings((error.name or '').partition('.')[0])
        if needed is None:
            raise
        return _complain(f"this needs {error.name}, which is not installed here: "
                         f"pip install '{needed}'", STATUS_ERROR)
    except BrokenPipeError:
        # The reader of our output went away; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return STATUS_BROKEN_PIPE
    except OSError as error:
        from depth_learning_ros.files import is_disk_full
        if not is_disk_full(error):
            raise
        return _complain('the disk is full: free some space, or write to another disk',
                         STATUS_ERROR)
    except KeyboardInterrupt:
        return _complain('interrupted', STATUS_INTERRUPTED)


def _run(arguments: list[str]) -> int:
    parser, chosen = _build_parser(arguments)
    args, unknown = parser.parse_known_args(arguments)
    if unknown:
        (chosen or parser).refuse(unknown[0])
    if args.command is None:
        parser.print_help(sys.stderr)
        return STATUS_USAGE
    module = import_module(COMMANDS[args.command][0])
    try:
        with _logging(args.verbose):
            return module.run(args)
    except UsageError as error:
        (chosen or parser).error(str(error))


def _what_brings(library: str) -> str | None:
    """Give what pip is to install for a library; None = nothing that we know of."""
    extra = _EXTRAS.get(library)
    return _APART.get(library) if extra is None else f'depth_learning_ros[{extra}]'


def _build_parser(arguments: list[str]) -> tuple[Parser, Parser | None]:
    """Return the parser with every command's name, but the options of the one asked for only."""
    parser = Parser(
        prog=PROGRAM, epilog=_EPILOG,
        description='Learned stereo depth: from image files and recorded bags to disparity, '
                    'depth and point clouds.')
    parser.add_argument('--version', action=_VersionAction)
    _add_verbose(parser, default=0)
    commands = parser.add_subparsers(
        title='commands', dest='command', metavar='COMMAND', parser_class=Parser)
    wanted = next((word for word in arguments if not word.startswith('-')), None)
    chosen = None
    for name, (module, text) in COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + '.')
        _add_verbose(command, default=argparse.SUPPRESS)
        if name == wanted:
            chosen = command
            import_module(module).add_arguments(command)
    if wanted is not None and wanted not in COMMANDS:
        parser.error(f"there is no command '{wanted}'{nearest(wanted, COMMANDS)} (commands: "
                     f"{', '.join(COMMANDS)})")
    return parser, chosen


class _VersionAction(argparse.Action):
    """Print the version; looked up only then, because that is slow to import."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0,
                         help="show the program's version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version
        try:
            found = version('depth_learning_ros')
        except PackageNotFoundError:
            found = '(not installed: run from its source folder)'
        print(f'{PROGRAM} {found}')
        parser.exit()


def _add_verbose(parser: argparse.ArgumentParser, default: Any) -> None:
    parser.add_argument(
        '-v', '--verbose', action='count', default=default,
        help='say more about what is done; -vv for all details')


@contextmanager
def _logging(verbose: int) -> Iterator[None]:
    """Show the package's log records while a command runs; leave logging as it was."""
    from depth_learning_ros.cli.progress import LogHandler
    logger = logging.getLogger('depth_learning_ros')
    handler = LogHandler()
    handler.setFormatter(logging.Formatter(f'{PROGRAM}: %(levelname)s: %(message)s'))
    before = logger.level
    logger.setLevel({0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def _complain(message: str, status: int) -> int:
    print(f'{PROGRAM}: {"error: " if status == STATUS_ERROR else ""}{message}', file=sys.stderr)
    return status


@contextmanager
def _termination_unwinds() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that half-written temporary files are removed."""
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(STATUS_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # only the main thread may set handlers
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
