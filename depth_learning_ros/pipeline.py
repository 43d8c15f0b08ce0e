# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stereo pair becomes disparity, depth, points and confidence: where it all meets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
import logging
import math
import time
from types import TracebackType

import numpy as np

from depth_learning_ros.engine.base import Engine
from depth_learning_ros.errors import CalibrationError, DataError, EngineError
from depth_learning_ros.geometry.cloud import cloud_from_depth, cloud_from_disparity
from depth_learning_ros.geometry.confidence import (
    left_right_confidence,
    mirrored,
    mirrored_pair,
    weakest,
)
from depth_learning_ros.geometry.depth import DepthLimits, disparity_to_depth
from depth_learning_ros.geometry.resize import fit_camera
from depth_learning_ros.types import Disparity, PointCloud, StereoCamera, StereoPair

OUTPUTS = ('disparity', 'depth', 'points2', 'confidence')

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DepthOptions:
    """What is done with a disparity.

    Attributes:
        min_depth_m, max_depth_m: depth outside becomes -inf and +inf (REP 117), and no point.
        min_confidence: depth and points below it become NaN; 0 keeps all. The disparity stays as
            the engine gave it.
        point_stride: points of each n-th pixel of each n-th row only.
        left_right_check: run the engine a second time, from the right, and lower the confidence
            where the two disagree; gives a confidence to engines that have none. Costs a second
            engine run.

    Raises:
        DataError: a value is outside its range.
    """

    min_depth_m: float = 0.0
    max_depth_m: float = math.inf
    min_confidence: float = 0.0
    point_stride: int = 1
    left_right_check: bool = False

    def __post_init__(self) -> None:
        _ = self.limits  # checks its values
        if self.point_stride != int(self.point_stride) or self.point_stride < 1:
            raise DataError(f'point_stride is {self.point_stride}: expected 1, 2, 3, ...')

    @property
    def limits(self) -> DepthLimits:
        """The part that depth and points share."""
        return DepthLimits(self.min_depth_m, self.max_depth_m, self.min_confidence)


@dataclass(frozen=True)
class StereoResult:
    """What the pipeline made of one pair.

    Attributes:
        pair: the pair, its camera brought to the size of the images.
        disparity: always there.
        depth: float32 [H, W], metres, NaN / +inf / -inf as REP 117; None when not asked for.
        points: None when not asked for.
        seconds: wall time of each step that ran: ``engine``, ``left_right_check``, ``depth``,
            ``points``.
    """

    pair: StereoPair
    disparity: Disparity
    depth: np.ndarray | None
    points: PointCloud | None
    seconds: dict[str, float]

    @property
    def confidence(self) -> np.ndarray | None:
        """float32 [H, W] in 0..1; None when nothing computes one."""
        return self.disparity.confidence


