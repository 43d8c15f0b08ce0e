# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from depth_learning_ros.errors import CalibrationError, DataError, MessageError
from depth_learning_ros.geometry.cloud import cloud_from_disparity
from depth_learning_ros.geometry.depth import disparity_to_depth
from depth_learning_ros.geometry.scan import Scan
from depth_learning_ros.messages import (
    OUTPUT_TYPES,
    MessageWriter,
    camera_from_info,
    cloud_from_message,
    depth_from_image,
    disparity_from_message,
    image_to_rgb,
    result_messages,
    stamp_ns,
    topics_of,
)
from depth_learning_ros.pipeline import StereoResult
from depth_learning_ros.types import Disparity, StereoCamera, StereoPair

NAN, INF = np.nan, np.inf
STORE = get_typestore(Stores.ROS2_HUMBLE)
CAMERA = StereoCamera(4, 3, focal_px=100.0, cx=1.5, cy=1.0, baseline_m=0.5, doffs=2.0)
LEFT = np.random.default_rng(3).integers(0, 256, (3, 4, 3), np.uint8)
VALUES = np.array([[NAN, 0, 8, 48], [INF, 23, 8, -1], [NAN, NAN, 48, NAN]], np.float32)


def make(type_name, **fields):
    return STORE.types[type_name](**fields)


WRITER = MessageWriter(make)
HEADER = make('std_msgs/msg/Header', frame_id='left_optical',
              stamp=make('builtin_interfaces/msg/Time', sec=12, nanosec=34))


def result_of(values=VALUES, camera=CAMERA, **disparity) -> StereoResult:
    pair = StereoPair(LEFT, LEFT, camera, 12_000_000_034, 'left_optical')
    return StereoResult(pair, Disparity(values, **disparity), None, None, {})


def again(message):
    """Write and read the message: proves that every field is of the right type."""
    name = message.__msgtype__
    return STORE.deserialize_cdr(STORE.serialize_cdr(message, name), name)


def through_cdr(message):
    """What a subscriber sees: also proves that every field is of the right type."""
    received = again(message)
    assert stamp_ns(received.header) == 12_000_000_034
    assert received.header.frame_id == 'left_optical'
    return received


def test_disparity_image_fills_every_field():
    message = through_cdr(WRITER.disparity_image(result_of(), HEADER))
    assert (message.f, message.t) == (100, 0.5)
    image = message.image
    assert (image.encoding, image.height, image.width, image.step) == ('32FC1', 3, 4, 16)
    assert stamp_ns(image.header) == stamp_ns(message.header)
    # doffs added, so that depth = f * T / d; 0 where unknown
    pixels = image.data.view(np.float32).reshape(3, 4)
    np.testing.assert_array_equal(pixels, [[0, 2, 10, 50], [0, 25, 10, 0], [0, 0, 50, 0]])
    window = message.valid_window
    assert (window.x_offset, window.y_offset, window.width, window.height) == (1, 0, 3, 3)
    assert 0 < message.min_disparity < 0.1
    assert message.max_disparity == 64  # 50 rounded up to a multiple of 16
    assert message.delta_d == np.spacing(np.float32(64))
    assert message.f * message.t / pixels[0, 2] == 5  # metres: 100 * 0.5 / (8 + 2)


def test_disparity_image_states_the_limits_of_the_engine():
    message = WRITER.disparity_image(result_of(max_disparity=192, subpixel_step=1 / 16), HEADER)
    assert (message.max_disparity, message.delta_d) == (194, 0.0625)
    beyond = WRITER.disparity_image(result_of(max_disparity=20), HEADER)
    assert beyond.max_disparity == 50  # never below what the image holds


def test_window_and_range_of_an_image_without_any_disparity():
    message = through_cdr(WRITER.disparity_image(
        result_of(np.full((3, 4), NAN, np.float32)), HEADER))
    window = message.valid_window
    assert (window.x_offset, window.y_offset, window.width, window.height) == (0, 0, 0, 0)
    assert message.max_disparity == 16 > message.min_disparity > 0
    assert (message.image.data == 0).all()


def test_disparity_of_zero_is_invalid_without_doffs():
    message = WRITER.disparity_image(
        result_of(np.array([[0, 0.001, 0.5, 3]], np.float32), replace(CAMERA, doffs=0)), HEADER)
    np.testing.assert_array_equal(message.image.data.view(np.float32), [0, 0, 0.5, 3])
    assert message.valid_window.x_offset == 2 and message.valid_window.width == 2


def test_disparity_image_and_back_gives_the_same_depth():
    message = through_cdr(WRITER.disparity_image(result_of(), HEADER))
    disparity, focal_px, baseline_m = disparity_from_message(message)
    np.testing.assert_array_equal(
        disparity.values, [[NAN, 2, 10, 50], [NAN, 25, 10, NAN], [NAN, NAN, 50, NAN]])
    depth = focal_px * baseline_m / disparity.values
    np.testing.assert_allclose(depth, disparity_to_depth(VALUES, CAMERA))
    assert (disparity.max_disparity, focal_px, baseline_m) == (64, 100, 0.5)


