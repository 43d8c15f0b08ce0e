# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""mono_node, on the real ROS 2 where it is sourced, else on its double."""

from __future__ import annotations

from bags import make_image, make_info
from node_parts import BAG, World, to_ros
import pytest
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from test_stream_mono import Imagining

from depth_learning_ros.messages import OUTPUT_TYPES, depth_from_image, stamp_ns
from depth_learning_ros.nodes.conversion import to_rgb
from depth_learning_ros.nodes.make_message import message_class
from depth_learning_ros.nodes.mono_node import MonoNode
from depth_learning_ros.stream import MonoStream


class TestedMonoNode(MonoNode):
    __test__ = False

    def _make_stream(self, outlet):
        return MonoStream(outlet, self.settings, decode=to_rgb,
                          open_model=lambda settings, say: Imagining())


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def test_one_camera_gives_the_same_outputs(world):
    node = world.add(TestedMonoNode(parameter_overrides=[
        Parameter('model', value='imagining')]))
    assert node.start()
    quality = QoSProfile(depth=5)  # reliable, as the listener of camera_info asks for it
    for name, kind in (('image_rect', 'Image'), ('camera_info', 'CameraInfo')):
        world.cameras[name] = world.outside.create_publisher(
            message_class(f'sensor_msgs/msg/{kind}'), name, quality)
    world.listen(*OUTPUT_TYPES)
    assert world.spin_until(lambda: set(node._outlet.wanted()) == {
        topic for topic in OUTPUT_TYPES if topic != 'camera_info'})
    for index in range(3):
        world.cameras['camera_info'].publish(to_ros(make_info(BAG, index, 'left')))
        world.cameras['image_rect'].publish(to_ros(make_image(BAG, index, 'left')))
        assert world.spin_until(lambda: len(world.received['scan']) > index)  # noqa: B023
    counts = {topic: 3 for topic in OUTPUT_TYPES}  # camera_info: the camera's own
    assert world.spin_until(lambda: {
        topic: len(found) for topic, found in world.received.items()} == counts), {
        topic: len(found) for topic, found in world.received.items()}
    assert depth_from_image(world.received['depth'][0])[0, 0] == 20 * 0.5 / 2
    assert stamp_ns(world.received['points2'][2].header) == BAG.stamp_ns(2)
