# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The workspace that docs/ros2.md tells to build, and its launch files, for real."""

from __future__ import annotations

from pathlib import Path
import subprocess

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from bags import StereoBag, write_stereo_bag
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
from stereo_msgs.msg import DisparityImage
from workspace import assert_clean_end, launched
from world import StereoCamera, World

ROOT = Path(__file__).parents[2]


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
        assert_clean_end(process)


def test_a_single_camera_in_a_namespace(workspace, world, tmp_path):
    camera = StereoCamera(world, '/my', encoding='rgb8')
    depths = world.listen(Image, '/front/depth')
    with launched(workspace, 'mono.launch.py', 'namespace:=front', 'camera:=/my/left',
                  'name:=eye', 'model:=svs-small', DEPTH_LEARNING_CACHE=str(tmp_path)) as process:
        world.wait(lambda: depths, 'results', process=process,
                   meanwhile=lambda: camera.frame(0.5))
        assert ('eye', '/front') in world.node.get_node_names_and_namespaces()
        assert (depths[0].height, depths[0].width, depths[0].encoding) == (120, 160, '32FC1')
        assert_clean_end(process)


def test_a_stereo_camera_with_a_network_that_learns(workspace, world, tmp_path):
    camera = StereoCamera(world, '/my/cam')
    disparities = world.listen(DisparityImage, '/front/disparity')
    eager = tmp_path / 'eager.yaml'  # at its own priority it would wait for all other work here
    usual = (ROOT / 'config' / 'adaptation_node.yaml').read_text()
    eager.write_text(usual.replace('niceness: 19', 'niceness: 0'))
    with launched(workspace, 'adapt.launch.py', 'namespace:=front', 'left:=/my/cam/left',
                  'right:=/my/cam/right', 'model:=crl-small', 'adapt:=false',
                  f'adapt_params_file:={eager}', f'folder:={tmp_path}/learned',
                  DEPTH_LEARNING_CACHE=str(tmp_path / 'cache')) as process:
        world.wait(lambda: disparities, 'results', process=process,
                   meanwhile=lambda: camera.frame(0.5))
        assert world.call(Trigger, '/front/adaptation_node/start', Trigger.Request(),
                          process).success
        frames = tmp_path / 'learned' / 'frames'
        world.wait(lambda: frames.is_dir() and any(frames.iterdir()), 'a frame to learn from',
                   process=process, meanwhile=lambda: camera.frame(0.5))
        status = dict(world.node.get_publisher_names_and_types_by_node(
            'adaptation_node', '/front'))
        assert status['/front/adaptation_node/status'] == [
            'depth_learning_msgs/msg/AdaptationStatus']
        assert_clean_end(process, 2)


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
