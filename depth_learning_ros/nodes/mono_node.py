# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""mono_node: rectified images of one camera to disparity, depth, points and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from depth_learning_ros.nodes.conversion import to_rgb
from depth_learning_ros.nodes.inputs import Inputs
from depth_learning_ros.nodes.outlet import NodeOutlet
from depth_learning_ros.nodes.run import run_node
from depth_learning_ros.nodes.stream_node import StreamNode
from depth_learning_ros.stream import MonoSettings, MonoStream


class MonoNode(StreamNode):
    """Subscribes to ``image_rect`` and ``camera_info``."""

    kind, stream_kind = MonoSettings, MonoStream
    settings: MonoSettings

    def __init__(self, **options: Any) -> None:
        super().__init__('mono_node', **options)

    def _make_stream(self, outlet: NodeOutlet) -> MonoStream:
        return MonoStream(outlet, self.settings, decode=to_rgb)

    def _subscribe(self) -> Inputs:
        settings, stream = self.settings, self.stream
        assert isinstance(stream, MonoStream)
        inputs = Inputs(self, settings.queue_size, settings.image_transport == 'compressed',
                        self._problem)
        inputs.image('image_rect').registerCallback(stream.add_image)
        inputs.camera_info('camera_info', stream.add_info)
        return inputs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run_node(MonoNode, arguments, begin=MonoNode.begin)
