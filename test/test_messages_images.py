# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import array
import subprocess
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from depth_learning_ros.errors import MessageError
from depth_learning_ros.messages import ENCODINGS, image_to_rgb, stamp_ns
from depth_learning_ros.messages.pixels import _tell_of_darkness

STORE = get_typestore(Stores.ROS2_HUMBLE)
T = STORE.types
HEADER = T['std_msgs/msg/Header'](T['builtin_interfaces/msg/Time'](3, 5), 'left')
RED, GREEN, BLUE = (200, 20, 10), (30, 210, 40), (5, 60, 220)
RGB = np.array([[RED, GREEN, BLUE, RED], [GREEN, GREEN, RED, BLUE]], np.uint8)


def image(encoding: str, pixels: np.ndarray, /, **changes) -> SimpleNamespace:
    """An Image as rosbags makes it, of an array whose first two axes are rows and columns."""
    data = np.ascontiguousarray(pixels).reshape(-1).view(np.uint8)
    fields = {'header': HEADER, 'height': pixels.shape[0], 'width': pixels.shape[1],
              'encoding': encoding, 'is_bigendian': 0, 'step': data.size // pixels.shape[0],
              'data': data, **changes}
    return T['sensor_msgs/msg/Image'](**fields)


def compressed(name: str, data) -> SimpleNamespace:
    return T['sensor_msgs/msg/CompressedImage'](HEADER, name, np.asarray(data, np.uint8))


def bayer(first_row: str, second_row: str) -> np.ndarray:
    """A mosaic of one colour: R, G, B of the pixel is 200, 100, 50."""
    value = {'r': 200, 'g': 100, 'b': 50}
    block = np.array([[value[c] for c in row] for row in (first_row, second_row)], np.uint8)
    return np.tile(block, (4, 5))


def test_stamp_in_nanoseconds():
    assert stamp_ns(HEADER) == 3_000_000_005
    latest = SimpleNamespace(stamp=SimpleNamespace(sec=1_700_000_000, nanosec=999_999_999))
    assert stamp_ns(latest) == 1_700_000_000_999_999_999


@pytest.mark.parametrize('encoding,pixels', [
    ('rgb8', RGB), ('bgr8', RGB[..., ::-1]), ('8UC3', RGB[..., ::-1]),
    ('rgba8', np.dstack([RGB, np.full((2, 4), 9, np.uint8)])),
    ('bgra8', np.dstack([RGB[..., ::-1], np.full((2, 4), 9, np.uint8)])),
    ('8UC4', np.dstack([RGB[..., ::-1], np.zeros((2, 4), np.uint8)])),
    ('rgb16', RGB.astype(np.uint16) * 257), ('bgr16', RGB[..., ::-1].astype(np.uint16) * 257)])
def test_colours(encoding, pixels):
    rgb = image_to_rgb(image(encoding, pixels))
    assert rgb.dtype == np.uint8 and rgb.flags.c_contiguous
    np.testing.assert_array_equal(rgb, RGB)


@pytest.mark.parametrize('encoding', ['mono8', '8UC1'])
def test_gray_becomes_three_equal_channels(encoding):
    rgb = image_to_rgb(image(encoding, np.array([[0, 7], [128, 255]], np.uint8)))
    assert rgb.tolist() == [[[0] * 3, [7] * 3], [[128] * 3, [255] * 3]]


@pytest.mark.parametrize('encoding', ['mono16', '16UC1'])
@pytest.mark.parametrize('order', ['<', '>'])
def test_sixteen_bits_are_scaled_the_same_in_both_byte_orders(encoding, order):
    values = np.array([[0, 128, 129, 257], [257 * 100, 32768, 65406, 65535]], np.uint16)
    message = image(encoding, values.astype(f'{order}u2'), is_bigendian=int(order == '>'))
    # value / 257, rounded: 128 / 257 is below one half, 129 above
    assert image_to_rgb(message)[..., 1].tolist() == [[0, 0, 1, 1], [100, 128, 254, 255]]


