# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from depth_learning_ros.errors import CalibrationError
from depth_learning_ros.messages import camera_from_info, mono_camera_from_info

T = get_typestore(Stores.ROS2_HUMBLE).types
HEADER = T['std_msgs/msg/Header'](T['builtin_interfaces/msg/Time'](3, 5), 'left')


def info(fx=400.0, cx=320.0, tx=0.0, fy=400.0, cy=240.0, width=640, height=480, **changes):
    roi = T['sensor_msgs/msg/RegionOfInterest'](
        **{'x_offset': 0, 'y_offset': 0, 'height': 0, 'width': 0, 'do_rectify': False,
           **changes.pop('roi', {})})
    fields = {
        'header': HEADER, 'height': height, 'width': width, 'distortion_model': 'plumb_bob',
        'd': np.array([-0.3, 0.1, 0, 0, 0]), 'r': np.eye(3).reshape(-1),
        'k': np.array([410.0, 0, 322, 0, 411, 239, 0, 0, 1]),
        'p': np.array([fx, 0, cx, tx, 0, fy, cy, 0, 0, 0, 1, 0], np.float64),
        'binning_x': 0, 'binning_y': 0, 'roi': roi, **changes}
    return T['sensor_msgs/msg/CameraInfo'](**fields)


def test_camera_by_hand():
    camera = camera_from_info(info(), info(cx=325.0, tx=-48.0))
    assert (camera.width, camera.height) == (640, 480)
    assert (camera.focal_px, camera.fy, camera.cx, camera.cy) == (400, 400, 320, 240)
    assert camera.baseline_m == pytest.approx(0.12)  # 48 / 400
    assert camera.doffs == 5


def test_baseline_is_counted_from_the_left_camera():
    # KITTI's colour pair: P of both counts from the gray camera
    camera = camera_from_info(info(fx=721.5377, fy=721.5377, tx=44.85728),
                              info(fx=721.5377, fy=721.5377, tx=-339.5242))
    assert camera.baseline_m == pytest.approx(0.5327, abs=1e-4)


def test_ros_1_and_rclpy_fields():
    left, right = (SimpleNamespace(**vars(info(tx=tx))) for tx in (0.0, -48.0))
    left.p, left.k = list(left.p), tuple(left.k)
    right.P, right.K = right.p, right.k
    del right.p, right.k
    assert camera_from_info(left, right).baseline_m == pytest.approx(0.12)


def test_binning_halves_pixels_and_keeps_metres():
    camera = camera_from_info(info(binning_x=2, binning_y=2),
                              info(tx=-48.0, cx=324.0, binning_x=2, binning_y=2))
    assert (camera.width, camera.height, camera.focal_px) == (320, 240, 200)
    assert (camera.cx, camera.cy, camera.doffs) == (160, 120, 2)
    assert camera.baseline_m == pytest.approx(0.12)


def test_region_of_interest_moves_the_principal_point():
    window = {'x_offset': 100, 'y_offset': 40, 'width': 400, 'height': 200}
    camera = camera_from_info(info(roi=window), info(tx=-48.0, roi={**window, 'x_offset': 90}))
    assert (camera.width, camera.height) == (400, 200)
    assert (camera.cx, camera.cy) == (220, 200)
    assert camera.doffs == 10  # cx of the right is 320 - 90
    binned = camera_from_info(info(roi=window, binning_x=2), info(tx=-48.0, roi=window,
                                                                  binning_x=2))
    assert (binned.width, binned.height, binned.cx, binned.fy) == (200, 200, 110, 400)


def test_override_replaces_the_baseline():
    for tx in (0.0, -48.0, 48.0, -48000.0):
        assert camera_from_info(info(), info(tx=tx), 0.3).baseline_m == 0.3
    with pytest.raises(CalibrationError, match=r'override.*millimetres'):
        camera_from_info(info(), info(tx=-48.0), 120.0)


ZERO = {'p': np.zeros(12), 'k': np.zeros(9)}


