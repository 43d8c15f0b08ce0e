# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning doctor``: what works on this machine, and why the rest does not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

from depth_learning_ros.cli.progress import say

_EPILOG = """\
Each backend really runs a shipped network on a small image pair: its error is the distance from
PyTorch in float32, its time that of this pair. The exit status is 0 when at least one works.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = _EPILOG
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    parser.add_argument('--cache-dir', type=Path, metavar='DIR',
                        help='where built engines are kept (default: your cache folder)')


def run(args: argparse.Namespace) -> int:
    """Print the diagnosis; 0 when a network can be run."""
    from depth_learning_ros.engine.diagnosis import diagnose
    found = diagnose(args.cache_dir, say)
    print(json.dumps(found, indent=2) if args.json else '\n'.join(_to_lines(found)))
    return 0 if any(backend['works'] for backend in found['backends']) else 1


def _to_lines(found: dict[str, Any]) -> Iterator[str]:
    yield f'Python {found["python"]} on {found["system"]}'
    yield from _processor(found['processor'])
    yield from _gpu(found['gpu'])
    yield from _tensorrt(found['tensorrt'], found['jetson'])
    yield ''
    yield 'backends (auto takes the first that works)'
    for backend in found['backends']:
        yield _backend(backend)
    yield f'  models: {", ".join(found["models"])}'
    yield ''
    yield 'libraries'
    for name, version in found['libraries'].items():
        yield f'  {name:24s}{version or "-"}'
    yield ''
    yield from _ros2(found['ros2'])
    cache = found['cache']
    yield (f'cache: {cache["folder"]}, {cache["engines"]} engines, {cache["bytes"] / 1e6:.1f} MB'
           + (', which may be deleted: all of it is made again when needed' if cache['writable']
              else ', NOT WRITABLE: engines are built again each time'))


def _processor(processor: dict[str, Any]) -> Iterator[str]:
    yield f'processor: {processor["name"]}, {processor["cores"]} cores usable'
    yield f'  {" ".join(processor["features"]) or "none of the features that speed matters for"}'
    yield ('  bf16 is fast here (AMX)' if processor['bf16_is_fast'] else
           '  no AMX: networks run in fp32 here')


def _gpu(gpu: dict[str, Any]) -> Iterator[str]:
    for card in gpu['nvidia']:
        yield 'GPU: ' + ', '.join(f'{key} {value}' if key != 'name' else value
                                  for key, value in card.items())
    if gpu['cuda'] is not None:
        yield (f'  driver for CUDA {gpu["cuda"]["cuda"]}, {gpu["cuda"]["memory_gb"]} GB'
               f'{", shared with the processor" if gpu["cuda"]["integrated"] else ""}')
    if not gpu['nvidia'] and gpu['cuda'] is None:
        yield f'GPU: none; {gpu["reason"]}'


def _tensorrt(rows: list[dict[str, Any]], jetson: dict[str, str] | None) -> Iterator[str]:
    if jetson is not None:
        yield (f'Jetson: {jetson["board"]}, Jetson Linux {jetson["linux_for_tegra"]} (JetPack '
               f'{jetson["jetpack"]})')
    for row in rows:
        text = f'{row["name"]} {row["version"] or "-"}'
        if row['builds_for']:
            text += f', builds for compute capability {", ".join(row["builds_for"])}'
        yield text + (f'; {row["reason"]}' if row['reason'] else '; can run here')
        for problem in row['problems']:
            yield f'  KNOWN PROBLEM of this version: {problem}'


def _backend(backend: dict[str, Any]) -> str:
    if not backend['works']:
        return f'  {backend["name"]:12s} no: {backend["reason"]}'
    width, height = backend['size']
    return (f'  {backend["name"]:12s} works: {backend["model"]} in {backend["precision"]}, '
            f'{backend["error_px"]:.2g} px from PyTorch, {backend["ms"]:.0f} ms at '
            f'{width}x{height} ({backend["version"]})')


def _ros2(ros2: dict[str, Any]) -> Iterator[str]:
    if ros2['rclpy']:
        yield f'ROS 2: {ros2["distribution"]} found, rclpy loads'
    else:
        yield f'ROS 2: {ros2["distribution"] or "not found"}; {ros2["reason"]}'