def test_twelve_bits_in_sixteen_are_told_once(caplog):
    _tell_of_darkness.cache_clear()
    for _ in range(2):
        rgb = image_to_rgb(image('mono16', np.full((2, 2), 4095, np.uint16)))
        assert rgb.max() == 16  # 4095 / 257: nearly black
    assert [record.getMessage() for record in caplog.records] == [
        'a 16-bit image is nearly black, its brightest value has 12 bits: if the camera gives no '
        'more, let the driver shift them up to 16']
    image_to_rgb(image('mono16', np.full((2, 2), 4096, np.uint16)))
    image_to_rgb(image('mono16', np.zeros((2, 2), np.uint16)))  # the lens cap is on
    assert len(caplog.records) == 1


@pytest.mark.parametrize('name,rows', [
    ('bayer_rggb8', ('rg', 'gb')), ('bayer_bggr8', ('bg', 'gr')),
    ('bayer_gbrg8', ('gb', 'rg')), ('bayer_grbg8', ('gr', 'bg'))])
def test_bayer_patterns(name, rows):
    mosaic = bayer(*rows)
    expected = np.broadcast_to(np.array([200, 100, 50], np.uint8), (8, 10, 3))
    np.testing.assert_array_equal(image_to_rgb(image(name, mosaic)), expected)
    wide = mosaic.astype(np.uint16) * 257
    np.testing.assert_array_equal(image_to_rgb(image(name[:-1] + '16', wide)), expected)


@pytest.mark.parametrize('name,channels', [
    ('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')])
