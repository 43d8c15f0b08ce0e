# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine contract as a PyTorch module: camera bytes in, disparity in pixels out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.engine.confidence import confidence
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.crl import CascadeOutput
from depth_learning_ros.models.normalize import DEFAULT_MEAN, pad_to_multiple, to_network_input


class StereoGraph(nn.Module):
    """A network with its pre- and post-processing, as it is exported and as PyTorch runs it."""

    inputs = ('left', 'right')
    outputs = ('disparity', 'confidence')
    mean_left: Tensor
    mean_right: Tensor

    def __init__(self, network: nn.Module, mean_left: Sequence[float] = DEFAULT_MEAN,
                 mean_right: Sequence[float] = DEFAULT_MEAN) -> None:
        super().__init__()
        self.network = network
        self.config: NetworkConfig = network.config  # type: ignore[assignment]
        self.register_buffer('mean_left', torch.tensor(mean_left, dtype=torch.float32))
        self.register_buffer('mean_right', torch.tensor(mean_right, dtype=torch.float32))

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Run.

        Args:
            left: uint8 (N, H, W, 3), RGB, any H and W.
            right: the same.

        Returns:
            Disparity in pixels, >= 0, and confidence in 0..1; float32 (N, H, W) both.
        """
        height, width = left.shape[1], left.shape[2]
        images = [self.prepare(left, self.mean_left), self.prepare(right, self.mean_right)]
        first, final = self.stages(*images)
        rated = confidence(images[0], images[1], final, first)
        return final[:, 0, :height, :width], rated[:, 0, :height, :width]

    def prepare(self, image: Tensor, mean: Tensor) -> Tensor:
        """Bring camera bytes to what the network takes: (N, 3, H, W), padded."""
        # channels last up to here: runtimes want them so for the first convolution anyway
        values = to_network_input(image, self.config, mean, channels_last=True)
        padded = pad_to_multiple(values, self.config.size_multiple, channels_last=True)
        return padded.permute(0, 3, 1, 2)

    def stages(self, left: Tensor, right: Tensor) -> tuple[Tensor | None, Tensor]:
        """Give the first stage's (None without a second one) and the final disparity, >= 0."""
        output = self.network(left, right)
        if isinstance(output, CascadeOutput):
            return -output.first[-1], (-output.second[-1]).clamp(min=0)
        finest = output[-1]
        if finest.shape[-1] != left.shape[-1]:  # DispNetS and DispNetC end at 1/2; same unit
            finest = F.interpolate(finest, scale_factor=2.0, mode='bilinear', align_corners=False)
        return None, (-finest).clamp(min=0)
