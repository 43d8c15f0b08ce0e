# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Turn a rendered scene into what a pair of real cameras might have seen of it.

Modelling the faults of cameras matters more than realism of the scenes (Mayer et al. 2018): both
views get the same lens and light, and each its own exposure, colour, blur, noise and compression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
import functools
from typing import Any

import cv2
import numpy as np

from depth_learning_ros.errors import TrainingError

MAX_DISPARITY = 192.0
MIN_ZOOM, MAX_ZOOM = 0.8, 1.7


def crop_and_zoom(scene: Mapping[str, np.ndarray], height: int, width: int,
                  rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut and resize a random window; mirror with the views swapped half of the time.

    Args:
        scene: left, right uint8 (3, H, W); disparity and, where it is known, disparity_right
            (H, W), NaN where unknown. Without disparity_right nothing is mirrored.

    Returns:
        left, right uint8 (height, width, 3); disparity float32 (height, width) >= 0, NaN where
        it is unknown or too large to learn.
    """
    left, right, disparity = scene['left'], scene['right'], scene['disparity']
    if rng.random() < 0.5 and 'disparity_right' in scene:
        left, right = right[:, :, ::-1], left[:, :, ::-1]
        disparity = scene['disparity_right'][:, ::-1]
    if rng.random() < 0.1:
        left, right, disparity = left[:, ::-1], right[:, ::-1], disparity[::-1]
    full_height, full_width = disparity.shape
    zoom = np.exp(rng.uniform(np.log(MIN_ZOOM), np.log(MAX_ZOOM)))
    zoom_x = zoom * np.exp(rng.uniform(-0.15, 0.15))
    zoom_y = max(zoom, height / full_height)
    zoom_x = max(zoom_x, width / full_width)
    h, w = min(full_height, round(height / zoom_y)), min(full_width, round(width / zoom_x))
    y, x = rng.integers(0, full_height - h + 1), rng.integers(0, full_width - w + 1)
    size = (width, height)
    views = []
    for image in (left, right):
        patch = np.ascontiguousarray(image[:, y:y + h, x:x + w].transpose(1, 2, 0))
        views.append(cv2.resize(patch, size, interpolation=cv2.INTER_LINEAR))
    cut = np.ascontiguousarray(disparity[y:y + h, x:x + w], dtype=np.float32)
    # nearest: a blend across an edge would be a disparity of neither side
    zoomed = cv2.resize(cut, size, interpolation=cv2.INTER_NEAREST_EXACT) * (width / w)
    zoomed[~(zoomed <= MAX_DISPARITY)] = np.nan
    return views[0], views[1], zoomed


@dataclass(frozen=True)
class CameraFaults:
    """How often each fault of the cameras occurs, 0..1.

    Attributes:
        gray: both images are gray.
        tone: exposure, contrast, colour and gamma vary.
        unequal: the two cameras differ in them visibly, rather than by next to nothing.
        vignetting: corners are darker, in either image a little differently.
        blur, noise, jpeg: of the lens, the sensor and the compression.
        misalignment: the right image is up to a pixel too low or too high.
        cover: a patch that only one camera sees.
    """

    gray: float = 0.35
    tone: float = 1.0
    unequal: float = 0.5
    vignetting: float = 0.3
    blur: float = 0.25
    noise: float = 0.7
    jpeg: float = 0.2
    misalignment: float = 0.6
    cover: float = 0.25

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not (
                    0 <= value <= 1):
                raise TrainingError(f'augment {f.name} is {value!r}: give a share, 0..1')

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CameraFaults:
        """Build from plain values.

        Raises:
            TrainingError: a fault is unknown or its share is none.
        """
        known = [f.name for f in fields(cls)]
        unknown = set(values) - set(known)
        if unknown:
            raise TrainingError(f'unknown settings of augment {sorted(unknown)}: known are '
                                f'{known}')
        return cls(**values)


USUAL_FAULTS = CameraFaults()


def photograph(left: np.ndarray, right: np.ndarray, rng: np.random.Generator,
               faults: CameraFaults = USUAL_FAULTS) -> tuple[np.ndarray, np.ndarray]:
    """Apply light, lens, sensor and compression to both uint8 (H, W, 3) views."""
    gray = rng.random() < faults.gray
    toned = rng.random() < faults.tone
    common = _Tone.draw(rng, 0.4 if toned else 0.0)
    own = 0.12 if rng.random() < faults.unequal else 0.02
    own = own if toned else 0.0
    blur = rng.uniform(0.3, 1.2) if rng.random() < faults.blur else 0.0
    noise = rng.uniform(0.5, 6) if rng.random() < faults.noise else 0.0
    quality = int(rng.integers(35, 95)) if rng.random() < faults.jpeg else 0
    shift = rng.normal(0, 0.35) if rng.random() < faults.misalignment else 0.0
    corner = rng.uniform(0.1, 0.6) if rng.random() < faults.vignetting else 0.0
    middle = rng.uniform(0.25, 0.75, 2)
    views = []
    for number, image in enumerate((left, right)):
        image = _Tone.draw(rng, own).then(common).apply(image)
        if number == 1 and shift:
            image = _shift_rows(image, float(np.clip(shift, -1, 1)))
        if corner:
            image = _darken_corners(image, middle, corner * rng.uniform(0.8, 1.2))
        view_blur = blur * rng.uniform(0.7, 1.3)
        if view_blur > 0.3:
            image = cv2.GaussianBlur(image, (0, 0), view_blur)
        if gray:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if noise:
            image = _add_noise(image, noise * rng.uniform(0.7, 1.3), gray, rng)
        if quality:
            image = _compress(image, quality)
        views.append(image)
    if rng.random() < faults.cover:
        views[1] = _cover(views[1], rng)
    return views[0], views[1]


class _Tone:
    """Exposure, contrast, colour and gamma, as one look-up table a channel."""

    def __init__(self, gain: np.ndarray, offset: float, gamma: float) -> None:
        self.gain, self.offset, self.gamma = gain, offset, gamma
        self.before: _Tone | None = None

    @classmethod
    def draw(cls, rng: np.random.Generator, spread: float) -> _Tone:
        gain = np.exp(rng.normal(0, spread * 0.5) + rng.normal(0, spread * 0.25, 3))
        return cls(gain, rng.normal(0, spread * 0.1), np.exp(rng.normal(0, spread * 0.6)))

    def then(self, tone: _Tone) -> _Tone:
        """Apply ``tone`` after this one."""
        combined = _Tone(tone.gain, tone.offset, tone.gamma)
        combined.before = self
        return combined

    def _map(self, values: np.ndarray) -> np.ndarray:
        if self.before is not None:
            values = self.before._map(values)
        values = np.clip(values * self.gain + self.offset, 0, 1)
        return values ** self.gamma

    def apply(self, image: np.ndarray) -> np.ndarray:
        levels = np.linspace(0, 1, 256)[:, None].repeat(3, 1)
        table = np.round(self._map(levels) * 255).astype(np.uint8)
        return cv2.LUT(image, table[:, None, :])


def _shift_rows(image: np.ndarray, rows: float) -> np.ndarray:
    """Move down by a fraction of a pixel: the rectification's error."""
    matrix = np.array([[1, 0, 0], [0, 1, rows]], dtype=np.float32)
    size = (image.shape[1], image.shape[0])
    return cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def _darken_corners(image: np.ndarray, middle: np.ndarray, corner: float) -> np.ndarray:
    """Darken with the square of the distance from a middle: by ``corner`` half a diagonal away.

    Args:
        image: uint8 (H, W, 3).
        middle: of the lens, x and y as shares of the image; a crop need not have it in its own.
        corner: share of the light that is lost, 0..0.8.
    """
    height, width = image.shape[:2]
    x = np.square(np.arange(width, dtype=np.float32) - middle[0] * width)
    y = np.square(np.arange(height, dtype=np.float32) - middle[1] * height)
    scale = corner / (0.25 * (width * width + height * height))
    light = np.maximum(1 - scale * (x[None, :] + y[:, None]), 0.2).astype(np.float32)
    return cv2.multiply(image, cv2.merge([light] * 3), dtype=cv2.CV_8U)


@functools.cache
def _noise_bank() -> np.ndarray:
    """Normal numbers to cut noise from: drawing fresh ones costs more than all else together."""
    return np.random.default_rng(0).standard_normal((1200, 1200, 3), dtype=np.float32)


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    """Through JPEG and back; the codec takes the channels as BGR, which costs nothing here."""
    encoded = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))


def _add_noise(image: np.ndarray, sigma: float, gray: bool,
               rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    bank = _noise_bank()
    y, x = (int(rng.integers(0, max(size - wanted, 0) + 1))
            for size, wanted in zip(bank.shape, (height, width), strict=False))
    noise = bank[y:y + height, x:x + width]
    if noise.shape != image.shape:  # a larger window sees the same noise again
        noise = np.pad(noise, ((0, height - noise.shape[0]), (0, width - noise.shape[1]), (0, 0)),
                       'wrap')
    if gray:
        noise = cv2.merge([noise[:, :, int(rng.integers(3))]] * 3)
    return cv2.addWeighted(image, 1.0, noise, sigma, 0, dtype=cv2.CV_8U)


def _cover(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Paint a patch of the mean colour: something only this camera sees."""
    height, width = image.shape[:2]
    image = image.copy()
    for _ in range(rng.integers(1, 3)):
        h, w = (int(rng.integers(n // 12, n // 4)) for n in (height, width))
        y, x = rng.integers(0, height - h), rng.integers(0, width - w)
        image[y:y + h, x:x + w] = image.mean((0, 1)).astype(np.uint8)
    return image
