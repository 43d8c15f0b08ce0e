# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import os
from pathlib import Path
import subprocess
import sys
import time

import pytest

from depth_learning_ros.engine import cache as cache_module
from depth_learning_ros.engine.cache import CompiledModels, EngineCache, default_cache_dir

ROOT = Path(cache_module.__file__).parents[2]
KEY = {'onnx_sha256': 'ab', 'backend': 'openvino', 'version': '1', 'shape': [1, 2, 3]}


@pytest.fixture
def entry(tmp_path):
    return EngineCache(tmp_path / 'made' / 'for it').entry('crl-small', KEY)


def test_what_was_saved_comes_back(entry, tmp_path):
    assert entry.load() is None
    entry.save({'mean_px': 0.25}, b'compiled')
    assert entry.load() == ({'mean_px': 0.25}, b'compiled')
    sidecar = json.loads(next((tmp_path / 'made' / 'for it').glob('*.json')).read_text())
    assert sidecar['key'] == KEY
    assert sidecar['created']


def test_records_need_no_bytes(entry):
    entry.save({'mean_px': 0.25})
    assert entry.load() == ({'mean_px': 0.25}, None)


@pytest.mark.parametrize('change', [
    {'onnx_sha256': 'cd'}, {'backend': 'onnxruntime'}, {'version': '2'}, {'shape': [1, 2, 4]},
    {'precision': 'bf16'}, {'features': ['avx2']}])
def test_whatever_changes_an_engine_changes_its_entry(tmp_path, change):
    cache = EngineCache(tmp_path)
    cache.entry('crl-small', KEY).save({'mean_px': 0.25}, b'compiled')
    assert cache.entry('crl-small', {**KEY, **change}).load() is None


@pytest.mark.parametrize(('damage', 'reason'), [
    (lambda json_file, bin_file: json_file.write_text('{'), 'sidecar is damaged'),
    (lambda json_file, bin_file: json_file.write_text('[]'), 'sidecar is damaged'),
    (lambda json_file, bin_file: json_file.write_bytes(b'\xff\xfe\x00'), 'sidecar is damaged'),
    (lambda json_file, bin_file: json_file.write_text(''), 'sidecar is damaged'),
    (lambda json_file, bin_file: json_file.write_text(
        json_file.read_text().replace('openvino', 'tensorrt')), 'belongs to another engine'),
    (lambda json_file, bin_file: bin_file.write_bytes(b'compileD'), 'bytes are damaged'),
    (lambda json_file, bin_file: bin_file.write_bytes(b''), 'bytes are damaged'),
    (lambda json_file, bin_file: bin_file.unlink(), 'bytes are missing'),
    (lambda json_file, bin_file: (bin_file.unlink(), bin_file.mkdir()), 'cannot be read'),
])
def test_damage_is_a_warning_and_a_new_build(tmp_path, caplog, damage, reason):
    entry = EngineCache(tmp_path).entry('crl-small', KEY)
    entry.save({'mean_px': 0.25}, b'compiled')
    damage(tmp_path / f'{entry.stem}.json', tmp_path / f'{entry.stem}.bin')
    with caplog.at_level(logging.WARNING):
        assert entry.load() is None
    assert reason in caplog.text
    assert 'building it again' in caplog.text


def test_a_damaged_entry_is_replaced(tmp_path):
    entry = EngineCache(tmp_path).entry('crl-small', KEY)
    entry.save({'mean_px': 0.25}, b'compiled')
    (tmp_path / f'{entry.stem}.json').write_text('{')
    entry.save({'mean_px': 0.5}, b'again')
    assert entry.load() == ({'mean_px': 0.5}, b'again')


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path, caplog):
    (tmp_path / 'file').write_text('')
    cache = EngineCache(tmp_path / 'file' / 'cache')
    with caplog.at_level(logging.WARNING):
        for number in range(2):
            entry = cache.entry('crl-small', {'number': number})
            with entry.lock():
                assert entry.load() is None
                entry.save({}, b'compiled')
    assert not cache.writable
    assert caplog.text.count('cannot be written') == 1
    assert 'DEPTH_LEARNING_CACHE' in caplog.text


def test_a_read_only_folder_is_still_read(tmp_path, monkeypatch, caplog):
    EngineCache(tmp_path).entry('crl-small', KEY).save({'mean_px': 0.25}, b'compiled')

    def refuse(**_):
        raise PermissionError(13, 'Permission denied')
    monkeypatch.setattr(cache_module.tempfile, 'TemporaryFile', refuse)
    cache = EngineCache(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert cache.entry('crl-small', KEY).load() == ({'mean_px': 0.25}, b'compiled')
        assert caplog.text == ''
        cache.entry('other', KEY).save({})
    assert 'Permission denied' in caplog.text


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch, caplog):
    entry = EngineCache(tmp_path).entry('crl-small', KEY)

    def full(*_, **__):
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(cache_module, 'atomic_write', full)
    with caplog.at_level(logging.WARNING):
        entry.save({}, b'compiled')
    assert 'No space left' in caplog.text
    assert entry.load() is None


