# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""FlyingThings3D, its subset, Monkaa, Driving, and the rule that leaves out what is too near."""

from __future__ import annotations

import os

from data_set_files import (
    constant,
    first_unknown,
    write_floats,
    write_flyingthings3d,
    write_gray,
    write_image,
)
import numpy as np
import pytest

from depth_learning_ros.data.sets import screening
from depth_learning_ros.data.sets.registry import open_data_set
from depth_learning_ros.data.sets.sceneflow import read_unsigned_disparity
from depth_learning_ros.errors import DataError


@pytest.fixture
def things(tmp_path):
    # 25 % over 300 px stays: the rule says more than that.
    write_flyingthings3d(tmp_path / 'ft', {'A/0000/0006': 0, 'A/0000/0007': 0.25,
                                           'C/0001/0006': 0.26})
    return tmp_path / 'ft'


@pytest.fixture
def reads(monkeypatch):
    """Count the ground truth files that are measured."""
    counted = []
    measure = screening.share_too_near
    monkeypatch.setattr(screening, 'share_too_near',
                        lambda values: counted.append(1) or measure(values))
    return counted


def names(data):
    return [scene.name for scene in data.scenes]


def test_flyingthings3d_is_screened(things):
    data = open_data_set('flyingthings3d', things)
    assert names(data) == ['A/0000/0006', 'A/0000/0007'] and data.dropped == ('C/0001/0006',)
    sample = data[0]
    assert (sample.disparity == 8).all() and (sample.disparity_right == 8).all()
    assert sample.left[0, 0, 0] == 90
    assert len(open_data_set('flyingthings3d', things, screening=False)) == 3
    final = open_data_set('flyingthings3d', things, frames='finalpass')
    assert final[0].left[0, 0, 0] == 30


def test_screening_is_done_once(things, reads):
    seen = []
    open_data_set('flyingthings3d', things, on_progress=lambda *done: seen.append(done))
    assert len(reads) == 3 and seen == [(1, 3), (2, 3), (3, 3)]
    assert names(open_data_set('flyingthings3d', things)) == ['A/0000/0006', 'A/0000/0007']
    assert len(reads) == 3
    lines = (things / 'too_near.tsv').read_text().splitlines()
    assert lines[0].startswith('# share of pixels with a disparity over 300 px')
    assert [line.split('\t')[0] for line in lines[1:]] == ['0.000000', '0.250000', '0.260000']
    assert lines[3].endswith('\tdisparity/TRAIN/C/0001/left/0006.pfm')


def test_new_and_changed_files_are_screened_again(things, reads):
    open_data_set('flyingthings3d', things)
    write_flyingthings3d(things, {'B/0000/0009': 0.5})
    path = things / 'disparity/TRAIN/A/0000/left/0006.pfm'
    write_floats(path, constant(400, width=20, height=5))
    os.utime(path, ns=(1, 1))
    data = open_data_set('flyingthings3d', things)
    assert len(reads) == 5 and names(data) == ['A/0000/0007']


def test_a_damaged_or_other_list_is_not_trusted(things, reads, caplog):
    open_data_set('flyingthings3d', things)
    for text in ('garbage\nmore garbage\n', '', '# share over 200 px\n0.9\t1\tx\n'):
        (things / 'too_near.tsv').write_text(text)
        assert len(open_data_set('flyingthings3d', things)) == 2
    assert len(reads) == 12 and 'screening again' in caplog.text


def test_a_set_that_cannot_be_written_uses_the_cache(things, reads, tmp_path, monkeypatch):
    write = screening._try_to_write
    monkeypatch.setattr(screening, '_try_to_write',
                        lambda path, text: path.parent != things and write(path, text))
    monkeypatch.setenv('DEPTH_LEARNING_CACHE', str(tmp_path / 'cache'))
    for _ in range(2):
        assert len(open_data_set('flyingthings3d', things)) == 2
    assert len(reads) == 3 and not (things / 'too_near.tsv').exists()
    assert len(list((tmp_path / 'cache/screening').iterdir())) == 1


def test_when_nothing_can_be_written_it_says_so(things, tmp_path, monkeypatch, caplog):
    (tmp_path / 'cache').write_text('a file where the folder should be')
    (things / 'too_near.tsv').mkdir()
    monkeypatch.setenv('DEPTH_LEARNING_CACHE', str(tmp_path / 'cache'))
    assert len(open_data_set('flyingthings3d', things)) == 2
    assert 'screened again next time' in caplog.text


