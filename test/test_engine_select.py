# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which engine a user gets, and what they are told when there is none."""

from __future__ import annotations

from importlib import import_module
import logging
import shutil
import subprocess
import sys

import numpy as np
import pytest

from depth_learning_ros.engine import available_models, open_engine, processor, select, sources
from depth_learning_ros.engine.reference import MeasuredError, fixed_pair
from depth_learning_ros.errors import EngineError, ModelError

pytest.importorskip('openvino')
pytest.importorskip('onnxruntime')


@pytest.fixture
def shipped(tiny_model, tmp_path, monkeypatch):
    """Let the tiny model be the one that ships, as ``tiny``."""
    folder = tmp_path / 'weights'
    folder.mkdir()
    copy = tiny_model.copy_to(folder)
    monkeypatch.setattr(sources, 'WEIGHTS_FOLDER', folder)
    return copy


@pytest.fixture
def without(monkeypatch):
    """Make libraries look as if they were not installed."""
    def remove(*libraries):
        def refuse(name):
            runner = name.rpartition('.')[2]
            for library in libraries:
                if runner == f'{library}_runner':
                    raise ModuleNotFoundError(f'No module named {library!r}', name=library)
            return import_module(name)
        monkeypatch.setattr(select, 'import_module', refuse)
    return remove


def infer(engine):
    left, right = fixed_pair(64, 128)
    return engine.infer({'left': left, 'right': right})['disparity']


def test_auto_takes_openvino_in_the_precision_of_the_processor(shipped, caplog):
    with caplog.at_level(logging.INFO), open_engine('tiny') as engine:
        assert engine.info.backend == 'openvino'
        assert engine.info.precision == ('bf16' if processor.bf16_is_fast() else 'fp32')
        assert infer(engine).shape == (1, 64, 128)
    assert 'tiny runs on openvino' in caplog.text
    assert 'px from PyTorch' in caplog.text


def test_auto_goes_on_to_the_next_backend(shipped, without, caplog):
    without('openvino')
    with caplog.at_level(logging.INFO), open_engine('tiny') as engine:
        assert engine.info.backend == 'onnxruntime'
    assert "openvino is not installed: pip install 'depth_learning_ros[cpu]'" in caplog.text


def test_torch_is_the_last_resort(shipped, without):
    pytest.importorskip('torch')
    without('openvino', 'onnxruntime')
    with open_engine('tiny') as engine:
        assert engine.info.backend == 'torch'


def test_without_any_backend_every_reason_is_told(shipped, without):
    without('openvino', 'onnxruntime', 'torch')
    with pytest.raises(EngineError) as caught:
        open_engine('tiny')
    assert 'no backend can run tiny' in str(caught.value)
    assert "openvino is not installed: pip install 'depth_learning_ros[cpu]'" in str(caught.value)
    assert "torch is not installed: pip install 'depth_learning_ros[train]'" in str(caught.value)


def test_a_broken_library_is_no_crash(shipped, monkeypatch):
    def broken(name):
        raise ImportError('libfoo.so.1: cannot open shared object file')
    monkeypatch.setattr(select, 'import_module', broken)
    with pytest.raises(EngineError, match=r'openvino is installed but does not load: libfoo'):
        open_engine('tiny', backend='openvino')


@pytest.mark.parametrize(('options', 'message'), [
    ({'backend': 'tensorflow'}, "no backend 'tensorflow': use auto, openvino, onnxruntime"),
    ({'precision': 'int3'}, "no precision 'int3': use auto, fp32, bf16, fp16"),
    ({'backend': 'onnxruntime', 'precision': 'bf16'}, 'computes in fp32, not in bf16')])
def test_options_that_do_not_exist_are_named(shipped, options, message):
    with pytest.raises(EngineError, match=message):
        open_engine('tiny', **options)


def test_unknown_names_suggest_the_nearest(shipped, tmp_path):
    with pytest.raises(EngineError, match=r"no model 'tini'; did you mean 'tiny'"):
        open_engine('tini')
    with pytest.raises(EngineError, match=r"no model 'sgmb'; did you mean 'sgbm'"):
        open_engine('sgmb')
    with pytest.raises(EngineError, match=r'there is no model file .*none\.onnx'):
        open_engine(tmp_path / 'none.onnx')
    (tmp_path / 'model.pth').write_bytes(b'')
    with pytest.raises(EngineError, match=r'model\.pth is no model: expected a name, or an .onnx'):
        open_engine(tmp_path / 'model.pth')


