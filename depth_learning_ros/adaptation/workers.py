# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of one adaptation, as ``torchrun`` starts them; one alone when nobody did."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
import os
from typing import TypeVar, cast

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
        local_rank: number of this process on its machine.
        device: of this process.
    """

    def __init__(self) -> None:
        self.rank = int(os.environ.get('RANK', '0'))
        self.world = int(os.environ.get('WORLD_SIZE', '1'))
        self.local_rank = int(os.environ.get('LOCAL_RANK', '0'))
        gpu = torch.cuda.is_available()
        self.device = torch.device('cuda', self.local_rank) if gpu else torch.device('cpu')

    def __enter__(self) -> Workers:
        if self.device.type == 'cuda':
            torch.cuda.set_device(self.device)  # what is broadcast as an object goes through it
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

    def by_first(self, work: Callable[[], Value]) -> Value:
        """Let the first process do something, and give all of them the result, or its error."""
        if self.world == 1:
            return work()
        done: tuple[Value | None, Exception | None] = None, None
        if self.first:
            try:
                done = work(), None
            except Exception as error:  # the others wait: they must hear of it
                done = None, error
        result, failure = self.from_first(done)
        if failure is not None:
            raise failure
        return cast(Value, result)

    def once_a_machine(self, work: Callable[[], Value]) -> Value:
        """Let one process of each machine do what leaves files, then the others, who find them."""
        if self.local_rank == 0:
            result = work()
        self.wait()
        return result if self.local_rank == 0 else work()

    def mean(self, value: float) -> float:
        """Mean of a number over all processes."""
        if self.world == 1:
            return value
        total = self._number(value)
        distributed.all_reduce(total)
        return float(total) / self.world

    def number_of_first(self, value: float) -> float:
        """Give all processes the number that the first one has; cheaper than `from_first`."""
        if self.world == 1:
            return value
        number = self._number(value)
        distributed.broadcast(number, src=0)
        return float(number)

    def _number(self, value: float) -> torch.Tensor:
        exact = self.device.type != 'cuda'
        return torch.tensor(value, dtype=torch.float64 if exact else torch.float32,
                            device=self.device)

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
