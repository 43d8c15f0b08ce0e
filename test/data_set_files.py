# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of tiny data sets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from depth_learning_ros.data.pfm import write_pfm

WIDTH, HEIGHT = 6, 4


def write_image(path: Path, value: int = 90, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write a colour image: red ``value``, green 20, blue 10."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), (10, 20, value), np.uint8))


def write_gray(path: Path, values: np.ndarray) -> None:
    """Write one channel as it is: uint8 or uint16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), values)


def write_floats(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_pfm(path, values.astype(np.float32), force=True)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def constant(value: float, dtype: type = np.float32, width: int = WIDTH,
             height: int = HEIGHT) -> np.ndarray:
    return np.full((height, width), value, dtype)


def first_unknown(values: np.ndarray, unknown: float) -> np.ndarray:
    """Mark the pixel at the top left."""
    values = values.copy()
    values[0, 0] = unknown
    return values


def write_kitti2015(root: Path, scenes: int = 2, width: int = WIDTH, height: int = HEIGHT) -> None:
    """2.5 px everywhere but at the top left; not seen on the right in the last column."""
    for number in range(scenes):
        name = f'{number:06d}_10.png'
        truth = first_unknown(constant(640, np.uint16, width, height), 0)
        seen = truth.copy()
        seen[:, -1] = 0
        cars = constant(0, np.uint8, width, height)
        cars[-1] = 3
        for folder, image in (('disp_occ_0', truth), ('disp_noc_0', seen), ('obj_map', cars)):
            write_gray(root / 'training' / folder / name, image)
        for split in ('training', 'testing'):
            write_image(root / split / 'image_2' / name, 100 + number, width, height)
            write_image(root / split / 'image_3' / name, 200, width, height)
            # The second frame has no ground truth and must not count.
            write_image(root / split / 'image_2' / f'{number:06d}_11.png', 0, width, height)


def write_flyingthings3d(root: Path, shares: dict[str, float], split: str = 'TRAIN') -> None:
    """Scenes by name, such as ``A/0000/0006``, with a share of pixels at 301 px, the rest 8 px."""
    for name, share in shares.items():
        letter, sequence, frame = name.split('/')
        truth = constant(8, width=20, height=5).ravel()
        truth[:round(share * 100)] = 301
        for side in ('left', 'right'):
            view = f'{split}/{letter}/{sequence}/{side}/{frame}'
            write_image(root / 'frames_cleanpass' / f'{view}.png', width=20, height=5)
            write_image(root / 'frames_finalpass' / f'{view}.png', 30, width=20, height=5)
            write_floats(root / 'disparity' / f'{view}.pfm', truth.reshape(5, 20))
