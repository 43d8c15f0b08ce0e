# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good disparities are where there is no ground truth, and how good they stay where there is.

All networks are compared on the same pixels, chosen once by the weights that the adaptation began
with and by a classical matcher: a network cannot gain by choosing what it is asked about. They are
shown pairs at the size at which engines show them to networks (models.working_size).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np
import torch

from depth_learning_ros.adaptation.check_pairs import UnfitFramesError
from depth_learning_ros.adaptation.frames import FrameStore
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.semi_global import match
from depth_learning_ros.adaptation.spread import spread
from depth_learning_ros.adaptation.watching import AfterEach, nothing
from depth_learning_ros.adaptation.zole import pseudo_ground_truth
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.evaluation.image_metrics import psnr, ssim
from depth_learning_ros.geometry.warp import warp_right_to_left
from depth_learning_ros.models.warp import warp
from depth_learning_ros.models.working_size import automatic_zoom

#: Left and right disparity may differ by so much and still agree, pixels.
CONSISTENT_PX = 1.0
LARGEST_TRUTH = 192.0
#: A frame of whose pixels a smaller share has a match says nothing.
MIN_MATCHED = 0.02


@dataclass(frozen=True)
class FrameFigures:
    """One held-out frame.

    Attributes:
        psnr, ssim: likeness of the left image and the right one warped by the disparity (dB;
            <= 1), on the pixels that count.
        consistency: share of those pixels whose left and right disparity agree within 1 px.
        spread_px: 95th minus 5th percentile of the disparity.
        near_zero: share of disparities below half a pixel.
        saturated: share of disparities at the end of the network's reach, or beyond.
        finite: no disparity is NaN or infinite.
    """

    psnr: float
    ssim: float
    consistency: float
    spread_px: float
    near_zero: float
    saturated: float
    finite: bool


@dataclass(frozen=True)
class Figures:
    """All held-out frames, and the held-out rendered pairs.

    Attributes:
        frames: one each.
        synthetic_epe: end-point error on the rendered pairs, pixels.
        synthetic_d1: D1, %.
    """

    frames: tuple[FrameFigures, ...]
    synthetic_epe: float
    synthetic_d1: float

    def mean(self, name: str) -> float:
        """Mean of a figure over the frames."""
        return float(np.mean([getattr(frame, name) for frame in self.frames]))

    @property
    def finite(self) -> bool:
        return all(frame.finite for frame in self.frames) and math.isfinite(self.synthetic_epe)

    def to_dict(self) -> dict[str, Any]:
        means = {name: self.mean(name) for name in ('psnr', 'ssim', 'consistency', 'spread_px',
                                                    'near_zero', 'saturated')}
        return {**means, 'synthetic_epe': self.synthetic_epe, 'synthetic_d1': self.synthetic_d1,
                'frames': [asdict(frame) for frame in self.frames]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Figures:
        """Undo `to_dict`."""
        return cls(tuple(FrameFigures(**frame) for frame in values['frames']),
                   values['synthetic_epe'], values['synthetic_d1'])


class HeldOut:
    """Frames of one role, with the pixels that count.

    Args:
        store, role: which.
        reference: of the weights that the adaptation began with.
        most: how many are looked at, spread evenly; without those in which nothing matches.
        after_each: is called when a frame was looked at, here and by `measure`.

    Raises:
        UnfitFramesError: nothing matches in any of them.
    """

    def __init__(self, store: FrameStore, role: str, reference: Predictor, most: int,
                 after_each: AfterEach = nothing) -> None:
        looked_at = spread(store.count(role), most)
        self.store, self.role, self.after_each = store, role, after_each
        self.indices: list[int] = []
        self.masks: list[np.ndarray] = []
        for index in looked_at:
            mask = self._mask(*store.load(role, index), reference)
            if mask.mean() >= MIN_MATCHED:
                self.indices.append(index)
                self.masks.append(mask)
            after_each()
        if not self.indices:
            raise UnfitFramesError(
                f'hardly a pixel of the left views of {len(looked_at)} {role} frames was found in '
                f'the right ones: record where there is more to see, and check that the pairs are '
                f'rectified')

    @staticmethod
    def _mask(left: np.ndarray, right: np.ndarray, reference: Predictor) -> np.ndarray:
        """Where the weights that were begun with, or the matcher, find one match in both views."""
        _, agrees = both_disparities(reference, left, right)
        width = left.shape[1]
        searched = min(192, max(16, width // 4 // 16 * 16))
        return agrees | np.isfinite(match(left, right, searched))

    def measure(self, predictor: Predictor) -> tuple[FrameFigures, ...]:
        """Measure a network on the frames."""
        found = []
        for index, mask in zip(self.indices, self.masks, strict=True):
            found.append(self._measure(predictor, *self.store.load(self.role, index), mask))
            self.after_each()
        return tuple(found)

    def _measure(self, predictor: Predictor, left: np.ndarray, right: np.ndarray,
                 mask: np.ndarray) -> FrameFigures:
        disparity, agrees = both_disparities(predictor, left, right)
        finite = bool(np.isfinite(disparity).all())
        disparity = np.nan_to_num(disparity, nan=0.0, posinf=0.0, neginf=0.0)
        warped = warp_right_to_left(right, disparity)
        low, high = np.percentile(disparity, [5, 95])
        reach = 0.98 * min(predictor.reach_px / automatic_zoom(*disparity.shape), left.shape[1])
        return FrameFigures(
            psnr=min(99.0, psnr(warped, left, mask)), ssim=ssim(warped, left, mask),
            consistency=float(agrees[mask].mean()),
            spread_px=float(high - low), near_zero=float((disparity < 0.5).mean()),
            saturated=float((disparity >= reach).mean()), finite=finite)


def as_used(predictor: Predictor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Give the disparity as an engine does; arguments and result as `Predictor.disparity`."""
    height, width = left.shape[-2:]
    return pseudo_ground_truth(predictor, left, right, automatic_zoom(height, width))


def both_disparities(predictor: Predictor, left: np.ndarray,
                     right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the left view's disparity, >= 0, and where the right view's agrees with it."""
    views = [as_tensor(view).to(predictor.device) for view in (left, right)]
    found = as_used(predictor, *views)
    # the right view's is that of the mirrored pair
    other = as_used(predictor, *(view.flip(-1) for view in reversed(views))).flip(-1)
    columns = torch.arange(found.shape[-1], device=found.device) + found
    there = warp(other.nan_to_num(), found.nan_to_num())
    agrees = ((there - found).abs() <= CONSISTENT_PX) & (columns >= 0)
    return (-found)[0, 0].cpu().numpy(), agrees[0, 0].cpu().numpy()


def synthetic_error(predictor: Predictor, scenes: ScenePool,
                    indices: Sequence[int], after_each: AfterEach = nothing,
                    ) -> tuple[float, float]:
    """End-point error (pixels) and D1 (%), means over rendered pairs."""
    errors = []
    for index in indices:
        scene = scenes[index]
        views = [torch.from_numpy(scene[side])[None].to(predictor.device)
                 for side in ('left', 'right')]
        found = -as_used(predictor, *views)[0, 0].cpu().numpy()
        truth = scene['disparity'].astype(np.float32)
        valid = truth <= LARGEST_TRUTH
        error, truth = np.abs(found - truth)[valid], truth[valid]
        errors.append((error.mean(), 100 * ((error > 3) & (error > 0.05 * truth)).mean()))
        after_each()
    epe, d1 = np.mean(errors, axis=0)
    return float(epe), float(d1)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    """uint8 [H, W, 3] to (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
