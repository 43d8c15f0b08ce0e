# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RViz with what the nodes publish."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ROOT = Path(__file__).absolute().parents[2]
ARGUMENTS = [
    DeclareLaunchArgument('fixed_frame', default_value='',
                          description='Frame that RViz shows everything in, such as odom; empty = '
                                      'level, at the camera.'),
    DeclareLaunchArgument('rviz_config',
                          default_value=str(ROOT / 'config' / 'rviz' / 'depth.rviz'),
                          description='What RViz shows.'),
]


def nodes(context: LaunchContext) -> list[Node]:
    """Describe RViz, with the topics of this namespace for those its configuration names."""
    chosen = context.launch_configurations
    use_sim_time = ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool)
    below = chosen['left'].rstrip('/') + '/' if chosen['left'] else ''
    topics = ('disparity/image', 'points2', 'scan')
    # frames have no namespaces: one of its own for each camera that is viewed
    frame = '_'.join([*filter(None, chosen.get('ros_namespace', '').split('/')), 'depth_view'])
    rviz = Node(
        package='rviz2', executable='rviz2', name='rviz',
        parameters=[{'use_sim_time': use_sim_time}],
        arguments=['-d', chosen['rviz_config'], '-f', chosen['fixed_frame'] or frame],
        remappings=[('/left/image_rect', f'{below}{chosen["image"]}'),
                    *((f'/{topic}', topic) for topic in topics)],
        on_exit=Shutdown())
    view = Node(package='depth_learning_ros', executable='view_node', name='view_node',
                parameters=[{'use_sim_time': use_sim_time, 'view_frame': frame}])
    return [rviz, view]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
