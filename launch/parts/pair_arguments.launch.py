# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments that say where the two cameras publish."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments; nothing is started."""
    return LaunchDescription([
        DeclareLaunchArgument('left', default_value='left',
                              description='Where the left camera publishes, e.g. /my/cam/left; '
                                          'relative to the namespace without a slash in front.'),
        DeclareLaunchArgument('right', default_value='right',
                              description='Where the right camera publishes.'),
    ])
