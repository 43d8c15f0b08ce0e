# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A page of scenes to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from depth_learning_ros.data.synthetic.render import StereoSample

BRIGHTEST_PX = 128.0
GAP = 4  # pixels of white between pictures


def contact_sheet(samples: Sequence[StereoSample], columns: int = 4,
                  width: int = 300) -> np.ndarray:
    """Arrange left images over their disparities: uint8 [H, W, 3] RGB.

    Args:
        samples: of one size.
        columns: pictures beside each other.
        width: of a picture in pixels.
    """
    cells = [_cell(sample, width) for sample in samples]
    blank = np.full_like(cells[0], 255)
    cells += [blank] * (-len(cells) % columns)
    rows = [np.hstack(cells[k:k + columns]) for k in range(0, len(cells), columns)]
    return np.ascontiguousarray(np.vstack(rows)[:-GAP, :-GAP])


def _cell(sample: StereoSample, width: int) -> np.ndarray:
    """Image above, disparity below, dark is far."""
    image = (sample.left.cpu().permute(1, 2, 0) * 255).round().byte().numpy()
    share = (sample.disparity.cpu() / BRIGHTEST_PX).clamp(0, 1).mul(255).byte().numpy()
    color = cv2.applyColorMap(share, cv2.COLORMAP_INFERNO)[:, :, ::-1]
    size = (width, round(width * image.shape[0] / image.shape[1]))
    pictures = [cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA)
                for picture in (image, color)]
    return np.pad(np.vstack(pictures), ((0, GAP), (0, GAP), (0, 0)), constant_values=255)
