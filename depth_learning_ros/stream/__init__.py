# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What everything that processes live images shares, whatever brings the messages.

A transport implements `Outlet`, feeds a `StereoStream` or `MonoStream`, and calls `diagnose` now
and then; all the rest (pairing, newest first, models exchanged while running, what is published,
figures, what is said) happens here.
"""

from depth_learning_ros.stream.diagnosis import Diagnosis
from depth_learning_ros.stream.mono import MonoStream
from depth_learning_ros.stream.outlet import TF_STATIC, Outlet
from depth_learning_ros.stream.settings import (
    MonoSettings,
    Setting,
    StereoSettings,
    StreamSettings,
    table,
)
from depth_learning_ros.stream.stereo import StereoStream
from depth_learning_ros.stream.stream import Stream

__all__ = [
    'Diagnosis', 'MonoSettings', 'MonoStream', 'Outlet', 'Setting', 'StereoSettings',
    'StereoStream', 'Stream', 'StreamSettings', 'TF_STATIC', 'table',
]