def test_disparity_needs_a_camera_and_32fc1():
    with pytest.raises(CalibrationError, match='without a camera'):
        WRITER.disparity_image(result_of(camera=None), HEADER)
    message = WRITER.disparity_image(result_of(), HEADER)
    message.image.encoding = 'mono8'
    with pytest.raises(MessageError, match="'mono8'"):
        disparity_from_message(message)


def test_result_is_not_changed_by_writing():
    values = VALUES.copy()
    values.flags.writeable = False
    WRITER.disparity_image(result_of(values), HEADER)
    np.testing.assert_array_equal(values, VALUES)


DEPTH = np.array([[1, 0.0004, 65.535, 65.6], [NAN, INF, -INF, 2.0006],
                  [0.0006, 12.3456, 0, 3]], np.float32)


def test_depth_in_metres():
    result = replace(result_of(), depth=DEPTH)
    message = WRITER.depth_image(result, HEADER)
    assert np.shares_memory(message.data, DEPTH)
    message = through_cdr(message)
    assert (message.encoding, message.step, message.width) == ('32FC1', 16, 4)
    np.testing.assert_array_equal(depth_from_image(message), DEPTH)


def test_depth_in_millimetres():
    message = through_cdr(WRITER.depth_image(replace(result_of(), depth=DEPTH), HEADER, '16UC1'))
    assert (message.encoding, message.step) == ('16UC1', 8)
    assert message.data.view('<u2').reshape(3, 4).tolist() == [
        [1000, 0, 65535, 0], [0, 0, 0, 2001], [1, 12346, 0, 3000]]
    np.testing.assert_allclose(
        depth_from_image(message),
        [[1, NAN, 65.535, NAN], [NAN, NAN, NAN, 2.001], [0.001, 12.346, NAN, 3]], rtol=1e-6)
    message.encoding = '16UC1'
    message.data = message.data.view('<u2').astype('>u2').view(np.uint8)
    message.is_bigendian = 1
    assert depth_from_image(message)[0, 0] == 1


def test_depth_of_other_kinds_is_refused():
    with pytest.raises(DataError, match=r"'mono8'.*32FC1"):
        WRITER.depth_image(replace(result_of(), depth=DEPTH), HEADER, 'mono8')
    with pytest.raises(MessageError, match="'rgb8'"):
        depth_from_image(WRITER.image(LEFT, HEADER))


def test_confidence():
    confidence = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    message = through_cdr(WRITER.confidence_image(result_of(confidence=confidence), HEADER))
    assert message.encoding == '32FC1'
    np.testing.assert_array_equal(message.data.view(np.float32).reshape(3, 4), confidence)


@pytest.mark.parametrize('method', ['depth_image', 'confidence_image', 'point_cloud2'])
def test_what_is_not_in_the_result_cannot_be_written(method):
    with pytest.raises(DataError, match='holds no'):
        getattr(WRITER, method)(result_of(), HEADER)