def test_a_network_without_weights_says_how_to_get_them(shipped, monkeypatch, tmp_path):
    catalogue = tmp_path / 'catalogue.json'
    catalogue.write_text('[{"name": "crl", "weights": null}]')
    monkeypatch.setattr(sources, 'CATALOGUE', catalogue)
    with pytest.raises(EngineError, match=r'no weights ship for crl: train it, or .*tiny'):
        open_engine('crl')
    assert [(entry.name, entry.available) for entry in available_models()] == [
        ('crl', False), ('tiny', True), ('bm', True), ('sgbm', True), ('sgbm-hh', True)]


def test_classical_matchers_are_engines_too():
    with open_engine('bm', max_disparity=32) as engine:
        assert engine.info.backend == 'opencv'
        assert engine.info.outputs == ('disparity',)
        assert infer(engine).shape == (1, 64, 128)
    with pytest.raises(EngineError, match='runs on opencv, not on torch'):
        open_engine('bm', backend='torch')
    with pytest.raises(EngineError, match='one precision'):
        open_engine('bm', precision='bf16')


def test_an_engine_that_is_wrong_is_refused(shipped, monkeypatch):
    monkeypatch.setattr(select, 'measure', lambda *_: MeasuredError(3.0, 9.0, 0.0))
    with pytest.raises(EngineError, match=r'wrong on the fixed pair: mean 3 px'):
        open_engine('tiny', backend='onnxruntime')
    # and again, now that the measurement comes from the cache
    with pytest.raises(EngineError, match=r'wrong on the fixed pair: mean 3 px'):
        open_engine('tiny', backend='onnxruntime')


def test_a_wrong_precision_falls_back_to_fp32_and_says_so(shipped, monkeypatch, caplog):
    monkeypatch.setattr(select.processor, 'bf16_is_fast', lambda: True)

    def bad_in_bf16(engine, reference):
        return MeasuredError(0.4 if engine.info.precision == 'bf16' else 0.0, 0.0, 0.0)
    monkeypatch.setattr(select, 'measure', bad_in_bf16)
    if 'amx_bf16' not in processor.features():
        pytest.skip('OpenVINO has no bf16 here')
    with caplog.at_level(logging.WARNING), open_engine('tiny') as engine:
        assert engine.info.backend == 'openvino'
        assert engine.info.precision == 'fp32'
    assert 'openvino in bf16 is not used' in caplog.text
    assert 'falling back to fp32' in caplog.text
    with pytest.raises(EngineError, match='wrong on the fixed pair'):
        open_engine('tiny', precision='bf16', backend='openvino')


def test_a_really_wrong_graph_is_caught_by_its_reference(tiny_model, tmp_path):
    """A graph with one weight changed, as a bad conversion would: loads, runs, and is refused."""
    onnx = pytest.importorskip('onnx')
    copy = tiny_model.copy_to(tmp_path)
    model = onnx.load(str(copy.onnx))
    for tensor in model.graph.initializer:
        if tensor.name.startswith('network.stage1.decoder.predict6.bias'):
            values = onnx.numpy_helper.to_array(tensor) + 1
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, str(tmp_path / 'changed.onnx'))
    with pytest.raises(EngineError, match='wrong on the fixed pair'):
        open_engine(tmp_path / 'changed.onnx', backend='onnxruntime')


def test_an_error_is_measured_once(shipped, monkeypatch):
    with open_engine('tiny', backend='onnxruntime') as engine:
        error = engine.info.error_px
    monkeypatch.setattr(select, 'measure', lambda *_: pytest.fail('measured again'))
    with open_engine('tiny', backend='onnxruntime') as engine:
        assert engine.info.error_px == error


def test_weights_alone_are_exported_once_into_the_cache(shipped, cache_of_its_own, monkeypatch):
    pytest.importorskip('torch')
    shipped.onnx.unlink()
    messages = []
    with open_engine('tiny', backend='onnxruntime', on_message=messages.append) as engine:
        expected = infer(engine)
    assert 'exporting tiny' in messages
    assert len(list(cache_of_its_own.glob('tiny-export-*.onnx'))) == 1
    from depth_learning_ros.engine import export
    monkeypatch.setattr(export, 'export_model', lambda *_, **__: pytest.fail('exported again'))
    with open_engine(shipped.weights, backend='onnxruntime') as engine:
        np.testing.assert_array_equal(infer(engine), expected)


