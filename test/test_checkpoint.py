# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from depth_learning_ros.errors import DataError, ModelError
from depth_learning_ros.models import checkpoint
from depth_learning_ros.models.checkpoint import CheckpointInfo, read_info, save_checkpoint
from depth_learning_ros.models.config import NetworkConfig
from depth_learning_ros.models.tensorfile import (
    read_metadata,
    read_tensors,
    tensor_ranges,
    write_tensors,
)

torch = pytest.importorskip('torch')

CONFIG = NetworkConfig(name='tiny', architecture='dispnets', width=1 / 64, channel_multiple=2)
INFO = CheckpointInfo(
    name='tiny', config=CONFIG, training_data='three scenes', steps=7, commit='abc',
    mean_left=(0.1, 0.2, 0.3), notes={'epe': 1.5})


@pytest.fixture
def network():
    from depth_learning_ros.models.registry import build_network
    torch.manual_seed(0)
    return build_network(CONFIG).eval()


def test_round_trip_keeps_weights_and_information(tmp_path, network):
    path = tmp_path / 'tiny.safetensors'
    save_checkpoint(path, network, INFO)
    loaded, info = checkpoint.load_checkpoint(path)
    assert info == replace(INFO, tool_versions=info.tool_versions)
    assert info.tool_versions['torch'] == torch.__version__
    assert not loaded.training
    for name, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name


def test_half_storage_is_half_as_large_and_loads_as_float32(tmp_path, network):
    save_checkpoint(tmp_path / 'full.safetensors', network, INFO)
    save_checkpoint(tmp_path / 'half.safetensors', network, INFO, half=True)
    values = sum(p.numel() for p in network.state_dict().values())
    header = (tmp_path / 'full.safetensors').stat().st_size - 4 * values
    assert (tmp_path / 'half.safetensors').stat().st_size == pytest.approx(
        2 * values + header, abs=2000)
    loaded = checkpoint.load_network(tmp_path / 'half.safetensors')
    weight = loaded.state_dict()['conv1.weight']
    assert weight.dtype == torch.float32
    assert torch.equal(weight, network.state_dict()['conv1.weight'].half().float())


def test_equal_networks_give_equal_bytes(tmp_path, network):
    for name in ('a', 'b'):
        save_checkpoint(tmp_path / f'{name}.safetensors', network, INFO)
    assert (tmp_path / 'a.safetensors').read_bytes() == (tmp_path / 'b.safetensors').read_bytes()


def test_file_is_readable_by_the_safetensors_library(tmp_path):
    safetensors = pytest.importorskip('safetensors')
    from safetensors.numpy import load_file, save_file
    arrays = {'b': np.arange(6, dtype=np.float16).reshape(2, 3),
              'a': np.array(2.5, np.float32), 'empty': np.zeros((0, 3), np.float32)}
    write_tensors(tmp_path / 'ours.safetensors', arrays, {'key': 'value'})
    theirs = load_file(tmp_path / 'ours.safetensors')
    assert {n: (a.dtype, a.shape, a.tolist()) for n, a in theirs.items()} == {
        n: (a.dtype, a.shape, a.tolist()) for n, a in arrays.items()}
    with safetensors.safe_open(tmp_path / 'ours.safetensors', 'np') as file:
        assert file.metadata()['key'] == 'value'
    save_file(arrays, tmp_path / 'theirs.safetensors')
    ours = read_tensors(tmp_path / 'theirs.safetensors')
    assert {n: a.tolist() for n, a in ours.items()} == {n: a.tolist() for n, a in arrays.items()}


def test_ranges_say_where_the_bytes_lie(tmp_path):
    path = tmp_path / 'x.safetensors'
    write_tensors(path, {'a': np.array([1, 2], np.float16), 'b': np.array([7.0], np.float32)}, {})
    dtype, shape, offset, length = tensor_ranges(path)['b']
    assert (dtype, shape, length) == ('F32', [1], 4)
    assert np.frombuffer(path.read_bytes()[offset:offset + length], '<f4') == [7.0]


