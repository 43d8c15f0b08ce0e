# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a weights file to the module that is exported, stereo or mono."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from torch import nn

from depth_learning_ros.engine.mono import mono_facts
from depth_learning_ros.engine.mono_graph import MonoGraph
from depth_learning_ros.engine.stereo_graph import StereoGraph
from depth_learning_ros.errors import EngineError
from depth_learning_ros.models.checkpoint import CheckpointInfo, load_checkpoint

Graph = StereoGraph | MonoGraph


def build_graph(network: nn.Module, info: CheckpointInfo,
                outputs: Collection[str] = ()) -> Graph:
    """Wrap a network in the engine contract, in evaluation mode.

    Args:
        network: takes left and right, or left alone.
        info: what its weights file says.
        outputs: with ``right``, a mono network also gives the right view that it imagines.

    Raises:
        ModelError: a mono network that does not say its virtual baseline, or cannot take images
            of its training size.
        EngineError: a stereo network cannot give a right view.
    """
    facts = mono_facts(info)
    if facts is not None:
        return MonoGraph(network, facts, info.mean_left, right='right' in outputs).eval()
    if 'right' in outputs:
        raise EngineError(f'{info.name} is a stereo model: it is given the right view and '
                          f'imagines none; leave that output out')
    return StereoGraph(network, info.mean_left, info.mean_right).eval()


def load_graph(weights: Path, outputs: Collection[str] = ()) -> tuple[Graph, CheckpointInfo]:
    """Read a weights file and wrap its network.

    Raises:
        ModelError: the weights are damaged, or see `build_graph`.
    """
    network, info = load_checkpoint(weights)
    return build_graph(network, info, outputs), info
