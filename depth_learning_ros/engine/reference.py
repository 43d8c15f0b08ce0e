# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The fixed pair on which every engine is measured, and PyTorch's answer to it.

The pair is computed from integers alone, so it is the same on every machine; the answer travels
inside the exported file, so an engine can be measured where PyTorch is not installed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
import json
from typing import Any
import zlib

import numpy as np

from depth_learning_ros.engine.base import Engine
from depth_learning_ros.errors import EngineError

# Wide, because coordinates are what low precision gets wrong, and only far from the left border.
HEIGHT, WIDTH = 64, 1280
METADATA_KEY = 'reference'

# An engine is refused when its disparity on the fixed pair is further than this from PyTorch's in
# float32. A tenth of a pixel is what the best matchers resolve on real images; the 99th
# percentile catches what a mean hides: places where the engine decides for another surface. It is
# half of what benchmarks count as wrong, because where an edge moves by a fraction of a pixel the
# disparity there changes by more: with crl-small in bfloat16 the last hundredth of the fixed pair
# is 1.0 px away, of real images 0.55 px, and as many of their pixels are wrong as in float32
# (KITTI 2012: 9.38 % and 9.41 %).
MEAN_TOLERANCE_PX = 0.1
P99_TOLERANCE_PX = 1.5
# Confidence is a ranking that users put thresholds on.
CONFIDENCE_TOLERANCE = 0.05


@dataclass(frozen=True)
class Reference:
    """PyTorch's float32 answer to the fixed pair of that size: both float32 [H, W]."""

    disparity: np.ndarray
    confidence: np.ndarray

    def to_text(self) -> str:
        """Pack for the metadata: disparity in 16 bits, confidence in 8, of the largest value."""
        return json.dumps({'disparity': _pack(self.disparity, '<u2'),
                           'confidence': _pack(self.confidence, 'u1')})

    @classmethod
    def from_text(cls, text: str) -> Reference:
        """Undo ``to_text``.

        Raises:
            EngineError: the text is damaged.
        """
        try:
            packed = json.loads(text)
            return cls(_unpack(packed['disparity']), _unpack(packed['confidence']))
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise EngineError(f'the reference inside the model file is damaged ({error}): export '
                              f'the model again') from error


@dataclass(frozen=True)
class MeasuredError:
    """How far an engine is from the reference on the fixed pair.

    Attributes:
        mean_px, p99_px: mean and 99th percentile of the absolute difference of disparities.
        confidence: mean absolute difference of confidences.
    """

    mean_px: float
    p99_px: float
    confidence: float

    @property
    def acceptable(self) -> bool:
        """Whether the engine may be used; false for anything that is not a number."""
        return (self.mean_px <= MEAN_TOLERANCE_PX and self.p99_px <= P99_TOLERANCE_PX
                and self.confidence <= CONFIDENCE_TOLERANCE)

    def __str__(self) -> str:
        return (f'mean {self.mean_px:.2g} px, 99 % within {self.p99_px:.2g} px, confidence '
                f'{self.confidence:.2g}')


def measure(engine: Engine, reference: Reference) -> MeasuredError:
    """Run an engine on the fixed pair (a mono engine on its left image) and compare."""
    pair = dict(zip(('left', 'right'), fixed_pair(*reference.disparity.shape), strict=True))
    result = engine.infer({name: pair[name] for name in engine.info.inputs})
    return compare(result['disparity'][0], result['confidence'][0], reference)


def compare(disparity: np.ndarray, confidence: np.ndarray, reference: Reference) -> MeasuredError:
    """Compare an answer to the fixed pair with the reference; float32 [H, W] both."""
    error = np.abs(disparity - reference.disparity)
    # numpy's percentile of anything that holds NaN is NaN, which no tolerance accepts
    return MeasuredError(float(error.mean()), float(np.percentile(error, 99)),
                         float(np.abs(confidence - reference.confidence).mean()))


