# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import stat
import sys

import pytest

from depth_learning_ros.cli import main
from depth_learning_ros.engine import diagnosis, processor, sources


@pytest.fixture
def shipped(tiny_model, tmp_path, monkeypatch):
    folder = tmp_path / 'weights'
    folder.mkdir()
    tiny_model.copy_to(folder)
    monkeypatch.setattr(sources, 'WEIGHTS_FOLDER', folder)
    monkeypatch.setattr(sources, 'CATALOGUE', folder / 'none.json')


def test_doctor_runs_every_backend(shipped, capsys):
    pytest.importorskip('onnxruntime')
    assert main(['doctor', '--json']) == 0
    found = json.loads(capsys.readouterr().out)
    backends = {row['name']: row for row in found['backends']}
    assert list(backends) == ['openvino', 'onnxruntime', 'torch', 'tensorrt', 'tensorrt-rtx']
    row = backends['onnxruntime']
    assert row['works']
    assert row['model'] == 'tiny'
    assert row['precision'] == 'fp32'
    assert 0 <= row['error_px'] < 0.001
    assert row['ms'] > 0
    assert found['libraries']['numpy']
    assert found['processor']['cores'] >= 1
    assert found['cache']['writable']
    assert found['models'] == ['tiny', 'bm', 'sgbm', 'sgbm-hh']


def test_doctor_speaks_to_people(shipped, capsys):
    assert main(['doctor']) == 0
    shown = capsys.readouterr().out
    assert 'works: tiny in' in shown
    assert 'ROS 2: ' in shown
    assert 'cache: ' in shown


def test_status_1_when_nothing_works(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sources, 'WEIGHTS_FOLDER', tmp_path)
    assert main(['doctor']) == 1
    assert 'no network ships with this installation' in capsys.readouterr().out


def test_reasons_are_told(shipped, monkeypatch, capsys):
    for runner in ('openvino', 'onnxruntime', 'torch', 'tensorrt', 'tensorrt_rtx'):
        monkeypatch.setitem(sys.modules, f'depth_learning_ros.engine.{runner}_runner', None)
    assert main(['doctor', '--json']) == 1
    backends = json.loads(capsys.readouterr().out)['backends']
    assert not any(row['works'] for row in backends)
    assert all(row['reason'] for row in backends)


def test_ros2_not_sourced(monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    monkeypatch.delenv('ROS_DISTRO', raising=False)
    found = diagnosis.ros2()
    assert not found['rclpy']
    assert 'setup.bash was not sourced' in found['reason']


def test_ros2_of_another_python(monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/opt/ros/jazzy')
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    monkeypatch.setattr(diagnosis.util, 'find_spec', lambda name: None)
    found = diagnosis.ros2()
    assert found['distribution'] == 'jazzy'
    assert '--system-site-packages' in found['reason']


def test_ros2_that_does_not_load(monkeypatch, tmp_path):
    (tmp_path / 'rclpy.py').write_text('raise ImportError("librcl.so: not found")')
    monkeypatch.setenv('AMENT_PREFIX_PATH', '/opt/ros/jazzy')
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = diagnosis.ros2()
    assert not found['rclpy']
    assert 'librcl.so: not found' in found['reason']


def fake_nvidia_smi(folder, monkeypatch, script):
    program = folder / 'nvidia-smi'
    program.write_text(f'#!/bin/sh\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')


def test_gpus_as_the_driver_lists_them(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, monkeypatch, 'echo "NVIDIA RTX 4090, 8.9, 550.1, 24564 MiB"')
    assert diagnosis.gpus()['nvidia'] == [{
        'name': 'NVIDIA RTX 4090', 'compute_capability': '8.9', 'driver': '550.1',
        'memory': '24564 MiB'}]


def test_a_failing_driver_is_quoted(tmp_path, monkeypatch):
    fake_nvidia_smi(tmp_path, monkeypatch, 'echo "driver mismatch" >&2; exit 9')
    found = diagnosis.gpus()
    assert found['nvidia'] == []
    assert 'driver mismatch' in found['reason']


def test_processor_features_are_read_from_linux(tmp_path, monkeypatch):
    cpuinfo = tmp_path / 'cpuinfo'
    cpuinfo.write_text('model name\t: Some CPU\nflags\t\t: fpu avx2 amx_bf16 amx_tile\n')
    monkeypatch.setattr(processor, '_CPUINFO', cpuinfo)
    functions = (processor.features, processor.model_name, processor._field)
    for function in functions:
        function.cache_clear()
    try:
        assert processor.model_name() == 'Some CPU'
        assert processor.features() == ('avx2', 'amx_tile', 'amx_bf16')
        assert processor.bf16_is_fast()
    finally:
        for function in functions:
            function.cache_clear()
