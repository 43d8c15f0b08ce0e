# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A stereo_node process, watched and changed from another one as a robot's user would."""

from __future__ import annotations

from either_ros import REAL
import numpy as np
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters
from rclpy.parameter import Parameter as NodeParameter
from rclpy.qos import ReliabilityPolicy
from sensor_msgs.msg import Image, LaserScan, PointCloud2
from stereo_msgs.msg import DisparityImage
from world import BASELINE_M, DEPTH_M, DISPARITY, FOCAL_PX, StereoCamera, World, start_node

from depth_learning_ros.stream.settings import StereoSettings, table

NAME = 'watched'


@pytest.fixture(scope='module')
def process():
    with start_node(NAME, model='bm', max_disparity=16, stale_after_s=1.0) as started:
        yield started


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def state(world, process) -> int:
    return world.call(GetState, f'{NAME}/get_state', GetState.Request(),
                      process).current_state.id


def change(world, process, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return world.call(ChangeState, f'{NAME}/change_state', request, process).success


def set_parameter(world, process, name: str, value):
    parameter = NodeParameter(name, value=value).to_parameter_msg()
    request = SetParameters.Request(parameters=[parameter])
    return world.call(SetParameters, f'{NAME}/set_parameters', request, process).results[0]


def get_parameter(world, process, name: str) -> ParameterValue:
    request = GetParameters.Request(names=[name])
    return world.call(GetParameters, f'{NAME}/get_parameters', request, process).values[0]


def test_it_activates_itself_and_shows_its_topics(world, process):
    world.wait(lambda: state(world, process) == State.PRIMARY_STATE_ACTIVE, 'active',
               process=process)
    topics = dict(world.wait(
        lambda: (found := world.node.get_publisher_names_and_types_by_node(NAME, '/'))
        and len(found) > 7 and found, 'topics', process=process))
    assert topics['/disparity'] == ['stereo_msgs/msg/DisparityImage']
    assert topics['/depth'] == ['sensor_msgs/msg/Image']
    assert topics['/points2'] == ['sensor_msgs/msg/PointCloud2']
    assert topics['/confidence'] == ['sensor_msgs/msg/Image']
    assert topics['/scan'] == ['sensor_msgs/msg/LaserScan']
    assert topics['/depth/camera_info'] == ['sensor_msgs/msg/CameraInfo']
    inputs = dict(world.node.get_subscriber_names_and_types_by_node(NAME, '/'))
    assert inputs['/left/image_rect'] == ['sensor_msgs/msg/Image']
    assert inputs['/right/camera_info'] == ['sensor_msgs/msg/CameraInfo']


@pytest.mark.parametrize('reliability', ['BEST_EFFORT', 'RELIABLE'])
@pytest.mark.parametrize('encoding', ['mono8', 'rgb8'])
def test_a_wall_is_where_it_is(world, process, reliability, encoding):
    camera = StereoCamera(world, reliability=ReliabilityPolicy[reliability], encoding=encoding)
    disparities, depths = world.listen(DisparityImage, 'disparity'), world.listen(Image, 'depth')
    clouds = world.listen(PointCloud2, 'points2')
    heard = world.wait(lambda: disparities and depths and clouds and disparities, 'results',
                       process=process, meanwhile=camera.frame)
    disparity = heard[-1]
    values = np.frombuffer(disparity.image.data, np.float32).reshape(120, 160)
    found = values > disparity.min_disparity
    assert found.mean() > 0.5
    assert np.median(values[found]) == pytest.approx(DISPARITY, abs=0.07)  # of 1/16 px each
    assert disparity.f == pytest.approx(FOCAL_PX)
    assert disparity.t == pytest.approx(BASELINE_M)
    assert disparity.header.frame_id == disparity.image.header.frame_id == 'left_optical'
    depth = depths[-1]
    metres = np.frombuffer(depth.data, np.float32).reshape(depth.height, depth.width)
    assert np.nanmedian(metres[np.isfinite(metres)]) == pytest.approx(DEPTH_M, rel=0.02)
    cloud = clouds[-1]
    assert (cloud.height, cloud.width, cloud.is_dense) == (120, 160, False)
    assert len(cloud.data) == cloud.row_step * cloud.height


def test_only_what_is_listened_to_is_published(world, process):
    camera = StereoCamera(world)
    scans = world.listen(LaserScan, 'scan')
    statuses = world.listen(DiagnosticArray, '/diagnostics')
    world.wait(lambda: scans, 'a scan', process=process, meanwhile=camera.frame)
    assert scans[0].header.frame_id == 'left_optical_scan'
    world.wait(lambda: any('engine time (ms)' in value.key
                           for message in statuses for status in message.status
                           for value in status.values), 'diagnostics', process=process,
               meanwhile=camera.frame)
    values = {value.key: value.value for status in statuses[-1].status for value in status.values}
    assert values['model'] == 'bm' and values['backend'].startswith('opencv')
    assert float(values['left image rate (Hz)']) > 0


def test_every_setting_is_a_described_parameter(world, process):
    rows = table(StereoSettings)
    request = DescribeParameters.Request(names=[row.name for row in rows])
    found = world.call(DescribeParameters, f'{NAME}/describe_parameters', request,
                       process).descriptors
    assert [d.description for d in found] == [row.about for row in rows]
    assert [d.read_only for d in found] == [row.fixed for row in rows]


def test_depth_limits_change_while_it_runs(world, process):
    camera, depths = StereoCamera(world), world.listen(Image, 'depth')
    assert set_parameter(world, process, 'max_depth_m', DEPTH_M - 1).successful

    def all_too_far() -> bool:
        metres = np.frombuffer(depths[-1].data, np.float32) if depths else np.zeros(1)
        return bool(np.isposinf(metres[~np.isnan(metres)]).all()) and depths != []

    world.wait(all_too_far, 'the limit', process=process, meanwhile=camera.frame)
    assert set_parameter(world, process, 'max_depth_m', 0.0).successful


@pytest.mark.parametrize(('name', 'value'), [
    ('min_confidence', 2.0), ('point_stride', 0), ('outputs', ['depth', 'smell']),
    ('queue_size', 7), ('model', 'no-such-network'), ('depth_encoding', '8UC1')])
def test_values_that_cannot_be_are_refused(world, process, name, value):
    before = get_parameter(world, process, name)
    result = set_parameter(world, process, name, value)
    assert not result.successful and result.reason
    assert get_parameter(world, process, name) == before


def test_models_are_swapped_while_images_come(world, process, tmp_path):
    camera, statuses = StereoCamera(world), world.listen(DiagnosticArray, '/diagnostics')
    disparities = world.listen(DisparityImage, 'disparity')

    def model() -> str:
        values = {value.key: value.value for message in statuses[-1:]
                  for status in message.status for value in status.values}
        return values.get('model', '')

    assert set_parameter(world, process, 'model', 'sgbm').successful
    world.wait(lambda: model() == 'sgbm', 'sgbm', process=process, meanwhile=camera.frame)
    garbage = tmp_path / 'garbage.onnx'
    garbage.write_bytes(b'this is no network' * 100)
    set_parameter(world, process, 'model', str(garbage))  # is found out while loading
    world.wait(lambda: get_parameter(world, process, 'model').string_value == 'sgbm',
               'the old name', process=process, meanwhile=camera.frame)
    assert process.output.count('garbage.onnx cannot be used') == 1
    seen = len(disparities)
    world.wait(lambda: len(disparities) > seen, 'results of the old model', process=process,
               meanwhile=camera.frame)
    assert set_parameter(world, process, 'model', 'bm').successful


def test_the_camera_stops_and_comes_back(world, process):
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)
    before = process.output.count('nothing came for')
    world.wait(lambda: process.output.count('nothing came for') == before + 1, 'the warning',
               process=process)
    world.spin(2.0)
    assert process.output.count('nothing came for') == before + 1  # once, not per second
    seen = len(disparities)
    world.wait(lambda: len(disparities) > seen, 'results again', process=process,
               meanwhile=camera.frame)


