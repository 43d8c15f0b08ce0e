# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from depth_learning_ros.data.images import read_image, write_image
from depth_learning_ros.errors import DataError

RED = np.uint8([[[255, 0, 0]]])


def test_png_round_trip_keeps_rgb_order(tmp_path):
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    write_image(tmp_path / 'a.png', image)
    assert np.array_equal(read_image(tmp_path / 'a.png'), image)
    # OpenCV reads BGR: what it calls its last channel must be our first.
    assert np.array_equal(cv2.imread(str(tmp_path / 'a.png'))[..., 2], image[..., 0])


def test_gray_becomes_three_equal_channels(tmp_path):
    cv2.imwrite(str(tmp_path / 'g.png'), np.uint8([[7, 200]]))
    assert read_image(tmp_path / 'g.png').tolist() == [[[7, 7, 7], [200, 200, 200]]]


def test_alpha_is_dropped(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.uint8([[[0, 0, 255, 9]]]))
    assert np.array_equal(read_image(tmp_path / 'a.png'), RED)


def test_16_bits_are_scaled_to_8(tmp_path):
    cv2.imwrite(str(tmp_path / 'deep.png'), np.uint16([[0, 257, 32768, 65535]]))
    assert read_image(tmp_path / 'deep.png')[0, :, 0].tolist() == [0, 1, 128, 255]


def test_12_bit_data_in_16_bits_is_warned_of(tmp_path, caplog):
    cv2.imwrite(str(tmp_path / 'dark.png'), np.uint16([[0, 4095]]))
    with caplog.at_level(logging.WARNING):
        read_image(tmp_path / 'dark.png')
    assert '12 bits' in caplog.text


@pytest.mark.parametrize(('content', 'reason'), [
    (b'', 'empty'), (b'no image at all', 'not an image'),
    (b'\x89PNG\r\n\x1a\n' + b'x' * 50, 'cut off')])
def test_what_is_no_image_is_refused(tmp_path, content, reason):
    (tmp_path / 'x.png').write_bytes(content)
    with pytest.raises(DataError, match=reason):
        read_image(tmp_path / 'x.png')


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_half_copied_image_is_refused(tmp_path, suffix):
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    data = cv2.imencode(suffix, image)[1].tobytes()
    (tmp_path / f'x{suffix}').write_bytes(data[:len(data) // 2])
    with pytest.raises(DataError, match='cut off'):
        read_image(tmp_path / f'x{suffix}')


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match='No such file'):
        read_image(tmp_path / 'none.png')
    with pytest.raises(DataError, match='directory'):
        read_image(tmp_path)


def test_floating_point_image_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / 'f.tiff'), np.zeros((2, 2), np.float32))
    with pytest.raises(DataError, match='float32'):
        read_image(tmp_path / 'f.tiff')


def test_write_refuses_unknown_suffix_and_existing_file(tmp_path):
    with pytest.raises(DataError, match=r'\.png'):
        write_image(tmp_path / 'a.txt', RED)
    write_image(tmp_path / 'a.png', RED)
    with pytest.raises(DataError, match='--force'):
        write_image(tmp_path / 'a.png', RED)
    write_image(tmp_path / 'a.png', 0 * RED, force=True)
    assert read_image(tmp_path / 'a.png').max() == 0
