# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``depth-learning infer --mono``."""

from __future__ import annotations

import json

import cv2
from fake_mono_engine import MonoEngine
import numpy as np
import pytest

from depth_learning_ros import engine
from depth_learning_ros.cli import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    """An image, a calibration of a single camera, and a mono model that gives columns + 1."""
    cv2.imwrite(str(tmp_path / 'image.png'), np.full((32, 64, 3), 200, np.uint8))
    (tmp_path / 'calib.json').write_text(json.dumps({'focal_px': 80}))
    asked = {'engine': MonoEngine(('disparity', 'confidence', 'right'))}

    def open_engine(model, **options):
        asked.update(options, model=model)
        return asked['engine']
    monkeypatch.setattr(engine, 'open_engine', open_engine, raising=False)
    monkeypatch.chdir(tmp_path)
    return asked


def infer(*options, output='d.npy'):
    return main(['infer', 'image.png', '--mono', '-o', output, *options])


def test_one_image_and_a_focal_length_give_metres(files, capsys):
    assert infer('--calib', 'calib.json', '--depth', 'z.npy', '--points', 'p.ply', '--confidence',
                 'c.npy', '--color', 'd.png', '--right-view', 'r.png') == 0
    assert files['model'] == 'svs-small'
    assert np.load('d.npy')[3].tolist() == list(range(1, 65))
    assert np.load('z.npy')[3, 1] == 80 * 0.5 / 2  # the model's baseline is 0.5 m
    assert np.load('c.npy').mean() == pytest.approx(200 / 255)
    assert cv2.imread('r.png').shape == (32, 64, 3)
    assert files['engine'].prepared == [(32, 64)]
    assert 'fake-mono on test (fp32): 64x32' in capsys.readouterr().out


def test_the_fit_is_handed_on(files, capsys):
    cv2.imwrite('image.png', np.full((64, 64, 3), 200, np.uint8))
    assert infer('--fit', 'crop') == 0
    assert np.isnan(np.load('d.npy')[0]).all()
    assert '50.0 % of the pixels' in capsys.readouterr().out


@pytest.mark.parametrize('arguments,complaint', [
    (['image.png', 'image.png', '--mono', '-o', 'd.npy'], '--mono takes one image: leave image'),
    (['image.png', '-o', 'd.npy'], 'give LEFT and RIGHT, or one image and --mono'),
    (['image.png', 'image.png', '-o', 'd.npy', '--fit', 'crop'], '--fit is for mono models'),
    (['image.png', 'image.png', '-o', 'd.npy', '--right-view', 'r.png'], '--right-view is imag'),
    (['image.png', '--mono', '-o', 'd.npy', '--left-right-check'], 'compares two images'),
    (['image.png', '--mono', '-o', 'd.npy', '--depth', 'z.npy'], '--depth needs metres')])
def test_options_that_do_not_fit(files, capsys, arguments, complaint):
    assert main(['infer', *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_the_wrong_kind_of_model_is_named(files, capsys):
    files['engine'] = MonoEngine(inputs=('left', 'right'))
    assert infer() == 1
    assert 'fake-mono is a stereo model: it needs left and right' in capsys.readouterr().err
    files['engine'] = MonoEngine()
    assert main(['infer', 'image.png', 'image.png', '-o', 'd.npy']) == 1
    assert 'fake-mono is a mono model: it takes one image' in capsys.readouterr().err


def test_what_a_model_may_lack(files, capsys):
    files['engine'] = MonoEngine()
    assert infer('--right-view', 'r.png') == 1
    assert 'keeps its right view to itself: export it' in capsys.readouterr().err
    files['engine'] = MonoEngine(facts={})
    assert infer() == 1
    assert 'does not say its virtual_baseline_m' in capsys.readouterr().err
    (files['engine'], _) = MonoEngine(), cv2.imwrite('image.png', np.zeros((32, 64), np.uint8))
    open('calib.json', 'w').write('{"baseline_m": 0.5}')
    assert infer('--calib', 'calib.json', '--depth', 'z.npy') == 1
    assert 'calib.json has no focal_px' in capsys.readouterr().err
