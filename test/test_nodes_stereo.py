# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""stereo_node, on the real ROS 2 where it is sourced, else on its double."""

from __future__ import annotations

from dataclasses import replace
import time

from bags import make_image, make_info
from either_ros import REAL
from node_parts import BAG, World, to_ros
import numpy as np
import pytest
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from stream_parts import Models

from depth_learning_ros.messages import (
    OUTPUT_TYPES,
    cloud_from_message,
    depth_from_image,
    disparity_from_message,
    stamp_ns,
)
from depth_learning_ros.nodes.make_message import message_class


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def running(world, models=None, topics=('disparity',), **parameters):
    """Start a node between cameras and listeners that know it."""
    node = world.stereo_node(models, **parameters)
    world.camera()
    world.listen(*topics)
    world.meet(node)
    return node


def set_parameter(node, name, value):
    return node.set_parameters([Parameter(name, value=value)])[0]


def said(node) -> dict[str, str]:
    return node.stream.said.present()


def drops(node) -> dict[str, int]:
    return dict(node.stream.statistics.figures().dropped)


def test_every_output_with_stamp_and_frame_of_the_left_image(world):
    running(world, topics=tuple(OUTPUT_TYPES))
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    world.listen('/tf_static', quality=latched)
    world.feed(3, topic='scan')
    assert world.spin_until(lambda: all(world.received[t] for t in (*OUTPUT_TYPES, '/tf_static')))
    for topic in OUTPUT_TYPES:
        header = world.received[topic][0].header
        assert stamp_ns(header) == BAG.stamp_ns(3), topic
        frame = 'left_optical_scan' if topic == 'scan' else 'left_optical'
        assert header.frame_id == frame, topic
    disparity, focal_px, baseline_m = disparity_from_message(world.received['disparity'][0])
    assert (focal_px, baseline_m) == (20.0, pytest.approx(0.1))
    assert np.all(disparity.values == 4)
    assert np.all(depth_from_image(world.received['depth'][0]) == 0.5)
    cloud = cloud_from_message(world.received['points2'][0])
    np.testing.assert_array_equal(cloud.colors, BAG.rgb(3, 'left'))
    assert world.received['/tf_static'][0].transforms[0].child_frame_id == 'left_optical_scan'


def test_nothing_is_computed_for_nobody(world):
    models = Models()
    node = running(world, models, topics=())
    world.send(0)
    assert world.spin_until(lambda: node.stream.statistics.figures().idle == 1)
    world.listen('depth')
    world.meet(node)
    world.feed(1, topic='depth')
    assert models.opened[0].calls == 1 and 'points' not in node.stream.statistics.figures().stages
    world.unlisten('depth')
    assert world.spin_until(lambda: not node._outlet.wanted())
    world.send(2)
    assert world.spin_until(lambda: node.stream.statistics.figures().idle == 2)
    world.listen('points2')
    world.meet(node)
    world.feed(3, topic='points2')
    assert models.opened[0].calls == 2


@pytest.mark.parametrize('reliable', [True, False])
def test_reliable_and_best_effort_cameras(world, reliable):
    node = world.stereo_node()
    world.camera(reliable=reliable)
    world.listen('disparity')
    world.meet(node)
    world.feed(0, 1)


def test_camera_info_that_was_sent_once_before_the_node_came(world):
    world.camera(latched_info=True)
    world.listen('disparity')
    world.send(0)
    node = world.stereo_node()
    world.meet(node)
    assert world.spin_until(lambda: not node.stream._infos.missing())
    world.feed(1, 2, 3, infos=False)
    assert drops(node) == {}


def test_publishers_of_camera_info_that_keep_nothing_are_not_asked_for_more(world):
    refused = []
    for side in ('left', 'right'):
        world.outside.create_publisher(
            message_class('sensor_msgs/msg/CameraInfo'), f'{side}/camera_info', 5,
            event_callbacks=PublisherEventCallbacks(incompatible_qos=refused.append))
    node = world.stereo_node()
    node._watch()
    world.settle()
    assert not refused


def test_compressed_images(world):
    node = world.stereo_node(image_transport='compressed')
    world.camera(name='{side}/image_rect/compressed', compressed=True)
    world.listen('disparity')
    world.meet(node)
    world.feed(0, bag=replace(BAG, compressed='png'))
    assert np.all(disparity_from_message(world.received['disparity'][0])[0].values == 4)


def test_compressed_images_of_a_remapped_camera(world):
    node = world.stereo_node(image_transport='compressed', cli_args=[
        '--ros-args', '-r', 'left/image_rect:=/cam/left/image', '-r',
        'right/image_rect/compressed:=/cam/right/image/compressed'])
    world.camera(name='/cam/{side}/image/compressed', compressed=True)
    world.listen('disparity')
    world.meet(node)
    world.feed(0, bag=replace(BAG, compressed='png'))


