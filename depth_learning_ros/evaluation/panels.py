# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labelled panels: the pictures that show a person what a model does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from depth_learning_ros.evaluation.colors import (
    DEPTH_TABLE,
    DISPARITY_TABLE,
    ERROR_RGB,
    color_depth,
    color_disparity,
    color_error,
    depth_range,
    disparity_range,
)
from depth_learning_ros.evaluation.gaps import fill_gaps
from depth_learning_ros.evaluation.metrics import d1_share, end_point_error

TILE_WIDTH_PX = 800
HEADER_PX = 30
GAP_PX = 6
PAPER_RGB = (18, 18, 22)
INK_RGB = (235, 235, 240)
FAINT_RGB = (150, 150, 160)
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_DUPLEX, 0.5
_SCALE_WIDTH_PX, _SCALE_HEIGHT_PX = 150, 10


@dataclass(frozen=True)
class Tile:
    """One picture of a panel.

    Attributes:
        title: what it shows.
        image: uint8 [H, W, 3], RGB.
        note: figures, printed fainter beside the title.
        scale: uint8 [N, 3] RGB, colours of its scale from left to right; None = no scale.
        ends: what the scale's ends say.
    """

    title: str
    image: np.ndarray
    note: str = ''
    scale: np.ndarray | None = None
    ends: tuple[str, str] = ('', '')


def scene_panel(left: np.ndarray, disparity: np.ndarray, *, depth_m: np.ndarray | None = None,
                truth: np.ndarray | None = None, model: str = '') -> np.ndarray:
    """Show left image, disparity and, where known, depth and error, two in a row.

    Args:
        left: uint8 [H, W, 3], RGB.
        disparity: float32 [H, W], pixels, NaN where unknown.
        depth_m: float32 [H, W], metres.
        truth: float32 [H, W], pixels, NaN where unknown; without it there is no error to show.
        model: its name, for the title.

    Returns:
        uint8 [height, width, 3], RGB.
    """
    top = disparity_range(disparity if truth is None else truth)
    tiles = [Tile('left image', left, f'{left.shape[1]}x{left.shape[0]}'),
             disparity_tile(f'disparity {model}'.rstrip(), disparity, top)]
    if depth_m is not None:
        tiles.append(depth_tile(depth_m))
    if truth is not None:
        tiles.append(error_tile('error', disparity, truth))
    return arrange(tiles, columns=2)


def comparison_panel(left: np.ndarray, disparities: Sequence[tuple[str, np.ndarray]],
                     truth: np.ndarray | None = None) -> np.ndarray:
    """Show models below each other, disparity beside error, under the left image and the truth.

    Args:
        left: uint8 [H, W, 3], RGB.
        disparities: a model's name and its float32 [H, W], pixels, NaN where unknown.
        truth: float32 [H, W], pixels, NaN where unknown; without it the models stand in two
            columns.

    Returns:
        uint8 [height, width, 3], RGB.
    """
    top = max(disparity_range(each) for _, each in disparities) if truth is None else (
        disparity_range(truth))
    tiles = [Tile('left image', left, f'{left.shape[1]}x{left.shape[0]}')]
    if truth is not None:
        tiles.append(disparity_tile('ground truth', truth, top))
    for name, disparity in disparities:
        tiles.append(disparity_tile(name, disparity, top))
        if truth is not None:
            tiles.append(error_tile(f'{name}: error', disparity, truth))
    return arrange(tiles, columns=2)


def disparity_tile(title: str, disparity: np.ndarray, top_px: float) -> Tile:
    """Return disparity on a scale from 0 to ``top_px``."""
    known = 100 * float(np.mean(np.isfinite(disparity)))
    note = '' if known >= 99.95 else f'{known:.0f} % of pixels'
    return Tile(title, color_disparity(disparity, top_px), note, DISPARITY_TABLE,
                ('0', f'{top_px:.0f} px'))


def depth_tile(depth_m: np.ndarray) -> Tile:
    """Return depth on a logarithmic scale that fits it."""
    near, far = depth_range(depth_m)
    return Tile('depth', color_depth(depth_m, near, far), '', DEPTH_TABLE,
                (f'{near:.3g}', f'{far:.3g} m'))


def error_tile(title: str, disparity: np.ndarray, truth: np.ndarray) -> Tile:
    """Return the error after filling gaps, in KITTI's colours, with its figures."""
    filled = fill_gaps(disparity)
    note = (f'EPE {end_point_error(filled, truth):.2f} px, D1 {d1_share(filled, truth):.1f} %')
    return Tile(title, color_error(filled, truth), note, ERROR_RGB, ('0', '> 48 px'))


def arrange(tiles: Sequence[Tile], columns: int = 2) -> np.ndarray:
    """Lay tiles out in rows under their headers; all must show one scene (one aspect ratio).

    Returns:
        uint8 [height, width, 3], RGB.
    """
    height, width = tiles[0].image.shape[:2]
    tile_height = max(1, round(TILE_WIDTH_PX * height / width))
    rows = -(-len(tiles) // columns)
    step_y, step_x = HEADER_PX + tile_height + GAP_PX, TILE_WIDTH_PX + GAP_PX
    sheet = np.full((rows * step_y + GAP_PX, columns * step_x + GAP_PX, 3), PAPER_RGB, np.uint8)
    for index, tile in enumerate(tiles):
        y = GAP_PX + index // columns * step_y
        x = GAP_PX + index % columns * step_x
        _draw_header(sheet[y:y + HEADER_PX, x:x + TILE_WIDTH_PX], tile)
        sheet[y + HEADER_PX:y + HEADER_PX + tile_height, x:x + TILE_WIDTH_PX] = _resized(
            tile.image, TILE_WIDTH_PX, tile_height)
    return sheet


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    shrinks = width <= image.shape[1]
    return cv2.resize(np.ascontiguousarray(image), (width, height),
                      interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _draw_header(strip: np.ndarray, tile: Tile) -> None:
    baseline = HEADER_PX - 10
    end = _write(strip, tile.title, 2, baseline, INK_RGB)
    _write(strip, tile.note, end + 14, baseline, FAINT_RGB)
    if tile.scale is None:
        return
    right = strip.shape[1] - _text_width(tile.ends[1]) - 2
    left = right - _SCALE_WIDTH_PX - 8
    _write(strip, tile.ends[1], right, baseline, FAINT_RGB)
    colors = tile.scale[np.arange(_SCALE_WIDTH_PX) * len(tile.scale) // _SCALE_WIDTH_PX]
    strip[baseline - _SCALE_HEIGHT_PX:baseline, left:left + _SCALE_WIDTH_PX] = colors
    _write(strip, tile.ends[0], left - _text_width(tile.ends[0]) - 8, baseline, FAINT_RGB)


def _write(strip: np.ndarray, text: str, x: int, baseline: int,
           color: tuple[int, int, int]) -> int:
    """Write text into the picture and return where it ends."""
    cv2.putText(strip, text, (x, baseline), _FONT, _FONT_SCALE, color, 1, cv2.LINE_AA)
    return x + _text_width(text)


def _text_width(text: str) -> int:
    return cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)[0][0]
