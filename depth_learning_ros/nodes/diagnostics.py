# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a stream says of itself, as diagnostic_updater publishes it."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus

from depth_learning_ros.stream import Diagnosis

_LEVELS = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)


def fill(status: Any, diagnosis: Diagnosis) -> Any:
    """Fill a DiagnosticStatusWrapper, and return it."""
    status.summary(_LEVELS[diagnosis.level], diagnosis.summary)
    for name, value in diagnosis.values.items():
        status.add(name, value)
    return status