def test_the_topics_that_it_listens_to_have_their_full_names(world):
    """So that a camera that was named wrong is seen at once."""
    node = world.stereo_node(cli_args=[
        '--ros-args', '-r', 'left/image_rect:=/my/cam/left/image_rect'])
    assert node._inputs.topics == [
        '/my/cam/left/image_rect', '/right/image_rect', '/left/camera_info',
        '/right/camera_info']


def test_approximate_sync(world):
    node = running(world, approximate_sync=True, approximate_sync_tolerance_seconds=0.01)
    world.feed(0, 1, 2, bag=replace(BAG, right_offset_ns=4_000_000))
    assert drops(node) == {}


def test_left_and_right_out_of_step(world):
    node = running(world)
    for index in range(20):
        world.send(index, bag=replace(BAG, right_offset_ns=16_000_000))
        world.settle(0.01)
    assert world.spin_until(lambda: 'pairs' in said(node))
    assert 'the nearest is 16.0 ms away' in said(node)['pairs']
    assert node.stream.statistics.figures().gaps['left image without a partner'].median_ms == 16
    assert world.received['disparity'] == []
    world.feed(21)


def test_a_bag_that_begins_anew(world):
    running(world)
    later = replace(BAG, start_ns=BAG.start_ns + 60_000_000_000)
    world.feed(0, 1, bag=later)
    # images of the future that found no partner are in the synchroniser now
    for index in range(2, 9):
        world.cameras['left'].publish(to_ros(make_image(later, index, 'left')))
        world.settle(0.01)
    world.feed(0, 1, 2)
    assert world.stamps('disparity')[-3:] == [BAG.stamp_ns(i) for i in (0, 1, 2)]


def test_camera_info_comes_late(world):
    node = running(world)
    for index in range(3):
        world.send(index, infos=False)
        world.settle()
    assert 'no camera_info came for left and right' in said(node)['camera_info']
    world.feed(4)
    assert 'camera_info' not in said(node)


def test_an_uncalibrated_camera(world):
    node = running(world)
    for index in range(3):
        for side in ('left', 'right'):
            info = make_info(BAG, index, side)
            world.cameras[f'{side} info'].publish(
                to_ros(replace(info, k=np.zeros(9), p=np.zeros(12))))
        world.send(index, infos=False)
        world.settle()
    assert 'not calibrated' in said(node)['input'] and world.received['disparity'] == []
    world.feed(4)


@pytest.mark.parametrize('changes', [{'width': 48, 'height': 24}, {'encoding': 'mono8'}])
def test_images_change_while_running(world, changes):
    running(world)
    world.feed(0)
    world.feed(1, bag=replace(BAG, **changes))
    world.feed(2)
    widths = [m.image.width for m in world.received['disparity']]
    assert widths == [32, replace(BAG, **changes).width, 32]


@pytest.mark.parametrize('bend, text', [
    (lambda m: replace(m, data=m.data[:100]), 'truncated'),
    (lambda m: replace(m, encoding='unheard of'), 'left is unheard of'),
    (lambda m: replace(m, height=0), 'is empty')])
def test_bad_images(world, bend, text):
    node = running(world)
    for count in (1, 2, 3, 4):
        world.send(count, bend=bend)
        assert world.spin_until(lambda: sum(drops(node).values()) == count)  # noqa: B023
    assert text in said(node)['input']
    assert drops(node) == {'the images or their camera_info cannot be used': 4}
    world.feed(5)


def test_parameters_are_described_and_checked(world):
    node = world.stereo_node(start=False)
    found = node.describe_parameter('max_depth_m')
    assert found.description.startswith('Farther is published')
    assert found.floating_point_range[0].to_value == 10000
    assert node.describe_parameter('depth_encoding').additional_constraints == \
        'out of 32FC1, 16UC1'
    assert node.describe_parameter('queue_size').read_only
    for name, value in (('point_stride', 0), ('depth_encoding', 'mono8'), ('queue_size', 7),
                        ('min_depth_m', -1.0)):
        assert not set_parameter(node, name, value).successful, name
    refused = set_parameter(node, 'depth_encoding', 'mono8')
    assert "depth_encoding is 'mono8': expected 32FC1, 16UC1" in refused.reason


def test_parameters_change_while_running(world):
    node = running(world, topics=('depth', 'points2'))
    world.feed(0, topic='points2')
    assert set_parameter(node, 'point_stride', 4).successful
    assert set_parameter(node, 'depth_encoding', '16UC1').successful
    world.feed(1, topic='points2')
    assert world.received['points2'][1].width == 8
    assert world.spin_until(lambda: len(world.received['depth']) == 2)
    assert world.received['depth'][1].encoding == '16UC1'
    refused = set_parameter(node, 'min_depth_m', 5.0)
    assert refused.successful
    refused = set_parameter(node, 'max_depth_m', 4.0)
    assert not refused.successful and 'min_depth_m < max_depth_m' in refused.reason
    assert node.get_parameter('max_depth_m').value == 0.0


