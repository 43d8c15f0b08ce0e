#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One image against two: a mono model and block matching on held-out rendered streets and halls.

    python benchmarks/single_view_scenes.py runs/validation-mono [--model svs-small]

Both are rated on the same pixels: the middle 640 x 192 of each scene, all that has a finite depth,
D1 % and end-point error in pixels of that size. Block matching sees the true pair and its gaps are
filled as in KITTI's kit; the mono model sees the left image alone. Once on the images as they were
rendered, once as two real cameras might have seen them (training/augment.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.engine import Engine, open_engine
from depth_learning_ros.evaluation.gaps import fill_gaps
from depth_learning_ros.evaluation.metrics import d1_share, end_point_error
from depth_learning_ros.training.augment import photograph

HEIGHT, WIDTH = 192, 640


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('scenes', type=Path, help='folder of rendered scenes')
    parser.add_argument('--model', default='svs-small', help='a name or a file')
    parser.add_argument('--stereo', nargs='*', default=['bm'], help='matchers of the true pair')
    parser.add_argument('--backend', default='auto')
    return parser.parse_args()


def middle(scene: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut left, right (H, W, 3) and the disparity to the middle; NaN where depth is infinite."""
    truth = scene['disparity'].astype(np.float32)
    y, x = (truth.shape[0] - HEIGHT) // 2, (truth.shape[1] - WIDTH) // 2
    window = (slice(y, y + HEIGHT), slice(x, x + WIDTH))
    truth = truth[window].copy()
    truth[truth <= 0] = np.nan
    left, right = (np.ascontiguousarray(scene[side].transpose(1, 2, 0)[window])
                   for side in ('left', 'right'))
    return left, right, truth


def rate(engine: Engine, left: np.ndarray, right: np.ndarray,
         truth: np.ndarray) -> tuple[float, float]:
    """Return D1 in percent and end-point error."""
    images = {'left': left[None], 'right': right[None]}
    found = engine.infer({name: images[name] for name in engine.info.inputs})['disparity'][0]
    found = fill_gaps(found)
    return d1_share(found, truth), end_point_error(found, truth)


def main() -> None:
    """Print one line a model and kind of image."""
    args = arguments()
    pool = ScenePool(args.scenes)
    engines = {args.model: open_engine(args.model, backend=args.backend)}
    engines |= {name: open_engine(name, max_disparity=64) for name in args.stereo}
    figures: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for index in range(len(pool)):
        left, right, truth = middle(pool[index])
        seen = photograph(left, right, np.random.default_rng(index))
        for kind, (one, two) in (('rendered', (left, right)), ('photographed', seen)):
            for name, engine in engines.items():
                figures.setdefault((kind, name), []).append(rate(engine, one, two, truth))
    print(f'{len(pool)} scenes          D1 %   EPE px')
    for (kind, name), values in figures.items():
        d1, epe = np.mean(values, axis=0)
        print(f'{kind:14}{name:12}{d1:7.2f}{epe:8.2f}')


if __name__ == '__main__':
    main()
