#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Building a coloured cloud, against cv2.reprojectImageTo3D and the fastest packing we know.

Both make the packed x, y, z, rgb of sensor_msgs/PointCloud2 from a disparity map and an image.
Ours also makes unknown and far pixels NaN, which reprojectImageTo3D leaves to its caller. Ours
takes the memory of an earlier cloud that nobody holds any more; "into kept arrays" writes into
the same two arrays each time, which is faster and overwrites the cloud before.

    python benchmarks/cloud.py [--rounds 30] [--threads 2]
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from timing import alternate

from depth_learning_ros.geometry.cloud import cloud_from_depth, cloud_from_disparity
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.types import StereoCamera

OURS = 'cloud_from_disparity'


def scene(width: int, height: int) -> tuple[np.ndarray, np.ndarray, StereoCamera]:
    """A noisy disparity map with 5 % of gaps, an image, and KITTI's camera at that size."""
    random = np.random.default_rng(0)
    disparity = random.uniform(1, 90, (height, width)).astype(np.float32)
    disparity[random.random((height, width)) < 0.05] = np.nan
    left = random.integers(0, 256, (height, width, 3), np.uint8)
    camera = StereoCamera(1242, 375, 721.5, 609.6, 172.9, 0.54).resized(width, height)
    return disparity, left, camera


def reproject_and_pack(disparity: np.ndarray, left: np.ndarray, q: np.ndarray, *,
                       with_numpy: bool = False, points: np.ndarray | None = None,
                       packed: np.ndarray | None = None) -> np.ndarray:
    points = cv2.reprojectImageTo3D(disparity, q, points)
    bits = cv2.cvtColor(left, cv2.COLOR_RGB2BGRA).view(np.uint32)[..., 0]
    bits &= np.uint32(0x00FFFFFF)
    if packed is None:
        packed = np.empty((*disparity.shape, 4), np.float32)
    if with_numpy:
        packed[..., :3] = points
        packed[..., 3] = bits.view(np.float32)
    else:
        cv2.mixChannels([points, bits.view(np.float32)], [packed], [0, 0, 1, 1, 2, 2, 3, 3])
    return packed


def compare(width: int, height: int, rounds: int) -> None:
    disparity, left, camera = scene(width, height)
    depth = disparity_to_depth(disparity, camera)
    q = np.array([[1, 0, 0, -camera.cx], [0, camera.focal_px / camera.fy, 0,
                                          -camera.cy * camera.focal_px / camera.fy],
                  [0, 0, 0, camera.focal_px], [0, 0, 1 / camera.baseline_m, 0]])
    ours = cloud_from_disparity(disparity, left, camera).packed
    theirs = reproject_and_pack(disparity, left, q)
    points, packed = np.empty((height, width, 3), np.float32), np.empty_like(theirs)
    known = np.isfinite(disparity)
    np.testing.assert_allclose(ours[known, :3], theirs[known, :3], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ours[..., 3].view(np.uint32), theirs[..., 3].view(np.uint32))
    times = alternate({
        OURS: lambda: cloud_from_disparity(disparity, left, camera),
        'cloud_from_depth': lambda: cloud_from_depth(depth, left, camera),
        'reprojectImageTo3D, into kept arrays':
            lambda: reproject_and_pack(disparity, left, q, points=points, packed=packed),
        'reprojectImageTo3D, mixChannels': lambda: reproject_and_pack(disparity, left, q),
        'reprojectImageTo3D, numpy':
            lambda: reproject_and_pack(disparity, left, q, with_numpy=True)}, rounds)
    print(f'{width}x{height}: lower quartile of {rounds} alternating runs')
    for name, milliseconds in times.items():
        ratio = milliseconds / times[OURS]
        print(f'  {name:<38} {milliseconds:7.2f} ms  {ratio:5.2f} x')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--threads', type=int, default=2, help="OpenCV's threads")
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    for width, height in ((1242, 375), (640, 480)):
        compare(width, height, arguments.rounds)


if __name__ == '__main__':
    main()
