# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of one adaptation, as ``torchrun`` starts them; one alone when nobody did."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
import os
from typing import TypeVar

import torch
from torch import distributed, nn

from depth_learning_ros.errors import TrainingError

Value = TypeVar('Value')

#: The others wait while the first takes frames in, renders scenes and judges.
TIMEOUT = timedelta(hours=3)


class Workers:
    """All processes that adapt one network; the first of them writes files.

    A context manager: joins the others, and leaves them at the end.

    Attributes:
        rank: number of this process.
        world: how many there are.
        device: of this process.
    """

    def __init__(self) -> None:
        self.rank = int(os.environ.get('RANK', '0'))
        self.world = int(os.environ.get('WORLD_SIZE', '1'))
        local = int(os.environ.get('LOCAL_RANK', '0'))
        gpu = torch.cuda.is_available()
        self.device = torch.device('cuda', local) if gpu else torch.device('cpu')

    def __enter__(self) -> Workers:
        if self.world > 1 and not distributed.is_initialized():
            try:
                distributed.init_process_group(
                    'nccl' if self.device.type == 'cuda' else 'gloo', timeout=TIMEOUT)
            except (ValueError, RuntimeError) as error:
                raise TrainingError(f'{self.world} processes cannot find each other: {error}. '
                                    f'Start them by torchrun') from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.world > 1 and distributed.is_initialized():
            if kind is None:
                # one that leaves while another is still sending ends in an abort of gloo
                distributed.barrier()
            distributed.destroy_process_group()

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            distributed.barrier()

    def from_first(self, value: Value) -> Value:
        """Give all processes the value that the first one has."""
        if self.world == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def mean(self, value: float) -> float:
        """Mean of a number over all processes."""
        if self.world == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=self.device)
        if self.device.type == 'cuda':
            total = total.float()
        distributed.all_reduce(total)
        return float(total) / self.world

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give all processes the mean of their gradients, in one message."""
        if self.world == 1:
            return
        chosen = [p for p in parameters if p.requires_grad]
        flat = torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).reshape(-1)
                          for p in chosen])
        distributed.all_reduce(flat)
        flat /= self.world
        for parameter, values in zip(chosen, flat.split([p.numel() for p in chosen]),
                                     strict=True):
            parameter.grad = values.reshape(parameter.shape).clone()
