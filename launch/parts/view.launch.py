# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""RViz with what the nodes publish, and the transform of the camera where nobody publishes it."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, ThisLaunchFileDir
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = [
    DeclareLaunchArgument('left', default_value='left',
                          description='Namespace of the camera whose images are shown.'),
    DeclareLaunchArgument('image', default_value='image_rect',
                          description='Name of the images below left.'),
    DeclareLaunchArgument('optical_frame', default_value='left_camera_optical_frame',
                          description='frame_id of the left images.'),
    DeclareLaunchArgument('parent_frame', default_value='',
                          description='Publish a static transform from this frame (x forward, z '
                                      'up) to optical_frame; empty = somebody else does.'),
    DeclareLaunchArgument('camera_xyz', default_value='0 0 0',
                          description='Where the camera is in parent_frame, in metres.'),
    DeclareLaunchArgument('rviz_config',
                          default_value=PathJoinSubstitution(
                              [ThisLaunchFileDir(), '..', '..', 'config', 'rviz', 'depth.rviz']),
                          description='What RViz shows.'),
    DeclareLaunchArgument('use_sim_time', default_value='false',
                          description='Take the time from /clock.'),
]


def transform(chosen: dict[str, str], parameters: list[dict]) -> Node:
    """Describe the publisher of the transform: z of an optical frame is forward, y down."""
    x, y, z = chosen['camera_xyz'].split()
    return Node(
        package='tf2_ros', executable='static_transform_publisher', name='camera_transform',
        parameters=parameters,
        arguments=['--x', x, '--y', y, '--z', z,
                   '--qx', '-0.5', '--qy', '0.5', '--qz', '-0.5', '--qw', '0.5',
                   '--frame-id', chosen['parent_frame'],
                   '--child-frame-id', chosen['optical_frame']])


def nodes(context: LaunchContext) -> list[Node]:
    """Describe RViz, with the topics of this namespace for those its configuration names."""
    chosen = context.launch_configurations
    parameters = [{'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'),
                                                  value_type=bool)}]
    below = chosen['left'].rstrip('/') + '/' if chosen['left'] else ''
    topics = ('disparity/image', 'depth', 'depth/camera_info', 'points2', 'confidence', 'scan')
    rviz = Node(
        package='rviz2', executable='rviz2', name='rviz', parameters=parameters,
        arguments=['-d', chosen['rviz_config'],
                   '-f', chosen['parent_frame'] or chosen['optical_frame']],
        remappings=[('/left/image_rect', f'{below}{chosen["image"]}'),
                    *((f'/{topic}', topic) for topic in topics)])
    disparity = Node(package='depth_learning_ros', executable='disparity_image_node',
                     name='disparity_image', parameters=parameters)
    return [rviz, disparity, *([transform(chosen, parameters)] if chosen['parent_frame'] else [])]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