class StereoPipeline:
    """An engine and what follows it; owns the engine and closes it.

    Raises:
        EngineError: ``options.min_confidence`` is set and nothing gives a confidence, or the
            engine is not a stereo engine.
    """

    def __init__(self, engine: Engine, options: DepthOptions | None = None) -> None:
        self.engine = engine
        self.options = options = options or DepthOptions()
        info = engine.info
        if tuple(info.inputs) != ('left', 'right'):
            raise EngineError(f'the engine {info.model} takes {", ".join(info.inputs)}: '
                              f'a stereo pipeline needs one that takes left, right')
        gives_confidence = 'confidence' in info.outputs or options.left_right_check
        if options.min_confidence > 0 and not gives_confidence:
            raise EngineError(
                f'min_confidence is {options.min_confidence}, but {info.model} gives no '
                f'confidence: set min_confidence to 0, turn left_right_check on, or take a '
                f'model with confidence')
        self._told_of_size: tuple[int, int] | None = None

    def __call__(self, left: np.ndarray, right: np.ndarray,
                 camera: StereoCamera | None = None) -> StereoResult:
        """Process two images: uint8 [H, W, 3] RGB, or [H, W] gray.

        Without a camera there is disparity and confidence, but neither depth nor points.
        """
        pair = StereoPair(_three_channels(left), _three_channels(right), camera)
        return self.process(pair, OUTPUTS if camera else ('disparity', 'confidence'))

    def process(self, pair: StereoPair, outputs: Collection[str] = OUTPUTS) -> StereoResult:
        """Compute what is asked for and nothing else.

        Args:
            pair: the images; the camera is needed for ``depth`` and ``points2``. A camera of the
                images' shape in another size is scaled to them.
            outputs: names out of :data:`OUTPUTS`; ``disparity`` is always there.

        Raises:
            CalibrationError: there is no camera, or one of another aspect ratio.
            DataError: an unknown output.
            EngineError: the engine fails, or breaks its contract.
        """
        asked = _checked(outputs)
        pair = self._with_fitting_camera(pair, asked)
        seconds: dict[str, float] = {}
        disparity = self._disparity(pair, asked, seconds)
        depth = points = None
        if pair.camera is not None and 'depth' in asked:
            start = time.perf_counter()
            depth = disparity_to_depth(disparity.values, pair.camera, self.options.limits,
                                       disparity.confidence)
            seconds['depth'] = time.perf_counter() - start
        if pair.camera is not None and 'points2' in asked:
            start = time.perf_counter()
            points = self._points(pair.left, pair.camera, disparity, depth)
            seconds['points'] = time.perf_counter() - start
        return StereoResult(pair, disparity, depth, points, seconds)

    def close(self) -> None:
        """Close the engine."""
        self.engine.close()

    def __enter__(self) -> StereoPipeline:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _disparity(self, pair: StereoPair, asked: frozenset[str],
                   seconds: dict[str, float]) -> Disparity:
        start = time.perf_counter()
        values, confidence = self._infer(pair.left, pair.right)
        seconds['engine'] = time.perf_counter() - start
        masks = self.options.min_confidence > 0 and asked & {'depth', 'points2'}
        if self.options.left_right_check and ('confidence' in asked or masks):
            start = time.perf_counter()
            right_values, _ = self._infer(*mirrored_pair(pair.left, pair.right))
            checked = left_right_confidence(values, mirrored(right_values))
            confidence = weakest(confidence, checked)
            seconds['left_right_check'] = time.perf_counter() - start
        info = self.engine.info
        return Disparity(values, confidence, info.max_disparity, info.subpixel_step)

    def _infer(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        results = self.engine.infer({'left': left[np.newaxis], 'right': right[np.newaxis]})
        shape = (1, *left.shape[:2])
        for name in ('disparity', *(('confidence',) if 'confidence' in results else ())):
            array = results.get(name)
            if array is None or array.shape != shape or array.dtype != np.float32:
                got = 'nothing' if array is None else f'{array.dtype} {list(array.shape)}'
                raise EngineError(
                    f'the engine {self.engine.info.model} ({self.engine.info.backend}) gave '
                    f'{got} as {name}: expected float32 {list(shape)}')
        confidence = results.get('confidence')
        return results['disparity'][0], None if confidence is None else confidence[0]

    def _points(self, left: np.ndarray, camera: StereoCamera, disparity: Disparity,
                depth: np.ndarray | None) -> PointCloud:
        stride = self.options.point_stride
        if depth is not None:
            return cloud_from_depth(depth, left, camera, point_stride=stride)
        return cloud_from_disparity(disparity.values, left, camera, self.options.limits,
                                    disparity.confidence, point_stride=stride)

    def _with_fitting_camera(self, pair: StereoPair, asked: frozenset[str]) -> StereoPair:
        if pair.camera is None:
            metric = [name for name in ('depth', 'points2') if name in asked]
            if metric:
                raise CalibrationError(
                    f'{" and ".join(metric)} cannot be computed without a camera: give the '
                    f'calibration (camera_info or calib.json), or ask for disparity only')
            return pair
        height, width = pair.left.shape[:2]
        camera = fit_camera(pair.camera, width, height)
        if camera is pair.camera:
            return pair
        if self._told_of_size != (width, height):  # once, not at each frame
            self._told_of_size = (width, height)
            _log.warning('the calibration is for %dx%d and the images are %dx%d: scaled to them',
                         pair.camera.width, pair.camera.height, width, height)
        return replace(pair, camera=camera)


def _checked(outputs: Collection[str]) -> frozenset[str]:
    asked = frozenset([outputs] if isinstance(outputs, str) else outputs)
    unknown = asked.difference(OUTPUTS)
    if unknown:
        raise DataError(f'unknown output {", ".join(map(repr, sorted(unknown)))}: '
                        f'there are {", ".join(OUTPUTS)}')
    return asked


def _three_channels(image: np.ndarray) -> np.ndarray:
    gray = image[..., np.newaxis] if image.ndim == 2 else image
    if gray.ndim == 3 and gray.shape[2] == 1:
        return np.repeat(gray, 3, axis=2)
    return image
