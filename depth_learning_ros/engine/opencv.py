# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Classical stereo matchers of OpenCV as engines: what a network is compared with."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from depth_learning_ros.engine.base import Arrays, Engine, EngineInfo
from depth_learning_ros.errors import EngineError

# OpenCV's fixed-point disparities count sixteenths of a pixel.
SUBPIXEL_STEPS = 16
DISPARITY_MULTIPLE = 16

BM_BLOCK_SIZE = 15
SGBM_BLOCK_SIZE = 5
UNIQUENESS_RATIO_PERCENT = 10
SPECKLE_WINDOW_PIXELS = 100
SPECKLE_RANGE = 32
_SGBM_MODES = {'sgbm': cv2.STEREO_SGBM_MODE_SGBM, 'sgbm-hh': cv2.STEREO_SGBM_MODE_HH}

MATCHERS = ('bm', 'sgbm', 'sgbm-hh')


def open_opencv(name: str, max_disparity: int = 192) -> OpenCVEngine:
    """Open a classical matcher.

    Args:
        name: ``bm`` (block matching), ``sgbm`` (semi-global, 5 directions) or ``sgbm-hh`` (8).
        max_disparity: disparities from 0 up to, not including, this are searched; rounded up to a
            multiple of 16.

    Raises:
        EngineError: there is no such matcher, or ``max_disparity`` is not positive.
    """
    if name not in MATCHERS:
        raise EngineError(f"there is no classical matcher '{name}': use one of "
                          f'{", ".join(MATCHERS)}')
    if max_disparity <= 0:
        raise EngineError(f'max_disparity is {max_disparity}: it must be positive')
    return OpenCVEngine(name, max_disparity)


class OpenCVEngine(Engine):
    """Block matching or semi-global matching, with NaN in the gaps that its checks leave.

    Uniqueness ratio 10 %, speckles of up to 100 pixels removed. Block matching works on gray
    images with blocks of 15. Semi-global matching works with blocks of 5 on the image's own
    channels c (an RGB image of three equal channels is a gray one), P1 = 8 c 25, P2 = 32 c 25.
    The rest are OpenCV's defaults. A disparity of 0, the end of the search range, is where
    matches end up that lie outside it: it counts as a gap, as in KITTI's files. No disparity is
    searched that is larger than the image is wide.
    """

    def __init__(self, name: str, max_disparity: int) -> None:
        self._disparities = -(-max_disparity // DISPARITY_MULTIPLE) * DISPARITY_MULTIPLE
        # OpenCV's matchers keep their buffers from frame to frame, so they are kept too.
        self._matchers: dict[tuple[int, int], cv2.StereoMatcher] = {}
        self.info = EngineInfo(
            model=name, backend='opencv', backend_version=cv2.__version__, precision='int16',
            device=f'CPU, {cv2.getNumThreads()} threads', outputs=('disparity',),
            max_disparity=float(self._disparities - 1), subpixel_step=1 / SUBPIXEL_STEPS)

    def infer(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """See `Engine.infer`."""
        left, right = _checked(inputs)
        disparities = self._disparities_for(*left.shape[1:3])
        disparity = np.empty(left.shape[:3], np.float32)
        for index in range(len(left)):
            images = self._to_channels(left[index], right[index])
            matcher = self._matcher(1 if images[0].ndim == 2 else 3, disparities)
            try:
                steps = matcher.compute(*images)
            except cv2.error as error:
                raise EngineError(
                    f'{self.info.model} failed on images of {left.shape[2]}x{left.shape[1]} with '
                    f'{disparities} disparities: {error.err}') from error
            disparity[index] = np.where(
                steps > 0, steps / np.float32(SUBPIXEL_STEPS), np.float32(np.nan))
        return {'disparity': disparity}

    def close(self) -> None:
        """Free the matchers' buffers."""
        self._matchers.clear()

    def _disparities_for(self, height: int, width: int) -> int:
        # Beside the disparities there must be room for a block, or OpenCV's results are noise.
        room = (width - BM_BLOCK_SIZE - 1) // DISPARITY_MULTIPLE * DISPARITY_MULTIPLE
        if room < DISPARITY_MULTIPLE or height <= BM_BLOCK_SIZE:
            raise EngineError(
                f'the images are {width}x{height}: {self.info.model} needs at least '
                f'{BM_BLOCK_SIZE + 1 + DISPARITY_MULTIPLE}x{BM_BLOCK_SIZE + 1} pixels')
        return min(self._disparities, room)

    def _to_channels(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if _is_gray(left) and _is_gray(right):
            return left[:, :, 0].copy(), right[:, :, 0].copy()
        if self.info.model == 'bm':
            return (cv2.cvtColor(left, cv2.COLOR_RGB2GRAY),
                    cv2.cvtColor(right, cv2.COLOR_RGB2GRAY))
        return np.ascontiguousarray(left), np.ascontiguousarray(right)

    def _matcher(self, channels: int, disparities: int) -> cv2.StereoMatcher:
        key = channels, disparities
        if key not in self._matchers:
            self._matchers[key] = (
                _block_matcher(disparities) if self.info.model == 'bm' else
                _semi_global_matcher(disparities, channels, _SGBM_MODES[self.info.model]))
        return self._matchers[key]


def _block_matcher(disparities: int) -> cv2.StereoMatcher:
    matcher = cv2.StereoBM.create(disparities, BM_BLOCK_SIZE)
    matcher.setUniquenessRatio(UNIQUENESS_RATIO_PERCENT)
    matcher.setSpeckleWindowSize(SPECKLE_WINDOW_PIXELS)
    matcher.setSpeckleRange(SPECKLE_RANGE)
    return matcher


def _semi_global_matcher(disparities: int, channels: int, mode: int) -> cv2.StereoMatcher:
    area = channels * SGBM_BLOCK_SIZE ** 2
    return cv2.StereoSGBM.create(
        minDisparity=0, numDisparities=disparities, blockSize=SGBM_BLOCK_SIZE, P1=8 * area,
        P2=32 * area, uniquenessRatio=UNIQUENESS_RATIO_PERCENT,
        speckleWindowSize=SPECKLE_WINDOW_PIXELS, speckleRange=SPECKLE_RANGE, mode=mode)


def _is_gray(image: np.ndarray) -> bool:
    """Whether the three channels are equal; a few rows tell most colour images at once."""
    return all(np.array_equal(part[..., 0], part[..., channel])
               for part in (image[::64], image) for channel in (1, 2))


def _checked(inputs: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    for name in ('left', 'right'):
        array = inputs.get(name)
        if array is None:
            raise EngineError(f"the input '{name}' is missing: a stereo engine takes left and "
                              f'right')
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[3] != 3:
            raise EngineError(f"the input '{name}' is {array.dtype} {list(array.shape)}: uint8 "
                              f'[N, H, W, 3] RGB is needed')
    left, right = inputs['left'], inputs['right']
    if left.shape != right.shape:
        raise EngineError(f'left is {list(left.shape)} and right is {list(right.shape)}: they '
                          f'must have one size')
    return left, right
