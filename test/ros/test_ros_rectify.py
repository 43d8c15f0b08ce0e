# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras that publish raw images, and cameras whose place nobody publishes: with the packages
of ROS 2 that the launch files start for them."""

from __future__ import annotations

from array import array
import time

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
import cv2
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from stereo_msgs.msg import DisparityImage
from tf2_msgs.msg import TFMessage
from workspace import launched
from world import BASELINE_M, DISPARITY, FOCAL_PX, HEIGHT, WIDTH, World

CAMERA = np.array([[FOCAL_PX, 0, WIDTH / 2], [0, FOCAL_PX, HEIGHT / 2], [0, 0, 1]])
DISTORTION = {'left': [-0.3, 0.08, 0.0, 0.0, 0.0], 'right': [0.25, 0.0, 0.002, 0.0, 0.0]}
MIDDLE = np.s_[20:-20, 30:-30]  # seen by both cameras, however they distort


def need(package: str) -> None:
    try:
        get_package_prefix(package)
    except PackageNotFoundError:
        pytest.skip(f'needs {package}: apt install ros-jazzy-{package.replace("_", "-")}')


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


class RawCamera:
    """Two lenses, each with its own distortion, before a wall of 4 px disparity."""

    def __init__(self, world: World, namespace: str, encoding: str) -> None:
        self._world, self._encoding, self._due = world, encoding, 0.0
        noise = np.random.default_rng(0).integers(
            0, 255, (HEIGHT, WIDTH + DISPARITY)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, None, 1.5)  # what is resampled twice still looks alike
        wide = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        self.ideal = {'left': wide[:, :WIDTH], 'right': wide[:, DISPARITY:]}
        self.raw = {side: self._through_lens(side) for side in self.ideal}
        make = world.node.create_publisher
        self._publishers = {
            side: (make(CameraInfo, f'{namespace}/{side}/camera_info', qos_profile_sensor_data),
                   make(Image, f'{namespace}/{side}/image_raw', qos_profile_sensor_data))
            for side in self.ideal}

    def _through_lens(self, side: str) -> np.ndarray:
        """Look up, for each pixel of the sensor, what a pinhole camera would have seen there."""
        pixels = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), -1).reshape(-1, 1, 2)
        seen = cv2.undistortPoints(pixels.astype(np.float32), CAMERA,
                                   np.array(DISTORTION[side]), None, CAMERA)
        return cv2.remap(self.ideal[side], seen.reshape(HEIGHT, WIDTH, 2), None,
                         cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

    def frame(self) -> None:
        """Publish a pair if the last one was long enough ago; for `World.wait`."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + 0.2
        stamp = self._world.node.get_clock().now().to_msg()
        for side, (infos, images) in self._publishers.items():
            info = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model='plumb_bob')
            info.d, info.k = DISTORTION[side], CAMERA.reshape(-1).tolist()
            info.r = np.eye(3).reshape(-1).tolist()
            projection = np.hstack([CAMERA, np.zeros((3, 1))])
            projection[0, 3] = -FOCAL_PX * BASELINE_M if side == 'right' else 0.0
            info.p = projection.reshape(-1).tolist()
            image = Image(height=HEIGHT, width=WIDTH, step=WIDTH, encoding=self._encoding)
            image.data = array('B', self.raw[side].tobytes())
            for message in (info, image):
                message.header.stamp, message.header.frame_id = stamp, 'eye'
            infos.publish(info)
            images.publish(image)


def pixels(message: Image, kind: type, channels: int = 1) -> np.ndarray:
    found = np.frombuffer(bytes(message.data), kind).reshape(message.height, message.width, -1)
    assert found.shape[2] == channels
    return found[:, :, 0]


@pytest.mark.parametrize(('namespace', 'words', 'encoding', 'rectified'), [
    ('/my/cam', ['left:=/my/cam/left', 'right:=/my/cam/right'], 'mono8', 'mono8'),
    ('/front', ['namespace:=front', 'debayer:=true'], 'bayer_rggb8', 'bgr8')],
    ids=['grey', 'Bayer pattern in a namespace'])
