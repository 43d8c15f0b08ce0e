# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Small things to adapt with: frames of known disparity, rendered scenes, a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
import time

import cv2
import numpy as np
import torch

from depth_learning_ros.adaptation import adapter as adapter_module
from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.frames import FrameStore, Intake
from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.data.images import write_image
from depth_learning_ros.types import StereoPair

WIDTH, HEIGHT, DISPARITY = 128, 64, 6

SMALL = AdaptationConfig(
    crop_height=64, crop_width=128, batch=2, steps=4, validate_steps=2, zooms=(1.0, 1.5),
    upside_down=False, matcher=False, average=0.0, augment=False, zoom_crops=False, scenes=2,
    held_out_scenes=1, max_frames=20, precision='fp32', warmup_steps=0)


def small(**changes: object) -> AdaptationConfig:
    return replace(SMALL, **changes)


def pair(seed: int, disparity: int = DISPARITY, width: int = WIDTH,
         height: int = HEIGHT) -> StereoPair:
    """A wall of random texture at one distance."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width + disparity, 3), dtype=np.uint8)
    wall = cv2.GaussianBlur(noise, (0, 0), 1.2)
    wall = cv2.normalize(wall, None, 0, 255, cv2.NORM_MINMAX)
    # right(x - d) is left(x)
    return StereoPair(np.ascontiguousarray(wall[:, :width]),
                      np.ascontiguousarray(wall[:, disparity:]))


def pairs(count: int) -> list[StereoPair]:
    return [pair(seed) for seed in range(count)]


def take_in(store: FrameStore, found: Iterable[StereoPair]) -> Intake:
    """Take a log in, and deal the roles."""
    intake = Intake(store)
    intake.take(found)
    intake.deal()
    return intake


def write_scenes(folder: Path, count: int) -> Path:
    """Write walls in the format of rendered scenes."""
    folder.mkdir(parents=True)
    for number in range(count):
        found = pair(1000 + number, 4 + number, 192, 96)
        truth = np.full((96, 192), 4 + number, np.float16)
        np.savez(folder / f'{number:08d}.npz', left=found.left.transpose(2, 0, 1),
                 right=found.right.transpose(2, 0, 1), disparity=truth, disparity_right=truth)
    return folder


def write_folder(path: Path, found: list[StereoPair]) -> Path:
    """Write frames as a folder of images."""
    for side in ('left', 'right'):
        (path / side).mkdir(parents=True)
        for number, each in enumerate(found):
            write_image(path / side / f'{number:06d}.png', getattr(each, side))
    return path


class Says:
    """A network that says what a function of the width of its input says."""

    def __init__(self, function):
        self.function, self.widths = function, []

    def disparity(self, left, right):
        width = left.shape[-1]
        self.widths.append(width)
        return torch.full((left.shape[0], 1, *left.shape[-2:]), float(self.function(width)))


def views(*found):
    return [torch.from_numpy(np.stack([getattr(p, side).transpose(2, 0, 1) for p in found]))
            for side in ('left', 'right')]


def accept_all(patch):
    """Let later weights be better ones, for these walls are too small to get better at."""
    patch.setattr(adapter_module, 'judge',
                  lambda before, after, *_: Verdict(True, (), before, after))
    patch.setattr(adapter_module, 'harms', lambda *_: [])
    scores = count()
    patch.setattr(adapter_module, '_score', lambda figures: float(next(scores)))


def wait_for_status(adapter, condition, patience_s: float) -> bool:
    """Wait until an online adapter's status is as wanted; tell whether it came to that."""
    end = time.monotonic() + patience_s
    while not condition(adapter.status):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
