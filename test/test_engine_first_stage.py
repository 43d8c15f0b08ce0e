# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The first stage alone, beside the whole cascade."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('onnxruntime')

import mono_networks  # noqa: E402

from depth_learning_ros.cli import main  # noqa: E402
from depth_learning_ros.engine.first_stage import open_first_stage  # noqa: E402
from depth_learning_ros.engine.reference import fixed_pair  # noqa: E402
from depth_learning_ros.errors import EngineError  # noqa: E402
from depth_learning_ros.models.checkpoint import load_network  # noqa: E402


def test_it_gives_what_the_first_stage_gives(tiny_model):
    left, right = fixed_pair(64, 128)
    network = load_network(tiny_model.weights)
    images = [torch.from_numpy(image).permute(0, 3, 1, 2) / 255 - 0.5 for image in (left, right)]
    with torch.inference_mode():
        expected = -network.stage1(*images)[-1][:, 0].clamp(max=0)
    with open_first_stage(tiny_model.weights) as engine:
        found = engine.infer({'left': left, 'right': right})
        assert engine.info.model == 'tiny (first stage)' and engine.info.precision == 'fp32'
    np.testing.assert_allclose(found['disparity'], expected.numpy(), atol=1e-4)
    assert 0 <= found['confidence'].min() <= found['confidence'].max() <= 1


def test_both_stand_in_the_table(tiny_model, tmp_path, capsys):
    folder = tmp_path / 'set' / 'a'
    folder.mkdir(parents=True)
    left, right = fixed_pair(64, 128)
    cv2.imwrite(str(folder / 'left.png'), left[0])
    cv2.imwrite(str(folder / 'right.png'), right[0])
    cv2.imwrite(str(folder / 'disp.png'), np.full((64, 128), 6 * 256, np.uint16))
    assert main(['evaluate', str(tmp_path), '--model', str(tiny_model.weights),
                 '--first-stage', '--backend', 'onnxruntime', '--json',
                 str(tmp_path / 'rows.json')]) == 0
    rows = json.loads((tmp_path / 'rows.json').read_text())
    assert [row['model'] for row in rows] == ['tiny (first stage)', 'tiny']
    assert rows[0]['epe'] != rows[1]['epe']
    assert main(['evaluate', str(tmp_path), '--model', str(tiny_model.weights), '--first-stage',
                 '--submission', str(tmp_path / 'up')]) == 2
    assert '--submission is for whole models' in capsys.readouterr().err


def test_what_has_no_second_stage_is_told(tiny_model, tmp_path, monkeypatch):
    mono_networks.register(monkeypatch)
    weights = mono_networks.save(tmp_path / 'mono.safetensors')
    with pytest.raises(EngineError, match='tiny-mono has no second stage'):
        open_first_stage(weights)
    tiny_model.copy_to(tmp_path).weights.unlink()
    with pytest.raises(EngineError, match='needs its weights'):
        open_first_stage(tmp_path / 'tiny.onnx')
