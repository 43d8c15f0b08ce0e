# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""KITTI raw by lists, and its laser scans, on a rig whose numbers can be worked out by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from depth_learning_ros.data.sets.registry import open_data_set
from depth_learning_ros.errors import DataError

DATE, DRIVE = '2011_09_26', '2011_09_26_drive_0002_sync'
WIDTH, HEIGHT = 20, 10
# focal length 10 px, baseline 0.5 m, principal point (10, 5); camera 2 lies 0.1 m beside camera 0
CAMERAS = f"""\
calib_time: 09-Jan-2012 13:57:47
R_rect_00: 1 0 0 0 1 0 0 0 1
S_rect_02: {WIDTH}.0 {HEIGHT}.0
P_rect_02: 10 0 10 1 0 10 5 0 0 0 1 0
P_rect_03: 10 0 10 -4 0 10 5 0 0 0 1 0
"""
# the laser looks along its x, has y to the left and z up
LASER = 'R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n'


@pytest.fixture
def raw(tmp_path):
    drive = tmp_path / DATE / DRIVE
    for camera in ('image_02', 'image_03'):
        (drive / camera / 'data').mkdir(parents=True)
        for number in (69, 70):
            cv2.imwrite(str(drive / camera / 'data' / f'{number:010}.png'),
                        np.full((HEIGHT, WIDTH, 3), number, np.uint8))
    (tmp_path / DATE / 'calib_cam_to_cam.txt').write_text(CAMERAS)
    (tmp_path / DATE / 'calib_velo_to_cam.txt').write_text(LASER)
    scan(tmp_path, 69, [(10, -2, 1), (5, -1, 0.5), (10, 2, 1), (-10, 2, 1), (1, 9, 0)])
    scan(tmp_path, 70, [(20, 0, 0)])
    (tmp_path / 'list.txt').write_text(
        f'{DATE}/{DRIVE}/image_02/data/0000000069.jpg image_03/data/0000000069.jpg\n'
        f'# a remark\n{DATE}/{DRIVE} 0000000070 l\n{DATE}/{DRIVE} 70 r\n')
    return tmp_path


def scan(root, number, points):
    folder = root / DATE / DRIVE / 'velodyne_points' / 'data'
    folder.mkdir(parents=True, exist_ok=True)
    values = np.array([(*point, 0.5) for point in points], '<f4')
    (folder / f'{number:010}.bin').write_bytes(values.tobytes())


def opened(raw, **options):
    return open_data_set('kitti-raw', raw, list=str(raw / 'list.txt'), **options)


def test_frames_of_the_list_and_their_camera(raw):
    found = opened(raw)
    assert [scene.name for scene in found.scenes] == [f'{DRIVE}_0000000069', f'{DRIVE}_0000000070']
    camera = found[0].camera
    assert (camera.focal_px, camera.baseline_m, camera.doffs) == (10, 0.5, 0)
    assert found[1].left[0, 0].tolist() == [70, 70, 70]


def test_laser_points_by_hand(raw):
    disparity = opened(raw)[0].disparity
    # (10, -2, 1) is 10 m ahead, 2 m to the right, 1 m up: x = 10 * 2 / 10 + 10 + 1 / 10 = 12.1,
    # y = 5 - 10 * 1 / 10 = 4; KITTI counts from one, so column 11, row 3; f * b / z = 0.5 px.
    # (5, -1, 0.5) falls there too (x = 12.2), is nearer, and wins: 1 px.
    assert disparity[3, 11] == 1
    # (10, 2, 1): x = 10 - 2 + 0.1 = 8.1, column 7. Behind the camera and outside: nothing.
    assert disparity[3, 7] == 0.5
    assert np.isfinite(disparity).sum() == 2
    assert disparity.dtype == np.float32 and disparity.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize('line,complaint', [
    ('some/other/file.png', "line 1 is 'some/other/file.png': expected the path"),
    ('', 'names no frame'),
    (f'{DATE}/{DRIVE}/image_02/data/0000000099.png',
     r'3 files that .* needs are missing .*0000000099.png')])
def test_wrong_lists_are_named(raw, line, complaint):
    (raw / 'list.txt').write_text(line + '\n')
    if '99' in line:
        (raw / DATE / 'calib_cam_to_cam.txt').unlink()
    with pytest.raises(DataError, match=complaint):
        opened(raw)


def test_what_a_user_gets_wrong(raw):
    with pytest.raises(DataError, match='kitti-raw needs a list of frames'):
        open_data_set('kitti-raw', raw)
    with pytest.raises(DataError, match="camera is 'infrared': give one of color, gray"):
        opened(raw, camera='infrared')
    with pytest.raises(DataError, match='give the one above the dates'):
        open_data_set('kitti-raw', raw / 'list.txt', list=str(raw / 'list.txt'))
    laser = raw / DATE / DRIVE / 'velodyne_points' / 'data'
    (laser / '0000000070.bin').write_bytes(b'12345')
    with pytest.raises(DataError, match='has 5 bytes: a scan has 16 for each point'):
        opened(raw)[1]
    (laser / '0000000070.bin').unlink()
    with pytest.raises(DataError, match=r'1 of 2 frames of .* have no laser scan'):
        opened(raw)
    (laser / '0000000069.bin').unlink()
    assert opened(raw)[0].disparity is None  # for training
