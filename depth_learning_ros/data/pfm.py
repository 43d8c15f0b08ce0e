# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Portable float maps (.pfm): what SceneFlow, Middlebury and ETH3D store disparity in."""

from __future__ import annotations

from pathlib import Path
import re

import numpy as np

from depth_learning_ros.data.images import read_bytes
from depth_learning_ros.errors import DataError
from depth_learning_ros.files import atomic_write

# Magic number, width, height, scale; each followed by white space, exactly one after the scale.
_HEADER = re.compile(rb'(P[Ff])\s+(\d+)\s+(\d+)\s+([-+.\deE]+)\s')


def read_pfm(path: Path | str) -> np.ndarray:
    """Read a one-channel float map, top row first.

    The sign of the scale in its header tells the byte order (negative: little endian); its amount
    is ignored, as the data sets' own tools do.

    Returns:
        float32 [H, W], values as stored (Middlebury writes inf where it knows nothing).

    Raises:
        DataError: no such file, no PFM, three channels, or cut off.
    """
    data = read_bytes(path)
    header = _HEADER.match(data)
    if header is None:
        raise DataError(f'{path} is not a PFM file: it begins with {data[:16]!r}, expected '
                        f'Pf, width, height and scale')
    if header[1] == b'PF':
        raise DataError(f'{path} is a colour PFM (PF): a map of one channel (Pf) is needed')
    width, height, order = int(header[2]), int(header[3]), '<' if b'-' in header[4][:1] else '>'
    needed, found = 4 * width * height, len(data) - header.end()
    if found < needed:
        raise DataError(f'{path} is cut off: {width}x{height} needs {needed} bytes of data, there '
                        f'are {found}: copy it again')
    values = np.frombuffer(data, order + 'f4', width * height, header.end())
    return np.ascontiguousarray(values.reshape(height, width)[::-1], np.float32)


def write_pfm(path: Path | str, values: np.ndarray, *, force: bool = False) -> None:
    """Write float32 [H, W] as a little-endian float map, bottom row first as the format has it."""
    height, width = values.shape
    with atomic_write(path, force=force) as file:
        file.write(b'Pf\n%d %d\n-1.0\n' % (width, height))
        file.write(np.ascontiguousarray(values[::-1], '<f4').data)
