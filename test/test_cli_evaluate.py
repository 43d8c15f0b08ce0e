# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import logging
import shutil

import cv2
import numpy as np
import pytest

from depth_learning_ros import engine
from depth_learning_ros.cli import main
from depth_learning_ros.cli import models as models_command
from depth_learning_ros.engine.opencv import open_opencv
from depth_learning_ros.errors import EngineError

SHIFT = 6


@pytest.fixture
def sets(tmp_path, monkeypatch):
    random = np.random.default_rng(3)
    for name in ('kitti/000000_10', 'kitti/000001_10', 'rooms/sofa'):
        folder = tmp_path / 'sets' / name
        folder.mkdir(parents=True)
        texture = random.integers(0, 256, (40, 120 + SHIFT, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / 'left.png'), texture[:, :120])
        cv2.imwrite(str(folder / 'right.png'), texture[:, SHIFT:])
        cv2.imwrite(str(folder / 'disp.png'), np.full((40, 120), SHIFT * 256, np.uint16))

    def open_engine(model, **options):
        if model not in ('bm', 'sgbm'):
            raise EngineError(f"there is no model '{model}'")
        return open_opencv(model, options['max_disparity'])
    monkeypatch.setattr(engine, 'open_engine', open_engine, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / 'sets'


def test_table_json_markdown(sets, capsys):
    assert main(['evaluate', 'sets', '--model', 'bm', '--model', 'sgbm', '--json', 'r.json',
                 '--markdown', 'r.md']) == 0
    rows = json.load(open('r.json'))
    assert [(row['set'], row['model'], row['pairs']) for row in rows] == [
        ('kitti', 'bm', 2), ('kitti', 'sgbm', 2), ('rooms', 'bm', 1), ('rooms', 'sgbm', 1)]
    for row in rows:
        assert row['epe'] < 0.1 and row['d1_all'] == row['bad3'] == 0
        assert 30 < row['density'] < 100 and row['ms'] > 0 and row['d1_fg'] is None
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and lines[0].startswith('set')
    assert open('r.md').read().count('| sgbm |') == 2


@pytest.fixture
def kitti2015(sets, tmp_path):
    """KITTI's own layout, with the scenes of the plain folder."""
    for split in ('training', 'testing'):
        for source, folder in (('left', 'image_2'), ('right', 'image_3'), ('disp', 'disp_occ_0')):
            if (split, source) != ('testing', 'disp'):
                (tmp_path / 'k15' / split / folder).mkdir(parents=True)
                for name in ('000000_10', '000001_10'):
                    shutil.copy(sets / 'kitti' / name / f'{source}.png',
                                tmp_path / 'k15' / split / folder / f'{name}.png')
    return tmp_path / 'k15'


def test_public_data_sets_by_name(kitti2015, sets, capsys):
    assert main(['evaluate', '--json', 'r.json', '--pictures', 'look', '--model', 'bm',
                 'kitti2015:k15', 'sets/kitti']) == 0
    named, plain = json.load(open('r.json'))
    assert (named['set'], named['pairs']) == ('kitti2015', 2)
    assert named['epe'] == plain['epe'] and named['density'] == plain['density']
    assert len(list(kitti2015.parent.glob('look/kitti2015/*.png'))) == 2


def test_submission_of_the_testing_split(kitti2015, capsys):
    assert main(['evaluate', 'kitti2015:k15,split=testing', '--model', 'bm', '--submission',
                 'up']) == 0
    stored = cv2.imread('up/disp_0/000001_10.png', -1)
    assert np.median(stored[stored > 0]) == SHIFT * 256


def test_pairs_without_ground_truth_have_figures_of_the_warped_view(sets, tmp_path):
    for side in ('left', 'right'):
        (tmp_path / 'mine' / side).mkdir(parents=True)
        shutil.copy(sets / 'rooms/sofa' / f'{side}.png', tmp_path / 'mine' / side / '7.png')
    assert main(['evaluate', 'pairs:mine', '--model', 'bm', '--json', 'r.json']) == 0
    row, = json.load(open('r.json'))
    assert row['set'] == 'pairs' and row['epe'] is None and row['psnr'] > 20


def test_a_folder_with_a_colon_in_its_name_is_a_folder(sets, capsys):
    sets.rename(sets.parent / 'kitti2015:k15')
    assert main(['evaluate', 'kitti2015:k15', '--model', 'bm']) == 0
    assert 'rooms' in capsys.readouterr().out


def test_model_option_does_not_swallow_a_folder(sets, capsys):
    assert main(['evaluate', '--model', 'bm', 'sgbm', 'sets/rooms']) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_pictures_one_per_scene(sets, tmp_path):
    assert main(['evaluate', 'sets', '--model', 'bm', 'sgbm', '--pictures', 'look']) == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob('look/*/*'))
    assert found == ['look/kitti/000000_10.png', 'look/kitti/000001_10.png', 'look/rooms/sofa.png']
    assert cv2.imread(found[0]).shape[1] > 1600