@pytest.mark.parametrize('encoding', ['8UC7', 'bayer_nonsense', ''])
def test_images_that_cannot_be_read_are_told_once(world, process, encoding):
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    original = camera.image

    def broken(view, stamp):
        message = original(view, stamp)
        message.encoding = encoding
        return message

    camera.image = broken
    published = camera.published
    lines = len(process.output.splitlines())
    world.wait(lambda: camera.published > published + 5, 'frames', meanwhile=camera.frame)
    world.wait(lambda: 'WARN' in ''.join(process.output.splitlines(keepends=True)[lines:]),
               'a warning', process=process, meanwhile=camera.frame)
    new = [line for line in process.output.splitlines()[lines:] if 'left image' in line]
    assert len(new) <= 1
    camera.image = original
    disparities.clear()
    world.wait(lambda: disparities, 'results again', process=process, meanwhile=camera.frame)


def test_sizes_change_in_the_middle(world, process):
    disparities = world.listen(DisparityImage, 'disparity')
    for width, height in ((160, 120), (200, 96)):
        camera = StereoCamera(world, width=width, height=height)
        world.wait(lambda: disparities and disparities[-1].image.width == width,  # noqa: B023
                   f'{width} wide', process=process, meanwhile=camera.frame)
        assert disparities[-1].image.height == height
        for publisher in (*camera.images.values(), *camera.infos.values()):
            world.node.destroy_publisher(publisher)


