# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a stereo camera to disparity, depth, points, confidence and an obstacle scan."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription

ARGUMENTS = [
    DeclareLaunchArgument('name', default_value='stereo_node', description='Name of the node.'),
    DeclareLaunchArgument('left', default_value='left',
                          description='Where the left camera publishes, e.g. /my/cam/left; '
                                      'relative to the namespace without a slash in front.'),
    DeclareLaunchArgument('right', default_value='right',
                          description='Where the right camera publishes.'),
]
PARTS = Path(__file__).absolute().parent / 'parts'


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, IncludeLaunchDescription(
        str(PARTS / 'depth_node.launch.py'),
        launch_arguments={'node': 'stereo_node'}.items())])
