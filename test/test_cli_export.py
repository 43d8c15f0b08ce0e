# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

import pytest

from depth_learning_ros.cli import main


def test_export_writes_a_file_and_says_how_good_it_is(tiny_model, tmp_path, capsys):
    output = tmp_path / 'out.onnx'
    status = main(['export', str(tiny_model.weights), '-o', str(output), '--height', '40',
                   '--width', '72'])
    shown = capsys.readouterr()
    assert status == 0
    assert output.is_file()
    assert 'at 72x40: mean' in shown.out
    assert f'wrote {output}, ' in shown.out
    assert main(['export', str(tiny_model.weights), '-o', str(output)]) == 1
    assert '--force' in capsys.readouterr().err


@pytest.mark.parametrize(('arguments', 'message'), [
    (['x.safetensors', '-o', 'out.pb'], 'the output is an .onnx file'),
    (['x.safetensors', '-o', 'out.onnx', '--width', '1'], '--width is 1'),
    (['x.safetensors', '-o', 'out.onnx', '--precision', 'int8'], 'invalid choice'),
    (['x.safetensors'], '-o')])
def test_wrong_options_are_usage_errors(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(['export', *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_missing_weights_are_an_error(tmp_path, capsys):
    pytest.importorskip('torch')
    missing = tmp_path / 'none.safetensors'
    assert main(['export', str(missing), '-o', str(tmp_path / 'out.onnx')]) == 1
    assert f'there is no weights file {missing}' in capsys.readouterr().err


def test_without_pytorch_the_remedy_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'depth_learning_ros.engine.export', None)
    assert main(['export', 'x.safetensors', '-o', str(tmp_path / 'out.onnx')]) == 1
    assert "pip install 'depth_learning_ros[train]'" in capsys.readouterr().err
