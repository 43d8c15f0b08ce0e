# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import subprocess
import sys

import numpy as np
import pytest

from depth_learning_ros.engine import open_engine, processor
from depth_learning_ros.engine.reference import fixed_pair
from depth_learning_ros.errors import EngineError

pytest.importorskip('openvino')


def opened(tiny_model, folder, precision='fp32'):
    return open_engine(tiny_model.onnx, backend='openvino', precision=precision,
                       cache_dir=folder, zoom=1.0)


def images(height=64, width=128):
    left, right = fixed_pair(height, width)
    return {'left': left, 'right': right}


@pytest.fixture
def never_compiles(monkeypatch):
    from depth_learning_ros.engine.openvino_runner import OpenVinoEngine

    def compile_refused(*_):
        raise AssertionError('compiled although the cache has it')
    return lambda: monkeypatch.setattr(OpenVinoEngine, '_compile', compile_refused)


def test_a_cached_engine_is_neither_compiled_nor_measured_again(
        tiny_model, tmp_path, never_compiles):
    with opened(tiny_model, tmp_path) as engine:
        expected = engine.infer(images())['disparity']
        error = engine.info.error_px
    sidecar = json.loads(next(tmp_path.glob('*-128x64-*.json')).read_text())
    assert sidecar['record']['error']['mean_px'] == error
    assert sidecar['record']['build_seconds'] > 0
    assert {'onnx_sha256', 'backend', 'version', 'processor', 'features', 'precision',
            'shape'} <= set(sidecar['key'])
    never_compiles()
    with opened(tiny_model, tmp_path) as engine:
        assert engine.info.error_px == error
        np.testing.assert_array_equal(engine.infer(images())['disparity'], expected)


@pytest.mark.parametrize('suffix', ['.bin', '.json'])
def test_corrupted_cache_files_are_built_again(tiny_model, tmp_path, caplog, suffix):
    with opened(tiny_model, tmp_path) as engine:
        expected = engine.infer(images())['disparity']
    for file in tmp_path.glob(f'*{suffix}'):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 255
        file.write_bytes(data)
    with caplog.at_level(logging.WARNING), opened(tiny_model, tmp_path) as engine:
        np.testing.assert_allclose(engine.infer(images())['disparity'], expected, atol=1e-4)
    assert 'building it again' in caplog.text
    caplog.clear()
    with opened(tiny_model, tmp_path) as engine:
        engine.infer(images())
    assert caplog.text == ''


def test_a_whole_file_that_is_no_engine_is_built_again(tiny_model, tmp_path, caplog):
    """The checksum holds, so it is OpenVINO that has to refuse it."""
    from depth_learning_ros.engine.cache import CompiledModels
    with opened(tiny_model, tmp_path) as engine:
        expected = engine.infer(images())['disparity']
        store: CompiledModels = engine._store
    store.save((1, 64, 128), b'not an engine', {'probe': [0.0] * 16})
    with caplog.at_level(logging.WARNING), opened(tiny_model, tmp_path) as engine:
        np.testing.assert_array_equal(engine.infer(images())['disparity'], expected)
    assert 'OpenVINO cannot load it' in caplog.text


def test_an_engine_whose_answers_changed_is_built_again(tiny_model, tmp_path, caplog):
    with opened(tiny_model, tmp_path) as engine:
        engine.infer(images())
    file = next(tmp_path.glob('*-128x64-*.json'))
    sidecar = json.loads(file.read_text())
    sidecar['record']['probe'][3] += 1
    file.write_text(json.dumps(sidecar))
    with caplog.at_level(logging.WARNING), opened(tiny_model, tmp_path) as engine:
        engine.infer(images())
    assert 'its answers changed by 1 px' in caplog.text


def test_only_the_last_sizes_stay_in_memory(tiny_model, tmp_path):
    from depth_learning_ros.engine.openvino_runner import SIZES_IN_MEMORY
    with opened(tiny_model, tmp_path) as engine:
        for width in range(20, 20 + SIZES_IN_MEMORY + 2):
            engine.prepare(20, width)
        assert len(engine._requests) == SIZES_IN_MEMORY
        assert (1, 20, 20 + SIZES_IN_MEMORY + 1) in engine._requests


@pytest.mark.skipif(not processor.bf16_is_fast(), reason='needs a processor with AMX')
def test_bf16_is_close_and_has_no_steps(tiny_model, tmp_path):
    inputs = images(128, 256)
    with opened(tiny_model, tmp_path, 'bf16') as engine:
        assert engine.info.precision == 'bf16'
        assert 0 < engine.info.error_px < 0.1
        disparity = engine.infer(inputs)['disparity']
    # On bfloat16's own grid, 0.125 px wide at 16 to 32 px, there would be a few dozen values.
    assert np.unique(disparity).size > 0.5 * disparity.size


def test_a_precision_the_processor_lacks_is_refused(tiny_model, tmp_path, monkeypatch):
    import openvino

    from depth_learning_ros.engine import openvino_runner

    core = openvino.Core()

    class OldProcessor:

        def get_property(self, device, name):
            if name == 'OPTIMIZATION_CAPABILITIES':
                return ['FP32']
            return core.get_property(device, name)
    monkeypatch.setattr(openvino_runner.openvino, 'Core', OldProcessor)
    with pytest.raises(EngineError, match='does not compute in bf16: use fp32'):
        opened(tiny_model, tmp_path, 'bf16')


def test_importing_it_reports_nothing_to_anybody() -> None:
    code = ('import sys\n'
            'import depth_learning_ros.engine.openvino_runner\n'
            'import openvino.tools.ovc as ovc\n'
            'print(sys.modules["openvino_telemetry"], type(ovc.telemetry).__module__)')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout == 'None openvino.tools.ovc.telemetry_stub\n'
