# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Errors and pictures of held-out scenes while a network learns."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from depth_learning_ros.data.images import write_image
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.crl import CascadeOutput
from depth_learning_ros.models.normalize import pad_to_multiple, to_network_input

PICTURES = 4  # scenes in the sample picture
WRONG_PX = 3.0


def predict(network: nn.Module, left: np.ndarray, right: np.ndarray, config: NetworkConfig,
            device: torch.device) -> dict[str, Tensor]:
    """Run a stereo network on one pair.

    Args:
        network: in eval mode.
        left, right: uint8 (3, H, W).
        config: of the network.
        device: where it is.

    Returns:
        disparities (1, 1, H, W) >= 0: ``val_`` and, of a cascade's first stage, ``val_first_``.
    """
    views = [to_network_input(torch.from_numpy(view)[None].to(device), config)
             for view in (left, right)]
    views = [pad_to_multiple(view, config.size_multiple) for view in views]
    with torch.autocast(device.type, torch.bfloat16):
        output = network(*views)
    outputs = {'val_': output}
    if isinstance(output, CascadeOutput):
        outputs = {'val_first_': output.first, 'val_': output.second}
    finals = {}
    for name, predictions in outputs.items():
        finest = -predictions[-1].float()
        if finest.shape != views[0][:, :1].shape:
            finest = nn.functional.interpolate(finest, views[0].shape[-2:], mode='bilinear')
        finals[name] = finest[..., :left.shape[1], :left.shape[2]]
    return finals


@torch.no_grad()
def validate(network: nn.Module, folder: Path, config: NetworkConfig, device: torch.device,
             picture: Path | None = None) -> dict[str, float]:
    """Give end-point error and D1 % on held-out scenes; for a cascade of both stages.

    Args:
        network: to measure; is put into eval mode.
        folder: of rendered scenes.
        config: of the network.
        device: where it is.
        picture: where to show the first scenes: image, truth, result, error.
    """
    pool = ScenePool(folder)
    network.eval()
    sums: dict[str, list[float]] = {}
    rows: list[np.ndarray] = []
    for index in range(len(pool)):
        scene = pool[index]
        truth = torch.from_numpy(scene['disparity'].astype('float32'))[None, None].to(device)
        finals = predict(network, scene['left'], scene['right'], config, device)
        for prefix, final in finals.items():
            valid = truth <= 192
            error = (final - truth).abs()[valid]
            wrong = (error > WRONG_PX) & (error > 0.05 * truth[valid])
            sums.setdefault(prefix + 'epe', []).append(float(error.mean()))
            sums.setdefault(prefix + 'd1', []).append(100 * float(wrong.float().mean()))
        if picture and len(rows) < PICTURES:
            rows.append(_row(scene, finals['val_'][0, 0].cpu().numpy()))
    if picture and rows:
        write_image(picture, np.vstack(rows), force=True)
    return {name: round(sum(v) / len(v), 3) for name, v in sums.items()}


def _row(scene: dict[str, np.ndarray], result: np.ndarray) -> np.ndarray:
    """Left image, truth, result and where it is wrong, side by side at half the size."""
    truth = scene['disparity'].astype(np.float32)
    top = max(1.0, float(np.quantile(truth, 0.99)))
    panels = [scene['left'].transpose(1, 2, 0), paint(truth, top), paint(result, top),
              paint(np.abs(result - truth), 2 * WRONG_PX)]
    size = (truth.shape[1] // 2, truth.shape[0] // 2)
    return np.hstack([cv2.resize(np.ascontiguousarray(panel), size, interpolation=cv2.INTER_AREA)
                      for panel in panels])


def paint(values: np.ndarray, top: float) -> np.ndarray:
    """Colour values from 0 (dark) to ``top`` (bright): uint8 [H, W, 3] RGB."""
    share = (np.clip(np.nan_to_num(values) / top, 0, 1) * 255).astype(np.uint8)
    return cv2.applyColorMap(share, cv2.COLORMAP_INFERNO)[:, :, ::-1]
