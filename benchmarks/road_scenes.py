#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Write rendered streets as a set of scenes with ground truth and masks of cars and persons.

    python benchmarks/road_scenes.py OUT [--count 40] [--seed 4242] [--photographed]
    depth-learning evaluate OUT --model svs-small bm

The kind of streets that svs-small learned from, drawn by a seed of their own: held out. 640x192,
the camera of that training. With ``--photographed`` as two real cameras might have seen them
(training/augment.py), else as they were rendered.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from depth_learning_ros.data.images import write_image
from depth_learning_ros.data.maps import write_disparity
from depth_learning_ros.data.synthetic import mono
from depth_learning_ros.data.synthetic.render import _meet
from depth_learning_ros.data.synthetic.scene import Scene
from depth_learning_ros.training.augment import photograph

HEIGHT, WIDTH = 192, 640


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument('--count', type=int, default=40)
    parser.add_argument('--seed', type=int, default=4242)
    parser.add_argument('--photographed', action='store_true')
    return parser.parse_args()


class MarkedStreets:
    """Draws streets, and remembers of the last one which of its things are cars and persons."""

    def __init__(self) -> None:
        self.scene: Scene | None = None
        self.objects: list[int] = []
        for name in ('add_car', '_person'):
            setattr(mono, name, self._marking(getattr(mono, name)))

    def street(self, *args: Any) -> Scene:
        self.objects = []
        self.scene = mono.street(*args)
        return self.scene

    def mask(self) -> np.ndarray:
        """Return bool [H, W] of the left view: the first thing each ray meets is an object."""
        assert self.scene is not None
        thing = _meet(self.scene, 0.0).thing.numpy()
        return np.isin(thing, self.objects)

    def _marking(self, add: Callable[..., None]) -> Callable[..., None]:
        def marked(builder: Any, *args: Any) -> None:
            before = len(builder.things)
            add(builder, *args)
            self.objects += range(before, len(builder.things))
        return marked


def middle(plane: np.ndarray) -> np.ndarray:
    """Cut [H, W, ...] to the middle 640x192."""
    y, x = (plane.shape[0] - HEIGHT) // 2, (plane.shape[1] - WIDTH) // 2
    return np.ascontiguousarray(plane[y:y + HEIGHT, x:x + WIDTH])


def as_bytes(image: torch.Tensor) -> np.ndarray:
    return middle((image * 255).round().byte().permute(1, 2, 0).numpy())


def main() -> None:
    args = arguments()
    torch.set_num_threads(1)
    marked = MarkedStreets()
    scenes = mono.MonoSceneGenerator(args.seed, worlds={marked.street: 1.0})
    for number in range(args.count):
        sample = scenes[number]
        folder = args.out / f'streets_{args.seed}' / f'{number:03}'
        folder.mkdir(parents=True, exist_ok=True)
        pair = as_bytes(sample.left), as_bytes(sample.right)
        if args.photographed:
            pair = photograph(*pair, np.random.default_rng(number))
        for name, image in zip(('left', 'right'), pair, strict=True):
            write_image(folder / f'{name}.png', image, force=True)
        truth = middle(sample.disparity.numpy().astype(np.float32))
        write_disparity(folder / 'disp.png', np.where(truth > 0, truth, np.nan), force=True)
        write_image(folder / 'obj_map.png', middle(marked.mask()).astype(np.uint8), force=True)
        (folder / 'calib.json').write_text(json.dumps(
            {'focal_px': mono.FOCAL_PX, 'baseline_m': mono.BASELINE_M}))


if __name__ == '__main__':
    main()
