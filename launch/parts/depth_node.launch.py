# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stereo.launch.py and mono.launch.py share: the node, and what stands beside it."""

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
    DeclareLaunchArgument('image', default_value='image_rect',
                          description='Name of the rectified images, beside camera_info.'),
    DeclareLaunchArgument('params_file',
                          default_value=[PathJoinSubstitution(
                              [ThisLaunchFileDir(), '..', '..', 'config',
                               LaunchConfiguration('node')]), '.yaml'],
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
# how the node's own topics begin -> the argument that says where the camera publishes
CAMERAS = {'stereo_node': {'left/': 'left', 'right/': 'right'}, 'mono_node': {'': 'camera'}}


def depth_node(context: LaunchContext) -> list[Node]:
    """Describe the node, with the topics of the cameras that were named."""
    chosen = context.launch_configurations
    overrides = {'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'),
                                                value_type=bool)}
    if chosen['model']:
        overrides['model'] = ParameterValue(chosen['model'], value_type=str)
    remappings = []
    for own, argument in CAMERAS[chosen['node']].items():
        below = chosen[argument].rstrip('/') + '/' if chosen[argument] else ''
        remappings += [
            (f'{own}camera_info', f'{below}camera_info'),
            (f'{own}image_rect', f'{below}{chosen["image"]}'),
            (f'{own}image_rect/compressed', f'{below}{chosen["image"]}/compressed'),
        ]
    return [Node(package='depth_learning_ros', executable=chosen['node'], name=chosen['name'],
                 parameters=[chosen['params_file'], overrides], remappings=remappings,
                 ros_arguments=['--log-level', f'{chosen["name"]}:={chosen["log_level"]}'],
                 output='screen')]


def parts(context: LaunchContext) -> list[IncludeLaunchDescription]:
    """Describe what is started beside the node when it is asked for, for the same cameras."""
    chosen = context.launch_configurations
    places = [chosen[argument] for argument in CAMERAS[chosen['node']].values()]
    left, right = (*places, '')[:2]  # a single camera has no right
    return [IncludeLaunchDescription(
        PathJoinSubstitution([ThisLaunchFileDir(), f'{name}.launch.py']),
        launch_arguments={'left': left, 'right': right}.items(),
        condition=IfCondition(LaunchConfiguration(name))) for name in ('rectify', 'view')]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, GroupAction([
        PushRosNamespace(LaunchConfiguration('namespace')),
        OpaqueFunction(function=depth_node),
        OpaqueFunction(function=parts),
    ])])
