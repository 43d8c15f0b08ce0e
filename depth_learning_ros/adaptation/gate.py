# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""May adapted weights be used? Only where they are better, and nothing has collapsed.

Each single figure can be fooled: left-right consistency by a flat map, the warped view by a
disparity that follows the texture, both by a network that forgot everything but one place. All
together are asked, on frames that were never trained on, and collapse is refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from depth_learning_ros.adaptation.figures import Figures

#: The spread of disparities may shrink to so much of what it was, or to so many pixels.
MIN_SPREAD_SHARE, MIN_SPREAD_PX = 0.25, 0.5
#: More than so much of a map near zero, or at the end of the reach, where it was not so before.
MAX_NEAR_ZERO, MAX_SATURATED = 0.9, 0.5
_NOT_FINITE = 'not finite: the adapted network gives NaN or infinite disparities'


@dataclass(frozen=True)
class Verdict:
    """What the gate says.

    Attributes:
        accepted: the new weights may be used.
        reasons: why not, one sentence each; empty when accepted.
        before, after: what was measured.
    """

    accepted: bool
    reasons: tuple[str, ...]
    before: Figures
    after: Figures

    def to_dict(self) -> dict[str, object]:
        return {'accepted': self.accepted, 'reasons': list(self.reasons),
                'before': self.before.to_dict(), 'after': self.after.to_dict()}


def judge(before: Figures, after: Figures, max_synthetic_growth: float,
          never_adapted: Figures | None = None) -> Verdict:
    """Compare the weights that were begun with and the adapted ones, on the same frames.

    Args:
        max_synthetic_growth: by how much errors on rendered pairs may grow, 0.1 = 10 %.
        never_adapted: of the weights before any adaptation, where those begun with are not they:
            errors on rendered pairs may not have grown by more since then either, or what each
            of many adaptations forgets would add up.
    """
    if not after.finite:
        reasons = [_NOT_FINITE]
    else:
        reasons = [*collapses(before, after), *_not_better(before, after),
                   *_forgotten(before, after, max_synthetic_growth)]
        if never_adapted is not None:
            reasons += _forgotten(never_adapted, after, max_synthetic_growth,
                                  ' since the first adaptation')
    return Verdict(not reasons, tuple(reasons), before, after)


def collapses(before: Figures, after: Figures) -> list[str]:
    """Name what has collapsed: flat, all-zero or saturated disparities."""
    found = []
    spread, was = after.mean('spread_px'), before.mean('spread_px')
    if spread < max(MIN_SPREAD_SHARE * was, min(was, MIN_SPREAD_PX)):
        found.append(f'flat: disparities spread over {spread:.2f} px, {was:.2f} px before')
    share, was = after.mean('near_zero'), before.mean('near_zero')
    if share > max(MAX_NEAR_ZERO, was):
        found.append(f'all zero: {100 * share:.0f} % of the disparities are below half a pixel, '
                     f'{100 * was:.0f} % before')
    share, was = after.mean('saturated'), before.mean('saturated')
    if share > max(MAX_SATURATED, was):
        found.append(f"saturated: {100 * share:.0f} % of the disparities are at the end of the "
                     f"network's reach, {100 * was:.0f} % before")
    return found


def harms(before: Figures, after: Figures, max_synthetic_growth: float) -> list[str]:
    """Name what the weights of a validation lost: such weights are never the best.

    Of the figures of real frames, consistency alone told runs that helped from runs that did harm
    (docs/adaptation.md).
    """
    if not after.finite:
        return [_NOT_FINITE]
    found = collapses(before, after)
    new, old = after.mean('consistency'), before.mean('consistency')
    if new < old:
        found.append(f'left-right consistency fell to {new:.4f}, {old:.4f} before')
    return found + _forgotten(before, after, max_synthetic_growth)


def _not_better(before: Figures, after: Figures) -> list[str]:
    """Name the figures of the held-out frames that did not improve."""
    found = []
    for name, what, unit in (('psnr', 'the PSNR of the warped view', ' dB'),
                             ('ssim', 'the SSIM of the warped view', ''),
                             ('consistency', 'left-right consistency', '')):
        new, old = after.mean(name), before.mean(name)
        if not new > old:
            found.append(f'{what} did not improve: {new:.4f}{unit}, {old:.4f}{unit} before')
    frames = list(zip(before.frames, after.frames, strict=True))
    better = sum(new.ssim > old.ssim for old, new in frames)
    if 2 * better < len(frames) and after.mean('ssim') > before.mean('ssim'):
        found.append(f'the warped view improved in only {better} of {len(frames)} frames')
    return found


def _forgotten(before: Figures, after: Figures, max_growth: float,
               since: str = '') -> list[str]:
    """Name the errors on rendered pairs that grew too much."""
    found = []
    for name, what in (('synthetic_epe', 'end-point error'), ('synthetic_d1', 'D1')):
        new, old = getattr(after, name), getattr(before, name)
        if not new <= old * (1 + max_growth):
            found.append(
                f'forgetting: {what} on held-out rendered pairs grew from {old:.2f} to {new:.2f} '
                f'({100 * (new / max(old, 1e-9) - 1):+.0f} %, allowed {100 * max_growth:.0f} %)'
                f'{since}')
    return found
