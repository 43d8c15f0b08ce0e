# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The stream of a stereo camera."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
import threading
from typing import Any

from depth_learning_ros.messages import image_to_rgb, stamp_ns
from depth_learning_ros.pipeline import Pipeline, ResultSink, StereoPipeline, StereoResult
from depth_learning_ros.stream.decode import Decode, PairDecoder
from depth_learning_ros.stream.infos import LatestInfos
from depth_learning_ros.stream.model import open_as_chosen
from depth_learning_ros.stream.outlet import Outlet
from depth_learning_ros.stream.settings import StereoSettings
from depth_learning_ros.stream.stream import NO_INFO, Stream, StreamFrame
from depth_learning_ros.stream.sync import SIDES, StereoSync
from depth_learning_ros.stream.sync_watch import SyncWatch
from depth_learning_ros.types import StereoCamera, StereoPair

# so many lost images without a pair in between tell that left and right do not fit
_OUT_OF_STEP_AFTER = 5

Images = tuple[Any, Any]


@dataclass(frozen=True)
class StereoFrame(StreamFrame):
    """The messages of a pair."""

    left: Any
    right: Any
    left_info: Any
    right_info: Any


class StereoStream(Stream[StereoFrame, StereoPair]):
    """Takes the messages of four topics, paired by itself or by a transport that can do that.

    A transport without a synchroniser calls `add_image`. One that has its own calls
    `note_image` before, and `add_pair` after it. Both call `add_info`. The calls may come from
    several threads.

    Args:
        outlet: the transport.
        settings: the first ones.
        decode: turns an image message into uint8 [H, W, 3] RGB.
        open_model: see `model.ModelSlot`.
    """

    inputs = ('left image', 'right image', 'left camera_info', 'right camera_info')
    settings: StereoSettings

    def __init__(self, outlet: Outlet, settings: StereoSettings, *,
                 decode: Decode = image_to_rgb, open_model: Any = open_as_chosen) -> None:
        super().__init__(outlet, settings, open_model=open_model)
        self._decoder = PairDecoder(decode)
        tolerance_s = settings.approximate_sync_tolerance_seconds
        self._sync: StereoSync[Any] = StereoSync(
            'approximate' if settings.approximate_sync else 'exact', tolerance_s,
            max(2, settings.queue_size), self._lost_image, eager=True)
        self._watch = SyncWatch(settings.queue_size, self._lost_image)
        self._infos: LatestInfos[Images] = LatestInfos(SIDES, self._no_info)
        self._lost_in_a_row = 0
        self._lock = threading.RLock()

    def add_image(self, side: str, message: Any) -> None:
        """Take an image of one side, ``left`` or ``right``."""
        self._count(side, message)
        with self._lock:
            restarts = self._sync.restarts
            pairs = self._sync.add(side, stamp_ns(message.header), message)
            if self._sync.restarts != restarts:
                self._restart()
            for left, right in pairs:
                self._paired(left, right)

    def note_image(self, side: str, message: Any) -> bool:
        """Take note of an image that goes to a synchroniser of the transport.

        Returns:
            True when time was set back, so that the synchroniser must forget what it holds.
        """
        self._count(side, message)
        with self._lock:
            restarted = self._watch.arrived(side, stamp_ns(message.header))
            if restarted:
                self._restart()
        return restarted

    def add_pair(self, left: Any, right: Any) -> None:
        """Take two images that a synchroniser of the transport found to belong together."""
        with self._lock:
            self._watch.paired(stamp_ns(left.header), stamp_ns(right.header))
            self._paired(left, right)

    def add_info(self, side: str, message: Any) -> None:
        """Take a camera_info of one side."""
        self.statistics.arrived(f'{side} camera_info')
        with self._lock:
            released = self._infos.add_info(side, stamp_ns(message.header), message)
            if not self._infos.missing():
                self.said.fine('camera_info', at_once=True)
            self._release(released)

    def close(self, timeout_s: float = 5.0) -> bool:
        """End the threads and close the model; tell whether all ended in time."""
        ended = super().close(timeout_s)
        self._decoder.close()
        return ended

    def _count(self, side: str, message: Any) -> None:
        self.statistics.arrived(f'{side} image')
        if not stamp_ns(message.header):
            self.said.problem('stamps', f'the stamps of the {side} image are 0: the driver must '
                                        f'fill them, or left and right cannot be told to fit')

    def _paired(self, left: Any, right: Any) -> None:
        self._lost_in_a_row = 0
        self.said.fine('pairs')
        self._release(self._infos.add_frame(stamp_ns(left.header), (left, right)))

    def _release(self, released: list[tuple[Images, list[Any]]]) -> None:
        for (left, right), (left_info, right_info) in released:
            self._put(StereoFrame(left.header, stamp_ns(left.header), left, right, left_info,
                                  right_info))

    def _restart(self) -> None:
        self.outlet.say('info', 'time was set back: beginning anew')
        self.statistics.restart()
        self._infos.restart()

    def _lost_image(self, side: str, gap_ms: float | None) -> None:
        self.statistics.dropped(f'{side} image without a partner', gap_ms)
        self._lost_in_a_row += 1
        if self._lost_in_a_row < _OUT_OF_STEP_AFTER or gap_ms is None:
            return
        settings = self.settings
        within = f'within {settings.approximate_sync_tolerance_seconds:g} s' \
            if settings.approximate_sync else 'of the same stamp'
        remedy = 'raise approximate_sync_tolerance_seconds' if settings.approximate_sync else \
            'set approximate_sync'
        self.said.problem('pairs', f'left and right images are out of step: none {within}, the '
                                   f'nearest is {gap_ms:.1f} ms away; synchronise the cameras, '
                                   f'or {remedy}')

    def _no_info(self, item: Images) -> None:
        self.statistics.dropped(NO_INFO)
        missing = ' and '.join(self._infos.missing())
        self.said.problem('camera_info', f'no camera_info came for {missing} yet: is it '
                                         f'published beside the images?')

    def _decode(self, frame: StereoFrame) -> StereoPair:
        return self._decoder.pair(frame.left, frame.right, frame.left_info, frame.right_info,
                                  self.settings.baseline_override_m or None)

    def _camera_of(self, decoded: StereoPair,
                   pipeline: Pipeline) -> tuple[StereoCamera, int, int]:
        assert decoded.camera is not None
        return decoded.camera, *decoded.left.shape[:2]

    def _run(self, pipeline: StereoPipeline, decoded: StereoPair,
             outputs: Collection[str], sink: ResultSink) -> StereoResult:
        return pipeline.process(decoded, outputs, sink)
