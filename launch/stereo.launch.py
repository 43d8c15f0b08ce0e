# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a stereo camera to disparity, depth, points, confidence and an obstacle scan."""

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
    DeclareLaunchArgument('name', default_value='stereo_node', description='Name of the node.'),
    DeclareLaunchArgument('left', default_value='left',
                          description='Where the left camera publishes, e.g. /my/cam/left; '
                                      'relative to the namespace without a slash in front.'),
    DeclareLaunchArgument('right', default_value='right',
                          description='Where the right camera publishes.'),
    DeclareLaunchArgument('image', default_value='image_rect',
                          description='Name of the rectified images below left and right.'),
    DeclareLaunchArgument('params_file',
                          default_value=PathJoinSubstitution(
                              [ThisLaunchFileDir(), '..', 'config', 'stereo_node.yaml']),
                          description='YAML with the parameters of the node.'),
    DeclareLaunchArgument('model', default_value='',
                          description='Network by name or path; empty = as params_file says.'),
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


def stereo_node(context: LaunchContext) -> list[Node]:
    """Describe the node, with the topics of the cameras that were named."""
    chosen = context.launch_configurations
    overrides = {'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'),
                                                value_type=bool)}
    if chosen['model']:
        overrides['model'] = ParameterValue(chosen['model'], value_type=str)
    remappings = []
    for side in ('left', 'right'):
        camera = chosen[side].rstrip('/')
        remappings += [
            (f'{side}/camera_info', f'{camera}/camera_info'),
            (f'{side}/image_rect', f'{camera}/{chosen["image"]}'),
            (f'{side}/image_rect/compressed', f'{camera}/{chosen["image"]}/compressed'),
        ]
    return [Node(package='depth_learning_ros', executable='stereo_node', name=chosen['name'],
                 parameters=[chosen['params_file'], overrides], remappings=remappings,
                 ros_arguments=['--log-level', f'{chosen["name"]}:={chosen["log_level"]}'],
                 output='screen')]


def part(name: str, condition: str) -> IncludeLaunchDescription:
    """Describe a part of its own, started when an argument is true."""
    return IncludeLaunchDescription(
        PathJoinSubstitution([ThisLaunchFileDir(), 'parts', f'{name}.launch.py']),
        condition=IfCondition(LaunchConfiguration(condition)))


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, GroupAction([
        PushRosNamespace(LaunchConfiguration('namespace')),
        OpaqueFunction(function=stereo_node),
        part('rectify', 'rectify'),
        part('view', 'view'),
    ])])