def fixed_pair(height: int = HEIGHT, width: int = WIDTH) -> tuple[np.ndarray, np.ndarray]:
    """Give left and right, uint8 [1, height, width, 3]; other sizes repeat or cut the scene."""
    pair = []
    for image in _scene():
        tiled = np.tile(image, (-(-height // HEIGHT), -(-width // WIDTH), 1))
        pair.append(np.ascontiguousarray(tiled[None, :height, :width]))
    return pair[0], pair[1]


@lru_cache(maxsize=1)
def _scene() -> tuple[np.ndarray, np.ndarray]:
    """Give left and right, uint8 [HEIGHT, WIDTH, 3].

    Textured planes at 6 to 110 pixels of disparity, the nearer ones in front, and a slanted floor:
    every kind of value that the network's parts carry.
    """
    disparity = np.full((HEIGHT, WIDTH), 6, np.int64)
    disparity[HEIGHT // 2:] += (np.arange(HEIGHT // 2) // 2)[:, None]
    surface = np.zeros_like(disparity)
    boxes = ((8, 40, 200, 330, 18), (10, 50, 1120, 1240, 31), (16, 56, 420, 560, 40),
             (5, 30, 640, 800, 70), (20, 60, 900, 1050, 110))
    for number, (top, bottom, start, end, value) in enumerate(boxes, 1):
        disparity[top:bottom, start:end] = value
        surface[top:bottom, start:end] = number
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    right_columns = columns - disparity
    left = _texture(rows, right_columns, surface)
    # The right image shows each surface at its shifted place, the nearest one on top.
    right = _texture(rows, columns, np.zeros_like(surface))
    for number in range(1, len(boxes) + 1):
        at = (surface == number) & (right_columns >= 0)
        right[rows[at], right_columns[at]] = left[at]
    return left, right


def _texture(rows: np.ndarray, columns: np.ndarray, surface: np.ndarray) -> np.ndarray:
    """Give each surface its own gray texture of three grain sizes, tinted; uint8 [H, W, 3]."""
    gray = sum(weight * _lattice(rows, columns, size, surface * 8)
               for size, weight in ((3, 2), (9, 3), (27, 4))) // 9
    zero = np.zeros_like(surface)
    tints = [_hash(zero, zero, surface * 8 + 4 + channel) for channel in range(3)]
    return np.stack([(3 * gray + tint) // 4 for tint in tints], 2).astype(np.uint8)


def _lattice(rows: np.ndarray, columns: np.ndarray, size: int, seed: np.ndarray) -> np.ndarray:
    """Interpolate hashed values 0..255 at every ``size`` pixels bilinearly, in integers."""
    row, row_part = np.divmod(rows, size)
    column, column_part = np.divmod(columns, size)
    above = (_hash(row, column, seed) * (size - column_part)
             + _hash(row, column + 1, seed) * column_part)
    below = (_hash(row + 1, column, seed) * (size - column_part)
             + _hash(row + 1, column + 1, seed) * column_part)
    return (above * (size - row_part) + below * row_part) // (size * size)


def _hash(row: np.ndarray, column: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Mix three integers to one byte; 32-bit arithmetic inside 64 bits, so nothing overflows."""
    mask = 0xFFFFFFFF
    value = (row * 73856093 ^ column * 19349663 ^ seed * 83492791) & mask
    value = ((value ^ (value >> 15)) * 0x2C1B3C6D) & mask
    value = ((value ^ (value >> 12)) * 0x297A2D39) & mask
    return (value ^ (value >> 15)) & 255


def _pack(values: np.ndarray, dtype: str) -> dict[str, Any]:
    largest = float(values.max(initial=0.0)) or 1.0
    steps = np.rint(values * (np.iinfo(dtype).max / largest)).astype(dtype)
    # differences along a row (they wrap around) compress better than the values themselves
    differences = np.diff(steps, axis=1, prepend=np.zeros((len(steps), 1), dtype)).astype(dtype)
    return {'largest': largest, 'shape': list(values.shape), 'dtype': dtype,
            'differences': base64.b64encode(zlib.compress(differences.tobytes(), 9)).decode()}


def _unpack(packed: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(packed['dtype'])
    raw = zlib.decompress(base64.b64decode(packed['differences']))
    differences = np.frombuffer(raw, dtype).reshape(packed['shape'])
    steps = np.cumsum(differences, axis=1, dtype=dtype)
    return (steps * (packed['largest'] / np.iinfo(dtype).max)).astype(np.float32)
