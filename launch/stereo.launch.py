# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a stereo camera to disparity, depth, points, confidence and an obstacle scan."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription

PARTS = Path(__file__).absolute().parent / 'parts'


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([
        DeclareLaunchArgument('name', default_value='stereo_node',
                              description='Name of the node.'),
        IncludeLaunchDescription(str(PARTS / 'pair_arguments.launch.py')),
        IncludeLaunchDescription(str(PARTS / 'depth_node.launch.py'),
                                 launch_arguments={'node': 'stereo_node'}.items()),
    ])
