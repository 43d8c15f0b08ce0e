# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace

from fake_cuda import FakeCuda
from fake_tensorrt import fake_tensorrt
import pytest

from depth_learning_ros.cli.doctor import _tensorrt
from depth_learning_ros.engine import cuda_driver, gpu_diagnosis, select
from depth_learning_ros.engine.tensorrt_library import Library


def with_library(monkeypatch, version, *, portable=False, capabilities=()):
    module = fake_tensorrt(FakeCuda(), version=version)
    if capabilities:
        module.ComputeCapability = type('ComputeCapability', (), {
            f'SM{word.replace(".", "")}': number for number, word in enumerate(capabilities)})
    library = Library(module, portable=portable)
    monkeypatch.setattr(gpu_diagnosis, 'load_runner', lambda name: SimpleNamespace(
        LIBRARY=library))


def with_gpu(monkeypatch, **changes):
    cuda = FakeCuda(**changes)
    monkeypatch.setattr(cuda_driver, '_load', lambda: cuda)


def test_a_jetson_with_a_version_known_to_be_wrong(tmp_path, monkeypatch):
    release, board = tmp_path / 'nv_tegra_release', tmp_path / 'model'
    release.write_text('# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n')
    board.write_text('NVIDIA Jetson Orin Nano Developer Kit\0')
    monkeypatch.setattr(gpu_diagnosis, 'TEGRA_RELEASE', release)
    monkeypatch.setattr(gpu_diagnosis, 'BOARD', board)
    with_gpu(monkeypatch, name='Orin', capability=(8, 7), driver=12060)
    with_library(monkeypatch, '10.3.0.30')
    jetson = gpu_diagnosis.describe_jetson()
    assert jetson == {'board': 'NVIDIA Jetson Orin Nano Developer Kit',
                      'linux_for_tegra': '36.4.3', 'jetpack': '6'}
    lines = list(_tensorrt(gpu_diagnosis.describe_tensorrt()[:1], jetson))
    assert lines[0] == ('Jetson: NVIDIA Jetson Orin Nano Developer Kit, Jetson Linux 36.4.3 '
                        '(JetPack 6)')
    assert lines[1] == 'tensorrt 10.3.0.30; can run here'
    assert 'KNOWN PROBLEM' in lines[2] and 'flickers' in lines[2]
    assert gpu_diagnosis.describe_driver()['cuda'] == '12.6'


def test_no_jetson(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu_diagnosis, 'TEGRA_RELEASE', tmp_path / 'none')
    assert gpu_diagnosis.describe_jetson() is None


def test_a_gpu_that_the_library_does_not_list(monkeypatch):
    with_gpu(monkeypatch, name='NVIDIA H100', capability=(9, 0))
    with_library(monkeypatch, '1.7.1', portable=True, capabilities=('8.6', '8.9', '12.0'))
    row = gpu_diagnosis.describe_tensorrt()[1]
    assert row['builds_for'] == ['8.6', '8.9', '12.0']
    assert 'NVIDIA H100 has compute capability 9.0' in row['reason']


def test_a_library_too_old(monkeypatch):
    with_gpu(monkeypatch)
    with_library(monkeypatch, '8.6.2')
    assert 'too old' in gpu_diagnosis.describe_tensorrt()[0]['reason']


@pytest.mark.parametrize(('gpu', 'first'), [(True, 'tensorrt'), (False, 'openvino')])
def test_auto_prefers_the_gpu_where_there_is_one(monkeypatch, gpu, first):
    monkeypatch.setattr(select, 'why_no_gpu', lambda: '' if gpu else 'there is none')
    order = select.automatic()
    assert order[0] == first
    assert ('tensorrt-rtx' in order) == gpu
    assert {'openvino', 'onnxruntime', 'torch'} <= set(order)
    assert select._candidates('torch')[0] == ('fp16' if gpu else select._candidates('torch')[0])
    assert select._candidates('tensorrt') == ('fp16', 'fp32')
