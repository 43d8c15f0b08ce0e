# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stereo camera's depth, and a network that learns the place meanwhile."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
)
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

LAUNCH = Path(__file__).absolute().parent
ARGUMENTS = [
    DeclareLaunchArgument('stereo', default_value='true',
                          description='Start stereo_node too, by stereo.launch.py and its '
                                      'arguments; false where it runs already.'),
    DeclareLaunchArgument('name', default_value='stereo_node',
                          description='Name of the stereo_node that gets the adapted models.'),
    DeclareLaunchArgument('model', default_value='',
                          description='Network to begin with, for both nodes; empty = as their '
                                      'YAML files say.'),
    DeclareLaunchArgument('adapt_params_file',
                          default_value=str(LAUNCH.parent / 'config' / 'adaptation_node.yaml'),
                          description='YAML with the parameters of adaptation_node.'),
    DeclareLaunchArgument('folder', default_value='',
                          description='Where frames, state and adapted weights are kept; empty = '
                                      'as adapt_params_file says.'),
    DeclareLaunchArgument('adapt', default_value='true',
                          description='Begin at once; false waits for the service ~/start.'),
]
# As it has only the time that nobody else wants, it takes long to save what it learned.
TO_SAVE_S = '50'


def adaptation_node(context: LaunchContext) -> list[Node]:
    """Describe the node, with the topics of the cameras that were named."""
    chosen = context.launch_configurations
    overrides = {
        'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'), value_type=bool),
        'autostart': ParameterValue(LaunchConfiguration('adapt'), value_type=bool),
        'target_node': chosen['name'],
        **{name: ParameterValue(chosen[name], value_type=str)
           for name in ('model', 'folder') if chosen[name]},
    }
    remappings = []
    for side in ('left', 'right'):
        images = f'{chosen[side].rstrip("/")}/{chosen["image"]}'
        remappings += [(f'{side}/image_rect', images),
                       (f'{side}/image_rect/compressed', f'{images}/compressed')]
    return [Node(package='depth_learning_ros', executable='adaptation_node',
                 name='adaptation_node', output='screen', remappings=remappings,
                 sigterm_timeout=TO_SAVE_S,
                 parameters=[chosen['adapt_params_file'], overrides])]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    # declared here, too: stereo.launch.py is not always there
    shared = [IncludeLaunchDescription(str(LAUNCH / 'parts' / f'{kind}_arguments.launch.py'))
              for kind in ('common', 'pair')]
    stereo = IncludeLaunchDescription(
        str(LAUNCH / 'stereo.launch.py'),
        condition=IfCondition(LaunchConfiguration('stereo')))
    return LaunchDescription([*ARGUMENTS, *shared, stereo, GroupAction([
        PushRosNamespace(LaunchConfiguration('namespace')),
        OpaqueFunction(function=adaptation_node),
    ])])
