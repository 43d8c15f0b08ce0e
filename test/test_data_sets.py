# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""KITTI, ETH3D, DrivingStereo, pairs, names: tiny sets as downloaded, whole and broken."""

from __future__ import annotations

import json

import cv2
from data_set_files import (
    constant,
    first_unknown,
    write_floats,
    write_gray,
    write_image,
    write_kitti2015,
    write_text,
)
import numpy as np
import pytest

from depth_learning_ros.data.sets.registry import REGISTRY, DataSetName, open_data_set
from depth_learning_ros.data.sets.search import Search
from depth_learning_ros.errors import CalibrationError, DataError

KITTI_CALIBRATION = """\
calib_time: 09-Jan-2012 14:00:15
P_rect_02: 700 0 600 70 0 710 180 0 0 0 1 0
P_rect_03: 700 0 602 -350 0 710 180 0 0 0 1 0
"""


@pytest.fixture
def kitti(tmp_path):
    write_kitti2015(tmp_path / 'kitti')
    return tmp_path / 'kitti'


def test_kitti2015_training(kitti):
    data = open_data_set('kitti2015', kitti)
    assert [(scene.set_name, scene.name) for scene in data.scenes] == [
        ('kitti2015', '000000_10'), ('kitti2015', '000001_10')]
    sample = data[1]
    assert sample.left.tolist() == np.full((4, 6, 3), (101, 20, 10)).tolist()
    assert sample.right[0, 0].tolist() == [200, 20, 10]
    assert sample.disparity.dtype == np.float32
    assert np.isnan(sample.disparity[0, 0]) and (sample.disparity.ravel()[1:] == 2.5).all()
    assert sample.non_occluded.sum() == 4 * 5 - 1 and not sample.non_occluded[:, -1].any()
    assert sample.objects[-1].all() and not sample.objects[:-1].any()
    assert sample.camera is None and sample.disparity_right is None
    assert [name for name, _ in data.sets()] == ['kitti2015'] and len(list(data)) == 2


def test_kitti2015_testing_has_no_ground_truth(kitti):
    sample = open_data_set('kitti2015', kitti, split='testing')[0]
    assert sample.disparity is None and sample.objects is None


def test_kitti2015_camera(kitti):
    write_text(kitti / 'training/calib_cam_to_cam/000001.txt', KITTI_CALIBRATION)
    first, second = open_data_set('kitti2015', kitti)
    assert first.camera is None
    camera = second.camera
    assert (camera.width, camera.height, camera.focal_px, camera.fy) == (6, 4, 700, 710)
    assert camera.baseline_m == pytest.approx(0.6)  # (70 + 350) / 700
    assert camera.doffs == 2
    write_text(kitti / 'training/calib_cam_to_cam/000001.txt', 'P_rect_02: 1 2 3')
    with pytest.raises(CalibrationError, match='12 numbers'):
        _ = open_data_set('kitti2015', kitti)[1].camera


def test_kitti2015_of_non_occluded_pixels_only(kitti):
    for path in (kitti / 'training/disp_occ_0').iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r'000000 has no training/disp_occ_0/000000_10\.png.*'
                                        r'training/disp_occ_0/\*_10\.png \(0\)'):
        open_data_set('kitti2015', kitti)
    sample = open_data_set('kitti2015', kitti, ground_truth='noc')[0]
    assert np.isnan(sample.disparity[:, -1]).all()


@pytest.mark.parametrize('missing', ['image_2', 'image_3', 'disp_occ_0', 'disp_noc_0', 'obj_map'])
def test_half_copied_kitti_is_named(kitti, missing):
    (kitti / 'training' / missing / '000001_10.png').unlink()
    with pytest.raises(DataError, match=rf'1 of 2 scenes of kitti2015 .*: 000001 has no '
                                        rf'training/{missing}/000001_10\.png\. .*'
                                        rf'training/{missing}/\*_10\.png \(1\).*Copy the missing'):
        open_data_set('kitti2015', kitti)


def test_many_incomplete_scenes_are_counted_not_listed(tmp_path):
    write_kitti2015(tmp_path, 9)
    for path in (tmp_path / 'training/image_3').iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r'9 of 9 .*000004 has no [^;]*; and 4 more'):
        open_data_set('kitti2015', tmp_path)


def test_ground_truth_of_another_size_names_both_files(kitti):
    write_gray(kitti / 'training/disp_occ_0/000000_10.png', constant(1, np.uint16, 7, 4))
    with pytest.raises(DataError, match=r'disp_occ_0/000000_10\.png is 7x4, .*'
                                        r'image_2/000000_10\.png is 6x4'):
        open_data_set('kitti2015', kitti)[0]


def test_images_of_two_sizes_name_the_scene(kitti):
    write_image(kitti / 'training/image_3/000000_10.png', width=5)
    with pytest.raises(DataError, match=r'kitti2015/000000_10: left is 6x4 and right is 5x4'):
        open_data_set('kitti2015', kitti)[0]


