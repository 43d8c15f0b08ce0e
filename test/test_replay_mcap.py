# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os

from bags import STORE, make_header
import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from depth_learning_ros.replay import mcap_writer
from depth_learning_ros.replay.mcap_writer import McapWriter
from depth_learning_ros.replay.sequential_mcap import SequentialMcap

HEADER = 'std_msgs/msg/Header'
TEXT = STORE.generate_msgdef(HEADER, ros_version=2)[0]


def write(path, stamps, compression='none', size=0, finish=True):
    """Write header messages to two topics in turn; ``size`` bytes are in the frame_id."""
    expected = []
    with McapWriter(path, compression) as writer:
        channels = [writer.add_channel(f'/{name}', HEADER, TEXT, metadata={'who': name})
                    for name in ('a', 'b')]
        for index, stamp in enumerate(stamps):
            data = bytes(STORE.serialize_cdr(make_header(index, 'x' * size), HEADER))
            cut = len(data) // 3
            writer.write(channels[index % 2], stamp, [data[:cut], memoryview(data)[cut:]])
            expected.append(('/a' if index % 2 == 0 else '/b', stamp, data))
        if finish:
            writer.finish({'rosbag2': {'serialized_metadata': '{}'}})
    return expected


def read(path):
    with Reader(path) as reader:
        return [(c.topic, t, bytes(d)) for c, t, d in reader.messages()]


@pytest.mark.parametrize('compression', ['none', 'zstd'])
@pytest.mark.parametrize(('count', 'size'), [(1, 0), (2000, 0), (50, 100_000), (3, 3 << 20)])
def test_rosbags_reads_what_was_written(tmp_path, compression, count, size):
    path = tmp_path / 'a.mcap'
    expected = write(path, range(1000, 1000 + count), compression, size)
    assert read(path) == expected
    with Reader(path) as reader:
        assert {c.topic: c.msgcount for c in reader.connections} == {
            '/a': (count + 1) // 2, '/b': count // 2}
        assert (reader.start_time, reader.end_time) == (1000, 1000 + count)
    with SequentialMcap(path) as sequential:
        assert sequential.damage is None
        assert [(c.topic, t, d) for c, t, d in sequential.messages()] == expected
    assert (path.stat().st_size < count * size) == (compression == 'zstd' and size > 0)


def test_messages_out_of_order_are_read_in_order(tmp_path):
    path = tmp_path / 'a.mcap'
    stamps = [50, 10, 40, 20, 30] * 10
    expected = write(path, stamps, size=200_000)
    found = read(path)
    assert [t for _, t, _ in found] == sorted(stamps)
    assert sorted(found) == sorted(expected)


def test_a_time_range_is_found_by_the_index(tmp_path):
    path = tmp_path / 'a.mcap'
    write(path, range(100), size=200_000)
    with Reader(path) as reader:
        assert len(reader.storage.chunks) > 10
        found = [t for _, t, _ in reader.messages(start=40, stop=50)]
    assert found == list(range(40, 50))


def test_no_messages_at_all(tmp_path):
    path = tmp_path / 'a.mcap'
    write(path, [])
    assert read(path) == []
    with Reader(path) as reader:
        assert [c.topic for c in reader.connections] == ['/a', '/b']


def test_short_writes_of_the_system_are_continued(tmp_path, monkeypatch):
    real = os.writev

    def few(descriptor, pieces):
        return real(descriptor, [memoryview(pieces[0])[:1000]])

    monkeypatch.setattr(mcap_writer.os, 'writev', few)
    path = tmp_path / 'a.mcap'
    expected = write(path, range(20), size=5_000)
    assert read(path) == expected


def test_unfinished_files_are_refused_by_rosbags_and_read_by_us(tmp_path):
    path = tmp_path / 'a.mcap'
    expected = write(path, range(30), size=200_000, finish=False)
    with SequentialMcap(path) as sequential:
        assert sequential.damage == (
            f'the file ends after {path.stat().st_size} bytes, before its end mark')
        found = [(c.topic, t, d) for c, t, d in sequential.messages()]
    assert found == expected[:len(found)]
    assert len(found) == 30  # chunks of 6 messages each: 30 is a multiple


def test_arrays_are_written_as_bytes(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    with McapWriter(tmp_path / 'a.mcap') as writer:
        channel = writer.add_channel('/a', HEADER, TEXT)
        writer.write(channel, 1, [b'\0\1\0\0', array])
        writer.finish()
    assert read(tmp_path / 'a.mcap') == [('/a', 1, b'\0\1\0\0' + array.tobytes())]


def test_unknown_compression(tmp_path):
    with pytest.raises(ValueError, match="'lz5'"):
        McapWriter(tmp_path / 'a.mcap', 'lz5')
