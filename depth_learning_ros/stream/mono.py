# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The stream of a single camera."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
import threading
from typing import Any

import numpy as np

from depth_learning_ros.messages import OUTPUT_TYPES, image_to_rgb, mono_camera_from_info, stamp_ns
from depth_learning_ros.pipeline import MonoPipeline, ResultSink, StereoResult
from depth_learning_ros.stream.decode import Decode
from depth_learning_ros.stream.infos import LatestInfos
from depth_learning_ros.stream.model import open_as_chosen
from depth_learning_ros.stream.outlet import Outlet
from depth_learning_ros.stream.settings import MonoSettings
from depth_learning_ros.stream.stream import NO_INFO, Stream, StreamFrame
from depth_learning_ros.stream.sync import RESTART_NS
from depth_learning_ros.types import StereoCamera

_SIDE = 'left'


@dataclass(frozen=True)
class MonoImage(StreamFrame):
    """The messages of an image."""

    image: Any
    info: Any


class MonoStream(Stream[MonoImage, 'tuple[np.ndarray, Any]']):
    """Takes the messages of an image topic and its camera_info; for any thread.

    Args: as `StereoStream`.
    """

    inputs = ('image', 'camera_info')
    # the camera publishes camera_info itself: it is an input
    topics = tuple(name for name in OUTPUT_TYPES if name != 'camera_info')
    settings: MonoSettings

    def __init__(self, outlet: Outlet, settings: MonoSettings, *,
                 decode: Decode = image_to_rgb, open_model: Any = open_as_chosen) -> None:
        super().__init__(outlet, settings, open_model=open_model)
        self._to_rgb = decode
        self._infos: LatestInfos[Any] = LatestInfos([_SIDE], self._no_info)
        self._newest_ns = 0
        self._lock = threading.RLock()

    def add_image(self, message: Any) -> None:
        """Take an image."""
        self.statistics.arrived('image')
        stamp = stamp_ns(message.header)
        with self._lock:
            if stamp < self._newest_ns - RESTART_NS:
                self.outlet.say('info', 'time was set back: beginning anew')
                self.statistics.restart()
                self._infos.restart()
                self._newest_ns = stamp
            self._newest_ns = max(self._newest_ns, stamp)
            self._release(self._infos.add_frame(stamp, message))

    def add_info(self, message: Any) -> None:
        """Take a camera_info."""
        self.statistics.arrived('camera_info')
        with self._lock:
            self._release(self._infos.add_info(_SIDE, stamp_ns(message.header), message))
            self.said.fine('camera_info', at_once=True)

    def _release(self, released: list[tuple[Any, list[Any]]]) -> None:
        for image, (info,) in released:
            self._put(MonoImage(image.header, stamp_ns(image.header), image, info))

    def _no_info(self, item: Any) -> None:
        self.statistics.dropped(NO_INFO)
        self.said.problem('camera_info', 'no camera_info came yet: is it published beside the '
                                         'images?')

    def _decode(self, frame: MonoImage) -> tuple[np.ndarray, Any]:
        return self._to_rgb(frame.image), frame.info

    def _camera_of(self, decoded: tuple[np.ndarray, Any],
                   pipeline: Any) -> tuple[StereoCamera, int, int]:
        image, info = decoded
        return (mono_camera_from_info(info, pipeline.facts.virtual_baseline_m),
                *image.shape[:2])

    def _run(self, pipeline: MonoPipeline, decoded: tuple[np.ndarray, Any],
             outputs: Collection[str], sink: ResultSink) -> StereoResult:
        image, info = decoded
        camera = mono_camera_from_info(info, pipeline.facts.virtual_baseline_m)
        return pipeline.process(image, camera, outputs, sink)
