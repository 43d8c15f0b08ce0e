# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging
import struct

import cv2
import numpy as np
import pytest

from depth_learning_ros.data.calibration import read_calibration
from depth_learning_ros.data.maps import (
    read_disparity,
    read_mask,
    write_confidence,
    write_depth,
    write_disparity,
)
from depth_learning_ros.data.pfm import read_pfm
from depth_learning_ros.data.ply import write_ply
from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.types import PointCloud

NAN, INF = np.nan, np.inf


def floats(*rows):
    return np.array(rows, np.float32)


def test_kitti_png_is_disparity_times_256_and_0_unknown(tmp_path):
    cv2.imwrite(str(tmp_path / 'd.png'), np.uint16([[0, 256, 384, 65535]]))
    np.testing.assert_array_equal(
        read_disparity(tmp_path / 'd.png'), floats([NAN, 1.0, 1.5, 65535 / 256]))


def test_a_known_0_stays_known_in_a_png(tmp_path):
    write_disparity(tmp_path / 'd.png', floats([0.0, NAN, 2.0]))
    assert cv2.imread(str(tmp_path / 'd.png'), -1).tolist() == [[1, 0, 512]]


@pytest.mark.parametrize('suffix', ['.pfm', '.npy'])
def test_floats_round_trip(tmp_path, suffix):
    values = floats([0.0, NAN, 300.25], [1.0, 2.0, 3.0])
    write_disparity(tmp_path / f'd{suffix}', values)
    np.testing.assert_array_equal(read_disparity(tmp_path / f'd{suffix}'), values)


def test_pfm_bytes_by_hand(tmp_path):
    write_disparity(tmp_path / 'd.pfm', floats([1, 2], [3, NAN]))
    # bottom row first, little endian, unknown = inf
    assert (tmp_path / 'd.pfm').read_bytes() == (
        b'Pf\n2 2\n-1.0\n' + struct.pack('<4f', 3, INF, 1, 2))


def test_big_endian_pfm(tmp_path):
    (tmp_path / 'b.pfm').write_bytes(b'Pf 2 1 1.0\n' + struct.pack('>2f', 5, 0.5))
    assert read_pfm(tmp_path / 'b.pfm').tolist() == [[5, 0.5]]


@pytest.mark.parametrize(('content', 'reason'), [
    (b'Pf\n2 2\n-1\n' + bytes(15), 'needs 16 bytes'), (b'PF\n1 1\n-1\n' + bytes(12), 'colour'),
    (b'P5\n1 1\n255\n0', 'not a PFM')])
def test_bad_pfm_is_refused(tmp_path, content, reason):
    (tmp_path / 'x.pfm').write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_disparity(tmp_path / 'x.pfm')


def test_wrong_kinds_of_disparity_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / '8bit.png'), np.uint8([[3]]))
    with pytest.raises(DataError, match='16 bits'):
        read_disparity(tmp_path / '8bit.png')
    np.save(tmp_path / 'negative.npy', floats([1, -20]))
    with pytest.raises(DataError, match='negative'):
        read_disparity(tmp_path / 'negative.npy')
    np.save(tmp_path / 'cube.npy', np.zeros((1, 2, 2), np.float32))
    with pytest.raises(DataError, match=r'\[1, 2, 2\]'):
        read_disparity(tmp_path / 'cube.npy')
    (tmp_path / 'text.npy').write_text('hello')
    with pytest.raises(DataError, match='numpy'):
        read_disparity(tmp_path / 'text.npy')
    with pytest.raises(DataError, match=r'\.pfm'):
        read_disparity(tmp_path / 'd.jpg')


def test_too_large_for_png_names_the_value_and_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r'256\.50.*d\.npy'):
        write_disparity(tmp_path / 'd.png', floats([256.5]))
    assert list(tmp_path.iterdir()) == []


def test_depth_png_is_millimetres_and_0_where_there_is_none(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        write_depth(tmp_path / 'z.png', floats([1.2344, NAN, INF, -INF, 70.0, 65.535]))
    assert cv2.imread(str(tmp_path / 'z.png'), -1).tolist() == [[1234, 0, 0, 0, 0, 65535]]
    assert '1 pixels are farther' in caplog.text


def test_depth_npy_is_metres_as_they_are(tmp_path):
    write_depth(tmp_path / 'z.npy', floats([NAN, INF, 70.0]))
    np.testing.assert_array_equal(np.load(tmp_path / 'z.npy'), floats([NAN, INF, 70.0]))


def test_confidence_png(tmp_path):
    write_confidence(tmp_path / 'c.png', floats([0, 0.5, 1, NAN]))
    assert read_mask(tmp_path / 'c.png').tolist() == [[0, 128, 255, 0]]


def test_mask_must_be_one_channel_of_8_bits(tmp_path):
    cv2.imwrite(str(tmp_path / 'm.png'), np.uint16([[3]]))
    with pytest.raises(DataError, match='uint16'):
        read_mask(tmp_path / 'm.png')


def test_ply_holds_the_finite_points(tmp_path):
    points = floats([1, 2, 3], [NAN, NAN, NAN]).reshape(1, 2, 3)
    cloud = PointCloud.from_arrays(points, np.uint8([[[10, 20, 30], [1, 1, 1]]]))
    assert write_ply(tmp_path / 'c.ply', cloud) == 1
    header, _, body = (tmp_path / 'c.ply').read_bytes().partition(b'end_header\n')
    assert b'format binary_little_endian 1.0\n' in header
    assert b'element vertex 1\n' in header
    assert body == struct.pack('<3f3B', 1, 2, 3, 10, 20, 30)


def write_json(path, text):
    path.write_text(text)
    return path


def test_calibration_defaults(tmp_path):
    path = write_json(tmp_path / 'c.json', '{"focal_px": 700, "baseline_m": 0.5, "note": "x"}')
    camera = read_calibration(path, 640, 480)
    assert (camera.focal_px, camera.baseline_m, camera.doffs) == (700, 0.5, 0)
    assert (camera.cx, camera.cy) == (319.5, 239.5)


@pytest.mark.parametrize(('text', 'reason'), [
    ('{"focal_px": 700}', 'no baseline_m'),
    ('{"focal_px": "700", "baseline_m": 0.5}', "focal_px is '700'"),
    ('{"focal_px": 700, "baseline_m": 0.5, "doffs": null}', 'doffs is null'),
    ('{"focal_px": 700, "baseline_m": 120}', 'millimetres'),
    ('{"focal_px": 700, "baseline_m": -0.5}', 'swapped'),
    ('{"focal_px": 700, "baseline_m": 0.5, "width": 320, "height": 240}', '320x240'),
    ('[1, 2]', 'list'), ('{', 'not JSON'), ('\xff', 'not JSON')])
def test_bad_calibration_names_the_reason(tmp_path, text, reason):
    (tmp_path / 'c.json').write_bytes(text.encode('latin-1'))
    with pytest.raises(CalibrationError, match=reason):
        read_calibration(tmp_path / 'c.json', 640, 480)