def test_a_file_that_vanished_or_was_cut_off(kitti):
    data = open_data_set('kitti2015', kitti)
    path = kitti / 'training/disp_occ_0/000000_10.png'
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match='cut off'):
        data[0]
    (kitti / 'training/image_2/000001_10.png').unlink()
    with pytest.raises(DataError, match=r'000001_10.*No such file'):
        data[1]


def test_empty_and_wrong_folders(tmp_path, kitti):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DataError, match=r'nothing of kitti2015 under .*empty; .*'
                                        r'training/image_2/\*_10\.png \(0\).*begin in'):
        open_data_set('kitti2015', tmp_path / 'empty')
    with pytest.raises(DataError, match=r'image_2/\*_10\.png \(0\)'):
        open_data_set('kitti2015', kitti / 'training')
    with pytest.raises(DataError, match='does not exist'):
        open_data_set('kitti2015', tmp_path / 'none')
    (tmp_path / 'file').write_text('')
    with pytest.raises(DataError, match='is a file'):
        open_data_set('kitti2015', tmp_path / 'file')


def test_hidden_files_of_other_systems_do_not_count(kitti):
    (kitti / 'training/image_2/._000000_10.png').write_bytes(b'resource fork')
    assert len(open_data_set('kitti2015', kitti)) == 2


def test_kitti2012_color_and_gray(tmp_path):
    for split in ('training', 'testing'):
        for number, folder in enumerate(('colored_0', 'colored_1', 'image_0', 'image_1')):
            write_image(tmp_path / split / folder / '000007_10.png', number + 1)
    write_gray(tmp_path / 'training/disp_occ/000007_10.png', constant(256, np.uint16))
    write_gray(tmp_path / 'training/disp_noc/000007_10.png',
               first_unknown(constant(256, np.uint16), 0))
    write_text(tmp_path / 'training/calib/000007.txt', ''.join(
        f'P{n}: 700 0 600 {shift} 0 700 180 0 0 0 1 0\n'
        for n, shift in enumerate((0, -350, 42, -378))))
    color = open_data_set('kitti2012', tmp_path)[0]
    gray = open_data_set('kitti2012', tmp_path, images='gray')[0]
    assert (color.left[0, 0, 0], color.right[0, 0, 0]) == (1, 2)
    assert (gray.left[0, 0, 0], gray.right[0, 0, 0]) == (3, 4)
    assert (color.disparity == 1).all() and color.non_occluded.sum() == 23
    assert gray.camera.baseline_m == 0.5
    assert color.camera.baseline_m == pytest.approx(0.6)  # (42 + 378) / 700
    assert open_data_set('kitti2012', tmp_path, split='testing')[0].disparity is None


ETH3D_CALIBRATION = """\
cam0=[541.764 0 553.869; 0 541.764 232.396; 0 0 1]
cam1=[541.764 0 553.869; 0 541.764 232.396; 0 0 1]
doffs=0
baseline=59.9634
width=6
height=4
ndisp=32
"""


@pytest.mark.parametrize('truth_folder', ['two_view_training_gt', 'two_view_training'])
def test_eth3d(tmp_path, truth_folder):
    scene = tmp_path / 'two_view_training/delivery_area_1l'
    write_image(scene / 'im0.png')
    write_image(scene / 'im1.png')
    write_text(scene / 'calib.txt', ETH3D_CALIBRATION)
    truth = tmp_path / truth_folder / 'delivery_area_1l'
    write_floats(truth / 'disp0GT.pfm', first_unknown(constant(3.25), np.inf))
    write_gray(truth / 'mask0nocc.png', np.tile(np.uint8([255, 255, 128, 0, 255, 255]), (4, 1)))
    sample = open_data_set('eth3d', tmp_path)[0]
    assert np.isnan(sample.disparity[0, 0]) and np.nanmin(sample.disparity) == 3.25
    assert sample.non_occluded[2].tolist() == [True, True, False, False, True, True]
    assert sample.camera.baseline_m == pytest.approx(0.0599634)
    assert sample.camera.focal_px == 541.764 and sample.camera.cy == 232.396
    with pytest.raises(DataError, match=r'two_view_test/\*/im0\.png \(0\), two_view_testing'):
        open_data_set('eth3d', tmp_path, split='test')


@pytest.mark.parametrize(('text', 'message'), [
    (ETH3D_CALIBRATION.replace('width=6', 'width=12'), 'width 12, the images have 6'),
    (ETH3D_CALIBRATION.replace('baseline=59.9634', ''), 'no baseline'),
    (ETH3D_CALIBRATION.replace('=59.9634', '=0'), r'calib\.txt: the baseline is 0'),
    (ETH3D_CALIBRATION.replace('553.869; 0', '553.869; x'), '9 numbers')])
def test_damaged_calibrations_are_told_when_asked_for(tmp_path, text, message):
    scene = tmp_path / 'two_view_testing/lake_1l'
    write_image(scene / 'im0.png')
    write_image(scene / 'im1.png')
    write_text(scene / 'calib.txt', text)
    sample = open_data_set('eth3d', tmp_path, split='test')[0]
    with pytest.raises(CalibrationError, match=message):
        _ = sample.camera