def test_the_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv('DEPTH_LEARNING_CACHE', str(tmp_path / 'own'))
    assert default_cache_dir() == tmp_path / 'own'
    monkeypatch.delenv('DEPTH_LEARNING_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert default_cache_dir() == tmp_path / 'depth_learning_ros'
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', '/home/somebody')
    assert default_cache_dir() == Path('/home/somebody/.cache/depth_learning_ros')


def test_a_second_process_waits_and_says_so(tmp_path):
    code = ('import sys\n'
            'from pathlib import Path\n'
            'from depth_learning_ros.engine.cache import EngineCache\n'
            'entry = EngineCache(Path(sys.argv[1])).entry("crl-small", {})\n'
            'with entry.lock():\n'
            '    print("locked", flush=True)\n'
            '    sys.stdin.readline()\n'
            '    entry.save({"by": "the other"})\n')
    with subprocess.Popen([sys.executable, '-c', code, str(tmp_path)], cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == 'locked\n'
        messages = []

        def release(message):
            messages.append(message)
            other.stdin.write('\n')
            other.stdin.flush()
        entry = EngineCache(tmp_path, release).entry('crl-small', {})
        with entry.lock():
            assert entry.load() == ({'by': 'the other'}, None)
    assert messages == ['waiting for another process that is building crl-small']


def test_a_lock_dies_with_its_process(tmp_path):
    code = ('import os, sys\n'
            'from pathlib import Path\n'
            'from depth_learning_ros.engine.cache import EngineCache\n'
            'with EngineCache(Path(sys.argv[1])).entry("x", {}).lock():\n'
            '    os.kill(os.getpid(), 9)\n')
    subprocess.run([sys.executable, '-c', code, str(tmp_path)], cwd=ROOT, check=False)
    start = time.monotonic()
    with EngineCache(tmp_path).entry('x', {}).lock():
        assert time.monotonic() - start < 1


SAVING = """import os, sys
from pathlib import Path
from depth_learning_ros.engine import cache
def dump(*_, **__):
    print(flush=True)
    sys.stdin.readline()
cache.json.dump = dump
entry = cache.EngineCache(Path(sys.argv[1])).entry('crl-small-openvino-fp32-640x480', {'by': 1})
with entry.lock():
    entry.save({}, b'compiled')
"""


def test_the_next_build_removes_what_a_killed_one_left_but_nothing_of_a_living_one(tmp_path):
    # the names of the temporary files of both entries begin alike
    entry = EngineCache(tmp_path).entry('crl-small-openvino-fp32-640x480', {'by': 2})
    with subprocess.Popen([sys.executable, '-c', SAVING, str(tmp_path)], cwd=ROOT, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        part, = tmp_path.glob('.*.part*')
        assert part.name.startswith(f'.{entry.stem[:32]}.')
        with entry.lock():
            assert list(tmp_path.glob('.*.part*')) == [part]
        other.kill()
        other.wait()
    with entry.lock():
        assert list(tmp_path.glob('.*.part*')) == []
        entry.save({}, b'compiled')
    assert entry.load() == ({}, b'compiled')
    assert list(tmp_path.glob('*.bin')), 'what the other one had finished stays'


def test_what_was_used_longest_ago_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, 'MAX_BYTES', 250)
    cache = EngineCache(tmp_path)
    entries = [cache.entry('x', {'number': number}) for number in range(3)]
    for age, entry in zip((300, 200), entries, strict=False):
        entry.save({}, b'x' * 100)
        path = tmp_path / f'{entry.stem}.bin'
        os.utime(path, (time.time() - age,) * 2)
    assert entries[0].load() is not None  # used again: now the second is the oldest
    entries[2].save({}, b'x' * 100)
    assert [entry.load() is not None for entry in entries] == [True, False, True]


def test_compiled_models_are_kept_by_size(tmp_path):
    store = CompiledModels(EngineCache(tmp_path), 'crl-small', KEY)
    with store.lock((1, 20, 30)):
        store.save((1, 20, 30), b'small', {'probe': [1.0]})
    assert store.load((1, 20, 30)) == (b'small', {'probe': [1.0]})
    assert store.load((1, 20, 31)) is None
    assert list(tmp_path.glob('crl-small-30x20-*.bin'))
