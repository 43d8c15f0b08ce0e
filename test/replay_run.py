# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replaying a bag in a test, and reading back what was written by rosbags itself."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from bags import STORE
from fake_engine import ShiftEngine
from rosbags.rosbag2 import Reader

from depth_learning_ros.pipeline import DepthOptions, StereoPipeline
from depth_learning_ros.replay import ReplayOptions, replay

INPUTS = {'/stereo/left/image_rect', '/stereo/right/image_rect', '/stereo/left/camera_info',
          '/stereo/right/camera_info'}
RESULTS = {'/stereo/disparity', '/stereo/depth', '/stereo/depth/camera_info',
           '/stereo/camera_info', '/stereo/points2', '/stereo/confidence'}
Found = dict[str, list[tuple[int, object]]]


def read(path: Path) -> Found:
    """Return (log time, message) by topic, as rosbags reads them."""
    found: Found = defaultdict(list)
    with Reader(path) as reader:
        for connection, log_time_ns, data in reader.messages():
            message = STORE.deserialize_cdr(data, connection.msgtype)
            found[connection.topic].append((log_time_ns, message))
    return dict(found)


def stamps(found: Found, topic: str) -> list[int]:
    return [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec for _, m in found[topic]]


def run(tmp_path: Path, engine: ShiftEngine | None = None, source: str = 'in',
        output: str = 'out.mcap', depth: DepthOptions | None = None, **options):
    """Replay tmp_path/in to tmp_path/out.mcap; return the report and what was written."""
    with StereoPipeline(engine or ShiftEngine(), depth) as pipeline:
        report = replay(tmp_path / source, tmp_path / output, pipeline, ReplayOptions(**options))
    return report, read(tmp_path / output)


def left_behind(tmp_path: Path, *expected: str) -> list[str]:
    return sorted(p.name for p in tmp_path.iterdir() if p.name not in ('in', *expected))
