# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network behind one face, whatever family it is of: images in, disparities out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
import torch.nn.functional as F

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.crl import CascadeOutput
from depth_learning_ros.models.normalize import pad_to_multiple, to_network_input

ADAPTABLE = ('dispnets', 'dispnetc', 'dispfulnet', 'crl')


def check_adaptable(info: CheckpointInfo) -> None:
    """Refuse weights that no adaptation can begin with.

    Raises:
        ModelError: their network takes no stereo pair.
    """
    if info.config.architecture not in ADAPTABLE:
        raise ModelError(f'{info.name} is a {info.config.architecture}: adaptation needs '
                         f'weights of one of {", ".join(ADAPTABLE)}')


class Predictor:
    """Runs a network on images.

    Args:
        network: of an architecture in `ADAPTABLE`.
        info: of its weights file: channel order and means.
        precision: ``bf16`` or ``fp32``.

    Raises:
        ModelError: the network takes no stereo pair.
    """

    def __init__(self, network: nn.Module, info: CheckpointInfo, precision: str = 'bf16') -> None:
        check_adaptable(info)
        self.network, self.info, self.precision = network, info, precision

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @property
    def reach_px(self) -> float:
        """The largest disparity that the correlation can see, at the size of its input."""
        return 4.0 * self.info.config.max_displacement

    def outputs(self, left: Tensor, right: Tensor) -> list[list[Tensor]]:
        """Give the disparities of all stages, each at all its scales, coarsest first.

        Args:
            left, right: (B, 3, H, W), RGB, 0..255; H and W multiples of 64.

        Returns:
            (B, 1, h, w) each, <= 0 (but for a training network's slope), pixels of the input.
        """
        config = self.info.config
        views = [to_network_input(view, config, mean).contiguous(memory_format=torch.channels_last)
                 for view, mean in ((left, self.info.mean_left), (right, self.info.mean_right))]
        with torch.autocast(left.device.type, torch.bfloat16, enabled=self.precision == 'bf16'):
            output = self.network(*views)
        return [output.first, output.second] if isinstance(output, CascadeOutput) else [output]

    @torch.no_grad()
    def disparity(self, left: Tensor, right: Tensor) -> Tensor:
        """Give the final disparity as inference does, at the size of the images of any size.

        Args:
            left, right: (B, 3, H, W), RGB, 0..255.

        Returns:
            float32 (B, 1, H, W), <= 0.
        """
        height, width = left.shape[-2:]
        multiple = self.info.config.size_multiple
        # replicate padding is not made for bytes
        views = [pad_to_multiple(view.float(), multiple) for view in (left, right)]
        with inference_mode_of(self.network):
            finest = self.outputs(*views)[-1][-1].float()
        if finest.shape[-2:] != views[0].shape[-2:]:
            finest = F.interpolate(finest, views[0].shape[-2:], mode='bilinear')
        return finest[..., :height, :width]


@contextmanager
def inference_mode_of(network: nn.Module) -> Iterator[None]:
    """Run a network as inference does, then let it be as it was."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)
