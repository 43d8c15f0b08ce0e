# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The first stage of a cascade alone, in PyTorch: what the second stage must be better than."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from depth_learning_ros.engine.base import EngineInfo
from depth_learning_ros.engine.sources import find_source
from depth_learning_ros.engine.stereo_graph import StereoGraph
from depth_learning_ros.engine.torch_runner import TorchEngine
from depth_learning_ros.errors import EngineError
from depth_learning_ros.models.checkpoint import load_checkpoint
from depth_learning_ros.models.crl import CRL


class FirstStageGraph(StereoGraph):
    """Like the graph of the cascade, without its second stage."""

    def stages(self, left: Tensor, right: Tensor) -> tuple[Tensor | None, Tensor]:
        """Give nothing before, and the first stage's disparity, >= 0."""
        output = self.network(left, right, learn='first')
        return None, (-output.first[-1]).clamp(min=0)


class FirstStageEngine(TorchEngine):
    """PyTorch on the processor, in float32."""

    def __init__(self, weights: Path, graph: FirstStageGraph, info: EngineInfo) -> None:
        super().__init__(weights, info, device='cpu')
        self._graph = graph


def open_first_stage(model: str | Path) -> FirstStageEngine:
    """Open the first stage of a network's weights, in float32.

    Args:
        model: a shipped name or a weights file.

    Raises:
        EngineError: there is no such model, its weights are not there, or it has one stage only.
        ModelError: the weights are damaged.
    """
    source = find_source(model)
    if source.weights is None:
        raise EngineError(f'the first stage of {source.name} is run by PyTorch and needs its '
                          f'weights: {source.name}.safetensors is not beside the .onnx file')
    network, info = load_checkpoint(source.weights)
    if not isinstance(network, CRL):
        raise EngineError(f'{info.name} has no second stage: leave it out of the comparison of '
                          f'stages')
    about = EngineInfo(f'{info.name} (first stage)', '', '', '', '', metadata=info.to_metadata())
    graph = FirstStageGraph(network, info.mean_left, info.mean_right).eval()
    return FirstStageEngine(source.weights, graph, about)
