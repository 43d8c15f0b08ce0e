# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service, as rmw_cyclonedds makes it of ROS 2 profiles."""

from __future__ import annotations

from dataclasses import dataclass

from cyclonedds.core import Policy, Qos
from cyclonedds.util import duration

# How long a write may wait for subscribers that do not keep up, before the message is dropped. A
# ROS 2 node waits forever: a subscriber that hangs stops it.
_MAX_BLOCKING_S = 0.1
_UNLIMITED = -1


@dataclass(frozen=True)
class Profile:
    """What a topic promises (publisher) or asks for (subscription).

    Attributes:
        reliable: lost packets are sent again.
        depth: how many messages are kept; None = all.
        transient_local: late subscribers get the last messages, "latched".
    """

    reliable: bool = True
    depth: int | None = 10
    transient_local: bool = False

    def __str__(self) -> str:
        kind = 'reliable' if self.reliable else 'best effort'
        return f'{kind}, transient local' if self.transient_local else kind


SENSOR_DATA = Profile(reliable=False, depth=5)
RELIABLE = Profile()
RESULTS = Profile(depth=2)  # large messages, of which only the newest matter
LATCHED = Profile(depth=1, transient_local=True)
DISCOVERY_WRITER = LATCHED
DISCOVERY_READER = Profile(depth=None, transient_local=True)
SERVICES = Profile()


def cyclone_qos(profile: Profile, user_data: str = '', ignore_own: bool = False) -> Qos:
    """Return the QoS of a writer or a reader.

    Args:
        user_data: what ROS 2 reads of an endpoint, such as its type hash.
        ignore_own: a reader does not see the writers of its own participant.
    """
    policies = [
        Policy.History.KeepAll if profile.depth is None
        else Policy.History.KeepLast(profile.depth),
        Policy.Reliability.Reliable(duration(seconds=_MAX_BLOCKING_S)) if profile.reliable
        else Policy.Reliability.BestEffort,
        Policy.WriterDataLifecycle(autodispose=False),
        Policy.DataRepresentation(use_cdrv0_representation=True),
        Policy.Userdata(data=user_data.encode()),
    ]
    if profile.transient_local:
        kept = Policy.History.KeepAll if profile.depth is None \
            else Policy.History.KeepLast(profile.depth)
        policies += [Policy.Durability.TransientLocal, Policy.DurabilityService(
            cleanup_delay=0, history=kept, max_samples=_UNLIMITED, max_instances=_UNLIMITED,
            max_samples_per_instance=_UNLIMITED)]
    else:
        policies.append(Policy.Durability.Volatile)
    if ignore_own:
        policies.append(Policy.IgnoreLocal.Participant)
    return Qos(*policies)


def profile_of(qos: Qos) -> Profile:
    """Return what another endpoint's QoS says."""
    history = qos[Policy.History.KeepLast]
    return Profile(
        reliable=isinstance(qos[Policy.Reliability.Reliable], Policy.Reliability.Reliable),
        depth=history.depth if isinstance(history, Policy.History.KeepLast) else None,
        transient_local=Policy.Durability.TransientLocal in qos)
