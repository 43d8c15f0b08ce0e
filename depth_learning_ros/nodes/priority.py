# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work that is to cost its neighbours nothing."""

from __future__ import annotations

from contextlib import suppress
import os

LOWEST = 19


def lower_priority(niceness: int) -> None:
    """Lower the priority of this thread, and of all that it starts from now on.

    Niceness alone takes a third of the rate from an engine on all cores: its threads wait for one
    another all the time, and what runs meanwhile may go on for some milliseconds. What is of
    Linux's class idle makes way at once (benchmarks/node_beside_training.py). Without privileges
    there is no way back.

    Args:
        niceness: added to what it is; 19 = of the class idle, too.
    """
    os.nice(niceness)
    if niceness >= LOWEST and hasattr(os, 'SCHED_IDLE'):
        with suppress(OSError):  # containers can forbid it
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
