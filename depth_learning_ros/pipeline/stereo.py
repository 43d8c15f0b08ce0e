# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stereo pair becomes disparity, depth, points and confidence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
import time

import numpy as np

from depth_learning_ros.engine.base import Engine
from depth_learning_ros.geometry.confidence import (
    left_right_confidence,
    mirrored,
    mirrored_pair,
    weakest,
)
from depth_learning_ros.pipeline.base import (
    Pipeline,
    ResultSink,
    StereoResult,
    three_channels,
)
from depth_learning_ros.pipeline.kinds import check_kind
from depth_learning_ros.pipeline.options import OUTPUTS, DepthOptions, checked_outputs
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair


class StereoPipeline(Pipeline):
    """A stereo engine and what follows it; owns the engine and closes it.

    Raises:
        EngineError: ``options.min_confidence`` is set and nothing gives a confidence, or the
            engine is not a stereo engine.
    """

    def __init__(self, engine: Engine, options: DepthOptions | None = None) -> None:
        check_kind(engine.info, mono=False)
        super().__init__(engine, options)

    def __call__(self, left: np.ndarray, right: np.ndarray,
                 camera: StereoCamera | None = None) -> StereoResult:
        """Process two images: uint8 [H, W, 3] RGB, or [H, W] gray.

        Without a camera there is disparity and confidence, but neither depth nor points.
        """
        pair = StereoPair(three_channels(left), three_channels(right), camera)
        return self.process(pair, OUTPUTS if camera else ('disparity', 'confidence'))

    def process(self, pair: StereoPair, outputs: Collection[str] = OUTPUTS,
                sink: ResultSink | None = None) -> StereoResult:
        """Compute what is asked for and nothing else.

        Args:
            pair: the images; the camera is needed for ``depth`` and ``points2``. A camera of the
                images' shape in another size is scaled to them.
            outputs: names out of :data:`ALL_OUTPUTS`; ``disparity`` is always there.
            sink: is told what there is while the rest is computed.

        Raises:
            CalibrationError: there is no camera, or one of another aspect ratio.
            DataError: an unknown output.
            EngineError: the engine fails, or breaks its contract.
        """
        asked = checked_outputs(outputs)
        camera = self._fitting_camera(pair.camera, pair.left, asked)
        if camera is not pair.camera:
            pair = replace(pair, camera=camera)
        seconds: dict[str, float] = {}
        disparity = self._disparity(pair, asked, seconds)
        return self._finished(pair, disparity, asked, seconds, sink)

    def _disparity(self, pair: StereoPair, asked: frozenset[str],
                   seconds: dict[str, float]) -> Disparity:
        start = time.perf_counter()
        values, confidence = self._infer_pair(pair.left, pair.right)
        seconds['engine'] = time.perf_counter() - start
        masks = self.options.min_confidence > 0 and asked & {'depth', 'points2', 'scan'}
        if self.options.left_right_check and ('confidence' in asked or masks):
            start = time.perf_counter()
            right_values, _ = self._infer_pair(*mirrored_pair(pair.left, pair.right))
            checked = left_right_confidence(values, mirrored(right_values))
            confidence = weakest(confidence, checked)
            seconds['left_right_check'] = time.perf_counter() - start
        info = self.engine.info
        return Disparity(values, confidence, info.max_disparity, info.subpixel_step)

    def _infer_pair(self, left: np.ndarray,
                    right: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        results = self._infer({'left': left, 'right': right})
        return results['disparity'], results.get('confidence')
