# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is started for RViz, and RViz itself with it, on a screen that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
import itertools
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
import numpy as np
from rclpy.qos import (
    DurabilityPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from sensor_msgs.msg import Image, LaserScan
from stereo_msgs.msg import DisparityImage
from tf2_msgs.msg import TFMessage
from workspace import launched
from world import SLOW_S, Process, StereoCamera, World, start_node

SCAN_RGB = (255, 60, 0)  # as config/rviz/depth.rviz paints it
BACKGROUND_RGB = (48, 48, 48)
LEFT_DOCK_PX = 570
RVIZ_TROUBLE = ('[ERROR]', 'failed to load', 'Failed to load', 'Could not load', 'does not exist',
                'incompatible QoS', 'Traceback')


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


@pytest.fixture
def frames(world) -> list[tuple[str, str]]:
    """All (parent, child) that were published as static transforms."""
    heard: list[tuple[str, str]] = []
    world.node.create_subscription(
        TFMessage, '/tf_static', lambda message: heard.extend(
            (t.header.frame_id, t.child_frame_id) for t in message.transforms),
        QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    return heard


class Screen:
    """An X server without a screen, and what would be seen on it."""

    def __init__(self, folder: Path) -> None:
        reading, writing = os.pipe()
        self._picture = folder / 'Xvfb_screen0'
        self.popen = subprocess.Popen(
            ['Xvfb', '-displayfd', str(writing), '-screen', '0', '1600x1000x24', '-fbdir',
             str(folder), '-nolisten', 'tcp'], pass_fds=[writing], stderr=subprocess.DEVNULL)
        os.close(writing)
        with open(reading) as told:
            self.environment = {
                'DISPLAY': f':{told.readline().strip()}', 'LIBGL_ALWAYS_SOFTWARE': '1',
                'QT_QPA_PLATFORM': 'xcb', 'XDG_RUNTIME_DIR': str(folder)}

    def pixels(self) -> np.ndarray:
        """Return what is on it, uint8 [H, W, 3] RGB, from X's window dump."""
        data = self._picture.read_bytes()
        header = np.frombuffer(data, '>u4', 25)
        width, height, row_bytes, colors = (int(header[i]) for i in (4, 5, 12, 19))
        begin = int(header[0]) + 12 * colors
        rows = np.frombuffer(data, np.uint8, row_bytes * height, begin)
        return rows.reshape(height, row_bytes)[:, :4 * width].reshape(
            height, width, 4)[:, :, 2::-1]


@pytest.fixture
def screen(tmp_path) -> Iterator[Screen]:
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        pytest.skip('rviz2 is not installed')
    if shutil.which('Xvfb') is None:
        pytest.skip('needs a screen that nobody sees: apt install xvfb')
    found = Screen(tmp_path)
    yield found
    found.popen.terminate()
    found.popen.wait()


def matching(world: World, topic: str, viewer: str) -> bool:
    """Tell whether a node subscribes to a topic so that it gets what is published there.

    RViz subscribes reliably to all, and again as it is told to once it has read its configuration.
    """
    publishers = world.node.get_publishers_info_by_topic(topic)
    subscribers = [found for found in world.node.get_subscriptions_info_by_topic(topic)
                   if f'{found.node_namespace.rstrip("/")}/{found.node_name}' == viewer]
    pairs = list(itertools.product(publishers, subscribers))
    assert all(publisher.topic_type == subscriber.topic_type for publisher, subscriber in pairs)
    return bool(pairs) and all(
        qos_check_compatible(publisher.qos_profile, subscriber.qos_profile)[0]
        != QoSCompatibility.ERROR for publisher, subscriber in pairs)


def share_of(pixels: np.ndarray, rgb: tuple[int, int, int]) -> np.floating:
    return np.mean(np.all(pixels == np.array(rgb, np.uint8), axis=2))


def few(folder: Path, model: str) -> str:
    """Return the launch argument for a model that is fast."""
    path = folder / 'few.yaml'
    path.write_text(f'/**: {{ros__parameters: {{model: {model}, max_disparity: 16}}}}\n')
    return f'params_file:={path}'


def rviz_said(process: Process) -> str:
    return '\n'.join(line for line in process.output.splitlines() if line.startswith('[rviz2'))


def test_rviz_shows_a_stereo_camera(workspace, world, frames, screen, tmp_path):
    camera = StereoCamera(world, '/my/cam')
    topics = ('/my/cam/left/image_rect', '/front/disparity/image', '/front/points2', '/front/scan')
    with launched(workspace, 'stereo.launch.py', 'namespace:=front', 'left:=/my/cam/left',
                  'right:=/my/cam/right', few(tmp_path, 'bm'), 'view:=true',
                  **screen.environment) as process:
        world.wait(lambda: all(matching(world, topic, '/front/rviz') for topic in topics),
                   'that RViz gets everything', process=process, meanwhile=camera.frame)
        world.wait(lambda: ('left_optical_scan', 'front_depth_view') in frames,
                   'the frame to look from', process=process, meanwhile=camera.frame)

        def shown() -> np.bool_:
            images, space = np.split(screen.pixels(), [LEFT_DOCK_PX], axis=1)
            red, green, blue = np.moveaxis(images.astype(int), 2, 0)
            # all of the wall has one disparity, the brightest: a yellow
            return (np.mean((red > 220) & (green > 220) & (blue < 200)) > 0.1
                    and share_of(space, SCAN_RGB) > 1e-4
                    and 0.05 < share_of(space, BACKGROUND_RGB) < 0.95)
        world.wait(shown, 'cloud, scan and images', process=process, meanwhile=camera.frame)
        said = rviz_said(process)
        assert not [words for words in RVIZ_TROUBLE if words in said], said
        process.interrupt()
        # how RViz ends is not ours to say
        for name in ('view_node-2', 'stereo_node-3'):
            assert f'[{name}]: process has finished cleanly' in process.output, process.output
        assert 'Traceback' not in process.output, process.output


def test_all_ends_when_rviz_is_closed(workspace, world, screen, tmp_path):
    topics = ('/disparity/image', '/points2', '/scan')
    with launched(workspace, 'mono.launch.py', 'camera:=/my/left', 'view:=true',
                  **screen.environment, DEPTH_LEARNING_CACHE=str(tmp_path)) as process:
        world.wait(lambda: all(matching(world, topic, '/rviz') for topic in topics),
                   'that RViz gets everything', process=process)
        [found] = re.findall(r'\[rviz2-1\]: process started with pid \[(\d+)\]', process.output)
        os.kill(int(found), signal.SIGINT)
        process.popen.wait(SLOW_S)
        for name in ('view_node-2', 'mono_node-3'):
            assert f'[{name}]: process has finished cleanly' in process.output, process.output
        assert 'process[rviz2-1] was required: shutting down' in process.output, process.output


def test_the_disparity_is_painted_while_somebody_looks(world):
    with start_node('view', node='view_node') as process:
        publisher = world.node.create_publisher(DisparityImage, 'disparity', 1)
        message = DisparityImage(min_disparity=0.5, max_disparity=64.0)
        message.header.frame_id = 'left'
        message.image = Image(height=1, width=12, encoding='32FC1', step=48)
        message.image.data = np.repeat(np.array([0, 1.5, 3.0], np.float32), 4).tobytes()
        for _ in range(2):  # the second time, parameters and topics are there already
            images = world.listen(Image, 'disparity/image')
            world.wait(lambda: images, 'the picture', process=process,  # noqa: B023
                       meanwhile=lambda: publisher.publish(message))
            assert (images[0].encoding, images[0].header.frame_id) == ('rgb8', 'left')
            unknown, far, near = np.array(images[0].data, int).reshape(12, 3)[::4]
            assert unknown.tolist() == [38, 38, 44]
            assert far.sum() + 200 < near.sum()
            for subscription in list(world.node.subscriptions):
                if subscription.topic_name.endswith('disparity/image'):
                    world.node.destroy_subscription(subscription)
            world.wait(lambda: publisher.get_subscription_count() == 0, 'nobody listening',
                       process=process)
        assert process.interrupt() == 0, process.output


def test_a_disparity_that_cannot_be_painted_is_told_once(world):
    with start_node('view', node='view_node') as process:
        publisher = world.node.create_publisher(DisparityImage, 'disparity', 1)
        message = DisparityImage(image=Image(height=1, width=1, encoding='16UC1', step=2))
        world.listen(Image, 'disparity/image')
        world.wait(lambda: "'16UC1'" in process.output, 'the problem', process=process,
                   meanwhile=lambda: publisher.publish(message))
        world.spin(0.5)
        assert process.output.count('disparity cannot be shown') == 1
        assert process.interrupt() == 0, process.output


def test_the_frame_to_look_from_is_at_the_scan_of_each_camera(world, frames):
    with start_node('view', node='view_node', view_frame='from_here') as process:
        publisher = world.node.create_publisher(LaserScan, 'scan', QoSProfile(
            depth=1, reliability=ReliabilityPolicy.RELIABLE))
        for parent in ('left_scan', 'other_scan'):
            message = LaserScan()
            message.header.frame_id = parent
            world.wait(lambda: (parent, 'from_here') in frames, 'the frame',  # noqa: B023
                       process=process,
                       meanwhile=lambda: publisher.publish(message))  # noqa: B023
        assert frames == [('left_scan', 'from_here'), ('other_scan', 'from_here')]
        assert process.interrupt() == 0, process.output