def test_submission(sets, tmp_path, capsys):
    (sets / 'kitti' / '000001_10' / 'disp.png').unlink()
    assert main(['evaluate', 'sets/kitti', '--model', 'sgbm', '--submission', 'up']) == 0
    stored = cv2.imread('up/disp_0/000001_10.png', -1)
    assert stored.dtype == np.uint16 and np.median(stored[stored > 0]) == SHIFT * 256
    assert main(['evaluate', 'sets/kitti', '--model', 'sgbm', 'bm', '--submission', 'two']) == 0
    assert (tmp_path / 'two' / 'bm' / 'disp_0' / '000000_10.png').exists()
    capsys.readouterr()
    assert main(['evaluate', 'sets', '--model', 'sgbm', '--submission', 'x']) == 1
    assert 'sofa' in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'status', 'text'), [
    ([], 2, 'FOLDER'), (['none'], 1, 'does not exist'),
    (['kiti2015:sets'], 1, "did you mean 'kitti2015'"), (['kitti2015:sets,split'], 1, "'split'"),
    (['kitti2015:sets'], 1, 'training/image_2/*_10.png (0)'), (['kitti2015:'], 1, 'no folder'),
    (['kitti2015:sets,spilt=x'], 1, 'it takes split'), (['sets', '--model', 'x'], 1, "'x'"),
    (['sets', '--model'], 2, 'expected'), (['sets/rooms', 'sets/rooms', '--pictures', 'p'], 2,
                                           'two outputs')])
def test_wrong_calls(sets, capsys, arguments, status, text):
    assert main(['evaluate', *arguments]) == status
    assert text in capsys.readouterr().err


def test_existing_output_is_refused_before_the_work(sets, tmp_path, capsys):
    (tmp_path / 'r.json').write_text('precious')
    assert main(['evaluate', 'sets', '--model', 'bm', '--json', 'r.json']) == 1
    out, err = capsys.readouterr()
    assert out == '' and '--force' in err
    assert (tmp_path / 'r.json').read_text() == 'precious'
    assert main(['evaluate', 'sets', '--model', 'bm', '--json', 'r.json', '--force']) == 0


def test_rows_before_a_damaged_scene_are_not_lost(sets, capsys):
    (sets / 'rooms' / 'sofa' / 'left.png').write_bytes(b'')
    assert main(['evaluate', 'sets', '--model', 'bm', '--json', 'r.json']) == 1
    out, err = capsys.readouterr()
    assert 'kitti' in out and 'sofa' in err and 'empty' in err
    assert not (sets.parent / 'r.json').exists()


def test_depth_without_doffs_is_told_only_when_asked(sets, caplog):
    (sets / 'rooms' / 'sofa' / 'calib.json').write_text(
        '{"focal_px": 100, "baseline_m": 0.1, "doffs": null}')
    with caplog.at_level(logging.WARNING):
        assert main(['evaluate', 'sets/rooms', '--model', 'bm']) == 0
    assert caplog.text == ''


CATALOGUE = [
    {'name': 'net', 'parameters': 1234567, 'gflop_1242x375': 98.76, 'description': 'a network',
     'weights': 'net.bin', 'licence': 'Apache-2.0'},
    {'name': 'bm', 'parameters': None, 'gflop_1242x375': None, 'description': 'block matching',
     'weights': None, 'licence': None}]


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    (tmp_path / 'net.bin').write_bytes(bytes(2_500_000))
    (tmp_path / 'catalogue.json').write_text(json.dumps(CATALOGUE))
    monkeypatch.setattr(models_command, 'CATALOGUE', tmp_path / 'catalogue.json')
    monkeypatch.setattr(models_command, 'WEIGHTS', tmp_path)
    return tmp_path


def test_models_table(catalogue, capsys):
    assert main(['models']) == 0
    title, net, bm = capsys.readouterr().out.splitlines()
    assert title.split() == ['model', 'parameters', 'GFLOP', 'weights', 'licence']
    assert net.split() == ['net', '1,234,567', '98.8', 'shipped,', '2.5', 'MB', 'Apache-2.0', 'a',
                           'network']
    assert bm.split()[:3] == ['bm', '-', '-']


def test_models_json(catalogue, capsys):
    assert main(['models', '--json']) == 0
    assert json.loads(capsys.readouterr().out) == CATALOGUE


def test_models_of_a_damaged_package(catalogue, capsys):
    (catalogue / 'net.bin').unlink()
    assert main(['models']) == 1
    assert 'net.bin' in capsys.readouterr().err
    (catalogue / 'catalogue.json').write_text('{')
    assert main(['models']) == 1
