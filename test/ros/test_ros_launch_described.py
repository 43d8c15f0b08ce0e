# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files would start, for packages that need not be installed for this."""

from __future__ import annotations

import logging
from pathlib import Path
import re
from typing import Any

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from ament_index_python import packages
from launch import LaunchContext, LaunchDescriptionEntity
from launch.actions import ExecuteProcess, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.utilities import perform_substitutions
import numpy as np
import yaml

# launch makes every logger that is created after its import one of its own kind, which hides the
# warnings of all other tests from pytest
logging.setLoggerClass(logging.Logger)

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def everything_installed(monkeypatch):
    monkeypatch.setattr(packages, 'get_package_prefix', lambda name: f'/opt/{name}')


def started(name: str, /, **arguments: str) -> list[ExecuteProcess]:
    """Return the processes that a launch file describes, without starting them."""
    context = LaunchContext()
    root = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(ROOT / 'launch' / name)),
        launch_arguments=arguments.items())

    def expanded(entity: LaunchDescriptionEntity) -> list[ExecuteProcess]:
        if isinstance(entity, ExecuteProcess):
            return [entity]
        return [found for inner in entity.visit(context) or [] for found in expanded(inner)]

    return expanded(root)


def words(substitutions: Any) -> str:
    if isinstance(substitutions, str):
        return substitutions
    return perform_substitutions(LaunchContext(), list(substitutions))


def test_rectification_comes_before_the_node():
    processes = started('stereo.launch.py', left='/my/cam/left', right='/my/cam/right',
                        rectify='true', debayer='true', image='image_rect_color')
    [container] = [p for p in processes if hasattr(p, '_ComposableNodeContainer__'
                                                      'composable_node_descriptions')]
    nodes = container._ComposableNodeContainer__composable_node_descriptions
    assert [(words(n.node_plugin), words(n.node_namespace)) for n in nodes] == [
        ('image_proc::DebayerNode', '/my/cam/left'), ('image_proc::RectifyNode', '/my/cam/left'),
        ('image_proc::DebayerNode', '/my/cam/right'),
        ('image_proc::RectifyNode', '/my/cam/right')]
    remapped = {words(a): words(b) for a, b in nodes[1].remappings}
    assert remapped == {'image': 'image_color', 'image_rect': 'image_rect_color'}
    assert len(processes) == 2


@pytest.mark.parametrize(('name', 'arguments', 'expected'), [
    ('stereo', {'left': '/my/cam/left/', 'right': 'eye', 'image': 'image_rect_color'}, {
        'left/camera_info': '/my/cam/left/camera_info',
        'left/image_rect': '/my/cam/left/image_rect_color',
        'left/image_rect/compressed': '/my/cam/left/image_rect_color/compressed',
        'right/camera_info': 'eye/camera_info', 'right/image_rect': 'eye/image_rect_color',
        'right/image_rect/compressed': 'eye/image_rect_color/compressed'}),
    ('mono', {'camera': '/my/cam'}, {
        'camera_info': '/my/cam/camera_info', 'image_rect': '/my/cam/image_rect',
        'image_rect/compressed': '/my/cam/image_rect/compressed'}),
    ('mono', {'image': 'image'}, {
        'camera_info': 'camera_info', 'image_rect': 'image',
        'image_rect/compressed': 'image/compressed'})])
def test_cameras_are_where_they_are_named(name, arguments, expected):
    [node] = started(f'{name}.launch.py', **arguments)
    remapped = {words(a): words(b) for a, b in node._Node__remappings}
    assert remapped == expected
    assert words(node.node_executable) == f'{name}_node'


@pytest.mark.parametrize('name', ['stereo', 'mono'])
def test_a_single_camera_is_rectified_alone(name):
    container = started(f'{name}.launch.py', rectify='true', camera='/cam')[0]
    nodes = container._ComposableNodeContainer__composable_node_descriptions
    assert [words(n.node_namespace) for n in nodes] == {
        'stereo': ['left', 'right'], 'mono': ['/cam']}[name]