def test_yuv422(name, channels):
    # BT.601, limited range: this is (81, 90, 240), pure red, then black and white
    y, u, v = [[81, 81, 16, 235]], [[90, 90, 128, 128]], [[240, 240, 128, 128]]
    flat = np.zeros((1, 8), np.uint8)
    order = [('u', 'v')[i // 2 % 2] if c != 'y' else 'y' for i, c in enumerate(channels * 2)]
    taken = {'y': 0}
    for index, channel in enumerate(order):
        pixel = index // 4 * 2
        if channel == 'y':
            flat[0, index] = y[0][taken['y']]
            taken['y'] += 1
        else:
            flat[0, index] = (u if channel == 'u' else v)[0][pixel]
    rgb = image_to_rgb(image(name, flat.reshape(1, 4, 2))).astype(int)
    np.testing.assert_allclose(
        rgb, [[[255, 0, 0], [255, 0, 0], [0, 0, 0], [255, 255, 255]]], atol=2)


@pytest.mark.parametrize('encoding', ['mono8', 'rgb8', 'bgra8', 'mono16'])
@pytest.mark.parametrize('drop_last_padding', [False, True])
def test_padded_rows(encoding, drop_last_padding):
    channels, dtype = ENCODINGS[encoding].channels, ENCODINGS[encoding].dtype
    pixels = np.arange(1, 3 * 5 * channels + 1, dtype=dtype).reshape(3, 5, channels)
    plain = image(encoding, pixels)
    rows = np.full((3, plain.step + 7), 99, np.uint8)
    rows[:, :plain.step] = plain.data.reshape(3, -1)
    data = rows.reshape(-1)[:-7] if drop_last_padding else rows.reshape(-1)
    padded = image(encoding, pixels, step=plain.step + 7, data=data)
    np.testing.assert_array_equal(image_to_rgb(padded), image_to_rgb(plain))


@pytest.mark.parametrize('convert', [
    lambda data: array.array('B', data.tobytes()), lambda data: data.tobytes(),
    lambda data: memoryview(data.tobytes()), lambda data: data.tolist()],
    ids=['array.array (rclpy)', 'bytes (ROS 1)', 'memoryview', 'list'])
def test_other_client_libraries(convert):
    message = SimpleNamespace(**vars(image('bgr8', RGB[..., ::-1])))
    message.data = convert(message.data)
    np.testing.assert_array_equal(image_to_rgb(message), RGB)


def test_rgb8_is_not_copied_and_read_only_data_will_do():
    message = image('rgb8', RGB.copy())
    message.data.flags.writeable = False
    rgb = image_to_rgb(message)
    assert np.shares_memory(rgb, message.data)
    for encoding in ('mono8', 'mono16', 'bayer_rggb8', 'yuv422', 'bgr8'):
        entry = ENCODINGS[encoding]
        message = image(encoding, np.ones((4, 4, entry.channels), entry.dtype))
        message.data.flags.writeable = False
        assert image_to_rgb(message).shape == (4, 4, 3)


def test_data_at_an_odd_address():
    whole = np.zeros(9, np.uint8)
    whole[1:] = np.array([257, 514, 771, 1028], '<u2').view(np.uint8)
    message = image('mono16', np.zeros((2, 2), np.uint16), data=whole[1:])
    assert image_to_rgb(message)[..., 0].tolist() == [[1, 2], [3, 4]]


def test_an_image_that_went_through_cdr():
    message = image('mono16', np.array([[257, 514]], np.uint16))
    name = 'sensor_msgs/msg/Image'
    again = STORE.deserialize_cdr(STORE.serialize_cdr(message, name), name)
    assert image_to_rgb(again)[..., 0].tolist() == [[1, 2]]


def test_float_gray_from_0_to_1():
    message = image('32FC1', np.array([[0, 0.5, 1]], np.float32))
    assert image_to_rgb(message)[..., 0].tolist() == [[0, 128, 255]]
    big = image('32FC1', np.array([[0, 0.5, 1]], '>f4'), is_bigendian=1)
    assert image_to_rgb(big)[..., 0].tolist() == [[0, 128, 255]]


@pytest.mark.parametrize('values,match', [
    ([np.nan, 0.5], '1 of 2 values that are NaN'), ([np.nan, np.inf], '2 of 2'),
    ([0, 200], r'from 0 to 200.*0\.\.1.*mono8'), ([-0.1, 1], r'from -0\.1 to 1')])
def test_float_images_that_hold_no_brightness(values, match):
    with pytest.raises(MessageError, match=match):
        image_to_rgb(image('32FC1', np.array([values], np.float32)))


@pytest.mark.parametrize('changes,match', [
    ({'data': np.zeros(23, np.uint8)}, 'truncated: 23 bytes of data instead of 24'),
    ({'data': np.zeros(0, np.uint8)}, 'truncated: 0 bytes'),
    ({'data': np.zeros(25, np.uint8)}, '25 bytes of data, more than 2 rows of 12'),
    ({'step': 11}, 'step of 11 bytes, but a row needs 12'), ({'step': 0}, 'step of 0 bytes'),
    ({'step': 4000}, 'truncated'), ({'height': 4_000_000_000}, 'truncated'),
    ({'width': 0}, 'rgb8 image of 0x2 is empty'), ({'height': 0}, 'is empty'),
    ({'encoding': 'mono8', 'step': 4}, 'more than 2 rows of 4')])
def test_damaged_images_are_refused(changes, match):
    with pytest.raises(MessageError, match=match):
        image_to_rgb(image('rgb8', RGB, **changes))


def test_empty_data_of_other_libraries():
    message = SimpleNamespace(**vars(image('rgb8', RGB)))
    for data in (array.array('B'), b'', []):
        message.data = data
        with pytest.raises(MessageError, match='truncated: 0 bytes'):
            image_to_rgb(message)


@pytest.mark.parametrize('name', ['jpeg', '', 'RGB8', 'nv12'])
def test_unknown_encoding_lists_the_known(name):
    with pytest.raises(MessageError, match=f"'{name}': known are mono8, .*bayer_rggb8.*yuv422"):
        image_to_rgb(image(name, RGB))


@pytest.mark.parametrize('encoding,height,width', [
    ('yuv422', 2, 3), ('bayer_rggb8', 4, 5), ('bayer_rggb8', 5, 4), ('bayer_rggb8', 2, 4)])
def test_sizes_that_colours_do_not_fit(encoding, height, width):
    pixels = np.zeros((height, width, ENCODINGS[encoding].channels), np.uint8)
    with pytest.raises(MessageError, match=f'{width}x{height} cannot be'):
        image_to_rgb(image(encoding, pixels))


def smooth() -> np.ndarray:
    columns, rows = np.meshgrid(np.arange(48), np.arange(32))
    return np.dstack([columns * 5, rows * 7, 255 - columns * 4]).astype(np.uint8)


def test_jpeg():
    data = cv2.imencode('.jpg', cv2.cvtColor(smooth(), cv2.COLOR_RGB2BGR))[1]
    rgb = image_to_rgb(compressed('rgb8; jpeg compressed bgr8', data.reshape(-1)))
    assert np.abs(rgb.astype(int) - smooth()).mean() < 3
    padded = np.concatenate([data.reshape(-1), np.zeros(100, np.uint8)])
    np.testing.assert_array_equal(image_to_rgb(compressed('jpeg', padded)), rgb)


def test_gray_jpeg_and_rclpy_data():
    data = cv2.imencode('.jpg', smooth()[..., 0])[1]
    message = SimpleNamespace(format='jpeg', data=array.array('B', data.tobytes()))
    rgb = image_to_rgb(message)
    assert (rgb[..., 0] == rgb[..., 1]).all() and rgb.shape == (32, 48, 3)


@pytest.mark.parametrize('pixels,expected', [
    (smooth()[..., ::-1], smooth()), (smooth()[..., ::-1].astype(np.uint16) * 257, smooth()),
    (np.dstack([smooth()[..., ::-1], smooth()[..., 0]]), smooth()),
    (smooth()[..., 1], smooth()[..., [1, 1, 1]]),
    (smooth()[..., 1].astype(np.uint16) * 257, smooth()[..., [1, 1, 1]])],
    ids=['colour', 'colour 16', 'alpha', 'gray', 'gray 16'])
def test_png_is_exact(pixels, expected):
    data = cv2.imencode('.png', pixels)[1]
    rgb = image_to_rgb(compressed('png', data.reshape(-1)))
    np.testing.assert_array_equal(rgb, expected)


def test_compressed_bayer_pattern_is_developed():
    data = cv2.imencode('.png', bayer('rg', 'gb'))[1].reshape(-1)
    rgb = image_to_rgb(compressed('bayer_rggb8; png compressed ', data))
    assert (rgb == [200, 100, 50]).all()


@pytest.mark.parametrize('kind', ['.jpg', '.png'])
@pytest.mark.parametrize('kept', [0.97, 0.5, 0.01])
def test_truncated_compressed_images_are_refused(kind, kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = cv2.imencode(kind, noise)[1].reshape(-1)
    with pytest.raises(MessageError, match=r'(JPEG|PNG) image is truncated'):
        image_to_rgb(compressed(kind[1:], data[:int(kept * data.size)]))


def test_compressed_data_that_is_no_image():
    for data, match in ((np.arange(200, dtype=np.uint8), '200 bytes. cannot be decoded'),
                        (np.zeros(0, np.uint8), 'is empty')):
        with pytest.raises(MessageError, match=match):
            image_to_rgb(compressed('jpeg', data))
    with pytest.raises(MessageError, match='holds depth'):
        image_to_rgb(compressed('32FC1; compressedDepth png', np.ones(50, np.uint8)))


def test_no_client_library_is_needed():
    program = 'import sys, depth_learning_ros.messages; sys.exit("rclpy" in sys.modules)'
    assert subprocess.run([sys.executable, '-c', program], check=False).returncode == 0
