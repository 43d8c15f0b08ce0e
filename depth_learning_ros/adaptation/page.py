# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The report as one HTML file that needs nothing else: curves, tables, pictures, the verdict."""

from __future__ import annotations

import base64
from collections.abc import Sequence
import html
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from depth_learning_ros.adaptation.result import Picture
from depth_learning_ros.evaluation.colors import color_disparity, disparity_range
from depth_learning_ros.files import atomic_write
from depth_learning_ros.geometry.warp import photometric_error

WIDTH, HEIGHT, MARGIN = 640, 220, 46
PICTURE_WIDTH = 640
SHOWN_ERROR = 0.25  # of the range of gray values: what is drawn white
COLORS = ('#1f6feb', '#d2691e')
_STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:1340px;margin:2em auto}
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.25em .7em;
text-align:right}th:first-child,td:first-child{text-align:left}
.yes{color:#167316}.no{color:#b00020}
figure{display:inline-block;margin:.3em}img{display:block;max-width:100%}figcaption{color:#555}"""

#: name, what to call it, digits, whether more is better
_ROWS = (
    ('psnr', 'PSNR of the warped view, dB', 3, True),
    ('ssim', 'SSIM of the warped view', 4, True),
    ('consistency', 'left-right consistent within 1 px', 4, True),
    ('synthetic_epe', 'end-point error on rendered pairs, px', 3, False),
    ('synthetic_d1', 'D1 on rendered pairs, %', 2, False),
    ('spread_px', 'spread of disparity (5th to 95th percentile), px', 1, None),
    ('near_zero', 'share of disparities below 0.5 px', 3, None),
    ('saturated', 'share of disparities at the end of the reach', 3, None))


def write_page(path: Path, result: dict[str, Any], pictures: Sequence[Picture], *,
               force: bool = False) -> None:
    """Write the page, atomically."""
    with atomic_write(path, force=force, mode='w') as file:
        file.write(page(result, pictures))


def page(result: dict[str, Any], pictures: Sequence[Picture]) -> str:
    """Give the page's text."""
    verdict = result['verdict']
    title = f'Adaptation of {result["model"]} by {result["method"]}'
    frames = result['frames']
    parts = [
        f'<h1>{html.escape(title)}</h1>', _verdict(verdict, result['older_weights_kept']),
        f'<p>{result["steps"]} steps in {result["minutes"]:.1f} minutes on {result["device"]}, '
        f'{result["processes"]} process{"es" if result["processes"] > 1 else ""}; '
        f'{_best(result)}. Frames: {frames["train"]} learned from, '
        f'{frames["validation"]} to choose the best weights by, {frames["held-out"]} held out for '
        f'the verdict.</p>',
        _list('From', result['sources']),
        _list('Frames left out', [f'{cause}: {count}' for cause, count
                                  in result['skipped_frames'].items()]),
        '<h2>Held-out frames, before and after</h2>',
        _table(verdict, 'after' if result['best_step'] else f'step {result["steps"]}, the last'),
        '<h2>While adapting</h2>', _curves(result),
        '<h2>Pictures</h2>', *(_picture(picture) for picture in pictures),
        '<h2>Settings</h2>', _settings(result['config'])]
    return (f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>'
            f'{html.escape(title)}</title><style>{_STYLE}</style></head><body>'
            f'{"".join(parts)}</body></html>\n')


def _best(result: dict[str, Any]) -> str:
    if result['best_step']:
        where = 'half way to those of' if result['best_way'] < 1 else 'of'
        return f'the weights {where} step {result["best_step"]} are the best'
    return (f'no weights were better than those it began with: what follows as after it is of '
            f'the last ones, of step {result["steps"]}')


def _verdict(verdict: dict[str, Any], older_weights_kept: bool) -> str:
    if verdict['accepted']:
        return '<p class="yes"><b>Accepted.</b> Better on every count that is asked.</p>'
    older = (' The file of the output is still there: it is an older one.'
             if older_weights_kept else '')
    return (f'<p class="no"><b>Rejected.</b> The original weights stay in use.{older}</p>'
            + _list('Why', verdict['reasons']))


def _list(title: str, entries: Sequence[str]) -> str:
    if not entries:
        return ''
    rows = ''.join(f'<li>{html.escape(entry)}</li>' for entry in entries)
    return f'<p>{html.escape(title)}:</p><ul>{rows}</ul>'


def _table(verdict: dict[str, Any], after_what: str) -> str:
    rows = []
    for name, what, digits, more in _ROWS:
        before, after = verdict['before'][name], verdict['after'][name]
        better = '' if more is None or before == after else (
            ' class="yes"' if (after > before) == more else ' class="no"')
        rows.append(f'<tr><td>{what}</td><td>{before:.{digits}f}</td>'
                    f'<td{better}>{after:.{digits}f}</td></tr>')
    return (f'<table><tr><th></th><th>before</th><th>{after_what}</th></tr>{"".join(rows)}'
            f'</table>')


def _curves(result: dict[str, Any]) -> str:
    losses, measured = result['losses'], result['validations']
    found = [each for each in measured if each['way'] == 1]
    steps = [loss['step'] for loss in losses]
    at = [each['step'] for each in found]
    return ''.join([
        chart('loss of target and rendered pairs', {
            'target': (steps, [loss['target'] for loss in losses]),
            'rendered': (steps, [loss['synthetic'] for loss in losses])}),
        chart('SSIM of the warped view, validation frames',
              {'SSIM': (at, [each['ssim'] for each in found])}),
        chart('PSNR of the warped view, validation frames, dB',
              {'PSNR': (at, [each['psnr'] for each in found])}),
        chart('left-right consistency, validation frames',
              {'consistency': (at, [each['consistency'] for each in found])}),
        chart('end-point error on rendered pairs, px',
              {'error': (at, [each['synthetic_epe'] for each in found])}),
        _list('Weights that were out of the question', [
            f'{"half way to " if each["way"] < 1 else ""}step {each["step"]}: '
            f'{"; ".join(each["harms"])}' for each in measured if each['harms']])])


def chart(title: str, lines: dict[str, tuple[Sequence[float], Sequence[float | None]]]) -> str:
    """Draw curves as SVG; points that are not finite are left out."""
    known = {name: [(x, y) for x, y in zip(*values, strict=True)
                    if y is not None and math.isfinite(y)] for name, values in lines.items()}
    points = [point for values in known.values() for point in values]
    if not points:
        return ''
    (low_x, high_x), (low_y, high_y) = ((min(v), max(v)) for v in zip(*points, strict=True))
    span_x, span_y = (high_x - low_x) or 1, (high_y - low_y) or 1

    def place(x: float, y: float) -> str:
        return (f'{MARGIN + (x - low_x) / span_x * (WIDTH - 2 * MARGIN):.1f},'
                f'{HEIGHT - MARGIN - (y - low_y) / span_y * (HEIGHT - 2 * MARGIN):.1f}')

    drawn = []
    for number, (name, values) in enumerate(known.items()):
        if values:
            path = ' '.join(place(x, y) for x, y in values)
            drawn.append(f'<polyline points="{path}" fill="none" stroke="{COLORS[number]}" '
                         f'stroke-width="1.6"/><text x="{WIDTH - MARGIN}" y="{18 + 16 * number}" '
                         f'fill="{COLORS[number]}" text-anchor="end">{name}</text>')
    texts = (f'<text x="{MARGIN}" y="18">{html.escape(title)}</text>'
             f'<text x="2" y="{MARGIN + 4}">{high_y:.4g}</text>'
             f'<text x="2" y="{HEIGHT - MARGIN}">{low_y:.4g}</text>'
             f'<text x="{MARGIN}" y="{HEIGHT - 24}">step {low_x:g}</text>'
             f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 24}" text-anchor="end">{high_x:g}</text>')
    frame = (f'<rect x="{MARGIN}" y="{MARGIN}" width="{WIDTH - 2 * MARGIN}" '
             f'height="{HEIGHT - 2 * MARGIN}" fill="none" stroke="#ccc"/>')
    return (f'<svg width="{WIDTH}" height="{HEIGHT}" font-size="12" font-family="sans-serif">'
            f'{frame}{texts}{"".join(drawn)}</svg>')


def _picture(picture: Picture) -> str:
    top = max(disparity_range(picture.before), disparity_range(picture.after))
    scale = f'0 to {top:.0f} px'
    shown = [('left', picture.left), (f'before, {scale}', color_disparity(picture.before, top)),
             (f'after, {scale}', color_disparity(picture.after, top))]
    shown += [(f'{when}: where the warped right view differs, 0 to {100 * SHOWN_ERROR:.0f} %',
               _error(picture, disparity))
              for when, disparity in (('before', picture.before), ('after', picture.after))]
    return f'<div>{"".join(_figure(image, caption) for caption, image in shown)}</div>'


def _error(picture: Picture, disparity: np.ndarray) -> np.ndarray:
    """Show how far the warped right view is from the left one: uint8 [H, W, 3], white is far."""
    error = photometric_error(picture.left, picture.right, disparity) / SHOWN_ERROR
    gray = np.clip(255 * np.nan_to_num(error), 0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, 2)


def _figure(image: np.ndarray, caption: str) -> str:
    height = round(image.shape[0] * PICTURE_WIDTH / image.shape[1])
    small = cv2.resize(image, (PICTURE_WIDTH, height), interpolation=cv2.INTER_AREA)
    data = cv2.imencode('.jpg', small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    text = base64.b64encode(data.tobytes()).decode()
    return (f'<figure><img width="{PICTURE_WIDTH}" alt="{caption}" '
            f'src="data:image/jpeg;base64,{text}"><figcaption>{caption}</figcaption></figure>')


def _settings(config: dict[str, Any]) -> str:
    rows = ''.join(f'<tr><td>{name}</td><td>{html.escape(str(value))}</td></tr>'
                   for name, value in config.items())
    return f'<table>{rows}</table>'
