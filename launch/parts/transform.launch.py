# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where the camera is on the robot, for a camera whose driver does not say."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node

ARGUMENTS = [
    DeclareLaunchArgument('optical_frame', default_value='left_camera_optical_frame',
                          description='frame_id of the left images.'),
    DeclareLaunchArgument('camera_xyz', default_value='0 0 0',
                          description='Where the camera is in parent_frame, in metres.'),
]


def publisher(context: LaunchContext) -> list[Node]:
    """Describe the publisher of the transform: z of an optical frame is forward, y down."""
    chosen = context.launch_configurations
    try:
        x, y, z = (str(float(word)) for word in chosen['camera_xyz'].split())
    except ValueError as error:
        raise ValueError(f"camera_xyz is '{chosen['camera_xyz']}': give three numbers in metres, "
                         f"as in camera_xyz:='0.1 0.06 0.4'") from error
    return [Node(
        package='tf2_ros', executable='static_transform_publisher', name='camera_transform',
        arguments=['--x', x, '--y', y, '--z', z,
                   '--qx', '-0.5', '--qy', '0.5', '--qz', '-0.5', '--qw', '0.5',
                   '--frame-id', chosen['parent_frame'],
                   '--child-frame-id', chosen['optical_frame']])]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=publisher)])
