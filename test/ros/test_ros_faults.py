# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong at the start and at the end of a node process."""

from __future__ import annotations

import signal
import sys
import time

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from rclpy.qos import ReliabilityPolicy
from stereo_msgs.msg import DisparityImage
from world import SLOW_S, Process, StereoCamera, World, start_node


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def test_a_wrong_parameter_at_the_start_is_named_and_ends_it():
    with start_node('wrong', model='bm', min_confidence=7.0) as process:
        assert process.popen.wait(SLOW_S) == 1
        assert 'min_confidence' in process.output
        assert 'Traceback' not in process.output


def test_without_its_model_it_lives_and_takes_another_one(world):
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    with start_node('poor', model='/no/such/model.onnx', max_disparity=16) as process:
        world.wait(lambda: '/no/such/model.onnx cannot be used' in process.output, 'the error',
                   process=process)
        parameter = Parameter('model', value='bm').to_parameter_msg()
        world.call(SetParameters, 'poor/set_parameters',
                   SetParameters.Request(parameters=[parameter]), process)
        world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)
        assert process.interrupt() == 0, process.output


def test_a_publisher_that_does_not_match_is_warned_about(world):
    override = 'qos_overrides./left/image_rect.subscription.reliability:=reliable'
    with start_node('picky', '-p', override, model='bm') as process:
        camera = StereoCamera(world, reliability=ReliabilityPolicy.BEST_EFFORT)
        world.wait(lambda: 'offers another reliability' in process.output, 'the warning',
                   process=process, meanwhile=camera.frame)
        assert process.output.count('offers another reliability') == 1


@pytest.mark.parametrize('delay_s', [0.0, 0.1, 0.3, 0.6])
def test_ctrl_c_while_libraries_load_ends_it_without_a_word(delay_s):
    program = ('from depth_learning_ros.nodes.start import stereo_node; '
               'print("begins", flush=True); raise SystemExit(stereo_node())')
    with Process(sys.executable, '-c', program) as process:
        end = time.monotonic() + SLOW_S
        while 'begins' not in process.output and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(delay_s)
        assert process.interrupt() == 0, process.output
        assert 'Traceback' not in process.output, process.output


def test_ctrl_c_while_the_model_is_loaded_ends_it(world):
    with start_node('early', model='crl-small') as process:
        world.wait(lambda: 'loading crl-small' in process.output, 'loading', process=process)
        assert process.interrupt() == 0, process.output
        assert 'Traceback' not in process.output, process.output


def test_ctrl_c_that_comes_three_times_ends_it_as_well(world):
    """Below `ros2 launch` it comes from the terminal, from launch, and from those in a hurry."""
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    with start_node('hurried', model='bm', max_disparity=16) as process:
        world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)
        for _ in range(2):
            process.popen.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert process.interrupt() == 0, process.output
        assert 'Traceback' not in process.output, process.output
