# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A training run of thumbnail size in a process of its own, for tests that kill or join them.

``python tiny_run.py SCENES FOLDER STEPS [resume|gradients]``; under torchrun it shares the work.
"""

from pathlib import Path
import sys

import torch

from depth_learning_ros.models import registry
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.training.config import TrainingConfig
from depth_learning_ros.training.loop import Trainer

TINY = NetworkConfig('tiny', 'crl', width=0.05, channel_multiple=4, max_displacement=6,
                     two_sided=False, residual_decoder=True, unit_px=8.0, second_stage_scale=2,
                     channel_order='rgb')


def tiny_config(scenes: Path, steps: int, /, **changes) -> TrainingConfig:
    registry.CONFIGS['tiny'] = TINY
    stage = {'steps': steps, 'batch': 4, 'crop_height': 64, 'crop_width': 128, 'train': 'both'}
    return TrainingConfig.from_dict({
        'network': 'tiny', 'scenes': str(scenes), 'validation': str(scenes), 'workers': 0,
        'precision': '32-true', 'validate_minutes': 0.0, 'stages': [stage], **changes})


def record_gradients(trainer: Trainer) -> list[torch.Tensor]:
    """Let a trainer leave the gradients of its first step in the list that is returned."""
    gradients: list[torch.Tensor] = []
    clip = trainer.fabric.clip_gradients

    def keep(model, optimizer, **options):
        if not gradients:
            gradients.extend(p.grad.clone() for p in trainer.network.parameters())
        return clip(model, optimizer, **options)

    trainer.fabric.clip_gradients = keep
    return gradients


def main() -> None:
    scenes, folder, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    trainer = Trainer(tiny_config(scenes, steps), folder, resume='resume' in sys.argv)
    gradients = record_gradients(trainer)
    trainer.run()
    if 'gradients' in sys.argv and trainer.together.first:
        torch.save(gradients, folder / 'gradients.pt')


if __name__ == '__main__':
    main()
