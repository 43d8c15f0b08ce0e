# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a single camera to disparity, depth, points, confidence and an obstacle scan."""

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, ThisLaunchFileDir
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = [
    DeclareLaunchArgument('namespace', default_value='',
                          description='Namespace of all that is started.'),
    DeclareLaunchArgument('name', default_value='mono_node', description='Name of the node.'),
    DeclareLaunchArgument('camera', default_value='',
                          description='Where the camera publishes, e.g. /my/cam; empty = in the '
                                      'namespace itself.'),
    DeclareLaunchArgument('image', default_value='image_rect',
                          description='Name of the rectified images below camera.'),
    DeclareLaunchArgument('params_file',
                          default_value=PathJoinSubstitution(
                              [ThisLaunchFileDir(), '..', 'config', 'mono_node.yaml']),
                          description='YAML with the parameters of the node.'),
    DeclareLaunchArgument('model', default_value='',
                          description='Mono network by name or path; empty = as params_file '
                                      'says.'),
    DeclareLaunchArgument('use_sim_time', default_value='false',
                          description='Take the time from /clock, as bags and simulators '
                                      'publish it.'),
    DeclareLaunchArgument('log_level', default_value='info',
                          description='debug, info, warn, error or fatal.'),
    DeclareLaunchArgument('rectify', default_value='false',
                          description='Rectify raw images with image_proc before the node.'),
    DeclareLaunchArgument('view', default_value='false',
                          description='Show image, disparity, cloud and scan in RViz.'),
]


def mono_node(context: LaunchContext) -> list[Node]:
    """Describe the node, with the topics of the camera that was named."""
    chosen = context.launch_configurations
    overrides = {'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'),
                                                value_type=bool)}
    if chosen['model']:
        overrides['model'] = ParameterValue(chosen['model'], value_type=str)
    below = chosen['camera'].rstrip('/') + '/' if chosen['camera'] else ''
    remappings = [
        ('camera_info', f'{below}camera_info'),
        ('image_rect', f'{below}{chosen["image"]}'),
        ('image_rect/compressed', f'{below}{chosen["image"]}/compressed'),
    ]
    return [Node(package='depth_learning_ros', executable='mono_node', name=chosen['name'],
                 parameters=[chosen['params_file'], overrides], remappings=remappings,
                 ros_arguments=['--log-level', f'{chosen["name"]}:={chosen["log_level"]}'],
                 output='screen')]


def part(name: str, condition: str) -> IncludeLaunchDescription:
    """Describe a part of its own, started when an argument is true."""
    return IncludeLaunchDescription(
        PathJoinSubstitution([ThisLaunchFileDir(), 'parts', f'{name}.launch.py']),
        launch_arguments={'left': LaunchConfiguration('camera'), 'right': ''}.items(),
        condition=IfCondition(LaunchConfiguration(condition)))


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, GroupAction([
        PushRosNamespace(LaunchConfiguration('namespace')),
        OpaqueFunction(function=mono_node),
        part('rectify', 'rectify'),
        part('view', 'view'),
    ])])