def test_information_is_read_without_pytorch(tmp_path, network):
    save_checkpoint(tmp_path / 'tiny.safetensors', network, INFO)
    code = ('import sys; sys.modules["torch"] = None; sys.modules["safetensors"] = None\n'
            'from depth_learning_ros.models.checkpoint import read_info\n'
            f'print(read_info({str(tmp_path / "tiny.safetensors")!r}).training_data)')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          cwd=Path(checkpoint.__file__).parents[2], check=False)
    assert done.stdout == 'three scenes\n', done.stderr


def test_a_flipped_bit_is_noticed(tmp_path, network):
    path = tmp_path / 'tiny.safetensors'
    save_checkpoint(path, network, INFO)
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r'damaged.*checksum'):
        checkpoint.load_network(path)


@pytest.mark.parametrize('damage', [
    lambda data: data[:-10], lambda data: data + b'x', lambda data: data[:100],
    lambda data: data[:5], lambda data: b'', lambda data: b'\xff' * len(data),
    lambda data: b'not a weights file, long enough to hold a header', lambda data: data[8:],
], ids=['short', 'long', 'header cut', 'five bytes', 'empty', 'ones', 'text', 'shifted'])
def test_broken_files_give_a_clear_error(tmp_path, network, damage):
    path = tmp_path / 'tiny.safetensors'
    save_checkpoint(path, network, INFO)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match='no whole safetensors file'):
        checkpoint.load_network(path)
    with pytest.raises(ModelError, match='no whole safetensors file'):
        read_info(path)


def test_weights_of_another_network_name_the_layers(tmp_path, network):
    tensors = {name: value.numpy() for name, value in network.state_dict().items()}
    tensors['extra.weight'] = tensors.pop('conv1.weight')
    tensors['conv2.bias'] = np.zeros(3, np.float32)
    path = tmp_path / 'other.safetensors'
    write_tensors(path, tensors, INFO.to_metadata())
    with pytest.raises(ModelError) as caught:
        checkpoint.load_network(path)
    message = str(caught.value)
    assert 'misses the layers conv1.weight' in message
    assert 'unknown layers extra.weight' in message
    assert 'conv2.bias [3] instead of [2]' in message


def test_foreign_and_newer_files_are_refused(tmp_path):
    path = tmp_path / 'foreign.safetensors'
    write_tensors(path, {'a': np.zeros(1, np.float32)}, {})
    with pytest.raises(ModelError, match='does not say which network'):
        read_info(path)
    write_tensors(path, {}, {**INFO.to_metadata(), 'format_version': '99'}, force=True)
    with pytest.raises(ModelError, match=r'version 99.*upgrade'):
        read_info(path)
    metadata = INFO.to_metadata()
    del metadata['config']
    write_tensors(path, {}, metadata, force=True)
    with pytest.raises(ModelError, match=r'incomplete.*config'):
        read_info(path)


def test_diverged_weights_are_not_saved(tmp_path, network):
    network.conv1.weight.data[0, 0, 0, 0] = float('nan')
    with pytest.raises(ModelError, match=r'conv1\.weight holds a weight of nan'):
        save_checkpoint(tmp_path / 'x.safetensors', network, INFO)
    network.conv1.weight.data[0, 0, 0, 0] = 1e5
    with pytest.raises(ModelError, match='100000'):
        save_checkpoint(tmp_path / 'x.safetensors', network, INFO, half=True)
    assert list(tmp_path.iterdir()) == []


def test_existing_file_needs_force(tmp_path, network):
    path = tmp_path / 'tiny.safetensors'
    save_checkpoint(path, network, INFO)
    with pytest.raises(DataError, match='exists'):
        save_checkpoint(path, network, INFO)
    save_checkpoint(path, network, replace(INFO, steps=8), force=True)
    assert read_metadata(path)['steps'] == '8'


def test_unknown_names_suggest_the_nearest(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, 'WEIGHTS_FOLDER', tmp_path)
    (tmp_path / 'crl-small.safetensors').write_bytes(b'')
    with pytest.raises(ModelError, match="did you mean 'crl-small'"):
        checkpoint.find_weights('crl-smal')
    with pytest.raises(ModelError, match=r'no weights file .*missing\.safetensors'):
        checkpoint.find_weights(tmp_path / 'missing.safetensors')
    assert checkpoint.find_weights('crl-small') == tmp_path / 'crl-small.safetensors'
