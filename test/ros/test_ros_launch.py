# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The workspace that docs/ros2.md tells to build, and its launch files, for real."""

from __future__ import annotations

import logging
from pathlib import Path
import re
import shutil
import subprocess
from typing import Any

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from bags import StereoBag, write_stereo_bag
from launch import LaunchContext, LaunchDescriptionEntity
from launch.actions import ExecuteProcess, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.utilities import perform_substitutions
import numpy as np
from stereo_msgs.msg import DisparityImage
from world import Process, StereoCamera, World

# launch makes every logger that is created after its import one of its own kind, which hides the
# warnings of all other tests from pytest
logging.setLoggerClass(logging.Logger)

ROOT = Path(__file__).parents[2]
BUILD_S = 300


@pytest.fixture(scope='session')
def workspace(tmp_path_factory) -> Path:
    """Build the package and its messages by the very command of the documents."""
    if shutil.which('colcon') is None:
        pytest.skip('needs colcon: pip install colcon-common-extensions')
    page = (ROOT / 'docs' / 'ros2.md').read_text()
    command = next(line for line in page.splitlines() if line.startswith('colcon build'))
    folder = tmp_path_factory.mktemp('ws')
    (folder / 'src').mkdir()
    shutil.copytree(ROOT, folder / 'src' / 'depth_learning_ros', ignore=shutil.ignore_patterns(
        '.git', '.venv', 'build', 'install', 'log', 'runs', 'demo', '__pycache__', '*.part'))
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True,
                          timeout=BUILD_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def launched(workspace: Path, *words: str | Path) -> Process:
    """Start `ros2 launch` in the workspace that was built."""
    line = ' '.join(f"'{word}'" for word in ('ros2', 'launch', 'depth_learning_ros', *words))
    return Process('bash', '-c', f'. {workspace}/install/setup.bash && exec {line}')


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def test_the_workspace_has_everything(workspace):
    share = workspace / 'install' / 'depth_learning_ros' / 'share' / 'depth_learning_ros'
    for folder in ('launch', 'config'):
        for path in (ROOT / folder).rglob('*.*'):
            if '__pycache__' not in path.parts:
                assert (share / path.relative_to(ROOT)).is_file(), path
    programs = workspace / 'install' / 'depth_learning_ros' / 'lib' / 'depth_learning_ros'
    assert {'stereo_node', 'mono_node', 'depth-learning'} <= {p.name for p in programs.iterdir()}


def test_the_status_message_can_be_used(workspace):
    program = ('from depth_learning_msgs.msg import AdaptationStatus as S; s = S(); '
               's.state = S.STATE_TRAINING; s.loss_names = ["a"]; s.after.frames = 3; print(s)')
    done = subprocess.run(
        ['bash', '-c', f". {workspace}/install/setup.bash && python3 -c '{program}'"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and 'state=2' in done.stdout, done.stderr


def test_stereo_in_a_namespace_with_cameras_elsewhere(workspace, world):
    camera = StereoCamera(world, '/my/cam')
    disparities = world.listen(DisparityImage, '/front/disparity')
    with launched(workspace, 'stereo.launch.py', 'namespace:=front', 'left:=/my/cam/left',
                  'right:=/my/cam/right', 'model:=bm') as process:
        world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)
        assert ('stereo_node', '/front') in world.node.get_node_names_and_namespaces()
        process.interrupt()
        assert 'Traceback' not in process.output, process.output
        assert 'process has finished cleanly' in process.output, process.output


def test_a_bag_is_played_to_its_end(workspace, world, tmp_path):
    bag = tmp_path / 'in'
    write_stereo_bag(bag, 'mcap', StereoBag(
        frames=6, width=160, height=120, focal=100.0, period_ns=300_000_000))
    disparities = world.listen(DisparityImage, '/stereo/disparity')
    with launched(workspace, 'replay.launch.py', f'bag:={bag}', 'namespace:=stereo', 'model:=bm',
                  'view:=false') as process:
        world.wait(lambda: not process.running, 'the end', timeout_s=90)
        assert disparities, process.output
        assert 'Traceback' not in process.output, process.output


# What would be started, for packages that need not be installed for this

def started(name: str, **arguments: str) -> list[ExecuteProcess]:
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


def test_the_static_transform_turns_an_optical_frame_the_right_way():
    """Forward of the robot is z of the camera, left is -x, up is -y (REP 103)."""
    text = (ROOT / 'launch' / 'parts' / 'view.launch.py').read_text()
    x, y, z, w = (float(re.search(f"'--q{axis}', '(-?[0-9.]+)'", text)[1]) for axis in 'xyzw')
    rotation = np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]])
    assert rotation.tolist() == [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
