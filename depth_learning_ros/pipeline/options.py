# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is done with a disparity, and what can be asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
import math

from depth_learning_ros.errors import DataError
from depth_learning_ros.geometry.depth import DepthLimits
from depth_learning_ros.geometry.scan import ScanOptions

OUTPUTS = ('disparity', 'depth', 'points2', 'confidence')
# a scan needs to be told how the camera stands, so only those get it who ask for it
ALL_OUTPUTS = (*OUTPUTS, 'scan')


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
            engine run. Stereo only.
        scan: how the camera stands and which heights are obstacles, for the output ``scan``.

    Raises:
        DataError: a value is outside its range.
    """

    min_depth_m: float = 0.0
    max_depth_m: float = math.inf
    min_confidence: float = 0.0
    point_stride: int = 1
    left_right_check: bool = False
    scan: ScanOptions = field(default_factory=ScanOptions)

    def __post_init__(self) -> None:
        _ = self.limits  # checks its values
        if self.point_stride != int(self.point_stride) or self.point_stride < 1:
            raise DataError(f'point_stride is {self.point_stride}: expected 1, 2, 3, ...')

    @property
    def limits(self) -> DepthLimits:
        """The part that depth and points share."""
        return DepthLimits(self.min_depth_m, self.max_depth_m, self.min_confidence)


def checked_outputs(outputs: Collection[str]) -> frozenset[str]:
    """Give the names asked for, or say which there are.

    Raises:
        DataError: an unknown output.
    """
    asked = frozenset([outputs] if isinstance(outputs, str) else outputs)
    unknown = asked.difference(ALL_OUTPUTS)
    if unknown:
        raise DataError(f'unknown output {", ".join(map(repr, sorted(unknown)))}: '
                        f'there are {", ".join(ALL_OUTPUTS)}')
    return asked
