# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import random
import struct
import subprocess
import sys
import time

from caffemodels import (
    BYTES,
    VARINT,
    blob,
    delimited,
    layer,
    mean_layer,
    net,
    tag,
    v1_layer,
    varint,
)
import numpy as np
import pytest

from depth_learning_ros.errors import ModelError
from depth_learning_ros.models.caffemodel import read_caffemodel
from depth_learning_ros.models.wire import MalformedError, Message, fields, integers, read_varint

WEIGHTS = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2) - 7.5
BIAS = np.array([0.25, -1e-7], np.float32)


@pytest.fixture
def write(tmp_path):
    def write_file(data):
        path = tmp_path / 'net.caffemodel'
        path.write_bytes(data)
        return path
    return write_file


@pytest.mark.parametrize('form', ['new', 'legacy', 'unpacked', 'double', 'unpacked double',
                                  'gradients'])
def test_all_forms_of_blobs(write, form):
    path = write(net([layer('conv1', 'Convolution', [WEIGHTS, BIAS], form)]))
    (read,) = read_caffemodel(path)
    assert (read.name, read.type) == ('conv1', 'Convolution')
    weights, bias = read.blobs
    np.testing.assert_array_equal(weights, WEIGHTS)
    np.testing.assert_array_equal(bias.reshape(-1), BIAS)
    assert weights.shape == (2, 3, 2, 2)
    assert bias.shape == ((1, 1, 1, 2) if form == 'legacy' else (2,))
    assert weights.dtype == (np.float64 if 'double' in form else np.float32)


def test_old_layers(write):
    path = write(net([v1_layer('conv1', 4, [WEIGHTS, BIAS]), v1_layer('up', 39, [WEIGHTS]),
                      v1_layer('relu', 18, []), v1_layer('x', 7, [BIAS])]))
    layers = read_caffemodel(path)
    assert [(x.name, x.type) for x in layers] == [
        ('conv1', 'Convolution'), ('up', 'Deconvolution'), ('x', 'V1 type 7')]
    np.testing.assert_array_equal(layers[0].blobs[0], WEIGHTS)


def test_layers_without_weights_are_left_out_and_order_is_kept(write):
    path = write(net([layer('relu', 'ReLU', []), layer('b', 'Convolution', [WEIGHTS]),
                      mean_layer('img0s_aug', (0.1, 0.2, 0.3)),
                      layer('a', 'Convolution', [BIAS])]))
    layers = read_caffemodel(path)
    assert [x.name for x in layers] == ['b', 'img0s_aug', 'a']
    assert layers[1].blobs[2].reshape(-1).tolist() == pytest.approx([0.1, 0.2, 0.3])


def test_bytes_worked_by_hand(write):
    # NetParameter.layer (100, length 22): name 'c', type 'C', blob (14): data [1.5], shape [1]
    raw = bytes.fromhex('a206 12 0a01 63 1201 43 3a 0a 2a04 0000c03f 3a02 0801')
    (read,) = read_caffemodel(write(raw))
    assert (read.name, read.type, read.blobs[0].tolist()) == ('c', 'C', [1.5])


def test_shape_may_stand_before_or_after_and_be_missing(write):
    data = delimited(5, np.float32([1, 2, 3]).tobytes())
    shape = delimited(7, delimited(1, varint(3) + varint(1)))
    bodies = [data + shape, shape + data, data]
    raw = b''.join(delimited(100, delimited(1, 'x') + delimited(7, b)) for b in bodies)
    assert [x.blobs[0].shape for x in read_caffemodel(write(raw))] == [(3, 1), (3, 1), (3,)]


def test_values_in_several_pieces_are_joined(write):
    pieces = b''.join(delimited(5, np.float32(v).tobytes()) for v in ([1, 2], [3]))
    raw = delimited(100, delimited(1, 'x') + delimited(7, pieces + blob([4.0], 'unpacked')[:5]))
    assert read_caffemodel(write(raw))[0].blobs[0].tolist() == [1, 2, 3, 4]


