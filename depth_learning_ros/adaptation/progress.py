# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an adaptation says of its steps and validations."""

from __future__ import annotations

from dataclasses import dataclass
import math

from depth_learning_ros.adaptation.figures import Figures


@dataclass(frozen=True)
class StepReport:
    """One step.

    Attributes:
        step: its number, from 1.
        target_loss, synthetic_loss: of its target and rendered pairs; NaN when it had none.
        labelled: share of the target's pixels that had a label; NaN for the photometric method.
        seconds: it took.
        loss: what was minimised: the sum of both, each with its weight.
    """

    step: int
    target_loss: float
    synthetic_loss: float
    labelled: float
    seconds: float
    loss: float = math.nan


@dataclass(frozen=True)
class Validation:
    """Figures of the validation frames after some steps.

    Attributes:
        step: after so many.
        figures: of the current weights, averaged.
        score: what the best weights are chosen by; -inf where they are out of the question.
        harms: why they are: what collapsed, or was forgotten; a sentence each.
        way: how far the weights are from those the adaptation began with to those of the step.
    """

    step: int
    figures: Figures
    score: float
    harms: tuple[str, ...] = ()
    way: float = 1.0
