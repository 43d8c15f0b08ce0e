# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Middlebury 2001 to 2014 and v3: each year's files, factors and sizes."""

from __future__ import annotations

from data_set_files import (
    constant,
    first_unknown,
    write_floats,
    write_gray,
    write_image,
    write_text,
)
import numpy as np
import pytest

from depth_learning_ros.data.sets.registry import open_data_set
from depth_learning_ros.errors import CalibrationError, DataError


def gray_map(value, height=4):
    return first_unknown(constant(value, np.uint8, height=height), 0)


def test_2001_planes_tsukuba_and_map(tmp_path):
    for number in range(9):  # all views are in the archive; im2 and im6 count
        write_image(tmp_path / f'barn1/im{number}.ppm', 10 * number)
    write_gray(tmp_path / 'barn1/disp2.pgm', gray_map(100))
    write_gray(tmp_path / 'barn1/disp6.pgm', gray_map(80))
    for column in range(1, 6):
        write_image(tmp_path / f'tsukuba/scene1.row3.col{column}.ppm', column)
    write_gray(tmp_path / 'tsukuba/truedisp.row3.col3.pgm', gray_map(224))
    write_gray(tmp_path / 'map/im0.pgm', constant(1, np.uint8))
    write_gray(tmp_path / 'map/im1.pgm', constant(2, np.uint8))
    write_gray(tmp_path / 'map/disp0.pgm', gray_map(4))
    data = open_data_set('middlebury2001', tmp_path)
    assert [scene.name for scene in data.scenes] == ['barn1', 'map', 'tsukuba']
    barn, plan, head = data
    assert (barn.left[0, 0, 0], barn.right[0, 0, 0]) == (20, 60)
    assert np.isnan(barn.disparity[0, 0]) and np.nanmin(barn.disparity) == 12.5  # 100 / 8
    assert np.nanmax(barn.disparity_right) == 10
    assert (head.left[0, 0, 0], head.right[0, 0, 0]) == (3, 4)
    assert np.nanmax(head.disparity) == 14 and head.disparity_right is None  # 224 / 16
    assert plan.left[0, 0].tolist() == [1, 1, 1] and np.nanmax(plan.disparity) == 0.5


def test_2001_half_copied(tmp_path):
    write_image(tmp_path / 'bull/im2.ppm')
    with pytest.raises(DataError, match=r'bull has no bull/im6\.png and no bull/disp2\.png'):
        open_data_set('middlebury2001', tmp_path)


@pytest.mark.parametrize(('height', 'factor'), [(375, 4), (750, 2), (1500, 1)])
def test_2003_factor_follows_the_size(tmp_path, height, factor):
    for name in ('im2.ppm', 'im6.ppm'):
        write_image(tmp_path / 'cones' / name, width=6, height=height)
    write_gray(tmp_path / 'cones/disp2.pgm', gray_map(200, height))
    sample = open_data_set('middlebury2003', tmp_path)[0]
    assert np.isnan(sample.disparity[0, 0]) and np.nanmax(sample.disparity) == 200 / factor


def test_2003_of_no_known_size(tmp_path):
    for name in ('im2.png', 'im6.png'):
        write_image(tmp_path / 'teddy' / name)
    write_gray(tmp_path / 'teddy/disp2.png', gray_map(200))
    with pytest.raises(DataError, match=r'4 rows: .*1500 \(x 1\), 750 \(x 2\), 375 \(x 4\)'):
        open_data_set('middlebury2003', tmp_path)[0]


def write_2005(root, height, dmin='270\n'):
    for name, value in (('view1', 1), ('view5', 5)):
        write_image(root / f'Art/{name}.png', value, height=height)
        write_image(root / f'Art/Illum2/Exp1/{name}.png', 20 + value, height=height)
    for name in ('disp1', 'disp5'):
        write_gray(root / f'Art/{name}.png', gray_map(210, height))
    write_text(root / 'Art/dmin.txt', dmin)


@pytest.mark.parametrize('year', ['2005', '2006'])
@pytest.mark.parametrize(('height', 'factor'), [(370, 3), (555, 2), (1110, 1)])
def test_2005_and_2006(tmp_path, year, height, factor):
    write_2005(tmp_path, height)
    sample = open_data_set(f'middlebury{year}', tmp_path)[0]
    assert sample.set_name == f'middlebury{year}' and sample.name == 'Art'
    assert np.nanmax(sample.disparity) == np.nanmax(sample.disparity_right) == 210 / factor
    assert (sample.left[0, 0, 0], sample.right[0, 0, 0]) == (1, 5)
    camera = sample.camera
    assert camera.focal_px == pytest.approx(3740 / factor) and camera.baseline_m == 0.16
    assert camera.doffs == pytest.approx(270 / factor)