def test_unpacked_values_are_read_in_one_go(write):
    values = np.random.default_rng(0).standard_normal(400_000).astype('<f4')
    rows = np.empty(values.size, [('tag', 'u1'), ('value', '<f4')])
    rows['tag'], rows['value'] = tag(5, 5)[0], values
    path = write(delimited(100, delimited(1, 'x') + delimited(7, rows.tobytes())))
    start = time.process_time()
    np.testing.assert_array_equal(read_caffemodel(path)[0].blobs[0], values)
    assert time.process_time() - start < 1  # one object per value would take several seconds


def test_weights_are_views_that_cannot_be_written(write):
    (read,) = read_caffemodel(write(net([layer('c', 'Convolution', [WEIGHTS])])))
    assert not read.blobs[0].flags.owndata and not read.blobs[0].flags.writeable


def test_reading_needs_no_torch(write):
    path = write(net([layer('c', 'Convolution', [WEIGHTS])]))
    code = (f'from depth_learning_ros.models.caffemodel import read_caffemodel as r; '
            f'assert r({str(path)!r}); import sys; assert "torch" not in sys.modules')
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


# What a user gets wrong

def test_every_truncation_is_noticed_or_ends_between_layers(write):
    parts = [delimited(1, 'net'), layer('conv1', 'Convolution', [WEIGHTS, BIAS]),
             layer('conv2', 'Convolution', [BIAS])]
    whole = b''.join(parts)
    between = {len(parts[0]) + len(parts[1])}
    for length in range(1, len(whole)):
        path = write(whole[:length])
        if length in between:
            assert len(read_caffemodel(path)) == 1
            continue
        with pytest.raises(ModelError, match=r'at byte \d+|no layers with weights'):
            read_caffemodel(path)


def test_truncation_names_the_byte_and_what_is_missing(write):
    first = net([layer('conv1', 'Convolution', [WEIGHTS])])
    whole = first + layer('conv2', 'Convolution', [WEIGHTS])
    with pytest.raises(ModelError) as error:
        read_caffemodel(write(whole[:-40]))
    left = len(whole) - len(first) - 4 - 40  # tag and length of a layer take two bytes each
    assert (f'at byte {len(first)} there is field 100 of {left + 40} bytes, of which {left} are '
            f'left (the file has {len(whole) - 40} bytes)') in str(error.value)
    assert 'downloaded completely' in str(error.value)


def test_random_damage_never_crashes(write):
    whole = bytearray(net([layer('conv1', 'Convolution', [WEIGHTS, BIAS]),
                           v1_layer('conv2', 4, [BIAS]), layer('x', 'C', [BIAS], 'unpacked')]))
    dice = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.choice((1, 3, 20))):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            read_caffemodel(write(bytes(damaged)))
        except ModelError:
            refused += 1
    assert 30 < refused < 300


@pytest.mark.parametrize(('start', 'hint'), [
    (b'<!DOCTYPE html><html>', 'web page'), (b'name: "crl"\nlayer {\n', 'prototxt'),
    (b'layer {\n  name: "x"', 'prototxt'), (b'PK\x03\x04', 'ZIP'), (b'\x1f\x8b\x08\0', 'gzip'),
    (b'\x89HDF\r\n\x1a\n', 'HDF5'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'git-lfs'),
    (b'\xff' * 64, 'binary .caffemodel'), (b'\0' * 64, 'binary .caffemodel')])
def test_other_files_are_told_apart(write, start, hint):
    with pytest.raises(ModelError, match=rf'net\.caffemodel.*{hint}'):
        read_caffemodel(write(start + bytes(100)))


def test_a_safetensors_file_is_refused(write):
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    with pytest.raises(ModelError, match='at byte'):
        read_caffemodel(write(struct.pack('<Q', len(header)) + header + bytes(4)))


