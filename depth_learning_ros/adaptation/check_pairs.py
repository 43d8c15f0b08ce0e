# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Is this a rectified stereo pair, left on the left? Asked of a matcher, so no network is needed.

A matcher that looks along rows for x_right <= x_left finds matches that agree in both views only
in a rectified pair whose views are not swapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from depth_learning_ros.errors import DataError

CHECKED_PAIRS = 4  # of a log, spread over it
WIDTH_PX = 480  # frames are shrunk to about this: enough to tell, and fast
DISPARITIES = 96
#: Vertical offsets that are tried, pixels of the shrunk frame.
OFFSETS_PX = (-16, -12, -8, -6, -4, -3, -2, -1, 1, 2, 3, 4, 6, 8, 12, 16)
#: A pair of which so little agrees is not one (up to 20 % agree by chance); another arrangement
#: must be that much better to be believed.
MIN_AGREEING = 0.25
CLEARLY_BETTER = 1.5


@dataclass(frozen=True)
class PairCheck:
    """What share of pixels agrees between left and right.

    Attributes:
        agreeing: as the frames are given.
        swapped: with left and right exchanged.
        shifted: with the right image moved by the best of the vertical offsets.
        offset_px: that offset, pixels of the original frames; positive = it was moved down.
    """

    agreeing: float
    swapped: float
    shifted: float
    offset_px: float


class UnfitFramesError(DataError):
    """Nothing can be learned from these frames; others of the same camera may do."""


class PairError(UnfitFramesError):
    """Frames are no rectified stereo pairs.

    Attributes:
        what: is wrong, in a few words.
        may_be_chance: pictures without texture, which match nothing, look the same.
    """

    def __init__(self, what: str, detail: str, name: str, may_be_chance: bool = False) -> None:
        super().__init__(f'{name}: {what}: {detail}' if name else f'{what}: {detail}')
        self.what, self.may_be_chance = what, may_be_chance
        self._made_of = what, detail, name, may_be_chance

    def __reduce__(self) -> tuple[type[PairError], tuple[str, str, str, bool]]:
        """Let other processes hear of it: an exception is pickled with its message alone."""
        return PairError, self._made_of


def check_pairs(frames: Sequence[tuple[np.ndarray, np.ndarray]], name: str = '') -> PairCheck:
    """Refuse frames that no stereo network can learn from.

    Args:
        frames: a few pairs of one log, uint8 [H, W, 3].
        name: of the log, for the message.

    Raises:
        PairError: left and right are swapped, or not rectified, or do not belong together.
    """
    shrunk = [tuple(_shrunk(view) for view in pair) for pair in frames]
    scale = frames[0][0].shape[1] / shrunk[0][0].shape[1]
    agreeing = _mean(agreement(left, right) for left, right in shrunk)
    swapped = _mean(agreement(right, left) for left, right in shrunk)
    shares = {offset: _mean(agreement(left, np.roll(right, offset, 0)) for left, right in shrunk)
              for offset in OFFSETS_PX} if agreeing < 0.4 else {0: agreeing}
    best = max(shares, key=lambda offset: shares[offset])
    found = PairCheck(agreeing, swapped, shares[best], best * scale)
    percent = f'only {100 * agreeing:.0f} % of the pixels agree between left and right'
    if swapped > max(MIN_AGREEING, CLEARLY_BETTER * agreeing):
        raise PairError('left and right are swapped',
                        f'{percent}, {100 * swapped:.0f} % with the views exchanged. Exchange the '
                        f'topics or folders', name)
    if found.shifted > max(MIN_AGREEING, CLEARLY_BETTER * agreeing):
        rows = f'{abs(found.offset_px):.0f} rows'
        moved, lies = ('down', 'high') if best > 0 else ('up', 'low')
        raise PairError('the frames are not rectified',
                        f'{percent}, {100 * found.shifted:.0f} % once the right image is moved '
                        f'{moved} by {rows}: it lies {rows} too {lies}. Rectify them, as '
                        f'image_proc does, or calibrate again', name)
    if agreeing < MIN_AGREEING:
        raise PairError('left and right do not fit together',
                        f'{percent}. Are they views of one rectified stereo camera, of the same '
                        f'instant, in focus?', name, may_be_chance=True)
    return found


def agreement(left: np.ndarray, right: np.ndarray) -> float:
    """Give the share of pixels for which matching from both views gives the same, 0..1."""
    wide = [cv2.copyMakeBorder(v, 0, 0, DISPARITIES, 0, cv2.BORDER_REPLICATE)
            for v in (left, right)]
    matcher = cv2.StereoSGBM.create(
        minDisparity=0, numDisparities=DISPARITIES, blockSize=7, P1=8 * 49, P2=32 * 49,
        disp12MaxDiff=1, uniquenessRatio=15, speckleWindowSize=50, speckleRange=2,
        mode=cv2.STEREO_SGBM_MODE_SGBM_3WAY)
    return float((matcher.compute(*wide)[:, DISPARITIES:] > 0).mean())


def _shrunk(view: np.ndarray) -> np.ndarray:
    gray = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    factor = max(1, round(gray.shape[1] / WIDTH_PX))
    size = (gray.shape[1] // factor, gray.shape[0] // factor)
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA)


def _mean(values: object) -> float:
    return float(np.mean(list(values)))  # type: ignore[call-overload]
