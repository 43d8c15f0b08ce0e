# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples of networks of one image: both views, and what is known of their disparity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from depth_learning_ros.data.scene import StereoSource
from depth_learning_ros.data.synthetic.mono import WIDTH as SCENE_WIDTH
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.training.augment import USUAL_FAULTS, CameraFaults, photograph
from depth_learning_ros.training.config import TrainingConfig
from depth_learning_ros.training.samples import REFRESH, Order

#: The larger a thing looks, the nearer it is: sizes may only change a little.
LARGEST_ZOOM = 1.12
#: Light of both views of a real pair: gain as in SVS's scripts, gamma and tint as in Godard's.
GAINS, GAMMAS, TINTS = (0.8, 1.2), (0.8, 1.2), (0.95, 1.05)
SCENE_SHARE = SCENE_WIDTH / 640  # rendered scenes are that much wider than a whole image
_CHOICE = 0x5E7


class ViewSamples(IterableDataset):
    """Endless samples, from number ``start`` on.

    Yields (left, right, truth, truth_right): uint8 (3, H, W) RGB twice; float32 (1, H, W) twice,
    disparity of the left and of the right view with the networks' sign (<= 0), NaN where unknown.

    Args:
        training: the folder of rendered scenes, the weights of it and of each data set, the seed.
        sets: the data sets of ``training.data``.
        height, width: of the samples.
        start: number of the first sample.
        whole: width of a whole image; a narrower sample shows a part of it at the same scale.
    """

    def __init__(self, training: TrainingConfig, sets: Sequence[StereoSource], height: int,
                 width: int, start: int = 0, whole: int = 640) -> None:
        self.height, self.width, self.whole = height, width, whole
        self.seed, self.order = training.seed, Order(start)
        self.faults = training.camera_faults()
        self.pool = ScenePool(*training.scene_folders()) if training.scenes_weight > 0 else None
        self.sets = list(sets)
        weights = [training.scenes_weight, *(each.weight for each in training.data)]
        self.bounds = np.cumsum(weights) / sum(weights)

    def sample(self, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Make one sample, always the same for a number."""
        rng = np.random.default_rng((self.seed, number))
        scene = self.scene(number, rng)
        left, right, truth, truth_right = cut(scene, self.height, self.width, rng, self.whole)
        if 'scale' in scene:  # rendered
            left, right = photograph(left, right, rng, self.faults)
        else:  # real cameras: what they did to the views is there already
            left, right = in_another_light(left, right, rng, self.faults)
        views = [torch.from_numpy(np.ascontiguousarray(v.transpose(2, 0, 1)))
                 for v in (left, right)]
        return views[0], views[1], -torch.from_numpy(truth)[None], -torch.from_numpy(
            truth_right)[None]

    def scene(self, number: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw a scene: left, right uint8 (H, W, 3), and what is known of the disparities."""
        draw = np.random.default_rng((self.seed, number, _CHOICE)).random()
        source = min(int(np.searchsorted(self.bounds, draw, side='right')), len(self.sets))
        if source == 0 and self.pool is not None:
            rendered = self.pool[int(rng.integers(len(self.pool)))]
            return {**rendered, 'scale': np.array(SCENE_SHARE),
                    **{side: rendered[side].transpose(1, 2, 0) for side in ('left', 'right')}}
        data = self.sets[max(source, 1) - 1]
        sample = data[int(rng.integers(len(data)))]
        scene = {'left': sample.left, 'right': sample.right}
        for name in ('disparity', 'disparity_right'):
            known = getattr(sample, name)
            if known is not None:
                scene[name] = known
        return scene

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        if get_worker_info():
            torch.set_num_threads(1)
        for count, number in enumerate(self.order.numbers()):
            if count and count % REFRESH == 0 and self.pool is not None:
                self.pool.refresh()
            yield self.sample(number)


def in_another_light(left: np.ndarray, right: np.ndarray, rng: np.random.Generator,
                     faults: CameraFaults = USUAL_FAULTS) -> tuple[np.ndarray, np.ndarray]:
    """Make both uint8 (H, W, 3) views brighter or darker, tinted or gray, both in the same way.

    What they show stays comparable, value by value, as is needed where nothing else teaches.
    """
    gray, toned = rng.random() < faults.gray, rng.random() < faults.tone
    if gray:
        left, right = (cv2.cvtColor(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
                       for view in (left, right))
    if not toned:
        return left, right
    gain = rng.uniform(*GAINS) * (1 if gray else rng.uniform(*TINTS, 3)) * np.ones(3)
    levels = (np.arange(256) / 255)[:, None] ** rng.uniform(*GAMMAS) * gain
    table = np.clip(np.round(levels * 255), 0, 255).astype(np.uint8)[:, None]  # (256, 1, 3)
    return cv2.LUT(left, table), cv2.LUT(right, table)


def cut(scene: Mapping[str, np.ndarray], height: int, width: int,
        rng: np.random.Generator, whole: int = 640,
        ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut a window at about the scale of a whole image; mirror with the views swapped, or not.

    Args:
        scene: left, right uint8 (H, W, 3); disparity, disparity_right (H, W) where known;
            ``scale``: its width in widths of a whole image, where it shows more than one.
        whole: width of a whole image, in pixels of the window. Where the scene has too few rows
            for the window at that scale, they are stretched, as Godard's code does.

    Returns:
        left, right uint8 (height, width, 3); both disparities float32 (height, width), pixels of
        the window, >= 0, NaN where unknown.
    """
    shape = scene['left'].shape[:2]
    unknown = np.full(shape, np.nan, np.float32)
    maps = [np.asarray(scene.get(name, unknown), np.float32)
            for name in ('disparity', 'disparity_right')]
    views = [scene['left'], scene['right']]
    if rng.random() < 0.5:
        views = [views[1][:, ::-1], views[0][:, ::-1]]
        maps = [maps[1][:, ::-1], maps[0][:, ::-1]]
    scale = float(scene.get('scale', 1.0))
    native = shape[1] / (whole * scale)  # pixels of the scene that make one of the window
    step_x = min(native / rng.uniform(1 / scale, LARGEST_ZOOM), shape[1] / width)
    step_y = min(step_x, shape[0] / height)
    h, w = round(height * step_y), round(width * step_x)
    y, x = rng.integers(0, shape[0] - h + 1), rng.integers(0, shape[1] - w + 1)
    window = (slice(y, y + h), slice(x, x + w))
    cuts = [np.ascontiguousarray(each[window]) for each in (*views, *maps)]
    shrink = cv2.INTER_AREA if step_x > 1 else cv2.INTER_LINEAR
    images = [cv2.resize(each, (width, height), interpolation=shrink) for each in cuts[:2]]
    known = [cv2.resize(each, (width, height), interpolation=cv2.INTER_NEAREST_EXACT) * (width / w)
             for each in cuts[2:]]
    return images[0], images[1], known[0], known[1]
