# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from depth_learning_ros.data.folders import StereoFolder
from depth_learning_ros.errors import CalibrationError, DataError


def write_scene(folder, height=4, width=6, **extra):
    folder.mkdir(parents=True)
    for name in ('left.png', 'right.png'):
        cv2.imwrite(str(folder / name), np.full((height, width, 3), 9, np.uint8))
    truth = np.full((height, width), 512, np.uint16)
    truth[0] = 0
    cv2.imwrite(str(folder / 'disp.png'), truth)
    for name, image in extra.items():
        cv2.imwrite(str(folder / f'{name}.png'), image)


@pytest.fixture
def root(tmp_path):
    for name in ('b/two', 'b/one', 'a/three'):
        write_scene(tmp_path / 'sets' / name)
    return tmp_path / 'sets'


def names(folder):
    return [f'{scene.set_name}/{scene.name}' for scene in folder.scenes]


def test_root_set_and_scene(root):
    assert names(StereoFolder(root)) == ['a/three', 'b/one', 'b/two']
    assert names(StereoFolder(root.parent)) == ['a/three', 'b/one', 'b/two']
    assert names(StereoFolder(root / 'b')) == ['b/one', 'b/two']
    assert names(StereoFolder(root / 'b' / 'two')) == ['b/two']
    assert [(name, len(scenes)) for name, scenes in StereoFolder(root).sets()] == [
        ('a', 1), ('b', 2)]


def test_relative_path_still_knows_its_set(root, monkeypatch):
    monkeypatch.chdir(root / 'b' / 'one')
    assert names(StereoFolder('.')) == ['b/one']


def test_sample(root):
    folder = StereoFolder(root)
    sample = folder[1]
    assert len(folder) == 3
    assert sample.pair.left.shape == (4, 6, 3)
    assert np.isnan(sample.disparity[0]).all() and (sample.disparity[1:] == 2).all()
    assert sample.camera is None and sample.non_occluded is None and sample.objects is None


def test_masks_and_calibration(tmp_path):
    seen = np.uint8([[255, 128, 0]] * 2)
    write_scene(tmp_path / 's', 2, 3, nocc=seen, obj_map=np.uint8([[0, 1, 7]] * 2))
    (tmp_path / 's' / 'calib.json').write_text('{"focal_px": 10, "baseline_m": 0.1}')
    sample = StereoFolder(tmp_path / 's')[0]
    assert sample.non_occluded[0].tolist() == [True, False, False]
    assert sample.objects[0].tolist() == [False, True, True]
    assert sample.camera.width == 3
    (tmp_path / 's' / 'calib.json').write_text(
        json.dumps({'focal_px': 10, 'baseline_m': 0.1, 'doffs': None}))
    with pytest.raises(CalibrationError, match='doffs'):
        _ = StereoFolder(tmp_path / 's')[0].camera


def test_nothing_found_names_patterns_and_counts(tmp_path):
    (tmp_path / 'x').mkdir()
    with pytest.raises(DataError, match=r'\*/\*/left\.png \(0\)'):
        StereoFolder(tmp_path)
    with pytest.raises(DataError, match='does not exist'):
        StereoFolder(tmp_path / 'none')
    (tmp_path / 'file').write_text('')
    with pytest.raises(DataError, match='is a file'):
        StereoFolder(tmp_path / 'file')


def test_half_copied_scenes_are_named(root):
    (root / 'b' / 'one' / 'right.png').unlink()
    (root / 'a' / 'three' / 'disp.png').unlink()
    with pytest.raises(DataError, match=r'2 of 3 .*a/three has no disp\.png; b/one has no right'):
        StereoFolder(root)


def test_scene_of_which_only_the_ground_truth_came_is_named(root):
    for name in ('left.png', 'right.png'):
        (root / 'b' / 'one' / name).unlink()
    with pytest.raises(DataError, match=r'b/one has no left\.png and no right\.png'):
        StereoFolder(root)


def test_ground_truth_may_be_absent_when_not_needed(root):
    (root / 'a' / 'three' / 'disp.png').unlink()
    assert StereoFolder(root, ground_truth=False)[0].disparity is None


def test_ground_truth_of_another_size_is_refused(root):
    cv2.imwrite(str(root / 'b' / 'one' / 'disp.png'), np.ones((4, 7), np.uint16))
    with pytest.raises(DataError, match=r'7x4.*6x4'):
        StereoFolder(root)[1]


def test_images_of_two_sizes_name_the_scene(root):
    cv2.imwrite(str(root / 'b' / 'one' / 'left.png'), np.ones((4, 7), np.uint8))
    with pytest.raises(DataError, match=r'b/one.*7x4.*6x4'):
        StereoFolder(root)[1]
