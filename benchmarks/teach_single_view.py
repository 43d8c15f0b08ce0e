#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far models of one image are from stereo on the later frames of a log.

    python benchmarks/teach_single_view.py LOG --from 40 MODEL [MODEL ...] [--stereo crl-small]

LOG is a folder with left/, right/ and calib.json. A mono model sees the left image alone; what it
is compared with is the depth that the stereo model finds in both, where it is confident and nearer
than 80 m. Figures are those of Eigen's protocol in the crop of Garg, means over frames, with the
scale that the model gives and (median) with each frame's median brought to that of stereo.
"""

from __future__ import annotations

import argparse
from dataclasses import astuple
from pathlib import Path

import numpy as np

from depth_learning_ros.data.sets.registry import open_data_set
from depth_learning_ros.engine import Engine, open_engine
from depth_learning_ros.engine.mono import MonoFacts
from depth_learning_ros.evaluation.depth_metrics import depth_figures, garg_mask

CONFIDENT = 0.5
FARTHEST_M = 80.0
SHOWN = ('AbsRel', 'SqRel', 'RMSE', 'RMSElog', 'd1', 'd2', 'd3')


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('log', type=Path)
    parser.add_argument('models', nargs='+', help='names or files')
    parser.add_argument('--from', dest='first', type=int, default=0, metavar='N',
                        help='leave out the frames before number N')
    parser.add_argument('--stereo', default='crl-small')
    parser.add_argument('--backend', default='auto')
    return parser.parse_args()


def depth_of(engine: Engine, left: np.ndarray, right: np.ndarray, focal_px: float,
             baseline_m: float) -> tuple[np.ndarray, np.ndarray]:
    """Return depth in metres, +inf where the disparity is 0, and confidence."""
    images = {'left': left[None], 'right': right[None]}
    found = engine.infer({name: images[name] for name in engine.info.inputs})
    with np.errstate(divide='ignore'):
        depth = focal_px * baseline_m / found['disparity'][0]
    return depth, found['confidence'][0]


def baseline_of(engine: Engine, rig_m: float) -> float:
    """Return the baseline a disparity belongs to: that of the rig, or of the imagined one."""
    if 'right' in engine.info.inputs:
        return rig_m
    return MonoFacts.of(engine.info.metadata, engine.info.model).virtual_baseline_m


def main() -> None:
    """Print two lines a model."""
    args = arguments()
    log = open_data_set('pairs', args.log)
    stereo = open_engine(args.stereo, backend=args.backend)
    engines = {name: open_engine(name, backend=args.backend) for name in args.models}
    figures: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for number in range(args.first, len(log)):
        sample = log[number]
        camera = sample.camera
        assert camera is not None, 'the log needs a calib.json'
        views = sample.left, sample.right
        truth, sure = depth_of(stereo, *views, camera.focal_px, camera.baseline_m)
        truth = np.where((sure >= CONFIDENT) & (truth < FARTHEST_M), truth, np.nan)
        counts = np.isfinite(truth) & garg_mask(*truth.shape)
        for name, engine in engines.items():
            depth, _ = depth_of(engine, *views, camera.focal_px,
                                baseline_of(engine, camera.baseline_m))
            scale = np.median(truth[counts]) / np.median(depth[counts])
            for kind, each in (('', depth), ('median', depth * scale)):
                found = astuple(depth_figures(each, truth, garg_crop=True))[:len(SHOWN)]
                figures.setdefault((name, kind), []).append(found)
    print(f'{"":34}' + ''.join(f'{name:>9}' for name in SHOWN))
    for (name, kind), values in figures.items():
        print(f'{name[-26:]:27}{kind:7}' + ''.join(f'{v:9.3f}' for v in np.mean(values, axis=0)))


if __name__ == '__main__':
    main()
