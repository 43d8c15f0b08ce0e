# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How topics are subscribed and published; every part of it can be overridden by parameters."""

from __future__ import annotations

from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSPolicyKind,
    QoSProfile,
    QoSReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

RESULT_DEPTH = 2  # of large messages, to which only the newest matter


def sensor_qos(depth: int) -> QoSProfile:
    """As sensor data: any camera driver matches. A new one each time: overrides change it."""
    return QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=depth,
                      reliability=QoSReliabilityPolicy.BEST_EFFORT,
                      durability=QoSDurabilityPolicy.VOLATILE)


def latched_qos() -> QoSProfile:
    """For what is sent once, to those too who come later."""
    return QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=1,
                      reliability=QoSReliabilityPolicy.RELIABLE,
                      durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


def is_latched(offered: QoSProfile) -> bool:
    """Tell whether a publisher serves those who ask by `latched_qos`."""
    return (offered.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL
            and offered.reliability == QoSReliabilityPolicy.RELIABLE)


def result_qos() -> QoSProfile:
    """Reliable, as every subscriber can take."""
    return QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=RESULT_DEPTH,
                      reliability=QoSReliabilityPolicy.RELIABLE,
                      durability=QoSDurabilityPolicy.VOLATILE)


def overridable() -> QoSOverridingOptions:
    """Let parameters ``qos_overrides.<topic>.<publisher or subscription>.<policy>`` decide."""
    return QoSOverridingOptions([QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH,
                                 QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY])


def policy_name(kind: QoSPolicyKind) -> str:
    """Return the name of a policy, for messages."""
    return str(qos_policy_name_from_kind(kind)).removesuffix('_QOS_POLICY').lower()
