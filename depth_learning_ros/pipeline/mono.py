# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A single image becomes disparity, depth, points and confidence.

A mono engine answers as if a second camera stood at its *virtual baseline*. Its disparity, in
pixels of the image, belongs to the camera that took the image, whatever its focal length: a thing
that a lens of twice the focal length shows twice as large gets twice the disparity. So depth is
``focal_px * virtual_baseline_m / disparity`` with the camera's own focal length, and everything
behind the engine is that of stereo.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
import logging
import time

import numpy as np

from depth_learning_ros.engine.base import Engine
from depth_learning_ros.engine.mono import MonoFacts
from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.window import FITS, Window, fit_window, put_back, take_window
from depth_learning_ros.pipeline.base import (
    Pipeline,
    ResultSink,
    StereoResult,
    three_channels,
)
from depth_learning_ros.pipeline.kinds import check_kind
from depth_learning_ros.pipeline.options import OUTPUTS, DepthOptions, checked_outputs
from depth_learning_ros.pipeline.stereo import StereoPipeline
from depth_learning_ros.types import Disparity, MonoFrame, StereoCamera

__all__ = ['FITS', 'MonoPipeline', 'check_kind', 'open_pipeline']

# A network knows sizes by how large things look; beyond this factor of the angle that it saw in
# training, people are told.
FOCAL_TOLERANCE = 1.5

_log = logging.getLogger(__name__)


class MonoPipeline(Pipeline):
    """A mono engine and what follows it; owns the engine and closes it.

    Attributes:
        facts: virtual baseline, focal length and size of the training images.

    Raises:
        EngineError: the engine is a stereo engine, or ``options.min_confidence`` is set and it
            gives no confidence.
        ModelError: the model does not say its virtual baseline.
        DataError: an option that needs two images, or an unknown fit.
    """

    def __init__(self, engine: Engine, options: DepthOptions | None = None, *,
                 fit: str = 'letterbox') -> None:
        """Take the engine.

        Args:
            engine: takes ``left`` alone.
            options: what is done with the disparity.
            fit: what happens to images of another aspect ratio than the training images
                (``geometry.window.fit_window``): ``letterbox``, ``crop`` (no disparity outside of
                the middle part) or ``stretch``.
        """
        check_kind(engine.info, mono=True)
        if options is not None and options.left_right_check:
            raise DataError('left_right_check compares two images, and a mono model gets one: '
                            'turn it off; the model gives a confidence of its own')
        self.facts = MonoFacts.of(engine.info.metadata, engine.info.model)
        self.fit = fit
        fit_window(8, 8, self.facts.aspect, fit)  # knows which fits there are
        super().__init__(engine, options)
        self._told: set[object] = set()

    def __call__(self, image: np.ndarray, camera: StereoCamera | None = None) -> StereoResult:
        """Process an image: uint8 [H, W, 3] RGB, or [H, W] gray.

        Without a camera there is disparity and confidence, but neither depth nor points.
        """
        outputs = OUTPUTS if camera else ('disparity', 'confidence')
        return self.process(three_channels(image), camera, outputs)

    def process(self, image: np.ndarray, camera: StereoCamera | None = None,
                outputs: Collection[str] = OUTPUTS,
                sink: ResultSink | None = None) -> StereoResult:
        """Compute what is asked for and nothing else.

        Args:
            image: uint8 [H, W, 3], RGB, rectified (without lens distortion).
            camera: needed for ``depth`` and ``points2``; one of the image's shape in another size
                is scaled to it. Its baseline does not matter: the model's virtual one is taken.
            outputs: names out of :data:`ALL_OUTPUTS`; ``disparity`` is always there.
            sink: is told what there is while the rest is computed.

        Raises:
            CalibrationError: there is no camera, or one of another aspect ratio.
            DataError: an unknown output, or the image is not uint8 [H, W, 3].
            EngineError: the engine fails, or breaks its contract.
        """
        asked = checked_outputs(outputs)
        frame = MonoFrame(image, None)
        camera = self._fitting_camera(camera, image, asked)
        if camera is not None:
            camera = replace(camera, baseline_m=self.facts.virtual_baseline_m, doffs=0.0)
            frame = replace(frame, camera=camera)
        height, width = image.shape[:2]
        window = self._window(width, height, camera)
        start = time.perf_counter()
        found = self._infer({'left': take_window(image, window)})
        whole = {name: put_back(values, window, width, height, _OUTSIDE.get(name, 0))
                 for name, values in found.items()}
        seconds = {'engine': time.perf_counter() - start}
        info = self.engine.info
        disparity = Disparity(whole['disparity'], whole.get('confidence'), info.max_disparity,
                              info.subpixel_step)
        return self._finished(frame, disparity, asked, seconds, sink, whole.get('right'))

    def engine_size(self, height: int, width: int) -> tuple[int, int]:
        """Give the height and width that the engine gets for images of that size."""
        window = fit_window(width, height, self.facts.aspect, self.fit)
        return window.height, window.width

    def prepare(self, height: int, width: int) -> None:
        """See `Pipeline.prepare`."""
        self.engine.prepare(*self.engine_size(height, width))

    def _window(self, width: int, height: int, camera: StereoCamera | None) -> Window:
        window = fit_window(width, height, self.facts.aspect, self.fit)
        if (window.width, window.height) != (width, height):
            self._tell_once((width, height), _OTHER_SHAPE, width, height,
                            self.facts.training_size[1], self.facts.training_size[0], self.fit)
        if camera is not None:
            seen = camera.focal_px * self.facts.training_size[1] / window.width
            if not 1 / FOCAL_TOLERANCE <= seen / self.facts.focal_px <= FOCAL_TOLERANCE:
                self._tell_once('focal', _OTHER_ANGLE, self.engine.info.model,
                                self.facts.focal_px, seen)
        return window

    def _tell_once(self, key: object, text: str, *values: object) -> None:
        if key not in self._told:
            self._told.add(key)
            _log.warning(text, *values)


_OUTSIDE = {'disparity': np.nan}
_OTHER_SHAPE = ('the images are %dx%d, and the model learned from %dx%d, another aspect ratio: '
                'they are fitted by %s')
_OTHER_ANGLE = ('%s learned from images of the focal length %.0f px, and this camera has %.0f px '
                'at that size: it sees things larger or smaller than any in training; expect less '
                'of its depth')


def open_pipeline(engine: Engine, options: DepthOptions | None = None, *,
                  fit: str = 'letterbox') -> StereoPipeline | MonoPipeline:
    """Give the pipeline that an engine needs; it owns the engine.

    Raises:
        EngineError, ModelError, DataError: see the pipelines.
    """
    if engine.info.inputs == ('left',):
        return MonoPipeline(engine, options, fit=fit)
    return StereoPipeline(engine, options)