def test_2005_lighting(tmp_path):
    write_2005(tmp_path, 370)
    sample = open_data_set('middlebury2005', tmp_path, lighting='Illum2/Exp1')[0]
    assert (sample.left[0, 0, 0], sample.right[0, 0, 0]) == (21, 25)
    sample = open_data_set('middlebury2005', tmp_path, lighting_right='Illum2/Exp1')[0]
    assert (sample.left[0, 0, 0], sample.right[0, 0, 0]) == (1, 25)
    with pytest.raises(DataError, match=r'Art has no Art/Illum3/Exp0/view1\.png'):
        open_data_set('middlebury2005', tmp_path, lighting='Illum3/Exp0')


def test_2005_damaged_dmin_hurts_only_depth(tmp_path):
    write_2005(tmp_path, 370, dmin='none')
    sample = open_data_set('middlebury2005', tmp_path)[0]
    with pytest.raises(CalibrationError, match="'none': a number"):
        _ = sample.camera


CALIBRATION = """\
cam0=[3997.684 0 1176.728; 0 3997.684 1011.728; 0 0 1]
cam1=[3997.684 0 1307.839; 0 3997.684 1011.728; 0 0 1]
doffs=131.111
baseline=193.001
width={width}
height=4
ndisp=280
"""


@pytest.mark.parametrize('above', ['', 'additional/'])
def test_2014(tmp_path, above):
    for kind, shift in (('perfect', 0), ('imperfect', 1)):
        scene = tmp_path / f'{above}Piano-{kind}'
        for number, name in enumerate(('im0', 'im1', 'im1E', 'im1L')):
            write_image(scene / f'{name}.png', number + 1)
        for name in ('disp0', 'disp1'):
            write_floats(scene / f'{name}.pfm', first_unknown(constant(60.5 + shift), np.inf))
        write_text(scene / 'calib.txt', CALIBRATION.format(width=6))
    data = open_data_set('middlebury2014', tmp_path)
    assert [scene.name for scene in data.scenes] == ['Piano-perfect']
    sample = data[0]
    assert np.isnan(sample.disparity[0, 0]) and np.nanmax(sample.disparity) == 60.5
    assert np.nanmax(sample.disparity_right) == 60.5 and sample.right[0, 0, 0] == 2
    assert sample.camera.doffs == 131.111 and sample.camera.baseline_m == pytest.approx(0.193001)
    other = open_data_set('middlebury2014', tmp_path, rectification='imperfect',
                          right_view='im1L')[0]
    assert np.nanmax(other.disparity) == 61.5 and other.right[0, 0, 0] == 4
    (tmp_path / f'{above}Piano-perfect/disp0.pfm').unlink()
    with pytest.raises(DataError, match=rf'has no {above}Piano-perfect/disp0\.pfm'):
        open_data_set('middlebury2014', tmp_path)


def test_v3(tmp_path):
    for folder in ('trainingQ', 'trainingH', 'testQ'):
        scene = tmp_path / folder / 'ArtL'
        write_image(scene / 'im0.png')
        write_image(scene / 'im1.png')
        write_text(scene / 'calib.txt', CALIBRATION.format(width=6))
        if folder != 'testQ':
            value = 20 if folder == 'trainingQ' else 40
            write_floats(scene / 'disp0GT.pfm', first_unknown(constant(value), np.inf))
            write_gray(scene / 'mask0nocc.png', first_unknown(constant(255, np.uint8), 128))
    sample = open_data_set('middlebury-v3', tmp_path)[0]
    assert np.nanmax(sample.disparity) == 20 and sample.non_occluded.sum() == 23
    assert sample.disparity_right is None and sample.camera.width == 6
    assert np.nanmax(open_data_set('middlebury-v3', tmp_path, size='H')[0].disparity) == 40
    assert open_data_set('middlebury-v3', tmp_path, split='test')[0].disparity is None
    with pytest.raises(DataError, match=r'trainingF/\*/im0\.png \(0\)'):
        open_data_set('middlebury-v3', tmp_path, size='F')


def test_v3_mask_of_another_size(tmp_path):
    scene = tmp_path / 'trainingQ/Teddy'
    write_image(scene / 'im0.png')
    write_image(scene / 'im1.png')
    write_text(scene / 'calib.txt', CALIBRATION.format(width=6))
    write_floats(scene / 'disp0GT.pfm', constant(1))
    write_gray(scene / 'mask0nocc.png', constant(255, np.uint8, width=12, height=8))
    with pytest.raises(DataError, match=r'mask0nocc\.png is 12x8, .*im0\.png is 6x4'):
        open_data_set('middlebury-v3', tmp_path)[0]
