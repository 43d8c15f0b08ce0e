#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What each choice of float16 and float32 in TensorRT's graph costs, in pixels.

    python benchmarks/precision.py [--model crl-small] [--left L.png --right R.png]

Each row is the graph that ``depth-learning build --precision fp16`` would hand to TensorRT with
one part more in float16. It runs on the CPU, with every float16 result rounded in its place (sums
inside a node are float32, as tensor cores have them). The difference is taken to the float32 graph
on the same pair.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import tempfile

import numpy as np
import onnx

from depth_learning_ros.data.images import read_image
from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.half_emulation import emulate_half
from depth_learning_ros.engine.onnxruntime_runner import OnnxRuntimeEngine
from depth_learning_ros.engine.reference import HEIGHT, WIDTH, fixed_pair
from depth_learning_ros.engine.sources import find_source
from depth_learning_ros.engine.typed_graph import KEPT, PARTS, load_graph, type_graph


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='crl-small', help='a name or a float32 .onnx file')
    parser.add_argument('--left', type=Path)
    parser.add_argument('--right', type=Path)
    return parser.parse_args()


def variants() -> dict[str, frozenset[str] | None]:
    rows: dict[str, frozenset[str] | None] = {'float32': None, 'fp16 as built': KEPT}
    for part in PARTS:
        rows[f'{part} in float16 too'] = KEPT - {part}
    rows['everything in float16'] = frozenset()
    return rows


def run(path: Path, kept: frozenset[str] | None, pair: tuple[np.ndarray, np.ndarray],
        folder: Path) -> np.ndarray:
    model = load_graph(path)
    if kept is not None:
        type_graph(model, 'fp16', kept)
        emulate_half(model)
    file = folder / 'typed.onnx'
    onnx.save(model, file)
    engine = OnnxRuntimeEngine(file, EngineInfo('typed', '', '', 'fp16', ''), optimize=False)
    with engine:
        return engine.infer({'left': pair[0], 'right': pair[1]})['disparity'][0]


def main() -> None:
    args = arguments()
    onnx_file = find_source(args.model).onnx
    if onnx_file is None:
        raise SystemExit(f'{args.model} was never exported')
    pair = fixed_pair(HEIGHT, WIDTH)
    if args.left is not None:
        pair = read_image(args.left)[None], read_image(args.right)[None]
    print(f'{args.model}, {pair[0].shape[2]}x{pair[0].shape[1]}')
    print(f'{"":32s}{"mean px":>10s}{"p99 px":>10s}{"worst px":>10s}')
    with tempfile.TemporaryDirectory() as folder:
        exact = None
        for name, kept in variants().items():
            disparity = run(onnx_file, kept, pair, Path(folder))
            exact = disparity if exact is None else exact
            error = np.abs(disparity - exact)
            print(f'{name:32s}{error.mean():10.4f}{np.percentile(error, 99):10.4f}'
                  f'{error.max():10.3f}', flush=True)
        print(f'disparities {exact.min():.1f} to {exact.max():.1f} px')


if __name__ == '__main__':
    main()