def test_a_damaged_export_in_the_cache_is_made_again(shipped, cache_of_its_own):
    pytest.importorskip('torch')
    shipped.onnx.unlink()
    open_engine('tiny', backend='onnxruntime').close()
    export = next(cache_of_its_own.glob('tiny-export-*.onnx'))
    export.write_bytes(export.read_bytes()[:1000])
    with open_engine('tiny', backend='onnxruntime') as engine:
        assert infer(engine).shape == (1, 64, 128)


def test_weights_alone_run_in_pytorch(shipped, cache_of_its_own):
    pytest.importorskip('torch')
    shipped.onnx.unlink()
    with open_engine(shipped.weights, backend='torch', precision='fp32') as engine:
        assert engine.info.model == 'tiny'
        assert engine.info.error_px < 0.001
    assert not list(cache_of_its_own.glob('*.onnx'))


def test_weights_alone_without_pytorch_say_what_is_missing(shipped, monkeypatch):
    shipped.onnx.unlink()
    monkeypatch.setitem(sys.modules, 'depth_learning_ros.engine.export', None)
    with pytest.raises(EngineError, match=r'was never exported, and exporting needs .*\[train\]'):
        open_engine('tiny', backend='openvino')


def test_pytorch_needs_the_weights(tiny_model, tmp_path):
    pytest.importorskip('torch')
    from depth_learning_ros.engine.export import export_model
    export_model(tiny_model.weights, tmp_path / 'alone.onnx')
    with pytest.raises(EngineError, match=r'alone\.safetensors, which .* is not beside it'):
        open_engine(tmp_path / 'alone.onnx', backend='torch')
    with open_engine(tmp_path / 'alone.onnx', backend='openvino') as engine:
        assert infer(engine).shape == (1, 64, 128)


def test_damaged_files_are_one_clear_error(shipped):
    data = bytearray(shipped.weights.read_bytes())
    data[-1] ^= 1
    shipped.weights.write_bytes(data)
    with pytest.raises(ModelError, match=r'tiny\.safetensors are damaged'):
        open_engine('tiny')
    with pytest.raises(ModelError, match=r'tiny\.safetensors are damaged'):
        open_engine(shipped.weights)
    shipped.onnx.unlink()
    with pytest.raises(ModelError, match=r'tiny\.safetensors is damaged'):
        open_engine(shipped.weights)


def test_a_graph_of_other_weights_beside_a_weights_file_is_not_used(tiny_model, tmp_path):
    """New weights under an old name: the old graph must not answer for them, nor they for it."""
    pytest.importorskip('torch')
    from conftest import tiny_network

    from depth_learning_ros.models.checkpoint import CheckpointInfo, save_checkpoint
    copy = tiny_model.copy_to(tmp_path)
    with open_engine(copy.onnx, backend='onnxruntime') as engine:
        before = infer(engine)
    other = tiny_network(seed=1)
    save_checkpoint(copy.weights, other, CheckpointInfo('tiny', other.config), force=True)
    with open_engine(copy.weights, backend='onnxruntime') as engine:
        assert np.abs(infer(engine) - before).max() > 0.01
    with pytest.raises(ModelError, match=r'not those that tiny\.onnx was exported from'):
        open_engine(copy.onnx)


def test_the_cache_may_be_unusable(shipped, tmp_path, caplog):
    (tmp_path / 'file').write_text('')
    with caplog.at_level(logging.WARNING):
        with open_engine('tiny', cache_dir=tmp_path / 'file') as engine:
            assert infer(engine).shape == (1, 64, 128)
    assert 'cannot be written' in caplog.text


def test_opening_imports_no_library_that_is_not_used(tiny_model, tmp_path):
    shutil.copy(tiny_model.onnx, tmp_path)
    shutil.copy(tiny_model.weights, tmp_path)
    code = ('import sys\n'
            'from depth_learning_ros.engine import open_engine\n'
            'assert not {"openvino", "onnxruntime", "torch", "cv2"} & set(sys.modules)\n'
            'open_engine(sys.argv[1], backend="openvino").close()\n'
            'print({"onnxruntime", "torch", "onnx", "cv2", "safetensors"} & set(sys.modules))')
    done = subprocess.run(
        [sys.executable, '-c', code, str(tmp_path / 'tiny.onnx')], capture_output=True, text=True,
        cwd=sources.__file__.rpartition('/depth_learning_ros/')[0], check=False)
    assert done.stdout == 'set()\n', done.stderr
