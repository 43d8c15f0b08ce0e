# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Arguments of all that looks at a camera's rectified images."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments; nothing is started."""
    return LaunchDescription([
        DeclareLaunchArgument('namespace', default_value='',
                              description='Namespace of all that is started.'),
        DeclareLaunchArgument('image', default_value='image_rect',
                              description='Name of the rectified images, beside camera_info.'),
        DeclareLaunchArgument('use_sim_time', default_value='false',
                              description='Take the time from /clock, as bags and simulators '
                                          'publish it.'),
    ])
