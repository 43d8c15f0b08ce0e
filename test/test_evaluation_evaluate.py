# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import math

import cv2
import numpy as np
import pytest

from depth_learning_ros.data.folders import StereoFolder
from depth_learning_ros.data.scene import Scene
from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.errors import DataError
from depth_learning_ros.evaluation.evaluate import EvaluationRow, Figures, evaluate, summarise
from depth_learning_ros.evaluation.submission import check_names, write_submission
from depth_learning_ros.evaluation.tables import to_json, to_markdown, to_text
from depth_learning_ros.pipeline import StereoPipeline


class FlatEngine(Engine):
    """Says 5 px everywhere but in the first column, where it knows nothing."""

    def __init__(self, outputs=('disparity', 'confidence')):
        self.info = EngineInfo('flat', 'fake', '1', 'fp32', 'none', outputs=outputs)
        self.sizes = []

    def prepare(self, height, width):
        self.sizes.append((height, width))

    def infer(self, inputs):
        disparity = np.full(inputs['left'].shape[:3], 5, np.float32)
        disparity[..., 0] = np.nan
        results = {'disparity': disparity, 'confidence': np.full_like(disparity, 0.5)}
        return {name: results[name] for name in self.info.outputs}


def write_scene(folder, truth, **masks):
    folder.mkdir(parents=True)
    for name in ('left.png', 'right.png'):
        cv2.imwrite(str(folder / name), np.full((*truth.shape, 3), 50, np.uint8))
    cv2.imwrite(str(folder / 'disp.png'), (truth * 256).astype(np.uint16))
    for name, mask in masks.items():
        cv2.imwrite(str(folder / f'{name}.png'), mask.astype(np.uint8))


@pytest.fixture
def folder(tmp_path):
    # Six columns of 5 px (right) and six of 20 px (15 px off), the last row without ground truth.
    truth = np.tile(np.repeat([5.0, 20.0], 6), (3, 1))
    truth[2] = 0
    seen = np.tile(np.repeat([255, 128], (9, 3)), (3, 1))
    write_scene(tmp_path / 'set' / 'a', truth, nocc=seen, obj_map=truth > 10)
    write_scene(tmp_path / 'set' / 'b', np.full((3, 10), 5.0))
    return StereoFolder(tmp_path)


def run(folder, engine=None):
    pipeline = StereoPipeline(engine or FlatEngine())
    results = list(evaluate(folder.scenes, lambda disparities: pipeline))
    return results, summarise('set', pipeline, [each.figures for each in results])


def test_figures_by_hand(folder):
    (first, second), row = run(folder)
    assert first.figures.epe == 7.5
    assert first.figures.bad3 == first.figures.d1_all == 50
    assert (first.figures.d1_bg, first.figures.d1_fg) == (0, 100)
    assert first.figures.d1_noc == pytest.approx(100 / 3)
    assert first.figures.density == pytest.approx(100 * 11 / 12)  # one column was a gap
    assert first.figures.sparsification_area == pytest.approx(50)  # the confidence is constant
    assert second.figures.epe == 0 and math.isnan(second.figures.d1_fg)
    assert first.figures.ms > 0
    assert (row.model, row.backend, row.precision, row.pairs) == ('flat', 'fake', 'fp32', 2)
    # Means over scenes, not over pixels; a figure that one scene lacks is that of the other.
    assert row.figures.epe == 3.75
    assert row.figures.density == pytest.approx(100 * (11 / 12 + 9 / 10) / 2)
    assert row.figures.d1_fg == 100
    # The warped view equals the left one: the pictures are flat.
    assert first.figures.ssim == pytest.approx(1)


def test_depth_figures_need_a_calibration(folder):
    path = folder.scenes[1].left.parent / 'calib.json'
    path.write_text('{"focal_px": 100, "baseline_m": 0.1}')
    _, row = run(StereoFolder(folder.path))
    assert row.figures.abs_rel == 0 and row.figures.delta1 == 1
    path.write_text('{"focal_px": 100, "baseline_m": 0.1, "doffs": null}')
    _, row = run(StereoFolder(folder.path))
    assert math.isnan(row.figures.abs_rel)


def test_each_size_is_prepared_before_it_is_timed(folder):
    engine = FlatEngine()
    run(folder, engine)
    assert engine.sizes == [(3, 12), (3, 10)]


def test_matchers_are_told_how_far_to_search(folder):
    asked, pipeline = [], StereoPipeline(FlatEngine(('disparity',)))
    results = list(evaluate(folder.scenes, lambda n: asked.append(n) or pipeline))
    assert asked == [21, 6]
    assert math.isnan(results[0].figures.sparsification_area)


def test_scene_without_ground_truth(folder):
    for scene in folder.scenes:
        scene.disparity.path.unlink()
    (first, _), row = run(StereoFolder(folder.path, ground_truth=False))
    assert math.isnan(row.figures.epe) and row.pairs == 2
    assert first.figures.psnr == math.inf
    # Strict JSON has no infinity and no NaN.
    assert json.loads(to_json([row]))[0] | {'ms': 0} == row.to_dict() | {'ms': 0}
    assert row.to_dict()['psnr'] is None


ROWS = [EvaluationRow('bm', 'opencv', 'int16', 'a', 2, Figures(epe=1.236, d1_all=10, ms=7)),
        EvaluationRow('crl-small', 'fake', 'fp32', 'a', 2, Figures(epe=0.5, d1_noc=1, ms=12))]


def test_markdown():
    lines = to_markdown(ROWS).splitlines()
    assert lines[0] == ('| set | model | backend | precision | pairs | EPE px | 3ER % | D1-all % '
                        '| D1-noc % | density % | ms |')
    assert lines[1] == '|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|'
    assert lines[2] == '| a | bm | opencv | int16 | 2 | 1.24 | - | 10.00 | - | - | 7.0 |'
    assert len(lines) == 4


def test_text_is_aligned():
    lines = to_text(ROWS).splitlines()
    assert lines[1].index('1.24') + 4 == lines[2].index('0.50') + 4 == lines[0].index('px') + 2


def scene(name, set_name='kitti2015'):
    return Scene(set_name, name, None, None)


def test_submission(tmp_path):
    disparity = np.array([[1.5, np.nan, 0, 400]], np.float32)
    path = write_submission(tmp_path / 'new', scene('000003_10'), disparity)
    assert path == tmp_path / 'new' / 'disp_0' / '000003_10.png'
    assert cv2.imread(str(path), -1).tolist() == [[384, 0, 1, 65535]]
    assert write_submission(tmp_path, scene('000003_10', 'kitti2012_gray'), disparity) == (
        tmp_path / '000003_10.png')


def test_submission_needs_kitti_names():
    check_names([scene('000000_10'), scene('000001_10')])
    with pytest.raises(DataError, match=r'1 of 2.*Teddy'):
        check_names([scene('000000_10'), scene('Teddy')])
    with pytest.raises(DataError, match='twice'):
        check_names([scene('000000_10'), scene('000000_10', 'other')])
