# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from depth_learning_ros import engine
from depth_learning_ros.cli import main
from depth_learning_ros.engine.opencv import open_opencv

HEIGHT, WIDTH, SHIFT = 48, 160, 8


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A pair of 8 px disparity, its calibration, and the matchers as the only models."""
    texture = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH + SHIFT, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'left.png'), texture[:, :WIDTH])
    cv2.imwrite(str(tmp_path / 'right.png'), texture[:, SHIFT:])
    (tmp_path / 'calib.json').write_text(json.dumps({'focal_px': 100, 'baseline_m': 0.1}))
    asked = {}

    def open_engine(model, **options):
        asked.update(options, model=model)
        return open_opencv(model, options['max_disparity'])
    monkeypatch.setattr(engine, 'open_engine', open_engine, raising=False)
    monkeypatch.chdir(tmp_path)
    return asked


def infer(*options, output='d.png'):
    return main(['infer', 'left.png', 'right.png', '-o', output, '--model', 'sgbm',
                 '--max-disparity', '32', *options])


def test_disparity_as_png(files, tmp_path, capsys):
    assert infer() == 0
    stored = cv2.imread('d.png', -1)
    assert stored.dtype == np.uint16 and stored.shape == (HEIGHT, WIDTH)
    assert np.median(stored[stored > 0]) == SHIFT * 256
    out = capsys.readouterr().out
    assert 'sgbm on opencv (int16): 160x48' in out and 'wrote d.png' in out
    assert files['max_disparity'] == 32 and files['backend'] == 'auto'


def test_all_outputs(files, tmp_path):
    assert infer('--calib', 'calib.json', '--color', 'c.png', '--depth', 'z.npy',
                 '--points', 'p.ply', '--view', 'v.html', '--confidence', 'q.png',
                 '--left-right-check', output='d.npy') == 0
    depth = np.load('z.npy')
    assert np.nanmedian(depth[np.isfinite(depth)]) == pytest.approx(100 * 0.1 / SHIFT)
    assert cv2.imread('c.png').shape == (HEIGHT, WIDTH, 3)
    assert cv2.imread('q.png', -1).max() == 255
    header = (tmp_path / 'p.ply').read_bytes().partition(b'end_header\n')[0].decode()
    count = int(header.split('element vertex ')[1].split()[0])
    assert count == np.isfinite(depth).sum() > 1000
    assert 'left.png' in (tmp_path / 'v.html').read_text()
    assert infer('--calib', 'calib.json', '--view', 'v.png', output='d.pfm') == 0
    assert cv2.imread('v.png').shape == (720, 1280, 3)


def test_max_depth(files):
    assert infer('--calib', 'calib.json', '--depth', 'z.npy', '--max-depth', '1') == 0
    depth = np.load('z.npy')
    assert np.isinf(depth).any() and not np.isfinite(depth[0, -20:]).any()


@pytest.mark.parametrize(('options', 'status', 'text'), [
    (['--points', 'p.ply'], 2, '--points needs metres'),
    (['--points', 'p.png', '--calib', 'calib.json'], 2, '.ply'),
    (['--color', 'd.png'], 2, 'two outputs'),
    (['--calib', 'none.json'], 1, 'none.json'),
    (['--confidence', 'q.png'], 1, '--left-right-check'),
    (['--min-confidence', '2', '--left-right-check'], 1, 'min_confidence'),
    (['--max-depth', '-1'], 1, 'max_depth'),
    (['--color', 'missing/c.png'], 1, 'mkdir')])
def test_refused_before_anything_is_written(files, tmp_path, capsys, options, status, text):
    before = sorted(tmp_path.iterdir())
    assert infer(*options) == status
    assert text in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_existing_output_needs_force(files, tmp_path, capsys):
    (tmp_path / 'd.png').write_text('precious')
    assert infer() == 1
    assert '--force' in capsys.readouterr().err
    assert (tmp_path / 'd.png').read_text() == 'precious'
    assert infer('--force') == 0
    assert cv2.imread('d.png', -1).dtype == np.uint16


def test_images_of_different_size(files, tmp_path, capsys):
    cv2.imwrite('right.png', np.zeros((HEIGHT, WIDTH - 2, 3), np.uint8))
    assert infer() == 1
    assert '160x48' in capsys.readouterr().err
    assert not (tmp_path / 'd.png').exists()


def test_wrong_suffix_of_the_disparity(files, capsys):
    assert infer(output='d.jpg') == 2
    assert '.npy' in capsys.readouterr().err


def test_swapped_images_are_told(files, capsys):
    assert main(['infer', 'right.png', 'left.png', '-o', 'd.png', '--model', 'sgbm',
                 '--max-disparity', '32']) == 0
    assert 'right.png and left.png look swapped' in capsys.readouterr().err
    assert infer('--force') == 0
    assert 'swapped' not in capsys.readouterr().err


def test_one_image_given_twice(files, tmp_path, capsys):
    (tmp_path / 'right.png').write_bytes((tmp_path / 'left.png').read_bytes())
    assert infer() == 1
    assert 'left.png and right.png hold the same image' in capsys.readouterr().err
