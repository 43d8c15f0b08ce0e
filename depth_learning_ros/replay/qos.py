# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Quality-of-service profiles of recorded topics, as ``ros2 bag play`` offers them again."""

from __future__ import annotations

from collections.abc import Sequence

from rosbags.interfaces import (
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)

_FOREVER = QosTime(9223372036, 854775807)

RELIABLE = Qos(QosHistory.KEEP_LAST, 10, QosReliability.RELIABLE, QosDurability.VOLATILE,
               _FOREVER, _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False)


def qos_yaml(profiles: Sequence[Qos]) -> str:
    """Write profiles as rosbag2 does, with numbers: the form that all its versions read."""
    return '\n'.join(_profile_yaml(p) for p in profiles or [RELIABLE])


def _profile_yaml(profile: Qos) -> str:
    times = ''.join(
        f'  {name}:\n    sec: {value.sec}\n    nsec: {value.nsec}\n' for name, value in (
            ('deadline', profile.deadline), ('lifespan', profile.lifespan)))
    lease = profile.liveliness_lease_duration
    plain = str(profile.avoid_ros_namespace_conventions).lower()
    return (f'- history: {profile.history.value}\n  depth: {profile.depth}\n'
            f'  reliability: {profile.reliability.value}\n'
            f'  durability: {profile.durability.value}\n{times}'
            f'  liveliness: {profile.liveliness.value}\n'
            f'  liveliness_lease_duration:\n    sec: {lease.sec}\n    nsec: {lease.nsec}\n'
            f'  avoid_ros_namespace_conventions: {plain}')