def test_empty_missing_and_folder(write, tmp_path):
    with pytest.raises(ModelError, match='is empty'):
        read_caffemodel(write(b''))
    with pytest.raises(ModelError, match='No such file'):
        read_caffemodel(tmp_path / 'none.caffemodel')
    with pytest.raises(ModelError, match='Is a directory'):
        read_caffemodel(tmp_path)


def test_a_network_without_weights(write):
    with pytest.raises(ModelError, match='no layers with weights'):
        read_caffemodel(write(net([layer('relu', 'ReLU', [])])))


@pytest.mark.parametrize('sizes', [(2, 2), (7,), (1 << 40, 1 << 40), (0, 5)])
def test_shape_that_does_not_fit_the_values(write, sizes):
    body = delimited(5, BIAS.tobytes()[:4] * 3) + delimited(
        7, delimited(1, b''.join(varint(s) for s in sizes)))
    with pytest.raises(ModelError, match=r'blob of shape .* with 3 values'):
        read_caffemodel(write(delimited(100, delimited(7, body))))


def test_values_cut_in_the_middle_of_a_number(write):
    body = delimited(5, bytes(7))
    with pytest.raises(ModelError, match='7 bytes, no multiple of 4'):
        read_caffemodel(write(delimited(100, delimited(7, body))))


def test_the_oldest_format(write):
    raw = delimited(2, delimited(1, delimited(1, 'conv1')))
    with pytest.raises(ModelError, match='upgrade_net_proto_binary'):
        read_caffemodel(write(raw))


def test_name_that_is_no_text(write):
    with pytest.raises(ModelError, match='not UTF-8'):
        read_caffemodel(write(delimited(100, delimited(1, b'\xff\xfe'))))


def test_wrong_wire_type(write):
    raw = delimited(100, tag(1, VARINT) + varint(3))
    with pytest.raises(ModelError, match='wire type 0 instead of 2'):
        read_caffemodel(write(raw))


# The wire format

@pytest.mark.parametrize(('raw', 'value'), [
    (b'\x00', 0), (b'\x01', 1), (b'\x7f', 127), (b'\x80\x01', 128), (b'\xac\x02', 300),
    (b'\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01', 2**64 - 1)])
def test_varint(raw, value):
    assert read_varint(memoryview(raw + b'\xaa'), 0, len(raw) + 1) == (value, len(raw))
    assert varint(value) == raw


@pytest.mark.parametrize(('raw', 'reason'), [(b'\x80', 'cut off'), (b'', 'cut off'),
                                             (b'\x80' * 11, 'more than ten bytes')])
def test_broken_varint(raw, reason):
    with pytest.raises(MalformedError, match=reason):
        read_varint(memoryview(raw), 0, len(raw))


def test_fields_of_all_wire_types():
    raw = (tag(1, VARINT) + varint(300) + tag(2, BYTES) + varint(2) + b'\x05\x07'
           + tag(3, 5) + bytes(4) + tag(4, 1) + bytes(8))
    found = list(fields(Message(memoryview(raw), 0, len(raw))))
    assert [(f.number, f.wire, f.stop - f.start) for f in found] == [
        (1, 0, 2), (2, 2, 2), (3, 5, 4), (4, 1, 8)]
    assert integers(found[0]) == [300] and integers(found[1]) == [5, 7]


@pytest.mark.parametrize(('raw', 'reason'), [
    (b'\x00\x00', 'number 0'), (b'\x0b', 'wire type 3'), (b'\x0e', 'wire type 6'),
    (b'\x0a\x05abc', 'field 1 of 5 bytes, of which 3 are left'),
    (b'\x0d\x00\x00', 'field 1 of 4 bytes, of which 2 are left')])
def test_broken_fields(raw, reason):
    with pytest.raises(MalformedError, match=reason):
        list(fields(Message(memoryview(raw), 0, len(raw))))
