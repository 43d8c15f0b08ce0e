# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from enum import IntEnum


class QoSHistoryPolicy(IntEnum):
    KEEP_LAST = 1
    KEEP_ALL = 2


class QoSReliabilityPolicy(IntEnum):
    RELIABLE = 1
    BEST_EFFORT = 2


class QoSDurabilityPolicy(IntEnum):
    TRANSIENT_LOCAL = 1
    VOLATILE = 2


class QoSPolicyKind(IntEnum):
    DURABILITY = 2
    RELIABILITY = 16
    HISTORY = 32
    DEPTH = 128


def qos_policy_name_from_kind(policy_kind):
    return f'{QoSPolicyKind(policy_kind).name}_QOS_POLICY'


class QoSProfile:
    def __init__(self, *, history=QoSHistoryPolicy.KEEP_LAST, depth=10,
                 reliability=QoSReliabilityPolicy.RELIABLE,
                 durability=QoSDurabilityPolicy.VOLATILE):
        self.history, self.depth = history, depth
        self.reliability, self.durability = reliability, durability


def _as_profile(qos_profile) -> QoSProfile:
    return qos_profile if isinstance(qos_profile, QoSProfile) else QoSProfile(depth=qos_profile)


qos_profile_sensor_data = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)