def test_point_cloud2():
    cloud = cloud_from_disparity(VALUES, LEFT, CAMERA)
    message = WRITER.point_cloud2(replace(result_of(), points=cloud), HEADER)
    assert np.shares_memory(message.data, cloud.packed)
    message = through_cdr(message)
    assert (message.height, message.width, message.point_step, message.row_step) == (3, 4, 16, 64)
    assert message.is_dense is False and message.is_bigendian is False
    assert [(f.name, f.offset, f.datatype, f.count) for f in message.fields] == [
        ('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1), ('rgb', 12, 7, 1)]
    point = message.data[16 * 2:16 * 3]  # row 0, column 2: depth 100 * 0.5 / (8 + 2) = 5 m
    np.testing.assert_allclose(point[:12].view('<f4'), [0.025, -0.05, 5], rtol=1e-6)
    red, green, blue = LEFT[0, 2].tolist()
    assert point[12:].tolist() == [blue, green, red, 0]
    assert np.isnan(message.data[:12].view('<f4')).all()


def test_point_cloud2_and_back():
    cloud = cloud_from_disparity(VALUES, LEFT, CAMERA)
    again = cloud_from_message(through_cdr(
        WRITER.point_cloud2(replace(result_of(), points=cloud), HEADER)))
    np.testing.assert_array_equal(again.points, cloud.points)
    np.testing.assert_array_equal(again.colors, LEFT)


def other_cloud(**changes):
    """Two points of another driver: intensity first, padded to 24 bytes, no colour."""
    data = np.zeros((1, 2, 6), np.float32)
    data[0, :, 0], data[0, :, 2:5] = 7, [[1, 2, 3], [4, 5, 6]]
    names = changes.pop('names', {'intensity': 0, 'x': 8, 'y': 12, 'z': 16})
    datatype = changes.pop('datatype', 7)
    return make('sensor_msgs/msg/PointCloud2', **{
        'header': HEADER, 'height': 1, 'width': 2, 'is_bigendian': False, 'point_step': 24,
        'row_step': 48, 'data': data.reshape(-1).view(np.uint8), 'is_dense': True,
        'fields': [make('sensor_msgs/msg/PointField', name=n, offset=o, datatype=datatype,
                        count=1) for n, o in names.items()], **changes})


def test_clouds_of_other_layout_are_read():
    cloud = cloud_from_message(other_cloud())
    assert cloud.points.tolist() == [[[1, 2, 3], [4, 5, 6]]]
    assert (cloud.colors == 0).all()


@pytest.mark.parametrize('changes,match', [
    ({'names': {'x': 8, 'y': 12}}, 'no float32 z: its fields are x, y'),
    ({'datatype': 8}, 'no float32 x, y, z'), ({'names': {}}, 'its fields are nothing'),
    ({'data': np.zeros(40, np.uint8)}, 'truncated'), ({'width': 0}, 'is empty'),
    ({'point_step': 18}, 'point_step 18'), ({'row_step': 24}, 'step of 24'),
    ({'names': {'x': 8, 'y': 12, 'z': 22}}, 'multiples of 4')])
def test_damaged_clouds_are_refused(changes, match):
    with pytest.raises(MessageError, match=match):
        cloud_from_message(other_cloud(**changes))


@pytest.mark.parametrize('encoding', ['rgb8', 'bgr8'])
def test_image_and_back(encoding):
    message = through_cdr(WRITER.image(LEFT, HEADER, encoding))
    assert (message.encoding, message.step) == (encoding, 12)
    np.testing.assert_array_equal(image_to_rgb(message), LEFT)


def test_gray_image_and_unknown_encoding():
    gray = np.repeat(LEFT[..., :1], 3, axis=2)
    np.testing.assert_array_equal(image_to_rgb(WRITER.image(gray, HEADER, 'mono8')), gray)
    with pytest.raises(DataError, match="'yuv422'"):
        WRITER.image(LEFT, HEADER, 'yuv422')


def test_compressed_image_and_back():
    message = through_cdr(WRITER.compressed_image(LEFT, HEADER, 'png'))
    assert message.format == 'rgb8; png compressed bgr8'
    np.testing.assert_array_equal(image_to_rgb(message), LEFT)
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    jpeg = image_to_rgb(through_cdr(WRITER.compressed_image(flat, HEADER)))
    np.testing.assert_allclose(jpeg.astype(int), flat, atol=3)
    with pytest.raises(DataError, match="'webp'"):
        WRITER.compressed_image(LEFT, HEADER, 'webp')


def test_camera_infos_and_back():
    camera = replace(CAMERA, focal_y_px=90.0)
    left, right = WRITER.camera_infos(camera, HEADER)
    assert right.p[3] == -50 and right.p[2] == 3.5 and left.p[3] == 0
    assert camera_from_info(through_cdr(left), through_cdr(right)) == camera


def test_headers_of_ros_1_will_do():
    ros_1 = get_typestore(Stores.ROS1_NOETIC).types
    header = ros_1['std_msgs/msg/Header'](
        seq=9, stamp=ros_1['builtin_interfaces/msg/Time'](12, 34), frame_id='left_optical')
    through_cdr(WRITER.image(LEFT, header))


def scanned() -> StereoResult:
    ranges = np.array([1.5, NAN, INF], np.float32)
    scan = Scan(ranges, -0.2, 0.2, 0.25, 20.0, (-0.5, 0.5, -0.5, 0.5))
    return replace(result_of(), scan=scan, depth=np.ones((3, 4), np.float32))


def test_laser_scan():
    message = again(WRITER.laser_scan(scanned(), HEADER))
    assert message.header.frame_id == 'left_optical_scan' and message.header.stamp.sec == 12
    assert (message.angle_min, message.angle_max) == pytest.approx((-0.2, 0.2))
    assert (message.range_min, message.range_max) == (0.25, 20.0)
    np.testing.assert_array_equal(message.ranges, [1.5, NAN, INF])
    assert WRITER.laser_scan(scanned(), HEADER, 'base_scan').header.frame_id == 'base_scan'
    with pytest.raises(DataError, match='no scan'):
        WRITER.laser_scan(result_of(), HEADER)


def test_the_transform_of_the_scan():
    sent, = again(WRITER.scan_transform(scanned(), HEADER)).transforms
    assert (sent.header.frame_id, sent.child_frame_id) == ('left_optical', 'left_optical_scan')
    turned = sent.transform.rotation
    assert (turned.x, turned.y, turned.z, turned.w) == (-0.5, 0.5, -0.5, 0.5)
    assert sent.transform.translation.x == 0


def test_messages_of_a_result_by_topic():
    built = dict(result_messages(WRITER, scanned(), HEADER, OUTPUT_TYPES, '16UC1', 'base_scan'))
    assert set(built) == {'disparity', 'depth', 'depth/camera_info', 'camera_info', 'scan'}
    assert all(message.__msgtype__ == OUTPUT_TYPES[name] for name, message in built.items())
    assert built['depth'].encoding == '16UC1' and built['scan'].header.frame_id == 'base_scan'
    assert built['camera_info'].p[0] == 100
    assert dict(result_messages(WRITER, scanned(), HEADER, ['scan'])).keys() == {'scan'}
    assert topics_of(['depth', 'scan']) == ['depth', 'scan', 'depth/camera_info', 'camera_info']
