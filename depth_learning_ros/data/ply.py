# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Point clouds as .ply files, which MeshLab, CloudCompare, Open3D and Blender open."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_learning_ros.files import atomic_write
from depth_learning_ros.types import PointCloud

_VERTEX = np.dtype([('x', '<f4'), ('y', '<f4'), ('z', '<f4'),
                    ('red', 'u1'), ('green', 'u1'), ('blue', 'u1')])
_TYPE_NAMES = {'f': 'float', 'u': 'uchar'}


def write_ply(path: Path | str, cloud: PointCloud, *, force: bool = False) -> int:
    """Write the finite points of a cloud with their colours, binary little endian.

    Coordinates stay in the left optical frame (x right, y down, z forward), metres.

    Returns:
        The number of points written.

    Raises:
        DataError: the file cannot be written.
    """
    known = np.isfinite(cloud.points).all(axis=2)
    vertices = np.empty(int(np.count_nonzero(known)), _VERTEX)
    for axis, name in enumerate('xyz'):
        vertices[name] = cloud.points[known, axis]
    for channel, name in enumerate(('red', 'green', 'blue')):
        vertices[name] = cloud.colors[known, channel]
    header = ['ply', 'format binary_little_endian 1.0',
              'comment metres, left optical frame: x right, y down, z forward',
              f'element vertex {len(vertices)}']
    header += [f'property {_TYPE_NAMES[_VERTEX[name].kind]} {name}'
               for name in _VERTEX.names or ()]
    header += ['end_header', '']
    with atomic_write(path, force=force) as file:
        file.write('\n'.join(header).encode())
        file.write(vertices.data)
    return len(vertices)
