# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""benchmarks/gpu.py, as far as it goes without a GPU: with a made-up one, and its dry run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
import subprocess
import sys
import zipfile

from fake_cuda import FakeCuda
import pytest
from test_tensorrt_engine import expected, open_engine

SCRIPT = Path(__file__).parent.parent / 'benchmarks' / 'gpu.py'


@pytest.fixture(scope='module')
def gpu():
    spec = importlib.util.spec_from_file_location('benchmark_gpu', SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules['benchmark_gpu'] = module
    sys.path.insert(0, str(SCRIPT.parent))  # as when it is run as a script
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPT.parent))
    del sys.modules['benchmark_gpu']


def test_an_engine_is_checked_and_timed(gpu):
    from gpu_subjects import OnGpu
    frames = gpu.pairs(16, 32)
    exact = [expected(frame) for frame in frames]
    row = gpu.measure('net', 'engine', lambda: OnGpu(open_engine(FakeCuda()), 16, 32), exact,
                      frames, 5)
    assert row.mean_px == 0
    assert row.network_ms == 1.5 / 5  # what the made-up events say
    assert 0 < row.end_to_end_ms < 1000 and 0 < row.ahead_ms < 1000


def test_a_wrong_engine_is_seen(gpu):
    from gpu_subjects import OnGpu
    frames = gpu.pairs(16, 32)
    exact = [expected(frame) for frame in frames]
    row = gpu.measure('net', 'engine',
                      lambda: OnGpu(open_engine(FakeCuda(), wrong_by=0.25), 16, 32), exact,
                      frames, 3)
    assert row.mean_px == pytest.approx(0.25)


def test_goals(gpu, capsys, tmp_path):
    results = gpu.Results()
    results.floor = {'crl': 1.0, 'crl-small': 0.1}
    for model, how, network, end, error in (
            ('crl', 'PyTorch eager fp32', 20.0, 25.0, 0.0), ('crl', 'torch', 2.0, 2.5, 0.01),
            ('crl', 'fast but wrong', 0.5, 9.0, 3.0), ('crl-small', 'torch', 1.5, 2.0, 0.01),
            ('crl-small', 'PyTorch eager fp32', 3.0, 4.0, 0.0)):
        results.rows.append(gpu.Row(model, how, network, end, 1.0, error, error, 1.0))
    gpu.report(results, type('Args', (), {'dry_run': False, 'json': tmp_path / 'r.json'}))
    shown = capsys.readouterr().out
    assert 'reached crl at 1242x375 below 5 ms' in shown
    assert 'reached crl at least 6x' in shown
    assert 'reached crl at 40 %' in shown
    assert 'MISSED  crl-small below 1 ms' in shown
    assert 'reached end to end within 1 ms' in shown
    assert len(json.loads((tmp_path / 'r.json').read_text())['rows']) == 5


def test_what_fails_is_told_and_the_rest_goes_on(gpu, capsys):
    results = gpu.Results()
    with gpu.may_fail(results, 'crl, tensorrt'):
        raise RuntimeError('no such GPU\nsecond line')
    assert results.skipped == ['crl, tensorrt: no such GPU']


def test_wheels_beside_the_script(gpu, tmp_path, capsys, monkeypatch):
    name = 'made_up_library-1.0'
    with zipfile.ZipFile(tmp_path / f'{name}-py3-none-any.whl', 'w') as wheel:
        wheel.writestr('made_up_library.py', 'ANSWER = 42\n')
        wheel.writestr(f'{name}.dist-info/METADATA',
                       'Metadata-Version: 2.1\nName: made-up-library\nVersion: 1.0\n')
        wheel.writestr(f'{name}.dist-info/WHEEL',
                       'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr(f'{name}.dist-info/RECORD', '')
    monkeypatch.setattr(sys, 'path', list(sys.path))
    gpu.install(tmp_path)
    import made_up_library
    assert made_up_library.ANSWER == 42
    del sys.modules['made_up_library']
    gpu.install(tmp_path / 'none')  # nothing there: nothing happens


@pytest.mark.slow
def test_the_dry_run(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), '--dry-run', '--models', 'crl-small', '--json',
         str(tmp_path / 'gpu.json')], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert 'none of these figures says anything about a GPU' in done.stdout
    found = json.loads((tmp_path / 'gpu.json').read_text())
    assert found['dry_run'] and found['rows'][0]['how'] == 'PyTorch eager fp32'
    assert found['rows'][0]['mean_px'] == 0


@pytest.mark.gpu
def test_on_a_real_gpu(tmp_path):
    torch = pytest.importorskip('torch')
    if not torch.cuda.is_available():
        pytest.skip('PyTorch finds no GPU')
    done = subprocess.run(
        [sys.executable, str(SCRIPT), '--models', 'crl-small', '--json',
         str(tmp_path / 'gpu.json')], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row['how']: row for row in json.loads((tmp_path / 'gpu.json').read_text())['rows']}
    assert rows['torch fp16 graph']['mean_px'] < 0.1
    assert rows['torch fp32 graph']['mean_px'] < 0.01
