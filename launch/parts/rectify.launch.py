# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""image_proc between a camera that publishes raw images and the node: raw in, image_rect out."""

from ament_index_python import packages
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import ComposableNodeContainer
from launch_ros.descriptions import ComposableNode
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = [
    DeclareLaunchArgument('raw_image', default_value='image_raw',
                          description='Name of the raw images below left and right; camera_info '
                                      'stands beside them.'),
    DeclareLaunchArgument('debayer', default_value='false',
                          description='The raw images are Bayer patterns.'),
]
# image_proc's own choice, VNG, shifts the image up by two rows in OpenCV before 4.12
# (opencv/opencv#27225), which no rectification can be right after, and knows no 16-bit patterns.
BILINEAR = 0


def one_camera(camera: str, chosen: dict[str, str]) -> list[ComposableNode]:
    """Describe what one camera needs; in one process, images are handed over by pointer."""
    parameters = [{'use_sim_time': ParameterValue(LaunchConfiguration('use_sim_time'),
                                                  value_type=bool),
                   'debayer': BILINEAR}]
    common = {'package': 'image_proc', 'namespace': camera, 'parameters': parameters,
              'extra_arguments': [{'use_intra_process_comms': True}]}
    raw, nodes = chosen['raw_image'], []
    if chosen['debayer'].lower() in ('true', '1'):
        nodes.append(ComposableNode(plugin='image_proc::DebayerNode', name='debayer_node',
                                    remappings=[('image_raw', raw)], **common))
        raw = 'image_color'
    nodes.append(ComposableNode(plugin='image_proc::RectifyNode', name='rectify_node',
                                remappings=[('image', raw), ('image_rect', chosen['image'])],
                                **common))
    return nodes


def container(context: LaunchContext) -> list[ComposableNodeContainer]:
    """Describe the process with the nodes of both cameras."""
    try:
        packages.get_package_prefix('image_proc')
    except packages.PackageNotFoundError as error:
        raise RuntimeError('rectify:=true needs the package image_proc, which is not installed: '
                           'apt install ros-jazzy-image-proc') from error
    chosen = context.launch_configurations
    cameras = [chosen['left'], *([chosen['right']] if chosen['right'] else [])]
    return [ComposableNodeContainer(
        package='rclcpp_components', executable='component_container_mt',
        name='rectify_container', namespace='', output='screen',
        composable_node_descriptions=[n for c in cameras for n in one_camera(c, chosen)])]


def generate_launch_description() -> LaunchDescription:
    """Describe what is started."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=container)])
