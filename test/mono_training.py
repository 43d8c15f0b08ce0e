# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What tests of learning from one image share: pairs, logs, configurations."""

from __future__ import annotations

import json

import cv2
import numpy as np
import torch

from depth_learning_ros.models.monodepth import MonodepthOutput
from depth_learning_ros.training.config import TrainingConfig

HEIGHT, WIDTH = 64, 128


def shifted_pair(shift):
    """A random image and what a camera to its right sees of a wall at that disparity."""
    torch.manual_seed(0)
    wide = torch.rand(1, 3, 32, 64 + shift)
    wide = torch.nn.functional.avg_pool2d(wide, 3, 1, 1)
    return wide[..., :64], wide[..., shift:]


def monodepth_output(shift):
    maps = [torch.full((1, 1, 32 // s, 64 // s), -float(shift)) for s in (8, 4, 2, 1)]
    return MonodepthOutput(maps, torch.empty(0), torch.empty(0), maps)


def log_folder(folder, calibration):
    for side in ('left', 'right'):
        (folder / side).mkdir(parents=True)
        for number in range(2):
            image = np.random.default_rng(number).integers(0, 255, (80, 150, 3), np.uint8)
            cv2.imwrite(str(folder / side / f'{number}.png'), image)
    if calibration:
        (folder / 'calib.json').write_text(json.dumps(calibration))
    return {'set': 'pairs', 'root': str(folder)}


def run_config(scenes, train='joint', **changes):
    stages = [{'steps': 1, 'batch': 2, 'crop_height': HEIGHT, 'crop_width': WIDTH, 'train': each}
              for each in (train if isinstance(train, list) else [train])]
    values = {'network': 'tiny-svs-small', 'scenes': str(scenes), 'validation': str(scenes),
              'workers': 0, 'precision': '32-true', 'stages': stages}
    return TrainingConfig.from_dict({**values, **changes})
