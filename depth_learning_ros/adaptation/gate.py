# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""May adapted weights be used? Only where they are better, and nothing has collapsed.

Each single figure can be fooled: left-right consistency by a flat map, the warped view by a
disparity that follows the texture, both by a network that forgot everything but one place. All
together are asked, on frames that were never trained on, and collapse is refused by name, in each
frame by itself: among many that gained, a mean does not show the few that are lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from depth_learning_ros.adaptation.figures import Figures, FrameFigures

#: The spread of disparities may shrink to so much of what it was, or to so many pixels.
MIN_SPREAD_SHARE, MIN_SPREAD_PX = 0.25, 0.5
#: More than so much of a map near zero, or at the end of the reach, where it was not so before.
MAX_NEAR_ZERO, MAX_SATURATED = 0.9, 0.5
#: What was so before may be so again, by so much more: share of a spread, share of a map.
SPREAD_SLACK, SHARE_SLACK = 0.1, 0.02
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
    """Name what has collapsed in some frame: flat, all-zero or saturated disparities."""
    pairs = list(zip(before.frames, after.frames, strict=True))
    found = []
    for name, collapsed, described in _COLLAPSES:
        lost = [(number, was, now) for number, (was, now) in enumerate(pairs, 1)
                if collapsed(was, now)]
        if lost:
            number, was, now = lost[0]
            first = 'it is' if len(lost) == 1 else 'the first is'
            found.append(f'{name} in {len(lost)} of {len(pairs)} frames ({first} number '
                         f'{number}): {described(was, now)}')
    return found


_Asked = Callable[[FrameFigures, FrameFigures], bool]
_Described = Callable[[FrameFigures, FrameFigures], str]


def _is_flat(was: FrameFigures, now: FrameFigures) -> bool:
    return now.spread_px < max(MIN_SPREAD_SHARE * was.spread_px,
                               min((1 - SPREAD_SLACK) * was.spread_px, MIN_SPREAD_PX))


def _is_flat_in_words(was: FrameFigures, now: FrameFigures) -> str:
    new, old = _told_apart(now.spread_px, was.spread_px, 2)
    return f'disparities spread over {new} px, {old} px before'


def _is_all_zero(was: FrameFigures, now: FrameFigures) -> bool:
    return now.near_zero > max(MAX_NEAR_ZERO, was.near_zero + SHARE_SLACK)


def _is_all_zero_in_words(was: FrameFigures, now: FrameFigures) -> str:
    new, old = _told_apart(100 * now.near_zero, 100 * was.near_zero, 0)
    return f'{new} % of the disparities are below half a pixel, {old} % before'


def _is_saturated(was: FrameFigures, now: FrameFigures) -> bool:
    return now.saturated > max(MAX_SATURATED, was.saturated + SHARE_SLACK)


def _is_saturated_in_words(was: FrameFigures, now: FrameFigures) -> str:
    new, old = _told_apart(100 * now.saturated, 100 * was.saturated, 0)
    return (f"{new} % of the disparities are at the end of the network's reach, {old} % before")


_COLLAPSES: tuple[tuple[str, _Asked, _Described], ...] = (
    ('flat', _is_flat, _is_flat_in_words),
    ('all zero', _is_all_zero, _is_all_zero_in_words),
    ('saturated', _is_saturated, _is_saturated_in_words))


def _told_apart(new: float, old: float, digits: int) -> tuple[str, str]:
    """Write two numbers with at least so many digits, and with enough to see that they differ."""
    for more in range(digits, 9):
        if f'{new:.{more}f}' != f'{old:.{more}f}':
            return f'{new:.{more}f}', f'{old:.{more}f}'
    return f'{new:.{digits}f}', f'{old:.{digits}f}'


def harms(before: Figures, after: Figures, max_synthetic_growth: float) -> list[str]:
    """Name what the weights of a validation lost: such weights are never the best.

    Of the figures of real frames, consistency alone told runs that helped from runs that did harm
    (docs/adaptation_results.md).
    """
    if not after.finite:
        return [_NOT_FINITE]
    found = collapses(before, after)
    new, old = after.mean('consistency'), before.mean('consistency')
    if new < old:
        told = _told_apart(new, old, 4)
        found.append(f'left-right consistency fell to {told[0]}, {told[1]} before')
    return found + _forgotten(before, after, max_synthetic_growth)


def _not_better(before: Figures, after: Figures) -> list[str]:
    """Name the figures of the held-out frames that did not improve."""
    found = []
    for name, what, unit in (('psnr', 'the PSNR of the warped view', ' dB'),
                             ('ssim', 'the SSIM of the warped view', ''),
                             ('consistency', 'left-right consistency', '')):
        new, old = after.mean(name), before.mean(name)
        if not new > old:
            told = _told_apart(new, old, 4)
            found.append(f'{what} did not improve: {told[0]}{unit}, {told[1]}{unit} before')
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
            told = _told_apart(new, old, 2)
            found.append(
                f'forgetting: {what} on held-out rendered pairs grew from {told[1]} to {told[0]} '
                f'({100 * (new / max(old, 1e-9) - 1):+.0f} %, allowed {100 * max_growth:.0f} %)'
                f'{since}')
    return found
