# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RViz with what the nodes publish."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ROOT = Path(__file__).absolute().parents[2]
ARGUMENTS = [
    DeclareLaunchArgument('optical_frame', default_value='left_camera_optical_frame',
                          description='frame_id of the left images.'),
    DeclareLaunchArgument('rviz_config',
                          default_value=str(ROOT / 'config' / 'rviz' / 'depth.rviz'),
                          description='What RViz shows.'),
]


def nodes(context: LaunchContext) -> list[Node]:
    """Describe RViz, with the topics of this namespace for those its configuration names."""
    chosen = context.launch_configurations
    parameters = [{'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'),
                                                  value_type=bool)}]
    below = chosen['left'].rstrip('/') + '/' if chosen['left'] else ''
    topics = ('disparity/image', 'depth', 'depth/camera_info', 'points2', 'confidence', 'scan')
    rviz = Node(
        package='rviz2', executable='rviz2', name='rviz', parameters=parameters,
        # the view is one from behind the camera, so that its frame must be the fixed one
        arguments=['-d', chosen['rviz_config'], '-f', chosen['optical_frame']],
        remappings=[('/left/image_rect', f'{below}{chosen["image"]}'),
                    *((f'/{topic}', topic) for topic in topics)])
    disparity = Node(package='depth_learning_ros', executable='disparity_image_node',
                     name='disparity_image', parameters=parameters)
    return [rviz, disparity]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
