# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the training loop does for networks of two images: stages, samples, losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from depth_learning_ros.data.scene import StereoSource
from depth_learning_ros.errors import TrainingError
from depth_learning_ros.models.checkpoint import CheckpointInfo
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.crl import CRL, CascadeOutput
from depth_learning_ros.models.normalize import to_network_input
from depth_learning_ros.training.config import StageConfig, TrainingConfig
from depth_learning_ros.training.losses import multiscale_l1, scale_weights
from depth_learning_ros.training.mixture import supply_for
from depth_learning_ros.training.samples import Samples
from depth_learning_ros.training.validation import validate


class StereoTask:
    """Samples, losses and validation of networks of two images.

    Args:
        network: a cascade, or a single network of one stage.
        config: of the network.
    """

    def __init__(self, network: nn.Module, config: NetworkConfig) -> None:
        self.network, self.config = network, config
        #: Gives the mean of a number over all processes that train together; None = one process.
        self.mean_count: Callable[[Tensor], Tensor] | None = None
        #: Where `validate` shows the first scenes; None = nowhere.
        self.picture: Path | None = None

    def describe(self, info: CheckpointInfo, training: TrainingConfig,
                 sets: Sequence[StereoSource]) -> CheckpointInfo:
        """Nothing to add: a stereo network's camera is the user's."""
        return info

    def start(self, before: nn.Module) -> None:
        """Take over the weights of the same network.

        Raises:
            TrainingError: they are another network's.
        """
        take_weights(self.network, before, self.config.name)

    def parameters(self, stage: StageConfig) -> list[nn.Parameter]:
        """Freeze what the stage does not train.

        Raises:
            TrainingError: the network has no such part.
        """
        self.network.train()
        chosen: nn.Module = self.network
        if isinstance(self.network, CRL):
            parts = {'first': self.network.stage1, 'second': self.network.stage2,
                     'both': self.network}
            if stage.train not in parts:
                raise TrainingError(f'train: {stage.train!r} is no part of {self.config.name}: '
                                    f'give one of {", ".join(parts)}')
            chosen = parts[stage.train]
        elif stage.train != 'first':
            raise TrainingError(f'train: {stage.train!r} needs a cascade, and '
                                f'{self.config.name} is none: give "first"')
        return train_only(self.network, chosen)

    def samples(self, training: TrainingConfig, sets: Sequence[StereoSource], stage: StageConfig,
                start: int) -> Samples:
        """Give the samples of a stage."""
        return Samples(supply_for(training, sets), stage.crop_height, stage.crop_width,
                       training.seed, faults=training.camera_faults())

    def loss(self, model: nn.Module, stage: StageConfig, batch: Sequence[Tensor],
             share: float) -> Tensor:
        """Give the loss of a batch as `Samples` yields it, at 0..1 of the stage."""
        left, right, truth = batch
        views = [to_network_input(v, self.config).contiguous(memory_format=torch.channels_last)
                 for v in (left, right)]
        output = model(*views, stage.train) if isinstance(self.network, CRL) else model(*views)
        if not isinstance(output, CascadeOutput):
            return self._multiscale(output, truth, share)
        loss = truth.new_zeros(())
        if stage.train in ('first', 'both'):
            loss = loss + self._multiscale(output.first, truth, share)
        if stage.train in ('second', 'both'):
            loss = loss + self._multiscale(output.second, truth, share)
        return loss

    def _multiscale(self, predictions: list[Tensor], truth: Tensor, share: float) -> Tensor:
        return multiscale_l1(predictions, truth, scale_weights(share, len(predictions)),
                             self.mean_count)

    def validate(self, network: nn.Module, folder: Path, device: torch.device) -> dict[str, float]:
        """Give the errors on held-out rendered scenes, as `validation.validate`."""
        return validate(network, folder, self.config, device, self.picture)


def take_weights(network: nn.Module, before: nn.Module, name: str) -> None:
    """Copy the weights of one network into another of the same layers.

    Raises:
        TrainingError: their layers differ.
    """
    own, theirs = network.state_dict(), before.state_dict()
    for key in sorted(own.keys() | theirs.keys()):
        shapes = [tuple(state[key].shape) if key in state else None for state in (own, theirs)]
        if shapes[0] != shapes[1]:
            raise TrainingError(
                f'start_from holds the weights of another network than {name}: its layer {key} '
                f'has the shape {shapes[1]}, {name} has {shapes[0]} (None = there is no such '
                f'layer); give weights of {name}, or name their network')
    network.load_state_dict(theirs)


def train_only(network: nn.Module, part: nn.Module) -> list[nn.Parameter]:
    """Freeze a network but for a part of it; gives the parameters that learn."""
    network.requires_grad_(False)
    part.requires_grad_(True)
    return list(part.parameters())
