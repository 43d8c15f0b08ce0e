# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files that hold one number per pixel: disparity, depth, confidence, masks."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from depth_learning_ros.data.images import decode, write_image
from depth_learning_ros.data.pfm import read_pfm, write_pfm
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write

logger = logging.getLogger(__name__)

MAP_SUFFIXES = ('.png', '.pfm', '.npy')
KITTI_STEPS_PER_PX = 256
MAX_PNG_DISPARITY_PX = 65535 / KITTI_STEPS_PER_PX
MAX_PNG_DEPTH_M = 65.535


def read_disparity(path: Path | str) -> np.ndarray:
    """Read a disparity map of the left view.

    - ``.png``: 16 bits, disparity = value / 256, 0 = unknown (KITTI);
    - ``.pfm``: pixels, inf or NaN = unknown (Middlebury, SceneFlow);
    - ``.npy``: floating point [H, W], pixels, inf or NaN = unknown.

    Returns:
        float32 [H, W] in pixels, NaN where unknown.

    Raises:
        DataError: the file is missing, damaged, of another format, or holds negative values.
    """
    suffix = check_map_suffix(path)
    if suffix == '.png':
        stored = decode(path)
        if stored.dtype != np.uint16 or stored.ndim != 2:
            raise DataError(f'{path} is {stored.dtype} {list(stored.shape)}: a disparity .png has '
                            f'one channel of 16 bits, disparity x 256')
        values = stored.astype(np.float32) / KITTI_STEPS_PER_PX
        return np.where(stored > 0, values, np.float32(np.nan))
    values = read_pfm(path) if suffix == '.pfm' else _read_npy(path)
    values = np.where(np.isfinite(values), values, np.float32(np.nan))
    if values.size and np.nanmin(values, initial=0) < 0:
        raise DataError(f'{path} holds negative disparities (down to {np.nanmin(values):.4g}): '
                        f'left minus right x is positive here; change their sign')
    return values


def write_disparity(path: Path | str, values: np.ndarray, *, force: bool = False) -> None:
    """Write disparity; see `read_disparity` for the formats.

    A ``.png`` keeps 1/256 pixel; there a known disparity of 0 becomes 1/256, because 0 says
    unknown.

    Args:
        path: ends in .png, .pfm or .npy.
        values: float32 [H, W] in pixels, NaN where unknown.
        force: replace an existing file.

    Raises:
        DataError: another suffix, or disparities too large for a .png.
    """
    suffix = check_map_suffix(path)
    if suffix == '.png':
        largest = float(np.nanmax(values, initial=0))
        if largest > MAX_PNG_DISPARITY_PX:
            raise DataError(f'the disparity goes up to {largest:.2f} px, a .png holds at most '
                            f'{MAX_PNG_DISPARITY_PX:.2f}: write {Path(path).stem}.npy or .pfm')
        write_image(path, encode_kitti(values), force=force)
    else:
        unknown = np.inf if suffix == '.pfm' else np.nan
        _write_floats(path, np.where(np.isfinite(values), values, unknown), suffix, force)


def encode_kitti(values: np.ndarray) -> np.ndarray:
    """Return disparity (float32 [H, W], NaN = unknown) as KITTI's uint16: x 256, 0 = unknown."""
    known = np.isfinite(values)
    steps = np.rint(np.where(known, values, 0) * KITTI_STEPS_PER_PX)
    return np.where(known, np.clip(steps, 1, 65535), 0).astype(np.uint16)


def write_depth(path: Path | str, depth_m: np.ndarray, *, force: bool = False) -> None:
    """Write depth along Z, of the left view.

    A ``.png`` holds millimetres in 16 bits, 0 = none (REP 118): what is farther than 65.535 m has
    no place there and becomes 0, with a warning. ``.npy`` and ``.pfm`` hold float32 metres, as
    they are.

    Args:
        path: ends in .png, .pfm or .npy.
        depth_m: float32 [H, W] in metres; NaN, inf and -inf where there is none.
        force: replace an existing file.

    Raises:
        DataError: another suffix, or the file cannot be written.
    """
    suffix = check_map_suffix(path)
    if suffix != '.png':
        _write_floats(path, depth_m, suffix, force)
        return
    stored = np.isfinite(depth_m) & (depth_m > 0)
    far = int(np.count_nonzero(stored & (depth_m > MAX_PNG_DEPTH_M)))
    stored &= depth_m <= MAX_PNG_DEPTH_M
    if far:
        logger.warning('%s: %d pixels are farther than %g m, what a 16-bit .png of millimetres '
                       'can hold, and were written as 0; .npy and .pfm have no limit',
                       path, far, MAX_PNG_DEPTH_M)
    millimetres = np.rint(np.where(stored, depth_m, 0).astype(np.float64) * 1000)
    write_image(path, np.clip(millimetres, 0, 65535).astype(np.uint16), force=force)


def write_confidence(path: Path | str, confidence: np.ndarray, *, force: bool = False) -> None:
    """Write confidence (float32 [H, W] in 0..1): .png as 0..255, .npy and .pfm as it is."""
    suffix = check_map_suffix(path)
    if suffix == '.png':
        write_image(path, np.rint(np.clip(np.nan_to_num(confidence), 0, 1) * 255).astype(np.uint8),
                    force=force)
    else:
        _write_floats(path, confidence, suffix, force)


def read_mask(path: Path | str) -> np.ndarray:
    """Read an 8-bit image of one channel as it is: labels, or seen / occluded / unknown.

    Returns:
        uint8 [H, W].

    Raises:
        DataError: the file is missing, damaged, or not 8 bits of one channel.
    """
    stored = decode(path)
    if stored.dtype != np.uint8 or stored.ndim != 2:
        raise DataError(f'{path} is {stored.dtype} {list(stored.shape)}: a mask has one channel '
                        f'of 8 bits')
    return stored


def check_map_suffix(path: Path | str) -> str:
    """Return the suffix of a map file in lower case.

    Raises:
        DataError: it is none of `MAP_SUFFIXES`.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in MAP_SUFFIXES:
        raise DataError(f'{path} does not end in one of {", ".join(MAP_SUFFIXES)}')
    return suffix


def _read_npy(path: Path | str) -> np.ndarray:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f'{path} cannot be read as a numpy array: {error}') from error
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind != 'f':
        found = f'{values.dtype} {list(values.shape)}' if isinstance(
            values, np.ndarray) else 'an archive'
        raise DataError(f'{path} is {found}: floating point [H, W] is needed')
    return values.astype(np.float32)


def _write_floats(path: Path | str, values: np.ndarray, suffix: str, force: bool) -> None:
    if suffix == '.pfm':
        write_pfm(path, values, force=force)
        return
    with atomic_write(path, force=force) as file:
        np.save(file, np.ascontiguousarray(values, np.float32))
