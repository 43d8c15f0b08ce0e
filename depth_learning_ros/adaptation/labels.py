# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels from several looks at one pair: the network as a better teacher than one look of it is.

A pair that is zoomed, or turned upside down, is another pair to the network: it errs elsewhere,
and semi-global matching, which was never trained, errs elsewhere again. Each pixel takes the look
whose warped right view fits best; what the right view's labels deny is dropped, and filled from
what is left (`fill`). With one zoom, no matcher, ``consistency_px`` 0 and no fill this is the
pseudo ground truth of the paper (`zole`).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

from depth_learning_ros.adaptation.config import AdaptationConfig
from depth_learning_ros.adaptation.fill import fill
from depth_learning_ros.adaptation.predict import Predictor
from depth_learning_ros.adaptation.semi_global import match
from depth_learning_ros.adaptation.zole import inside_right_view, pseudo_ground_truth
from depth_learning_ros.models.warp import warp

#: window over which two looks are compared, and the census window around each of its pixels
WINDOW_PX, CENSUS_PX = 15, 7
#: a label whose patch of like disparities is smaller than this is a speckle
SPECKLE_PIXELS, SPECKLE_STEP_PX = 60, 2.0


def label(predictor: Predictor, left: Tensor, right: Tensor, config: AdaptationConfig) -> Tensor:
    """Label the left views of target pairs.

    Args:
        predictor: of the weights that label.
        left, right: (B, 3, H, W), 0..255.

    Returns:
        (B, 1, H, W), <= 0, NaN where there is none.
    """
    looks = look(predictor, left, right, config)
    if config.consistency_px == 0:
        return best_fit(with_matcher(looks, left, right, config), left, right, inside_only=True)
    return label_both(predictor, left, right, config, looks)[0]


def label_both(predictor: Predictor, left: Tensor, right: Tensor, config: AdaptationConfig,
               looks: list[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """Label both views: the left one's labels, and the right one's (<= 0 as well).

    Args:
        looks: of the network at the left view, where they are known already.
    """
    mirrored = right.flip(-1), left.flip(-1)
    looks = looks or look(predictor, left, right, config)
    other_looks = look(predictor, *mirrored, config)
    mine, other = (best_fit(with_matcher(seen, *views, config), *views)
                   for seen, views in ((looks, (left, right)), (other_looks, mirrored)))
    found = []
    for best, rival, seen, views in ((mine, other, looks, (left, right)),
                                     (other, mine, other_looks, mirrored)):
        known = inside_right_view(best)
        if config.consistency_px > 0:
            known &= (warp(rival.flip(-1), best) - best).abs() <= config.consistency_px
            known &= ~speckles(best, known)
        labels = best.masked_fill(~known, torch.nan)
        if config.fill:
            labels = fill(labels, torch.stack(seen).median(0).values, views[0])
        found.append(labels)
    return found[0], found[1].flip(-1)


def look(predictor: Predictor, left: Tensor, right: Tensor,
         config: AdaptationConfig) -> list[Tensor]:
    """Give the pseudo ground truth at all zooms, and upside down at all zooms."""
    found = [pseudo_ground_truth(predictor, left, right, zoom) for zoom in config.zooms]
    if config.upside_down:
        turned = left.flip(-2), right.flip(-2)
        found += [pseudo_ground_truth(predictor, *turned, zoom).flip(-2) for zoom in config.zooms]
    return found


def with_matcher(looks: list[Tensor], left: Tensor, right: Tensor,
                 config: AdaptationConfig) -> list[Tensor]:
    """Add what semi-global matching says, of the pair as it is and upside down.

    All that it says: what is wrong will not fit, or the right view will deny it. Where it says
    nothing, the median of the network's `looks` stands.
    """
    if not config.matcher:
        return looks
    otherwise = torch.stack(looks).median(0).values
    upright = matched(left, right)
    turned = matched(left.flip(-2), right.flip(-2)).flip(-2)
    return looks + [torch.where(found.isnan(), otherwise, found) for found in (upright, turned)]


def matched(left: Tensor, right: Tensor) -> Tensor:
    """Give what semi-global matching says of each pair, (B, 1, H, W), <= 0, NaN where nothing."""
    views = [np.ascontiguousarray(view.byte().cpu().numpy().transpose(0, 2, 3, 1))
             for view in (left, right)]
    found = [-match(*pair, sure=False) for pair in zip(*views, strict=True)]
    return torch.from_numpy(np.stack(found)[:, None]).to(left.device)


def best_fit(looks: Sequence[Tensor], left: Tensor, right: Tensor, *,
             inside_only: bool = False) -> Tensor:
    """Give each pixel the disparity, of several, at which the warped right view fits best.

    Args:
        looks: (B, 1, H, W) each, <= 0.
        inside_only: NaN where the best one leaves the right view.
    """
    best = looks[0]
    if len(looks) > 1:
        signs = census(left)
        least = misfit(signs, right, best)
        for candidate in looks[1:]:
            error = misfit(signs, right, candidate)
            better = error < least
            best = torch.where(better, candidate, best)
            least = torch.where(better, error, least)
    return best.masked_fill(~inside_right_view(best), torch.nan) if inside_only else best


def misfit(left_census: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
    """Say how badly the warped right view fits around each pixel, whatever the exposures.

    The share of census signs that differ, mean over a window; (B, 1, H, W), 0..1. A match outside
    the right image fits worst.
    """
    differs = census(warp(right.float(), disparity)) != left_census
    error = differs.float().mean(1, keepdim=True)
    error = error.masked_fill(~inside_right_view(disparity), 1.0)
    return F.avg_pool2d(error, WINDOW_PX, 1, WINDOW_PX // 2, count_include_pad=False)


def census(view: Tensor) -> Tensor:
    """Say which neighbours are brighter, bool (B, 24, H, W): every second one of the window.

    The noise of single pixels is smoothed away before.
    """
    gray = view.float().mean(1, keepdim=True)
    gray = F.avg_pool2d(F.pad(gray, (1, 1, 1, 1), mode='replicate'), 3, 1)
    half = CENSUS_PX // 2
    padded = F.pad(gray, (half,) * 4, mode='replicate')
    height, width = gray.shape[-2:]
    return torch.cat([padded[..., y:y + height, x:x + width] > gray
                      for y in range(CENSUS_PX) for x in range(CENSUS_PX)
                      if (y + x) % 2], 1)


def speckles(disparity: Tensor, known: Tensor) -> Tensor:
    """Find small patches of known disparities that stand alone, bool (B, 1, H, W)."""
    found = np.zeros(known.shape, bool)
    for sample, (values, mask) in enumerate(zip(disparity.cpu().numpy(), known.cpu().numpy(),
                                                strict=True)):
        steps = np.where(mask[0], np.clip(-16 * values[0], 16, 32000), 0).astype(np.int16)
        cv2.filterSpeckles(steps, 0, SPECKLE_PIXELS, round(16 * SPECKLE_STEP_PX))
        found[sample, 0] = mask[0] & (steps == 0)
    return torch.from_numpy(found).to(known.device)
