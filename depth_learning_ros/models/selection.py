# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The selection of Deep3D and SVS: a view as a weighted sum of shifted copies of another one.

Each pixel of the right view chooses, by a softmax, how far to its right it is found in the left
image (Xie et al. 2016, section 3; Luo et al. 2018, section 3.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.models.warp import warp


def synthesize(left: Tensor, selection: Tensor, shifts: Sequence[int], *,
               edge: str = 'zero') -> Tensor:
    """Give right(x) = sum over k of selection_k(x) * left(x + shifts[k]).

    Differentiable in both arguments. Shift after shift: no copy of all shifted images is ever
    made, neither forward nor backward, and runtimes compute the same few operations in place.

    Args:
        left: (B, C, H, W).
        selection: (B, K, H, W), weights of each shift, any values.
        shifts: K whole pixels; positive = from further right.
        edge: what lies outside the image: ``zero``, or ``clamp`` for its first and last column.

    Returns:
        (B, C, H, W), of the type of ``left``.
    """
    before, after = max(0, -min(shifts)), max(0, max(shifts))
    mode = {'zero': 'constant', 'clamp': 'replicate'}[edge]
    padded = F.pad(left, (before, after, 0, 0), mode=mode)
    starts = [before + shift for shift in shifts]
    if torch.is_grad_enabled() and (left.requires_grad or selection.requires_grad):
        return _Synthesis.apply(padded, selection, starts)
    return _weighted_sum(padded, selection, starts)


def _weighted_sum(padded: Tensor, selection: Tensor, starts: Sequence[int]) -> Tensor:
    width = selection.shape[3]
    weights = selection.to(padded.dtype).split(1, 1)
    total = weights[0] * padded[..., starts[0]:starts[0] + width]
    for weight, start in zip(weights[1:], starts[1:], strict=True):
        total = total + weight * padded[..., start:start + width]
    return total


class _Synthesis(torch.autograd.Function):
    """The weighted sum with a backward pass that keeps nothing but its two inputs."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, selection: Tensor, starts: list[int]) -> Tensor:
        # plane after plane in memory: whatever the layout of the network, each is read once
        padded, selection = padded.contiguous(), selection.contiguous().to(padded.dtype)
        ctx.save_for_backward(padded, selection)
        ctx.starts = starts
        width = selection.shape[3]
        total = selection[:, :1] * padded[..., starts[0]:starts[0] + width]
        for k, start in enumerate(starts[1:], 1):
            total.addcmul_(selection[:, k:k + 1], padded[..., start:start + width])
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        padded, selection = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        width = selection.shape[3]
        to_padded = torch.zeros_like(padded) if ctx.needs_input_grad[0] else None
        to_selection = torch.empty_like(selection) if ctx.needs_input_grad[1] else None
        for k, start in enumerate(ctx.starts):
            window = (..., slice(start, start + width))
            if to_selection is not None:
                torch.mul(gradient[:, 0], padded[window][:, 0], out=to_selection[:, k])
                for channel in range(1, gradient.shape[1]):
                    to_selection[:, k].addcmul_(gradient[:, channel], padded[window][:, channel])
            if to_padded is not None:
                to_padded[window].addcmul_(gradient, selection[:, k:k + 1])
        return to_padded, to_selection, None


def shifted_copies(left: Tensor, shifts: Sequence[int]) -> Tensor:
    """Give left(x + shift) for all shifts, zero outside: (B, K, C, H, W); for reading and tests.

    With it, ``synthesize`` is ``(selection[:, :, None] * shifted_copies(left, shifts)).sum(1)``.
    """
    width = left.shape[3]
    reach = max(abs(shift) for shift in shifts)
    padded = F.pad(left, (reach, reach))
    return torch.stack([padded[..., reach + s:reach + s + width] for s in shifts], 1)


def expected_shift(selection: Tensor, shifts: Sequence[int]) -> Tensor:
    """Give the mean shift (B, 1, h, w) under (B, K, h, w) weights: the right view's disparity."""
    values = torch.tensor(shifts, dtype=selection.dtype, device=selection.device)
    return (selection * values[:, None, None]).sum(1, keepdim=True)


def seen_from_left(right_disparity: Tensor, rounds: int = 3) -> Tensor:
    """Bring a disparity of the right view into the left one: d(x) = right_disparity(x - d(x)).

    By that many rounds of looking it up: right on surfaces, rough at edges, where two pixels of
    the right view may claim one of the left.

    Args:
        right_disparity: (B, 1, H, W), pixels, >= 0.
    """
    disparity = right_disparity
    for _ in range(rounds):
        disparity = warp(right_disparity, -disparity)
    return disparity
