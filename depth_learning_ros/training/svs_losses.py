# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What teaches a view synthesis: the real right view, and where it is known its disparity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.training.losses import subsample


def view_loss(imagined: Tensor, right: Tensor) -> Tensor:
    """Mean absolute difference of the imagined and the real right view, in gray levels 0..255.

    Args:
        imagined: (B, 3, h, w), values of 0..1 less any mean.
        right: (B, 3, H, W), the same; averaged down where the network works at a smaller size.
    """
    if right.shape[-1] != imagined.shape[-1]:
        right = F.avg_pool2d(right, right.shape[-1] // imagined.shape[-1])
    return 255 * (imagined.float() - right.float()).abs().mean()


def selection_loss(selection: Tensor, truth_right: Tensor, shifts: Sequence[int] | None) -> Tensor:
    """Cross entropy between the selection and the two shifts next to the true one.

    Not in the paper, whose pairs come without ground truth: rendered ones have it, and it says in
    one step what the view's loss lets a network find out in many. 0 where nothing is known.

    Args:
        selection: (B, K, h, w), shares of shifts 0 .. K - 1 pixels of full resolution.
        truth_right: (B, 1, H, W), disparity of the right view, the networks' sign (<= 0), NaN
            where unknown.
        shifts: of the selection; None or others than 0, 1, 2, ...: there is no such loss.
    """
    levels = selection.shape[1]
    if shifts is None or list(shifts) != list(range(levels)):
        return selection.new_zeros(())
    truth = -subsample(truth_right, *selection.shape[-2:])
    valid = (truth >= 0) & (truth <= levels - 1)
    if not bool(valid.any()):
        return 0 * selection.sum()  # nothing known: no gradient, but still one
    truth = torch.where(valid, truth, 0)
    lower = truth.floor().clamp(max=levels - 2)
    share = truth - lower
    logs = selection.float().clamp(min=1e-7).log()
    index = lower.long()
    entropy = -((1 - share) * logs.gather(1, index) + share * logs.gather(1, index + 1))
    return (entropy * valid).sum() / valid.sum()
