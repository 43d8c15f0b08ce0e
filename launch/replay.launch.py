# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Play a bag through a node, on the bag's own clock, and watch what comes out."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.substitutions import EqualsSubstitution, LaunchConfiguration

ARGUMENTS = [
    DeclareLaunchArgument('bag', description='Bag of rectified images and camera_info, any '
                                             'storage that ros2 bag reads.'),
    DeclareLaunchArgument('kind', default_value='stereo', choices=['stereo', 'mono'],
                          description='Which node; its launch file takes the arguments left, '
                                      'right, camera, model, ... below.'),
    DeclareLaunchArgument('rate', default_value='1.0', description='Times real time.'),
    DeclareLaunchArgument('loop', default_value='false', description='Start over at the end.'),
    DeclareLaunchArgument('delay', default_value='5.0',
                          description='Seconds before playing, for the node to load its engine.'),
    DeclareLaunchArgument('stay', default_value='false',
                          description='Go on when the bag ends, instead of stopping all.'),
    DeclareLaunchArgument('view', default_value='true',
                          description='Show image, disparity, cloud and scan in RViz.'),
]
LAST_FRAMES_S = 2.0


def player(context: LaunchContext) -> list[TimerAction | RegisterEventHandler]:
    """Describe ros2 bag play, and what its end means."""
    chosen = context.launch_configurations
    command = ['ros2', 'bag', 'play', chosen['bag'], '--clock', '100', '--rate', chosen['rate'],
               '--disable-keyboard-controls']
    if chosen['loop'].lower() in ('true', '1'):
        command.append('--loop')
    play = ExecuteProcess(cmd=command, name='play', output='screen')
    # ros2 bag's own --delay would come again with each turn of --loop
    start = TimerAction(period=float(chosen['delay']), actions=[play])
    if chosen['stay'].lower() in ('true', '1'):
        return [start]
    end = TimerAction(period=LAST_FRAMES_S, actions=[Shutdown(reason='the bag has ended')])
    return [start, RegisterEventHandler(OnProcessExit(target_action=play, on_exit=[end]))]


def camera_node(kind: str) -> IncludeLaunchDescription:
    """Describe the launch file of a kind of node."""
    return IncludeLaunchDescription(
        str(Path(__file__).absolute().parent / f'{kind}.launch.py'),
        launch_arguments={'use_sim_time': 'true'}.items(),
        condition=IfCondition(EqualsSubstitution(LaunchConfiguration('kind'), kind)))


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, camera_node('stereo'), camera_node('mono'),
                              OpaqueFunction(function=player)])