def test_the_model_is_exchanged(world):
    models = Models()
    node = running(world, models)
    world.feed(0)
    assert set_parameter(node, 'model', 'other').successful
    assert world.spin_until(lambda: node.stream.model.info.model == 'other')
    world.feed(1)
    assert [engine.calls for engine in models.opened] == [1, 1] and models.opened[0].closed


@pytest.mark.parametrize('model', ['broken', 'garbage'])
def test_a_model_that_fails_leaves_the_old_one_and_its_name(world, model):
    node = running(world)
    assert set_parameter(node, 'model', model).successful
    assert world.spin_until(lambda: node.get_parameter('model').value == 'shift')
    assert 'shift goes on' in said(node)['model']
    world.feed(0)


def test_a_node_whose_first_model_fails_waits_for_a_better_one(world):
    node = world.stereo_node(model='broken', start=False)
    assert not node.start()
    assert 'broken is damaged' in node._diagnose().summary
    world.camera()
    world.listen('disparity')
    assert set_parameter(node, 'model', 'shift').successful
    assert world.spin_until(lambda: node.stream is not None and node.stream.active)
    world.meet(node)
    world.feed(0)


def test_a_camera_that_stops_and_comes_back(world):
    node = running(world, stale_after_s=0.2)
    world.listen('/diagnostics')
    world.feed(0, 1)
    assert world.spin_until(lambda: any(
        'nothing came for 0.2 s on left image and right image' in status.message
        for message in world.received['/diagnostics'] for status in message.status))
    for index in range(2, 100):
        world.feed(index)
        world.settle(0.05)
        if 'silence' not in said(node):
            break
    else:
        pytest.fail('the node did not take note that the camera is back')


def test_diagnostics(world):
    node = running(world)
    world.listen('/diagnostics')
    world.feed(0, 1, 2)

    def newest():
        mine = [s for m in world.received['/diagnostics'] for s in m.status
                if s.name == 'stereo_node: depth']
        return {v.key: v.value for v in mine[-1].values} if mine else {}

    assert world.spin_until(lambda: newest().get('results') == '3')
    values = newest()
    assert values['model'] == 'shift' and values['precision'] == 'fp32'
    assert values['backend'].startswith('numpy')
    assert 'median' in values['latency (ms)'] and 'median' in values['engine time (ms)']
    # the stamps of this camera are years old, which is told
    assert 'stamps are' in node._diagnose().summary


def test_a_subscriber_that_asks_for_too_much_is_told_of(world):
    node = running(world, topics=())
    latched = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    world.listen('depth', quality=latched)
    assert world.spin_until(lambda: 'subscriber of depth' in said(node))
    assert 'another durability than is offered' in said(node)['subscriber of depth']


def test_a_camera_that_offers_too_little_is_told_of(world):
    node = world.stereo_node(**{
        'qos_overrides./left/image_rect.subscription.reliability': 'reliable'})
    world.camera(reliable=False)
    assert world.spin_until(lambda: 'publisher of left/image_rect' in said(node))
    text = said(node)['publisher of left/image_rect']
    assert 'qos_overrides.<topic>.subscription.reliability' in text


def test_qos_of_results_can_be_overridden(world):
    node = world.stereo_node(**{
        'qos_overrides./disparity.publisher.reliability': 'best_effort'})
    assert node._outlet._publishers['disparity'].qos_profile.reliability == \
        QoSReliabilityPolicy.BEST_EFFORT
    assert node._outlet._publishers['depth'].qos_profile.reliability == \
        QoSReliabilityPolicy.RELIABLE


def test_a_slow_engine_does_not_let_results_grow_old(world):
    node = running(world, Models(delay_s=0.1))
    begin = time.monotonic()
    for index in range(30):
        world.send(index)
        world.spin_until(lambda: time.monotonic() > begin + (index + 1) * 0.033)  # noqa: B023
    world.settle(0.5)
    done = world.stamps('disparity')
    assert done == sorted(done) and 4 <= len(done) <= 13
    assert drops(node)['a newer one came before the engine was free'] >= 15


@pytest.mark.skipif(not REAL, reason="the states of the lifecycle are rclpy's own: needs ROS 2")
def test_impossible_transitions_are_refused(world):
    from rclpy._rclpy_pybind11 import RCLError
    node = world.stereo_node(start=False)
    with pytest.raises(RCLError):
        node.trigger_activate()
    assert node.start()
    with pytest.raises(RCLError):
        node.trigger_configure()
