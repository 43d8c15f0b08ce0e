# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which sample made the loss what no loss should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


@torch.no_grad()
def blame(network: nn.Module, loss: Callable[[Sequence[Tensor]], Tensor],
          batch: Sequence[Tensor], numbers: Sequence[int],
          name: Callable[[int], str] | None) -> str:
    """Say where a loss or a gradient that is not finite came from.

    Args:
        network: with the weights that gave it.
        loss: of a batch.
        batch: that gave it; the first axis of each tensor counts samples.
        numbers: of its samples.
        name: tells which scene a sample is cut from; None = not known.

    Returns:
        a clause for a message.
    """
    broken = [key for key, value in network.named_parameters()
              if not bool(torch.isfinite(value).all())]
    if broken:
        return f'the weights themselves were no longer finite, such as {broken[0]}'
    guilty = []
    for index, number in enumerate(numbers):
        value = loss([tensor[index:index + 1] for tensor in batch])
        if not bool(torch.isfinite(value)):
            guilty.append(f'{number} ({name(number)})' if name else str(number))
    if guilty:
        return 'by itself it comes of sample ' + ', '.join(guilty)
    return (f'no sample of {numbers[0]} to {numbers[-1]} gives it alone: the learning rate may be '
            f'too high')
