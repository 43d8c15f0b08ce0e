#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The same network in PyTorch and in every backend, and OpenCV's SGBM, on one image pair.

    python benchmarks/backends.py [--model crl-small] [--left L.png --right R.png] [--rounds 15]

Pre- and post-processing and the confidence are included everywhere, as a user gets them. Runs
alternate, so that all see the same machine; what counts are the ratios. ``--processor-time``
measures one thread's processor time instead: steady even where other programs run.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
import os
from pathlib import Path
import statistics
import time

os.environ.setdefault('OMP_NUM_THREADS', str(len(os.sched_getaffinity(0))))

import cv2
import numpy as np
import torch

from depth_learning_ros.data.images import read_image
from depth_learning_ros.engine import open_engine, processor
from depth_learning_ros.engine.reference import fixed_pair
from depth_learning_ros.engine.sources import find_source
from depth_learning_ros.engine.stereo_graph import StereoGraph
from depth_learning_ros.models.checkpoint import load_checkpoint

WIDTH, HEIGHT = 1242, 375
DISPARITIES, BLOCK_SIZE = 192, 5
EAGER = 'PyTorch eager fp32'


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='crl-small', help='a name or an .onnx file')
    parser.add_argument('--weights', help='its .safetensors file, for PyTorch')
    parser.add_argument('--left', type=Path)
    parser.add_argument('--right', type=Path)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--processor-time', action='store_true')
    return parser.parse_args()


def images(args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """The pair given, brought to 1242x375, or the fixed pair repeated to that size."""
    if args.left is None:
        return fixed_pair(HEIGHT, WIDTH)
    pair = [cv2.resize(read_image(path), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            for path in (args.left, args.right)]
    return pair[0][None], pair[1][None]


def eager(weights: Path, left: np.ndarray, right: np.ndarray) -> Iterator[
        tuple[str, Callable[[], object]]]:
    network, info = load_checkpoint(weights)
    tensors = torch.from_numpy(left), torch.from_numpy(right)

    def runner(graph: StereoGraph, low: bool) -> Callable[[], object]:
        def run() -> object:
            with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16, enabled=low):
                return graph(*tensors)
        return run
    plain = StereoGraph(network, info.mean_left, info.mean_right).eval()
    yield EAGER, runner(plain, False)
    last = StereoGraph(load_checkpoint(weights)[0], info.mean_left, info.mean_right).eval()
    last = last.to(memory_format=torch.channels_last)
    yield 'PyTorch channels_last', runner(last, False)
    yield 'PyTorch bf16 autocast', runner(last, True)


def engines(model: str, stack: ExitStack, left: np.ndarray, right: np.ndarray) -> Iterator[
        tuple[str, Callable[[], object]]]:
    choices = [('onnxruntime', 'fp32'), ('openvino', 'fp32')]
    if processor.bf16_is_fast():
        choices.append(('openvino', 'bf16'))
    for backend, precision in choices:
        engine = stack.enter_context(open_engine(
            model, backend=backend, precision=precision, zoom=1.0))
        engine.prepare(HEIGHT, WIDTH)
        info = engine.info
        print(f'{backend} {info.backend_version} {precision}: {info.error_px:.2g} px from PyTorch')
        yield f'{backend} {precision}', lambda engine=engine: engine.infer(
            {'left': left, 'right': right})


def sgbm(left: np.ndarray, right: np.ndarray) -> Callable[[], object]:
    gray = [cv2.cvtColor(image[0], cv2.COLOR_RGB2GRAY) for image in (left, right)]
    area = BLOCK_SIZE * BLOCK_SIZE
    matcher = cv2.StereoSGBM.create(
        0, DISPARITIES, BLOCK_SIZE, P1=8 * area, P2=32 * area, uniquenessRatio=10,
        speckleWindowSize=100, speckleRange=32, mode=cv2.STEREO_SGBM_MODE_SGBM)
    return lambda: matcher.compute(*gray)


def alternate(functions: dict[str, Callable[[], object]], rounds: int,
              clock: Callable[[], float]) -> dict[str, list[float]]:
    """Milliseconds of each run; the first two rounds do not count."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(rounds + 2):
        for name, function in functions.items():
            start = clock()
            function()
            if number >= 2:
                times[name].append(1000 * (clock() - start))
    return times


def main() -> None:
    args = arguments()
    if args.processor_time:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        cv2.setNumThreads(1)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    left, right = images(args)
    source = find_source(args.model)
    with ExitStack() as stack:
        functions = dict(engines(args.model, stack, left, right))
        weights = Path(args.weights) if args.weights else source.weights
        if weights is not None:
            functions.update(eager(weights, left, right))
        functions['OpenCV SGBM'] = sgbm(left, right)
        clock = time.process_time if args.processor_time else time.perf_counter
        runs = alternate(functions, args.rounds, clock)
    times = {name: statistics.median(values) for name, values in runs.items()}
    print(f'\n{args.model}, {WIDTH}x{HEIGHT}, {len(os.sched_getaffinity(0))} threads, median of '
          f'{args.rounds}{" (processor time)" if args.processor_time else ""}')
    print(f'{"":24s}{"ms":>8s}{"best":>8s}{"x eager":>9s}{"x SGBM":>9s}')
    for name, ms in sorted(times.items(), key=lambda item: item[1]):
        of_eager = f'{times[EAGER] / ms:9.2f}' if EAGER in times else f'{"-":>9s}'
        of_sgbm = f'{times["OpenCV SGBM"] / ms:9.2f}'
        print(f'{name:24s}{ms:8.1f}{min(runs[name]):8.1f}{of_eager}{of_sgbm}')


if __name__ == '__main__':
    main()
