# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a single camera to disparity, depth, points, confidence and an obstacle scan."""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.substitutions import LaunchConfiguration

ARGUMENTS = [
    DeclareLaunchArgument('name', default_value='mono_node', description='Name of the node.'),
    DeclareLaunchArgument('camera', default_value='',
                          description='Where the camera publishes, e.g. /my/cam; empty = in the '
                                      'namespace itself.'),
]
PARTS = Path(__file__).absolute().parent / 'parts'


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, IncludeLaunchDescription(
        str(PARTS / 'depth_node.launch.py'),
        launch_arguments={'node': 'mono_node', 'left': LaunchConfiguration('camera'),
                          'right': ''}.items())])
