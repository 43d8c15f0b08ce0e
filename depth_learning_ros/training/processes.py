# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One process, or many that train one network together under ``torchrun``."""

from __future__ import annotations

from collections.abc import Mapping
import os
from typing import Any

from lightning_fabric import Fabric
import torch
from torch import Tensor

from depth_learning_ros.errors import TrainingError


def open_fabric(precision: str, environment: Mapping[str, str] | None = None) -> Fabric:
    """Start Fabric for as many processes as ``torchrun`` says; for one without it.

    Args:
        precision: in Fabric's words.
        environment: where torchrun left its figures; None = that of the process.

    Raises:
        TrainingError: the figures do not fit each other, or this machine cannot do the precision.
    """
    variables = os.environ if environment is None else environment
    world, local = (_number(variables, name) for name in ('WORLD_SIZE', 'LOCAL_WORLD_SIZE'))
    if world % local:
        raise TrainingError(f'WORLD_SIZE is {world} and LOCAL_WORLD_SIZE {local}: start as many '
                            f'processes on each machine')
    options: dict[str, Any] = {}
    if world > 1:
        options = {'strategy': 'ddp', 'num_nodes': world // local}
    try:
        fabric = Fabric(accelerator='auto', devices=local,
                        precision=precision, **options)  # type: ignore[arg-type]
    except ValueError as error:
        raise TrainingError(f'precision {precision!r} cannot be used here: {error}') from error
    fabric.launch()
    return fabric


def _number(variables: Mapping[str, str], name: str) -> int:
    value = variables.get(name, '1')
    if not value.isdigit() or int(value) < 1:
        raise TrainingError(f'{name} is {value!r}: torchrun sets it to a number of processes')
    return int(value)


class Together:
    """What all processes of a run must agree on.

    Args:
        fabric: of this process.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.world = fabric.world_size
        self.rank = fabric.global_rank

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def share_of(self, batch: int) -> int:
        """Return how many of a step's samples this process takes.

        Raises:
            TrainingError: they cannot be shared out evenly.
        """
        if batch % self.world:
            raise TrainingError(f'a batch of {batch} cannot be shared by {self.world} processes: '
                                f'give a multiple')
        return batch // self.world

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of a number over all processes."""
        if self.world == 1:
            return value
        return self.fabric.all_reduce(value, reduce_op='mean')  # type: ignore[return-value]

    def means(self, *values: float) -> list[float]:
        """Return the means of several numbers over all processes, the same in each."""
        if self.world == 1:
            return list(values)
        return self.mean(torch.tensor(values, dtype=torch.float64)).tolist()