def test_screening_keeps_what_it_has_when_a_file_is_damaged(things, reads, monkeypatch):
    monkeypatch.setattr(screening, '_SAVE_EVERY', 1)
    path = things / 'disparity/TRAIN/C/0001/left/0006.pfm'
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r'0006\.pfm is cut off'):
        open_data_set('flyingthings3d', things)
    write_flyingthings3d(things, {'C/0001/0006': 0})
    assert len(open_data_set('flyingthings3d', things)) == 3 and len(reads) == 3


def test_frames_as_webp(things):
    for path in sorted((things / 'frames_cleanpass').rglob('*.png')):
        new = things / 'frames_cleanpass_webp' / path.relative_to(things / 'frames_cleanpass')
        write_image(new.with_suffix('.webp'), width=20, height=5)
        path.unlink()
    data = open_data_set('flyingthings3d', things)
    assert len(data) == 2 and data[0].left.shape == (5, 20, 3)


def test_half_copied_flyingthings3d(things):
    (things / 'frames_cleanpass/TRAIN/A/0000/right/0007.png').unlink()
    with pytest.raises(DataError, match=r'1 of 3 .*A/0000/0007 has no '
                                        r'frames_cleanpass/TRAIN/A/0000/right/0007\.png'):
        open_data_set('flyingthings3d', things)
    with pytest.raises(DataError, match=r'disparity/TEST/\*/\*/left/\*\.pfm \(0\)'):
        open_data_set('flyingthings3d', things, split='TEST')


def write_scene(root, scene, frame, value=4.0):
    for side in ('left', 'right'):
        write_image(root / 'frames_cleanpass' / scene / side / f'{frame}.png')
        write_floats(root / 'disparity' / scene / side / f'{frame}.pfm', constant(value))


def test_monkaa_driving_and_all_three(tmp_path, things):
    write_scene(tmp_path / 'Monkaa', 'eating_x2', '0000')
    write_scene(tmp_path / 'Driving', '35mm_focallength/scene_forwards/fast', '0001', 350)
    assert names(open_data_set('monkaa', tmp_path / 'Monkaa')) == ['eating_x2/0000']
    driving = open_data_set('driving', tmp_path / 'Driving')
    assert names(driving) == ['35mm_focallength/scene_forwards/fast/0001']
    assert (driving[0].disparity == 350).all()
    with pytest.raises(DataError, match='FlyingThings3D does not exist'):
        open_data_set('sceneflow', tmp_path)
    things.rename(tmp_path / 'FlyingThings3D')
    data = open_data_set('sceneflow', tmp_path)
    assert [(name, len(scenes)) for name, scenes in data.sets()] == [
        ('flyingthings3d', 2), ('monkaa', 1), ('driving', 1)]
    assert data.dropped == ('C/0001/0006',)
    write_flyingthings3d(tmp_path / 'FlyingThings3D', {'A/0000/0006': 0}, 'TEST')
    assert len(open_data_set('sceneflow', tmp_path, split='TEST')) == 1


def test_the_subset_has_negative_left_disparity_and_occlusions(tmp_path):
    for side, sign in (('left', -1), ('right', 1)):
        write_image(tmp_path / f'train/image_clean/{side}/0000000.png')
        write_floats(tmp_path / f'train/disparity/{side}/0000000.pfm', constant(sign * 5.5))
    write_gray(tmp_path / 'train/disparity_occlusions/left/0000000.png',
               first_unknown(constant(0, np.uint8), 255))
    sample = open_data_set('flyingthings3d-subset', tmp_path)[0]
    assert (sample.disparity == 5.5).all() and (sample.disparity_right == 5.5).all()
    assert not sample.non_occluded[0, 0] and sample.non_occluded.sum() == 23


def test_signs_of_disparity(tmp_path):
    path = tmp_path / 'd.pfm'
    values = constant(-2, width=20, height=10)
    values[0, :2] = 0.1, np.inf  # one pixel of two hundred: noise, not another kind of map
    write_floats(path, values)
    read = read_unsigned_disparity(path)
    assert np.isnan(read[0, :2]).all() and (read.ravel()[2:] == 2).all()
    values[1] = 3
    write_floats(path, values)
    with pytest.raises(DataError, match='21 positive and 178 negative'):
        read_unsigned_disparity(path)
