# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Show a network an enlarged pair: it sees finer detail, for more time.

Features are compared at a quarter of the resolution, so what is a few pixels wide is lost on a
network, and is found again when the images are enlarged: the observation that "Zoom and Learn"
(Pang et al., CVPR 2018) starts from. Here it is used when running, not for learning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
import json

import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine, checked_images
from depth_learning_ros.errors import EngineError
from depth_learning_ros.models.working_size import zoomed_size

MIN_ZOOM, MAX_ZOOM = 0.25, 4.0


def check_zoom(zoom: float) -> float:
    """Return a factor that was given.

    Raises:
        EngineError: it is no number within MIN_ZOOM .. MAX_ZOOM.
    """
    if isinstance(zoom, bool) or not isinstance(zoom, (int, float)) or not (
            MIN_ZOOM <= zoom <= MAX_ZOOM):
        raise EngineError(f'zoom is {zoom!r}: give {MIN_ZOOM:g} to {MAX_ZOOM:g}; 1 = the images '
                          f'as they are, 1.5 = half as large again')
    return float(zoom)


class ZoomedEngine(Engine):
    """Another engine, run on resized images; takes and gives what that one does.

    Args:
        engine: closed with this one.
        zoom: factor on height and width, or None for that of the image size
            (models.working_size).

    Raises:
        EngineError: the factor is out of range.
    """

    def __init__(self, engine: Engine, zoom: float | None) -> None:
        self.engine = engine
        self.zoom = None if zoom is None else check_zoom(zoom)
        said = 'auto' if zoom is None else f'{self.zoom:g}'
        self.info = replace(engine.info, metadata={**engine.info.metadata, 'zoom': said})
        # A network of one size alone may be shown any that the factor brings to it.
        self._any_size = replace(self.info, metadata={})

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        images = checked_images(inputs, self._any_size)
        height, width = images[self.info.inputs[0]].shape[1:3]
        work_height, work_width = zoomed_size(height, width, self.zoom)
        if (work_height, work_width) == (height, width):
            return self.engine.infer(images)
        found = self.engine.infer({name: _resized(image, work_height, work_width)
                                   for name, image in images.items()})
        found = {name: _resized(values, height, width) for name, values in found.items()}
        found['disparity'] *= np.float32(width / work_width)
        return found

    def prepare(self, height: int, width: int) -> None:
        """See `Engine.prepare`."""
        self.engine.prepare(*zoomed_size(height, width, self.zoom))

    def close(self) -> None:
        """See `Engine.close`."""
        self.engine.close()


def zoomed(engine: Engine, zoom: float | None) -> Engine:
    """Give an engine that works at a zoom; None = the network's own choice, where it has one.

    Raises:
        EngineError: the factor is out of range, or the model is none that can be zoomed.
    """
    info = engine.info
    why_not = ''
    if info.backend == 'opencv':
        why_not = 'is a matcher'
    elif info.inputs == ('left',):
        why_not = 'is shown one image, at the size it learned from'
    if zoom is None:
        fixed = json.loads(info.metadata.get('size', '[null, null]')) != [None, None]
        return engine if why_not or fixed else ZoomedEngine(engine, None)
    if check_zoom(zoom) == 1:
        return engine
    if why_not:
        raise EngineError(f'zoom {zoom:g} is for stereo networks, and {info.model} {why_not}: '
                          f'leave the zoom out')
    return ZoomedEngine(engine, zoom)


def _resized(batch: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize [N, H, W] or [N, H, W, 3]; means of areas where it shrinks a lot."""
    import cv2  # here: opening an engine does not need it
    shrinks = batch.shape[2] > 2 * width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([cv2.resize(each, (width, height), interpolation=method) for each in batch])
