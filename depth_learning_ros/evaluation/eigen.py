# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The protocol of Eigen 2014 and Garg 2016, by which depth from one camera is compared.

Per image: ground truth counts inside of Garg's crop and strictly between the caps, predictions
are clipped to the caps; seven figures; then means over the images. Two caps are in use, 0.001 to
80 m and 1 to 50 m. With median scaling, each prediction is first multiplied by the ratio of the
medians of ground truth and prediction, which takes the scale out of the comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
import math

import numpy as np

from depth_learning_ros.evaluation.depth_metrics import (
    NAN,
    DepthFigures,
    depth_figures,
    garg_mask,
)

CAPS_M = ((1e-3, 80.0), (1.0, 50.0))


@dataclass(frozen=True)
class EigenRow:
    """One line of the table: means over the images of a set that have any pixel that counts.

    Attributes:
        set, model: what was compared.
        images: how many had pixels that count.
        min_depth_m, max_depth_m: the caps.
        median_scaling: whether each prediction was scaled to the median of the ground truth.
        figures: means; NaN without any image.
    """

    set: str
    model: str
    images: int
    min_depth_m: float
    max_depth_m: float
    median_scaling: bool
    figures: DepthFigures

    def to_dict(self) -> dict[str, object]:
        """Return a flat dictionary for JSON; None where a figure is not known."""
        flat = asdict(self)
        found = flat.pop('figures')
        return {'protocol': 'eigen', **flat} | {
            name: value if math.isfinite(value) else None for name, value in found.items()}


def eigen_figures(prediction_m: np.ndarray, truth_m: np.ndarray) -> list[DepthFigures]:
    """Return the figures of one image: for each of CAPS_M without and with median scaling.

    Args:
        prediction_m: float [H, W], metres, known wherever the truth is; +inf is the far cap.
        truth_m: float [H, W], metres; NaN or 0 where unknown.

    Raises:
        DataError: the sizes differ, or the prediction is NaN where it is compared.
    """
    found = []
    for near, far in CAPS_M:
        for scale in (1.0, median_ratio(prediction_m, truth_m, near, far)):
            found.append(depth_figures(prediction_m * scale, truth_m, min_depth_m=near,
                                       max_depth_m=far, garg_crop=True))
    return found


def median_ratio(prediction_m: np.ndarray, truth_m: np.ndarray, near_m: float,
                 far_m: float) -> float:
    """Return median(truth) / median(prediction) over the pixels that count; 1 without any."""
    counts = (truth_m > near_m) & (truth_m < far_m) & garg_mask(*truth_m.shape)
    if not counts.any():
        return 1.0
    ratio = float(np.median(truth_m[counts]) / np.median(prediction_m[counts]))
    return ratio if math.isfinite(ratio) and ratio > 0 else 1.0


def summarise_eigen(set_name: str, model: str,
                    images: Sequence[Sequence[DepthFigures]]) -> list[EigenRow]:
    """Return the means over images, in the order of `eigen_figures`.

    Args:
        set_name, model: for the rows.
        images: what `eigen_figures` gave for each.
    """
    rows = []
    for number in range(2 * len(CAPS_M)):
        near, far = CAPS_M[number // 2]
        counted = [image[number] for image in images if image[number].pixels]
        rows.append(EigenRow(set_name, model, len(counted), near, far, number % 2 == 1,
                             _mean(counted)))
    return rows


def _mean(images: Sequence[DepthFigures]) -> DepthFigures:
    """Average each figure; pixels are summed."""
    pixels = sum(image.pixels for image in images)
    means = {field.name: sum(getattr(image, field.name) for image in images) / len(images)
             if images else NAN for field in fields(DepthFigures) if field.name != 'pixels'}
    return DepthFigures(**means, pixels=pixels)