def test_drivingstereo(tmp_path):
    def write(left, right, disparity, suffix, value):
        write_image(tmp_path / f'{left}{suffix}')
        write_image(tmp_path / f'{right}{suffix}')
        write_gray(tmp_path / f'{disparity}.png', first_unknown(constant(value, np.uint16), 0))

    write(*(f'train-{what}/2018-07-09/f1' for what in ('left-image', 'right-image',
                                                       'disparity-map')), '.jpg', 512)
    write(*(f'test-{what}/{what}-half-size/2018-07-11/f2' for what in (
        'left-image', 'right-image', 'disparity-map')), '.jpg', 512)
    write(*(f'foggy/{what}-full-size/f3' for what in (
        'left-image', 'right-image', 'disparity-map')), '.png', 512)
    train = open_data_set('drivingstereo', tmp_path)
    assert train.scenes[0].name == '2018-07-09/f1'
    assert np.isnan(train[0].disparity[0, 0]) and np.nanmax(train[0].disparity) == 2
    assert np.nanmax(open_data_set('drivingstereo', tmp_path, split='test')[0].disparity) == 2
    full = open_data_set('drivingstereo', tmp_path, split='foggy', size='full')
    assert np.nanmax(full[0].disparity) == 4  # 512 / 128
    with pytest.raises(DataError, match="size is 'full': give one of half"):
        open_data_set('drivingstereo', tmp_path, size='full')


def test_unlabelled_pairs(tmp_path):
    for stamp in ('1403636579763555584', '1403636579813555456'):
        write_image(tmp_path / f'left/{stamp}.png', 1)
        write_image(tmp_path / f'right/{stamp}.jpg', 2)
    data = open_data_set('pairs', tmp_path)
    assert len(data) == 2 and data.scenes[0].name == '1403636579763555584'
    assert data[0].disparity is None and data[0].camera is None
    write_text(tmp_path / 'calib.json', json.dumps({'focal_px': 10, 'baseline_m': 0.5}))
    assert open_data_set('pairs', tmp_path)[1].camera.baseline_m == 0.5
    (tmp_path / 'right/1403636579813555456.jpg').unlink()
    with pytest.raises(DataError, match=r'1 of 2 .*1403636579813555456 has no right/'):
        open_data_set('pairs', tmp_path)


def test_unlabelled_pairs_by_pattern(tmp_path):
    for name in ('a', 'b'):
        write_image(tmp_path / f'{name}_left.png', 1)
        write_image(tmp_path / f'{name}_right.png', 2)
    data = open_data_set('pairs', tmp_path, left='*_left.png', right='*_right.png')
    assert [scene.name for scene in data.scenes] == ['a', 'b']
    assert (data[0].left[0, 0, 0], data[0].right[0, 0, 0]) == (1, 2)
    with pytest.raises(DataError, match='as many stars'):
        open_data_set('pairs', tmp_path, left='*_left.png', right='right')
    with pytest.raises(DataError, match='as many stars'):
        open_data_set('pairs', tmp_path, left='left', right='left')


def test_plain_folder_by_name(tmp_path):
    write_image(tmp_path / 'rooms/sofa/left.png')
    write_image(tmp_path / 'rooms/sofa/right.png')
    with pytest.raises(DataError, match=r'no disp\.png'):
        open_data_set('folder', tmp_path)
    data = open_data_set('folder', tmp_path, ground_truth=False)
    assert [(name, len(scenes)) for name, scenes in data.sets()] == [('rooms', 1)]


def test_every_class_is_named_as_it_is_registered_and_draws_its_folders():
    for name, data_set in REGISTRY.items():
        assert data_set.name == name
        assert 'root/' in data_set.__doc__ and '── ' in data_set.__doc__, name


def test_wrong_names_and_options(kitti):
    with pytest.raises(DataError, match="did you mean 'kitti2015'"):
        open_data_set('kiti2015', kitti)
    with pytest.raises(DataError, match='no option splitt: it takes split, ground_truth'):
        open_data_set('kitti2015', kitti, splitt='training')
    with pytest.raises(DataError, match="split is 'val': give one of training, testing"):
        open_data_set('kitti2015', kitti, split='val')


def test_names_on_a_command_line(kitti):
    assert DataSetName.parse('kitti2015:/a,split=testing,x=no') == DataSetName(
        'kitti2015', '/a', {'split': 'testing', 'x': False})
    assert DataSetName.parse('data/sets') is None
    assert DataSetName.parse('data/a:b') is None
    assert len(DataSetName.parse(f'kitti2015:{kitti}').open()) == 2
    for text, message in (('kitti2015:', 'no folder'), ('kitti2015:/a,split', "'split' is no op")):
        with pytest.raises(DataError, match=message):
            DataSetName.parse(text)


def test_search_takes_the_first_pattern_that_is_there(tmp_path):
    for name in ('a.png', 'a.ppm', 'b.ppm'):
        cv2.imwrite(str(tmp_path / name), np.zeros((1, 1, 3), np.uint8))
    found = Search(tmp_path, 'x').find({'image': ('*.png', '*.ppm')})
    assert [each['image'].name for each in found] == ['a.png', 'b.ppm']
    assert [each.key for each in found] == [('a',), ('b',)]
