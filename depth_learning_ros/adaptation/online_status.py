# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What an adaptation that never ends tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
import math

from depth_learning_ros.adaptation.gate import Verdict
from depth_learning_ros.adaptation.models_in_use import Model
from depth_learning_ros.adaptation.progress import StepReport


class State(IntEnum):
    """What goes on; the numbers are those of depth_learning_msgs/AdaptationStatus."""

    STOPPED = 0
    COLLECTING = 1
    TRAINING = 2
    CHECKING = 3
    BUILDING = 4
    FAILED = 5


@dataclass
class OnlineStatus:
    """How far an online adaptation is; see depth_learning_msgs/AdaptationStatus.

    Attributes:
        losses: terms of the newest step's loss, by name, before they were weighted; those that
            the step had.
    """

    state: State = State.STOPPED
    message: str = 'not started'
    round: int = 0
    step: int = 0
    progress: float = 0.0
    seconds_left: float = math.nan
    loss: float = math.nan
    losses: dict[str, float] = field(default_factory=dict)
    verdict: Verdict | None = None
    rounds_accepted: int = 0
    rounds_rejected: int = 0
    model: Model = field(default_factory=lambda: Model('', ''))
    rollback_model: str = ''

    def tell_losses(self, report: StepReport) -> None:
        """Take over the losses of a step."""
        terms = {'target': report.target_loss, 'synthetic': report.synthetic_loss}
        self.loss = report.loss
        self.losses = {name: loss for name, loss in terms.items() if not math.isnan(loss)}
