# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from array import array
from importlib.util import find_spec
import sys

from bags import StereoBag, make_image
from either_ros import REAL
from node_parts import to_ros
import numpy as np
import pytest

from depth_learning_ros.errors import MessageError
from depth_learning_ros.messages import image_to_rgb
from depth_learning_ros.nodes import conversion
from depth_learning_ros.nodes.make_message import make_message, message_class

needs_bridge = pytest.mark.skipif(not REAL or find_spec('cv_bridge') is None,
                                  reason='compares with the real cv_bridge: source ROS 2')
CHANNELS = {'mono8': 1, 'rgb8': 3, 'bgr8': 3, 'rgba8': 4, 'bgra8': 4, 'bayer_rggb8': 1,
            'bayer_bggr8': 1, 'bayer_gbrg8': 1, 'bayer_grbg8': 1, 'yuv422': 2, 'yuv422_yuy2': 2}


def image(encoding: str, channels: int, height: int = 16):
    data = np.random.default_rng(1).integers(0, 256, height * 24 * channels, np.uint8)
    return make_message('sensor_msgs/msg/Image', height=height, width=24, encoding=encoding,
                        is_bigendian=0, step=24 * channels, data=data)


@needs_bridge
@pytest.mark.parametrize('encoding', CHANNELS)
def test_pixels_are_those_of_cv_bridge(encoding):
    from cv_bridge import CvBridge
    message = image(encoding, CHANNELS[encoding])
    np.testing.assert_array_equal(conversion.to_rgb(message),
                                  CvBridge().imgmsg_to_cv2(message, 'rgb8'))


def test_rgb8_is_not_copied():
    message = to_ros(make_image(StereoBag(), 0, 'left'))
    assert np.shares_memory(conversion.to_rgb(message), np.frombuffer(message.data, np.uint8))


@pytest.mark.skipif(REAL, reason='the real cv_bridge of Jazzy does not know nv21')
def test_an_encoding_that_cv_bridge_knows():
    gray = image('nv21', 1, 24)  # 16 rows of brightness, 8 of colour
    gray.data[16 * 24:] = array('B', [128] * 8 * 24)
    assert conversion.to_rgb(gray).shape == (16, 24, 3)
    with pytest.raises(MessageError, match='unknown image encoding'):
        image_to_rgb(gray)


@pytest.mark.skipif(REAL and find_spec('cv_bridge') is None, reason='needs cv_bridge')
def test_an_encoding_that_nobody_knows():
    with pytest.raises(MessageError, match="'unheard of' and 24x16 pixels cannot be converted"):
        conversion.to_rgb(image('unheard of', 1))


def test_a_cv_bridge_that_does_not_load(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    conversion._bridge.cache_clear()
    with pytest.raises(MessageError, match=r'cv_bridge does not load.*OpenCV below 5'):
        conversion.to_rgb(image('unheard of', 1))
    assert conversion.to_rgb(image('mono8', 1)).shape == (16, 24, 3)  # goes on without it
    conversion._bridge.cache_clear()


def test_arrays_have_the_type_of_the_field_and_are_shared_where_they_can_be():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = make_message('sensor_msgs/msg/Image', data=pixels, height=2, width=3)
    assert np.shares_memory(np.asarray(image.data), pixels) is REAL  # the double takes copies
    scan = make_message('sensor_msgs/msg/LaserScan', ranges=np.arange(3.0), angle_min=0.5)
    assert np.asarray(scan.ranges).dtype == np.float32
    assert list(scan.ranges) == [0, 1, 2] and scan.angle_min == 0.5
    info = make_message('sensor_msgs/msg/CameraInfo', d=np.zeros(5), k=np.arange(9.0))
    assert list(info.d) == [0] * 5 and list(info.k) == list(range(9))


@pytest.mark.skipif(not REAL, reason='needs the real serialisation: source ROS 2')
@pytest.mark.parametrize(('kind', 'field', 'typecode', 'values'), [
    ('sensor_msgs/msg/Image', 'data', 'B', np.arange(200, dtype=np.uint8)),
    ('sensor_msgs/msg/Image', 'data', 'B', np.empty(0, np.uint8)),
    ('sensor_msgs/msg/PointCloud2', 'data', 'B', np.arange(48, dtype=np.uint8).reshape(3, 16)),
    ('sensor_msgs/msg/LaserScan', 'ranges', 'f', np.array([1.5, np.inf, -2, np.nan], np.float32)),
    ('sensor_msgs/msg/LaserScan', 'intensities', 'f', np.arange(3)),
    ('sensor_msgs/msg/CameraInfo', 'd', 'd', np.arange(10.0)[::2]),
    ('sensor_msgs/msg/CompressedImage', 'data', 'B', np.frombuffer(b'read only', np.uint8))])
def test_what_is_sent_is_what_a_message_filled_as_usual_sends(kind, field, typecode, values):
    from rclpy.serialization import serialize_message
    usual = message_class(kind)()
    setattr(usual, field, array(typecode, values.astype(typecode).tobytes()))
    assert serialize_message(make_message(kind, **{field: values})) == serialize_message(usual)


def test_rows_of_a_larger_image_are_copied_without_the_rest():
    wide = np.arange(12, dtype=np.uint8).reshape(3, 4)[:, 1:3]
    message = make_message('sensor_msgs/msg/Image', data=wide, height=3, width=2)
    assert list(message.data) == [1, 2, 5, 6, 9, 10]
