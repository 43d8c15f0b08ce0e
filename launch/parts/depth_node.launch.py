# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stereo.launch.py and mono.launch.py share: the node, and what stands beside it."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, NotEqualsSubstitution
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

PARTS = Path(__file__).absolute().parent
ARGUMENTS = [
    DeclareLaunchArgument('params_file',
                          default_value=[f'{PARTS.parents[1] / "config"}/',
                                         LaunchConfiguration('node'), '.yaml'],
                          description='YAML with the parameters of the node.'),
    DeclareLaunchArgument('model', default_value='',
                          description='Network by name or path; empty = as params_file says.'),
    DeclareLaunchArgument('log_level', default_value='info',
                          description='debug, info, warn, error or fatal.'),
    DeclareLaunchArgument('rectify', default_value='false',
                          description='Rectify raw images with image_proc before the node.'),
    DeclareLaunchArgument('view', default_value='false',
                          description='Show image, disparity, cloud and scan in RViz.'),
    DeclareLaunchArgument('parent_frame', default_value='',
                          description='Publish a static transform from this frame (x forward, z '
                                      'up) to optical_frame; empty = somebody else does.'),
]
# how the node's own topics begin -> the argument that says where the camera publishes; a single
# camera is left, and nothing is right
CAMERAS = {'stereo_node': {'left/': 'left', 'right/': 'right'}, 'mono_node': {'': 'left'}}


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
    # a node's logger has its namespace in its name
    logger = '.'.join([*filter(None, chosen.get('ros_namespace', '').split('/')), chosen['name']])
    return [Node(package='depth_learning_ros', executable=chosen['node'], name=chosen['name'],
                 parameters=[chosen['params_file'], overrides], remappings=remappings,
                 ros_arguments=['--log-level', f'{logger}:={chosen["log_level"]}'],
                 output='screen')]


def part(name: str, when: IfCondition) -> IncludeLaunchDescription:
    """Describe what is started beside the node when it is asked for, for the same cameras."""
    return IncludeLaunchDescription(str(PARTS / f'{name}.launch.py'), condition=when)


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    arguments = IncludeLaunchDescription(str(PARTS / 'common_arguments.launch.py'))
    return LaunchDescription([arguments, *ARGUMENTS, GroupAction([
        PushRosNamespace(LaunchConfiguration('namespace')),
        # first what may be missing, or refuse its arguments: launch may leave behind what it has
        # started by then
        part('view', IfCondition(LaunchConfiguration('view'))),
        part('transform', IfCondition(
            NotEqualsSubstitution(LaunchConfiguration('parent_frame'), ''))),
        part('rectify', IfCondition(LaunchConfiguration('rectify'))),
        OpaqueFunction(function=depth_node),
    ])])
