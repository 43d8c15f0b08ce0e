# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Mono models beside stereo models, and Eigen's protocol, on numbers worked out by hand."""

from __future__ import annotations

import json
import math

import cv2
from fake_mono_engine import MonoEngine
import numpy as np
import pytest

from depth_learning_ros import engine
from depth_learning_ros.cli import main
from depth_learning_ros.data.folders import StereoFolder
from depth_learning_ros.engine.opencv import open_opencv
from depth_learning_ros.evaluation.eigen import eigen_figures, median_ratio, summarise_eigen
from depth_learning_ros.evaluation.evaluate import evaluate, summarise
from depth_learning_ros.evaluation.run_model import of_rig
from depth_learning_ros.pipeline import MonoPipeline
from depth_learning_ros.types import Disparity, StereoCamera

HEIGHT, WIDTH = 100, 200
CALIBRATION = {'focal_px': 100, 'baseline_m': 0.25}


class Wall(MonoEngine):
    """Sees everything at 10 px with the virtual baseline of 0.5 m."""

    def infer(self, inputs):
        return {name: np.full_like(values, 10 if name == 'disparity' else 1)
                for name, values in super().infer(inputs).items()}


@pytest.fixture
def scenes(tmp_path):
    """Write a scene of 5 px of a rig of 0.25 m, with 40 px on the rightmost eighth, an object."""
    folder = tmp_path / 'set' / 'a'
    folder.mkdir(parents=True)
    truth = np.full((HEIGHT, WIDTH), 5.0)
    truth[:, 175:] = 40
    rng = np.random.default_rng(0)
    for name in ('left', 'right'):
        cv2.imwrite(str(folder / f'{name}.png'), rng.integers(0, 255, (HEIGHT, WIDTH), np.uint8))
    cv2.imwrite(str(folder / 'disp.png'), (truth * 256).astype(np.uint16))
    cv2.imwrite(str(folder / 'obj_map.png'), (truth > 10).astype(np.uint8))
    (folder / 'calib.json').write_text(json.dumps(CALIBRATION))
    return tmp_path


def figures_of(folder, model=None):
    pipeline = MonoPipeline(model or Wall())
    results = list(evaluate(StereoFolder(folder).scenes, lambda disparities: pipeline))
    return results, summarise('set', pipeline, [each.figures for each in results]).figures


def test_a_mono_model_is_brought_to_the_rig(scenes):
    (result,), figures = figures_of(scenes)
    # 10 px at 0.5 m are 5 px at 0.25 m: right but for the object, an eighth of the columns
    assert (result.filled == 5).all()
    assert figures.epe == pytest.approx(35 / 8)
    assert (figures.d1_all, figures.d1_bg, figures.d1_fg) == (12.5, 0, 100)
    # depth: 100 px * 0.25 m / 5 px = 5 m, and 0.625 m for the object: |5 - 0.625| / 0.625 = 7
    assert figures.abs_rel == pytest.approx(7 / 8)
    assert result.result.confidence.min() == 1


def test_without_calibration_it_is_taken_as_it_is(scenes):
    (scenes / 'set' / 'a' / 'calib.json').unlink()
    (result,), figures = figures_of(scenes)
    assert (result.filled == 10).all() and math.isnan(figures.abs_rel)


def test_doffs_count():
    camera = StereoCamera(4, 1, focal_px=100, cx=0, cy=0, baseline_m=0.25, doffs=2)
    values = np.array([[0, 2, 10]], np.float32)
    # half the baseline, then less 2 px: negative ones are as far as a rig can tell
    assert of_rig(Disparity(values), 0.5, camera).values.tolist() == [[0, 0, 3]]


def test_eigens_figures_by_hand():
    truth = np.full((100, 100), 10.0)
    truth[:, :50] = 60
    truth[:30] = 20  # above Garg's crop: does not count
    prediction = np.full((100, 100), 20.0)
    plain, scaled, near, near_scaled = eigen_figures(prediction, truth)
    # 80 m: columns 3..95 of the crop: 47 of 60 m and 46 of 10 m; |20 - 60| / 60 and |20 - 10| / 10
    assert plain.abs_rel == pytest.approx((47 * 2 / 3 + 46 * 1) / 93)
    # 50 m: only those of 10 m
    assert near.abs_rel == pytest.approx(1) and near.pixels == 46 * 59
    assert near_scaled.abs_rel == 0 and near_scaled.delta1 == 1
    # the median of the truth is 60 m, that of the prediction 20 m: it becomes 60 everywhere
    assert median_ratio(prediction, truth, 1e-3, 80) == 3
    assert scaled.abs_rel == pytest.approx(46 * 5 / 93)


def test_eigens_means_are_over_images_that_count():
    truth = np.full((100, 100), 10.0)
    images = [eigen_figures(truth * factor, truth) for factor in (1.0, 2.0)]
    images.append(eigen_figures(truth, np.full((100, 100), np.nan)))
    rows = summarise_eigen('set', 'model', images)
    assert [(row.max_depth_m, row.median_scaling, row.images) for row in rows] == [
        (80, False, 2), (80, True, 2), (50, False, 2), (50, True, 2)]
    assert [row.figures.abs_rel for row in rows] == pytest.approx([0.5, 0, 0.5, 0])
    assert rows[0].figures.pixels == 2 * 59 * 93
    empty = summarise_eigen('set', 'model', images[2:])[0].to_dict()
    assert empty['abs_rel'] is None and empty['images'] == 0 and empty['protocol'] == 'eigen'


def test_the_talks_table_and_eigens_on_the_command_line(scenes, tmp_path, monkeypatch, capsys):
    def open_engine(model, **options):
        return Wall() if model == 'svs-small' else open_opencv(model, options['max_disparity'])
    monkeypatch.setattr(engine, 'open_engine', open_engine, raising=False)
    assert main(['evaluate', str(scenes), '--model', 'svs-small', 'bm', '--eigen', '--json',
                 str(tmp_path / 'rows.json'), '--markdown', str(tmp_path / 'table.md'),
                 '--pictures', str(tmp_path / 'look')]) == 0
    out = capsys.readouterr().out
    first, second = out.split('\n\n')
    assert first.splitlines()[0].split()[-9:] == [
        'D1-all', '%', 'D1-bg', '%', 'D1-fg', '%', 'density', '%', 'ms']
    assert '12.50     0.00   100.00' in first and 'bm' in first
    # Garg's crop is columns 7 to 191: the object is 17 of 185, each off by 7 times its depth
    assert second.splitlines()[1].split()[:6] == ['set', 'fake-mono', '1', '80', 'no', '0.643']
    rows = json.loads((tmp_path / 'rows.json').read_text())
    assert [row.get('protocol') for row in rows] == [None] * 2 + ['eigen'] * 8
    assert rows[2]['abs_rel'] == pytest.approx(7 * 17 / 185)
    assert '| AbsRel |' in (tmp_path / 'table.md').read_text()
    assert cv2.imread(str(tmp_path / 'look' / 'set' / 'a.png')) is not None


def test_eigen_needs_metres(scenes, monkeypatch, capsys):
    (scenes / 'set' / 'a' / 'calib.json').unlink()
    monkeypatch.setattr(engine, 'open_engine', lambda *_, **__: Wall(), raising=False)
    assert main(['evaluate', str(scenes), '--model', 'svs-small', '--eigen']) == 1
    shown = capsys.readouterr()
    assert 'no scene has both ground truth and a calibration' in shown.err
    assert 'fake-mono' in shown.out