def test_raw_images_are_rectified_before_the_node(workspace, world, tmp_path, namespace, words,
                                                  encoding, rectified):
    need('image_proc')
    camera = RawCamera(world, namespace, encoding)
    for side in camera.ideal:  # the lenses do make a difference
        off = np.abs(camera.raw[side].astype(float) - camera.ideal[side])[MIDDLE]
        assert off.mean() > 12
    parameters = tmp_path / 'few.yaml'
    parameters.write_text('/**: {ros__parameters: {model: bm, max_disparity: 16}}\n')
    images = world.listen(Image, f'{namespace}/left/image_rect')
    results = '/front' if 'namespace:=front' in words else ''
    disparities = world.listen(DisparityImage, f'{results}/disparity')
    with launched(workspace, 'stereo.launch.py', 'rectify:=true', f'params_file:={parameters}',
                  *words) as process:
        world.wait(lambda: disparities and images, 'results of rectified images',
                   process=process, meanwhile=camera.frame)
        process.interrupt()  # how image_proc ends, and its container, is not ours to say
        assert '[stereo_node-2]: process has finished cleanly' in process.output, process.output
    assert images[-1].encoding == rectified
    straight = pixels(images[-1], np.uint8, 3 if rectified == 'bgr8' else 1)
    assert np.abs(straight.astype(float) - camera.ideal['left'])[MIDDLE].mean() < 8
    disparity = pixels(disparities[-1].image, np.float32)[MIDDLE]
    known = disparity[disparity > 0]
    assert known.size > 0.5 * disparity.size
    assert abs(np.median(known) - DISPARITY) < 0.1
    assert np.percentile(np.abs(known - DISPARITY), 90) < 0.4


def test_the_place_of_the_camera_is_published(workspace, world):
    """x of the robot is z of the camera, y is -x and z is -y (REP 103)."""
    need('tf2_ros')
    heard: list[TFMessage] = []
    world.node.create_subscription(TFMessage, '/tf_static', heard.append, QoSProfile(
        depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def of_the_camera():
        return [found for message in heard for found in message.transforms
                if found.child_frame_id == 'eye']

    with launched(workspace, 'stereo.launch.py', 'model:=bm', 'parent_frame:=base_link',
                  'optical_frame:=eye', 'camera_xyz:=0.1 -0.06 0.4') as process:
        [found] = world.wait(of_the_camera, 'the transform', process=process)
        assert found.header.frame_id == 'base_link'
        moved, turned = found.transform.translation, found.transform.rotation
        assert (moved.x, moved.y, moved.z) == (0.1, -0.06, 0.4)
        assert (turned.x, turned.y, turned.z, turned.w) == (-0.5, 0.5, -0.5, 0.5)
        world.wait(lambda: 'loading bm' in process.output, 'the node', process=process)
        process.interrupt()  # which comes twice: a second one that is late kills what is ending
        assert '[stereo_node-2]: process has finished cleanly' in process.output, process.output


def test_without_rviz_nothing_is_started(workspace):
    try:
        get_package_prefix('rviz2')
    except PackageNotFoundError:
        pass
    else:
        pytest.skip('rviz2 is installed, and would open a window')
    with launched(workspace, 'stereo.launch.py', 'model:=bm', 'view:=true',
                  'parent_frame:=base_link') as process:
        assert process.popen.wait(60) != 0
        assert "package 'rviz2' not found" in process.output
        assert 'process started' not in process.output


def test_a_place_that_is_no_place_is_refused(workspace):
    with launched(workspace, 'stereo.launch.py', 'model:=bm', 'parent_frame:=base_link',
                  'camera_xyz:=0.1,0,0.4') as process:
        assert process.popen.wait(60) != 0
        assert "camera_xyz is '0.1,0,0.4': give three numbers" in process.output
        assert 'process started' not in process.output  # launch would leave it behind
