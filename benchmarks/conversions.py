#!/usr/bin/env python3
# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every conversion between a message and an array, and all of a frame's together.

The sum at the end is what a frame costs beside the network and the reading and writing of bytes:
two images in, disparity, depth, confidence and cloud out.

    python benchmarks/conversions.py [--rounds 20] [--threads 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from timing import alternate

from depth_learning_ros.geometry.cloud import cloud_from_depth
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.messages import (
    ENCODINGS,
    MessageWriter,
    cloud_from_message,
    depth_from_image,
    disparity_from_message,
    image_to_rgb,
)
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair

FRAME_PARTS = ('disparity to depth', 'depth to cloud', 'write DisparityImage',
               'write depth 32FC1', 'write confidence 32FC1', 'write PointCloud2')


def make(kind: str, **fields: Any) -> SimpleNamespace:
    return SimpleNamespace(kind=kind, **fields)


WRITER = MessageWriter(make)
HEADER = make('', stamp=make('', sec=1, nanosec=2), frame_id='left')


def readers(rgb: np.ndarray) -> dict[str, Callable[[], object]]:
    """One conversion to RGB for each encoding and for compressed images."""
    height, width = rgb.shape[:2]
    random = np.random.default_rng(1)
    functions: dict[str, Callable[[], object]] = {}
    for name, encoding in ENCODINGS.items():
        size = width * encoding.channels * np.dtype(encoding.dtype).itemsize
        data = random.integers(0, 256, height * size, np.uint8)
        if name == '32FC1':
            data = random.random(height * width, np.float32).view(np.uint8)
        message = make('', height=height, width=width, encoding=name, is_bigendian=0, step=size,
                       data=data)
        if width % encoding.block[0] or height % encoding.block[1]:
            message.height, message.data = height - 1, data[:-size]
        functions[f'read {name}'] = lambda message=message: image_to_rgb(message)
    rows = np.zeros((height, width * 3 + 64), np.uint8)
    padded = make('', height=height, width=width, encoding='rgb8', is_bigendian=0,
                  step=width * 3 + 64, data=rows.reshape(-1))
    functions['read rgb8, padded rows'] = lambda: image_to_rgb(padded)
    gray = np.repeat(rgb[..., :1], 3, axis=2)
    for name, picture in (('colour', rgb), ('gray', gray)):
        for kind in ('jpeg', 'png'):
            message = WRITER.compressed_image(picture, HEADER, kind)
            if name == 'gray':
                message.data = cv2.imencode(f'.{kind}', picture[..., 0])[1].reshape(-1)
            functions[f'read {kind}, {name}'] = lambda message=message: image_to_rgb(message)
    return functions


def writers(rgb: np.ndarray) -> dict[str, Callable[[], object]]:
    """What follows the network, step by step, and the way back from the messages."""
    height, width = rgb.shape[:2]
    camera = StereoCamera(1242, 375, 721.5, 609.6, 172.9, 0.54).resized(width, height)
    values = np.random.default_rng(2).uniform(1, 90, (height, width)).astype(np.float32)
    pair = StereoPair(rgb, rgb, camera)
    depth = disparity_to_depth(values, camera)
    result = StereoResult(pair, Disparity(values, values / 90, 192.0), depth,
                          cloud_from_depth(depth, rgb, camera), {})
    gaps = replace(result, disparity=Disparity(np.where(values < 5, np.nan, values)))
    disparity_image = WRITER.disparity_image(result, HEADER)
    millimetres = WRITER.depth_image(result, HEADER, '16UC1')
    cloud = WRITER.point_cloud2(result, HEADER)
    return {
        'disparity to depth': lambda: disparity_to_depth(values, camera),
        'depth to cloud': lambda: cloud_from_depth(depth, rgb, camera),
        'write DisparityImage': lambda: WRITER.disparity_image(result, HEADER),
        'write DisparityImage, with gaps': lambda: WRITER.disparity_image(gaps, HEADER),
        'write depth 32FC1': lambda: WRITER.depth_image(result, HEADER),
        'write depth 16UC1': lambda: WRITER.depth_image(result, HEADER, '16UC1'),
        'write confidence 32FC1': lambda: WRITER.confidence_image(result, HEADER),
        'write PointCloud2': lambda: WRITER.point_cloud2(result, HEADER),
        'write Image rgb8': lambda: WRITER.image(rgb, HEADER),
        'write CompressedImage jpeg': lambda: WRITER.compressed_image(rgb, HEADER),
        'read DisparityImage': lambda: disparity_from_message(disparity_image),
        'read depth 16UC1': lambda: depth_from_image(millimetres),
        'read PointCloud2': lambda: cloud_from_message(cloud),
    }


def photograph_like(width: int, height: int) -> np.ndarray:
    """Smooth shades with some noise, which compress about as well as a photograph."""
    random = np.random.default_rng(3)
    small = random.integers(0, 256, (height // 12, width // 12, 3), np.uint8)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    return np.clip(smooth + random.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--threads', type=int, default=2, help="OpenCV's threads")
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    for width, height in ((1242, 375), (640, 480)):
        rgb = photograph_like(width, height)
        times = alternate({**readers(rgb), **writers(rgb)}, arguments.rounds)
        print(f'{width}x{height}: lower quartile of {arguments.rounds} alternating runs')
        for name, milliseconds in times.items():
            print(f'  {name:<34} {milliseconds:7.2f} ms')
        after = sum(times[name] for name in FRAME_PARTS)
        for name in ('read mono8', 'read bgr8', 'read jpeg, colour'):
            print(f'  a frame: 2 x {name:<22}  + all outputs {2 * times[name] + after:7.2f} ms')


if __name__ == '__main__':
    main()