@pytest.mark.parametrize('left,right,match', [
    (info(), info(), 'baseline is 0 m'),
    (info(), info(tx=48.0), r'-0\.12 m.*swapped'),
    (info(tx=-48.0), info(), r'-0\.12 m.*swapped'),
    (info(), info(tx=-48000.0), r'120 m \(it looks like millimetres\)'),
    (info(), info(tx=-2.0), r'0\.005 m'),
    (None, info(), 'no left camera_info'), (info(), None, 'no right camera_info'),
    (info(**ZERO), info(tx=-48.0), r'left camera_info is empty.*not calibrated'),
    (info(), info(**ZERO, width=0, height=0), r'right camera_info is empty'),
    (info(), info(p=np.zeros(12)), r'right.*K is set.*as a stereo pair'),
    (info(width=0), info(tx=-48.0), 'size 0x480'),
    (info(), info(tx=-48.0, width=320), 'left camera_info is for 640x480 and the right for 320'),
    (info(), info(tx=-48.0, binning_x=2), '640x480 and the right for 320x480'),
    (info(), info(tx=-48.0, fx=401.0), 'fx 400 and of the right 401'),
    (info(), info(tx=-48.0, fy=380.0), 'fy 400 and of the right 380'),
    (info(), info(tx=-48.0, cy=243.0), 'cy 240 and of the right 243'),
    (info(), info(tx=float('nan')), 'P of the right camera_info holds values that are not fin'),
    (info(), info(fx=float('inf')), 'not finite'),
    (info(fx=-400.0), info(tx=-48.0), 'focal lengths -400 and 400'),
    (info(p=np.ones(9)), info(), 'P of the left camera_info is of 9 values'),
    (info(roi={'x_offset': 600, 'width': 100, 'height': 9}), info(), r'roi.*100x9 at 600, 0'),
])
def test_bad_calibrations_are_refused(left, right, match):
    with pytest.raises(CalibrationError, match=match):
        camera_from_info(left, right)


def test_focal_lengths_may_differ_by_rounding():
    assert camera_from_info(info(), info(tx=-48.0, fx=400.01, cy=240.2)).focal_px == 400


def test_a_single_camera_by_hand():
    camera = mono_camera_from_info(info(tx=-48.0), 0.54)
    # P[3] belongs to a stereo rig; the virtual baseline counts
    assert (camera.focal_px, camera.fy, camera.cx, camera.cy) == (400, 400, 320, 240)
    assert (camera.baseline_m, camera.doffs) == (0.54, 0)
    halved = mono_camera_from_info(info(binning_x=2, binning_y=2), 0.54)
    assert (halved.width, halved.focal_px, halved.cx) == (320, 200, 160)


def test_a_single_camera_without_p_has_k_unless_it_is_distorted():
    camera = mono_camera_from_info(info(p=np.zeros(12), d=np.zeros(5)), 0.54)
    assert (camera.focal_px, camera.fy, camera.cx, camera.cy) == (410, 411, 322, 239)
    ros1 = SimpleNamespace(**vars(info(p=np.zeros(12), d=np.zeros(5))))
    for name in 'pkd':
        setattr(ros1, name.upper(), getattr(ros1, name))
        delattr(ros1, name)
    assert mono_camera_from_info(ros1, 0.54).focal_px == 410
    with pytest.raises(CalibrationError, match=r'lens distortion \(-0.3, 0.1, 0, 0, 0\).*rectify'):
        mono_camera_from_info(info(p=np.zeros(12)), 0.54)


@pytest.mark.parametrize('broken,complaint', [
    (None, 'there is no camera_info'),
    (info(p=np.zeros(12), k=np.zeros(9)), 'has no focal length.*calibrate the camera'),
    (info(width=0), 'image size 0x480'), (info(fx=np.nan), 'not finite')])
def test_a_single_camera_without_focal_length(broken, complaint):
    with pytest.raises(CalibrationError, match=complaint):
        mono_camera_from_info(broken, 0.54)