def test_without_being_asked_for_neither_rviz_nor_rectification_start():
    assert len(started('stereo.launch.py')) == len(started('mono.launch.py')) == 1


@pytest.mark.parametrize(('stereo', 'nodes'), [
    ('true', ['stereo_node', 'adaptation_node']), ('false', ['adaptation_node'])])
def test_adaptation_runs_beside_stereo(stereo, nodes):
    processes = started('adapt.launch.py', stereo=stereo, left='/my/cam/left', model='x.onnx')
    assert [words(p.node_executable) for p in processes] == nodes


@pytest.mark.parametrize(('parent', 'count'), [('', 3), ('base_link', 4)])
def test_rviz_and_the_transform(parent, count):
    processes = started('stereo.launch.py', view='true', parent_frame=parent,
                        optical_frame='eye', camera_xyz='1 2 3')
    names = [words(p.node_package) for p in processes if hasattr(p, 'node_package')]
    assert len(names) == count and names.count('rviz2') == 1
    assert names.count('tf2_ros') == (1 if parent else 0)


@pytest.mark.parametrize(('arguments', 'frame', 'shown'), [
    ({}, 'depth_view', 'depth_view'),
    ({'namespace': '/robot/front'}, 'robot_front_depth_view', 'robot_front_depth_view'),
    ({'namespace': 'front', 'fixed_frame': 'odom'}, 'front_depth_view', 'odom')])
def test_each_camera_is_looked_at_from_a_frame_of_its_own(arguments, frame, shown):
    rviz, view, _ = started('stereo.launch.py', view='true', **arguments)
    assert [words(word) for word in rviz._Node__arguments][-2:] == ['-f', shown]
    [parameters] = view._Node__parameters
    named = {words(name): value for name, value in parameters.items()}
    assert yaml.safe_load(words(named['view_frame'])) == frame


def test_the_static_transform_turns_an_optical_frame_the_right_way():
    """Forward of the robot is z of the camera, left is -x, up is -y (REP 103)."""
    text = (ROOT / 'launch' / 'parts' / 'transform.launch.py').read_text()
    x, y, z, w = (float(re.search(f"'--q{axis}', '(-?[0-9.]+)'", text)[1]) for axis in 'xyzw')
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])
    assert rotation.tolist() == [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]


@pytest.mark.parametrize(('name', 'own'), [
    ('stereo', {'left', 'right'}), ('mono', {'camera'}), ('adapt', {'left', 'folder', 'adapt'}),
    ('replay', {'bag', 'left', 'right', 'camera', 'rate'})])
def test_all_arguments_of_all_parts_are_listed(name, own):
    """What ``ros2 launch ... --show-args`` shows."""
    source = PythonLaunchDescriptionSource(str(ROOT / 'launch' / f'{name}.launch.py'))
    description = source.get_launch_description(LaunchContext())
    listed = {argument.name for argument in description.get_launch_arguments()}
    assert listed >= own | {'namespace', 'image', 'params_file', 'model', 'log_level', 'rectify',
                            'raw_image', 'debayer', 'parent_frame', 'optical_frame', 'camera_xyz',
                            'view', 'rviz_config', 'fixed_frame', 'use_sim_time'}
    assert ('left' in listed) == (name != 'mono')


@pytest.mark.parametrize(('namespace', 'logger'), [
    ('', 'eye'), ('front', 'front.eye'), ('/robot/front', 'robot.front.eye')])
def test_the_level_is_set_for_the_logger_that_the_node_has(namespace, logger):
    [node] = started('stereo.launch.py', namespace=namespace, name='eye', log_level='debug')
    assert words(node._Node__ros_arguments[1]) == f'{logger}:=debug'


def test_without_image_proc_rectification_says_what_to_install(monkeypatch):
    def nothing(name):
        raise packages.PackageNotFoundError(name)

    monkeypatch.setattr(packages, 'get_package_prefix', nothing)
    with pytest.raises(RuntimeError, match='apt install ros-jazzy-image-proc'):
        started('stereo.launch.py', rectify='true')
