# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""stereo_node: rectified images of a stereo camera to disparity, depth, points and more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from message_filters import ApproximateTimeSynchronizer, TimeSynchronizer

from depth_learning_ros.nodes.conversion import to_rgb
from depth_learning_ros.nodes.inputs import Inputs
from depth_learning_ros.nodes.outlet import NodeOutlet
from depth_learning_ros.nodes.run import run_node
from depth_learning_ros.nodes.stream_node import StreamNode
from depth_learning_ros.stream import StereoSettings, StereoStream
from depth_learning_ros.stream.sync import SIDES


class StereoNode(StreamNode):
    """Subscribes to ``left/`` and ``right/`` ``image_rect`` and ``camera_info``."""

    kind, stream_kind = StereoSettings, StereoStream
    settings: StereoSettings

    def __init__(self, **options: Any) -> None:
        super().__init__('stereo_node', **options)

    def _make_stream(self, outlet: NodeOutlet) -> StereoStream:
        return StereoStream(outlet, self.settings, decode=to_rgb)

    def _subscribe(self) -> Inputs:
        settings, stream = self.settings, self.stream
        assert isinstance(stream, StereoStream)
        inputs = Inputs(self, settings.queue_size, settings.image_transport == 'compressed',
                        self._problem)
        images = [inputs.image(f'{side}/image_rect') for side in SIDES]
        # registered before the synchroniser, so that it can be cleared before it looks
        for side, subscriber in zip(SIDES, images, strict=True):
            subscriber.registerCallback(partial(self._note, stream, side))
        self._pairs = ApproximateTimeSynchronizer(
            images, settings.queue_size, settings.approximate_sync_tolerance_seconds) \
            if settings.approximate_sync else TimeSynchronizer(images, settings.queue_size)
        self._pairs.registerCallback(stream.add_pair)
        for side in SIDES:
            inputs.camera_info(f'{side}/camera_info', partial(stream.add_info, side))
        return inputs

    def _note(self, stream: StereoStream, side: str, message: Any) -> None:
        if stream.note_image(side, message):
            for queue in self._pairs.queues:  # it would wait for the future that it knows
                queue.clear()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node until it is interrupted."""
    return run_node(StereoNode, arguments, begin=StereoNode.begin)
