# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from .exceptions import ParameterAlreadyDeclaredException

_POLICIES = {'reliability': 'QoSReliabilityPolicy', 'durability': 'QoSDurabilityPolicy',
             'history': 'QoSHistoryPolicy'}


class QoSOverridingOptions:
    def __init__(self, policy_kinds):
        self._policy_kinds = policy_kinds

    @property
    def policy_kinds(self):
        return self._policy_kinds


def _declare(node, what: str, topic: str, profile, options) -> None:
    """Let parameters change the profile, as the real one does: in place."""
    from rcl_interfaces.msg import ParameterDescriptor

    from . import qos
    for kind in options.policy_kinds if options else ():
        policy = kind.name.lower()
        name = f'qos_overrides.{topic}.{what}.{policy}'
        value = getattr(profile, policy)
        shown = value if policy == 'depth' else value.name.lower()
        try:
            node.declare_parameter(name, shown, ParameterDescriptor(read_only=True))
        except ParameterAlreadyDeclaredException:
            pass
        chosen = node.get_parameter(name).value
        if policy != 'depth':
            chosen = getattr(qos, _POLICIES[policy])[chosen.upper()]
        setattr(profile, policy, chosen)