def test_out_of_step_sides_are_counted(world, process):
    camera, statuses = StereoCamera(world), world.listen(DiagnosticArray, '/diagnostics')

    def left_only() -> None:
        camera.publish(['left'])
        camera.publish(['right'])

    def dropped() -> bool:
        return any(value.key.startswith('dropped: ') and 'ms apart' in value.value
                   for message in statuses for status in message.status
                   for value in status.values)

    world.wait(dropped, 'drops with their gap', process=process, meanwhile=left_only)


def test_transitions_in_every_order(world, process):
    """Valid ones succeed, others are refused, and the node works after all of them."""
    steps = [
        (Transition.TRANSITION_ACTIVATE, False, State.PRIMARY_STATE_ACTIVE),
        (Transition.TRANSITION_CONFIGURE, False, State.PRIMARY_STATE_ACTIVE),
        (Transition.TRANSITION_CLEANUP, False, State.PRIMARY_STATE_ACTIVE),
        (Transition.TRANSITION_DEACTIVATE, True, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_DEACTIVATE, False, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_CLEANUP, True, State.PRIMARY_STATE_UNCONFIGURED),
        (Transition.TRANSITION_ACTIVATE, False, State.PRIMARY_STATE_UNCONFIGURED),
        (Transition.TRANSITION_CONFIGURE, True, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_CLEANUP, True, State.PRIMARY_STATE_UNCONFIGURED),
        (Transition.TRANSITION_CONFIGURE, True, State.PRIMARY_STATE_INACTIVE),
        (Transition.TRANSITION_ACTIVATE, True, State.PRIMARY_STATE_ACTIVE),
    ]
    assert state(world, process) == State.PRIMARY_STATE_ACTIVE
    for transition, accepted, after in steps:
        assert change(world, process, transition) is accepted, transition
        assert state(world, process) == after, transition
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)


def test_an_inactive_node_is_silent(world, process):
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)
    assert change(world, process, Transition.TRANSITION_DEACTIVATE)
    world.spin(0.3)
    disparities.clear()
    published = camera.published
    world.wait(lambda: camera.published > published + 5, 'frames', meanwhile=camera.frame)
    assert not disparities
    assert change(world, process, Transition.TRANSITION_ACTIVATE)
    world.wait(lambda: disparities, 'results again', process=process, meanwhile=camera.frame)


def test_ctrl_c_ends_it_without_a_word_of_python(process):
    """The last test of this process."""
    assert process.interrupt() == 0, process.output
    assert 'Traceback' not in process.output, process.output
