# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The mono engine contract as a PyTorch module: one camera's bytes in, disparity out."""

from __future__ import annotations

from collections.abc import Sequence
import math
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.engine.confidence import SCALE, confidence
from depth_learning_ros.engine.mono import MonoFacts
from depth_learning_ros.engine.resample import resize_map, shrink_image
from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.normalize import DEFAULT_MEAN, to_network_input
from depth_learning_ros.models.warp import warp

# An entropy of this share of the largest possible one lowers the confidence to 1/e. Ranks the bad
# pixels of held-out rendered streets best (area under the curve of D1 32.4; 35.9 without it, 34.4
# by it alone, 41.0 by chance), and so do 0.2 to 1 almost as well.
ENTROPY = 0.5


class MonoOutput(Protocol):
    """What a mono network gives; see `models.svs.SVSOutput`.

    Attributes:
        disparities: (B, 1, h, w), <= 0, in pixels of the network's input, the last one is final.
        right: (B, 3, H, W), the imagined right view, as the network sees images.
        selection: (B, K, h, w), shares of each shift for pixels of the right view, sum 1.
    """

    disparities: list[Tensor]
    right: Tensor
    selection: Tensor


class MonoResult(NamedTuple):
    """At the training size: disparity (N, 1, h, w) >= 0, confidence (N, 1, h, w), right view."""

    disparity: Tensor
    confidence: Tensor
    right: Tensor


class MonoGraph(nn.Module):
    """A network with its pre- and post-processing, as it is exported and as PyTorch runs it."""

    inputs = ('left',)
    mean: Tensor

    def __init__(self, network: nn.Module, facts: MonoFacts,
                 mean: Sequence[float] = DEFAULT_MEAN, *, right: bool = False) -> None:
        """Wrap.

        Args:
            network: takes (B, 3, H, W) and gives a `MonoOutput`.
            facts: says to which size images are brought.
            mean: what is subtracted, in the network's channel order.
            right: also give the imagined right view.

        Raises:
            ModelError: the network cannot take images of the training size.
        """
        super().__init__()
        self.network = network
        self.config: NetworkConfig = network.config  # type: ignore[assignment]
        self.facts = facts
        self.outputs = ('disparity', 'confidence', *(('right',) if right else ()))
        multiple = self.config.size_multiple
        if any(size % multiple for size in facts.training_size):
            raise ModelError(f'the training size of {self.config.name} is {facts.training_size}: '
                             f'its network needs multiples of {multiple}')
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32))

    def forward(self, left: Tensor) -> tuple[Tensor, ...]:
        """Run.

        Args:
            left: uint8 (N, H, W, 3), RGB, any H and W.

        Returns:
            Disparity in pixels of that size, >= 0, and confidence in 0..1, float32 (N, H, W)
            both; and, where asked for, the right view, uint8 (N, H, W, 3), RGB.
        """
        height, width = left.shape[1], left.shape[2]
        found = self.at_training_size(left)
        maps = resize_map(torch.cat([found.disparity, found.confidence], 1), height, width)
        disparity = maps[:, 0] * (width / self.facts.training_size[1])
        if 'right' not in self.outputs:
            return disparity, maps[:, 1]
        return disparity, maps[:, 1], self.camera_bytes(resize_map(found.right, height, width))

    def at_training_size(self, left: Tensor) -> MonoResult:
        """Do all but bringing the results to the size of the image."""
        image = self.prepare(left)
        output: MonoOutput = self.network(image)
        disparity = (-output.disparities[-1]).clamp(min=0)
        if disparity.shape[-1] != image.shape[-1]:  # another resolution, same unit
            disparity = resize_map(disparity, *self.facts.training_size)
        return MonoResult(disparity, mono_confidence(image, output, disparity), output.right)

    def prepare(self, left: Tensor) -> Tensor:
        """Bring camera bytes to what the network takes: (N, 3, h, w) of the training size."""
        small = shrink_image(left.float(), *self.facts.training_size)
        return to_network_input(small, self.config, self.mean)

    def camera_bytes(self, image: Tensor) -> Tensor:
        """Undo `prepare` but for the size: uint8 (N, H, W, 3), RGB."""
        values = (image + self.mean.reshape(1, 3, 1, 1)) * 255
        if self.config.channel_order == 'bgr':
            values = values.flip(1)
        # bytes last of all: TensorRT knows them only at the border of a graph
        return values.round().clamp(0, 255).permute(0, 2, 3, 1).to(torch.uint8)


def mono_confidence(left: Tensor, output: MonoOutput, disparity: Tensor) -> Tensor:
    """Rate each pixel: (B, 1, H, W) in 0..1, 1 = nothing speaks against it.

    The signs of stereo, with the imagined right view in place of the real one: does it agree with
    the left image where the disparity says it should, is there a step nearby, does the match lie
    inside. And one more: how undecided the network was between the shifts when it imagined the
    matching pixel, the entropy of the selection.

    Args:
        left: (B, 3, H, W) as the network saw it.
        output: what it gave.
        disparity: (B, 1, H, W), >= 0.
    """
    rated = confidence(left, output.right, disparity, None)
    unsure = selection_entropy(output.selection)
    height, width = left.shape[-2] // SCALE, left.shape[-1] // SCALE
    if unsure.shape[-1] > width:
        unsure = F.avg_pool2d(unsure, unsure.shape[-1] // width)
    elif unsure.shape[-1] < width:
        unsure = resize_map(unsure, height, width)
    # the selection belongs to pixels of the right view; what lies outside of it is rated 0 anyway
    unsure = warp(unsure, -F.avg_pool2d(disparity, SCALE) / SCALE)
    sure = torch.exp(-unsure / ENTROPY)
    return rated * F.conv_transpose2d(sure, sure.new_ones(1, 1, SCALE, SCALE), stride=SCALE)


def selection_entropy(selection: Tensor) -> Tensor:
    """Give the entropy of (B, K, h, w) shares over K as (B, 1, h, w) in 0..1, 1 = no idea."""
    logs = selection.clamp(min=1e-8).log()
    return -(selection * logs).sum(1, keepdim=True) / math.log(selection.shape[1])
