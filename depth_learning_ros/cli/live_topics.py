# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The stereo pair among live topics, found as in a bag."""

from __future__ import annotations

from dataclasses import dataclass

from depth_learning_ros.live.graph import Graph
from depth_learning_ros.replay.topics import StereoTopics, find_stereo_topics


@dataclass(frozen=True)
class _Published:
    name: str
    type_name: str
    count: int = 1


def published_pair(graph: Graph) -> StereoTopics:
    """Return the only stereo pair that is published.

    Raises:
        BagError: there is none, or more than one; the message lists what there is.
    """
    return find_stereo_topics({
        name: _Published(name, kind) for name, kind in graph.published().items()})
