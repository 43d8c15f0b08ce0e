# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from bags import StereoBag, write_stereo_bag
import numpy as np
import pytest

from depth_learning_ros.cli import main
from depth_learning_ros.engine import quantize_choice
from depth_learning_ros.engine.engine_file import Shapes, load_engine_file, read_identity

pytest.importorskip('depth_learning_ros.engine.tensorrt_rtx_runner')
pytest.importorskip('onnxruntime')


@pytest.fixture
def build(tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*options: str, model: str | None = None) -> int:
        return main(['build', model or str(tiny_model.onnx), '-o', 'tiny.engine', '--backend',
                     'tensorrt-rtx', *options])
    return run


def test_a_static_engine(build, tmp_path, capsys):
    assert build('--height', '64', '--width', '128', '--compute-capability', '8.9') == 0
    shown = capsys.readouterr()
    assert 'NOT MEASURED' in shown.out
    assert 'emulated on the CPU: mean' in shown.out
    assert 'convolution half GPU' in shown.out
    assert 'for compute capability 8.9, 128x64' in shown.out
    file = load_engine_file(tmp_path / 'tiny.engine')
    assert file.identity.shapes == Shapes(*[(1, 64, 128)] * 3)
    assert file.identity.compute_capabilities == ('8.9',)
    assert build('--height', '64', '--width', '128') == 1  # it exists
    assert 'exists already' in capsys.readouterr().err


def test_int8_from_a_bag(build, tmp_path, capsys, monkeypatch):
    def cost(graph, frame):  # real trials take half a minute; test_engine_typed_graph has some
        names = [tensor.name for tensor in graph.graph.initializer
                 if tensor.name.endswith('weight.half.int8.steps')]
        return np.full(9, sum(0.01 if 'conv6' in name else 1.0 for name in names))
    monkeypatch.setattr(quantize_choice, '_run', cost)
    write_stereo_bag(tmp_path / 'drive', 'mcap', StereoBag(frames=9, width=96, height=64))
    assert build('--height', '64', '--width', '128', '--precision', 'int8', '--calibrate', 'drive',
                 '--images', '9', '--int8-budget', '0.2', '--compute-capability', '8.9') == 0
    shown = capsys.readouterr()
    assert 'stay in fp16, the others are int8' in shown.err
    identity, record = read_identity(tmp_path / 'tiny.engine')
    assert identity.precision == 'int8'
    assert len(identity.calibration) == 64
    assert record.emulated.acceptable
    assert any('dequantize' in name for name in record.layers)


@pytest.mark.parametrize(('options', 'words'), [
    ((), 'say the size'),
    (('--height', '64'), '--height and --width belong together'),
    (('--min', '64x64'), '--min, --opt and --max belong together'),
    (('--height', '64', '--width', '64', '--min', '8x8', '--opt', '8x8', '--max', '8x8'),
     'say the size'),
    (('--min', '64', '--opt', '8x8', '--max', '8x8'), 'is no size: give HEIGHTxWIDTH'),
    (('--height', '64', '--width', '64', '--precision', 'int8'), 'belong together'),
    (('--height', '64', '--width', '64', '--workspace', '0'), '--workspace is 0'),
    (('--height', '64', '--width', '64', '--batch', '0'), '--batch is 0'),
])
def test_wrong_command_lines(build, options, words, capsys):
    assert build(*options) == 2
    assert words in capsys.readouterr().err


def test_wrong_names(build, tmp_path, capsys):
    size = ('--height', '64', '--width', '64')
    assert build(*size, model='crl-smal') == 1
    assert "did you mean 'crl-small'" in capsys.readouterr().err
    assert build(*size, '--compute-capability', '10.5') == 1
    assert 'cannot build for compute capability 10.5' in capsys.readouterr().err
    assert build(*size, '--float32', 'head') == 1
    assert "no part 'head'" in capsys.readouterr().err
    assert main(['build', 'crl-small', '-o', 'x.plan', *size]) == 2
    assert 'is an .engine file' in capsys.readouterr().err
    assert main(['build', 'crl-small', '-o', 'x.engine', '--backend', 'tensorrt', *size]) == 1
    assert 'tensorrt is not installed' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
