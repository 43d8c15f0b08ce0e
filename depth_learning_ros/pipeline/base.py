# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the stereo and the mono pipeline share: the result, and everything behind the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
import logging
import time
from types import TracebackType
from typing import TypeVar

import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine
from depth_learning_ros.errors import CalibrationError, EngineError
from depth_learning_ros.geometry.cloud import cloud_from_depth, cloud_from_disparity
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.geometry.resize import fit_camera
from depth_learning_ros.geometry.scan import Scan, obstacle_scan
from depth_learning_ros.pipeline.options import DepthOptions
from depth_learning_ros.types import Disparity, MonoFrame, PointCloud, StereoCamera, StereoPair

_log = logging.getLogger(__name__)

Self = TypeVar('Self', bound='Pipeline')


@dataclass(frozen=True)
class StereoResult:
    """What a pipeline made of one pair, or of one image.

    Attributes:
        pair: the pair, or the single image, its camera brought to the size of the images.
        disparity: always there.
        depth: float32 [H, W], metres, NaN / +inf / -inf as REP 117; None when not asked for.
        points: None when not asked for.
        seconds: wall time of each step that ran: ``engine``, ``left_right_check``, ``depth``,
            ``points``, ``scan``.
        right: uint8 [H, W, 3], RGB: the right view that a mono engine imagined, where it was
            exported with that; None otherwise.
        scan: None when not asked for.
    """

    pair: StereoPair | MonoFrame
    disparity: Disparity
    depth: np.ndarray | None
    points: PointCloud | None
    seconds: dict[str, float]
    right: np.ndarray | None = None
    scan: Scan | None = None

    @property
    def confidence(self) -> np.ndarray | None:
        """float32 [H, W] in 0..1; None when nothing computes one."""
        return self.disparity.confidence


class ResultSink:
    """Who goes on with a part of the result while the rest is computed; this one does not."""

    def ready(self, result: StereoResult) -> None:
        """Take note of what there is, each time before something more is computed."""

    def cloud_memory(self, height: int, width: int) -> np.ndarray | None:
        """Return float32 [height, width, 4] to build the cloud in; None for fresh memory."""
        return None


class Pipeline:
    """An engine and what follows it; owns the engine and closes it."""

    def __init__(self, engine: Engine, options: DepthOptions | None = None) -> None:
        self.engine = engine
        self.options = options = options or DepthOptions()
        info = engine.info
        gives_confidence = 'confidence' in info.outputs or options.left_right_check
        if options.min_confidence > 0 and not gives_confidence:
            raise EngineError(
                f'min_confidence is {options.min_confidence}, but {info.model} gives no '
                f'confidence: set min_confidence to 0, turn left_right_check on, or take a '
                f'model with confidence')
        self._told_of_size: tuple[int, int] | None = None

    def prepare(self, height: int, width: int) -> None:
        """Do now what the first image of this size would otherwise do (compile, allocate)."""
        self.engine.prepare(height, width)

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _finished(self, pair: StereoPair | MonoFrame, disparity: Disparity, asked: frozenset[str],
                  seconds: dict[str, float], sink: ResultSink | None,
                  right: np.ndarray | None = None) -> StereoResult:
        """Compute depth, points and scan where they are asked for."""
        result = StereoResult(pair, disparity, None, None, seconds, right)
        camera, sink = pair.camera, sink or ResultSink()
        if camera is None:
            return result
        if asked & {'depth', 'scan'}:
            sink.ready(result)
            start = time.perf_counter()
            depth = disparity_to_depth(disparity.values, camera, self.options.limits,
                                       disparity.confidence)
            seconds['depth'] = time.perf_counter() - start
            result = replace(result, depth=depth)
        if 'points2' in asked:
            sink.ready(result)
            start = time.perf_counter()
            points = self._points(pair.left, camera, disparity, result.depth, sink)
            seconds['points'] = time.perf_counter() - start
            result = replace(result, points=points)
        if result.depth is not None and 'scan' in asked:
            sink.ready(result)
            start = time.perf_counter()
            scan = obstacle_scan(result.depth, camera, self.options.scan)
            seconds['scan'] = time.perf_counter() - start
            result = replace(result, scan=scan)
        return result

    def _infer(self, images: Mapping[str, np.ndarray]) -> Arrays:
        """Run the engine on single images [H, W, 3] and check that it keeps its contract."""
        results = self.engine.infer({name: image[np.newaxis] for name, image in images.items()})
        shape = (1, *images['left'].shape[:2])
        for name in ('disparity', *(('confidence',) if 'confidence' in results else ())):
            array = results.get(name)
            if array is None or array.shape != shape or array.dtype != np.float32:
                got = 'nothing' if array is None else f'{array.dtype} {list(array.shape)}'
                raise EngineError(
                    f'the engine {self.engine.info.model} ({self.engine.info.backend}) gave '
                    f'{got} as {name}: expected float32 {list(shape)}')
        return {name: array[0] for name, array in results.items()}

    def _points(self, left: np.ndarray, camera: StereoCamera, disparity: Disparity,
                depth: np.ndarray | None, sink: ResultSink) -> PointCloud:
        stride = self.options.point_stride
        height, width = left.shape[:2]
        memory = sink.cloud_memory(-(-height // stride), -(-width // stride))
        if depth is not None:
            return cloud_from_depth(depth, left, camera, point_stride=stride, out=memory)
        return cloud_from_disparity(disparity.values, left, camera, self.options.limits,
                                    disparity.confidence, point_stride=stride, out=memory)

    def _fitting_camera(self, camera: StereoCamera | None, image: np.ndarray,
                        asked: frozenset[str]) -> StereoCamera | None:
        """Bring the camera to the size of the image.

        Raises:
            CalibrationError: there is none and metres are asked for, or it has another shape.
        """
        if camera is None:
            metric = [name for name in ('depth', 'points2', 'scan') if name in asked]
            if metric:
                raise CalibrationError(
                    f'{" and ".join(metric)} cannot be computed without a camera: give the '
                    f'calibration (camera_info or calib.json), or ask for disparity only')
            return None
        height, width = image.shape[:2]
        fitting = fit_camera(camera, width, height)
        if fitting is not camera and self._told_of_size != (width, height):
            self._told_of_size = (width, height)  # once, not at each frame
            _log.warning('the calibration is for %dx%d and the images are %dx%d: scaled to them',
                         camera.width, camera.height, width, height)
        return fitting


def three_channels(image: np.ndarray) -> np.ndarray:
    """Give gray images three equal channels; others, and what is none, as they are."""
    if not isinstance(image, np.ndarray):
        return image  # for the pair to refuse
    gray = image[..., np.newaxis] if image.ndim == 2 else image
    if gray.ndim == 3 and gray.shape[2] == 1:
        return np.repeat(gray, 3, axis=2)
    return image
