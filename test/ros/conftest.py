# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real processes on a real ROS 2: needs one that is sourced, and talks to this machine only."""

from __future__ import annotations

import os
from pathlib import Path
import sys

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / 'test'))

# set before anything of ROS 2 is loaded; processes that tests start inherit them
os.environ.setdefault('ROS_DOMAIN_ID', str(60 + os.getpid() % 40))
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
os.environ['PYTHONPATH'] = os.pathsep.join(
    [str(ROOT), *filter(None, [os.environ.get('PYTHONPATH')])])
os.environ['OMP_NUM_THREADS'] = '1'

try:
    import rclpy
except ImportError:
    rclpy = None  # type: ignore[assignment]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what only a real ROS 2 can pass."""
    if rclpy is not None:
        return
    skip = pytest.mark.skip(reason='needs a real ROS 2: source /opt/ros/jazzy/setup.bash')
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(skip)


@pytest.fixture(scope='session', autouse=True)
def ros():
    """One context for all tests of a run."""
    if rclpy is None:
        yield
        return
    rclpy.init()
    yield
    rclpy.try_shutdown()
