# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import closing
from pathlib import Path
import shutil
import sqlite3

from bags import (
    KINDS,
    STORE,
    BagMessage,
    StereoBag,
    make,
    make_header,
    messages,
    write_bag,
    write_stereo_bag,
)
import pytest
from rosbags.interfaces import QosDurability
from rosbags.rosbag1 import Writer as Writer1
from rosbags.typesys import get_types_from_msg

from depth_learning_ros.cdr.store import read_message
from depth_learning_ros.errors import BagError
from depth_learning_ros.replay.bag import Bag
from depth_learning_ros.replay.storage import _natural_order

IMAGE = 'sensor_msgs/msg/Image'


def path_for(tmp_path: Path, kind: str) -> Path:
    suffix = '.bag' if kind.startswith('ros1') else '.mcap' if kind == 'mcap_file' else ''
    return tmp_path / f'recording{suffix}'


def data_file(path: Path) -> Path:
    """Return the one file of a bag that holds its messages."""
    if path.is_file():
        return path
    return next(f for f in path.iterdir() if f.suffix != '.yaml')


def cut(path: Path, share: float) -> None:
    file = data_file(path)
    data = file.read_bytes()
    file.write_bytes(data[:int(len(data) * share)])


def images(bag: Bag) -> list[tuple[int, bytes]]:
    return [(m.log_time_ns, bytes(read_message(m.data, IMAGE).data))
            for m in bag.messages(['/stereo/left/image_rect'])]


@pytest.mark.parametrize('kind', KINDS)
def test_every_format_gives_the_same(tmp_path, kind):
    path = path_for(tmp_path, kind)
    described = write_stereo_bag(path, kind, frames=5)
    with Bag(path) as bag:
        assert bag.damage is None
        assert {t.name: (t.type_name, t.count) for t in bag.topics.values()} == {
            f'/stereo/{side}/{name}': (f'sensor_msgs/msg/{kind}', 5) for side in ('left', 'right')
            for name, kind in (('image_rect', 'Image'), ('camera_info', 'CameraInfo'))}
        times = [described.stamp_ns(i) + described.log_delay_ns for i in range(5)]
        assert images(bag) == [
            (t, described.rgb(i, 'left').tobytes()) for i, t in enumerate(times)]
        assert (bag.start_ns, bag.end_ns) == (times[0], times[4] + 1)
        window = bag.messages(['/stereo/left/image_rect'], times[1], times[3])
        assert [m.log_time_ns for m in window] == times[1:3]
        known = bag.message_type('/stereo/left/image_rect')
        assert known.name == IMAGE and known.encoding == 'ros2msg'
        assert known.definition == STORE.generate_msgdef(IMAGE, ros_version=2)[0]
        assert known.type_hash == STORE.hash_rihs01(IMAGE)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('share', [0.5, 0.97])
def test_cut_bags_are_read_up_to_the_cut(tmp_path, kind, share):
    path = path_for(tmp_path, kind)
    # Images of 15 kB in 120 frames: several chunks of every format.
    described = write_stereo_bag(path, kind, frames=120, width=100, height=50)
    cut(path, share)
    with Bag(path) as bag:
        assert bag.damage
        found = images(bag)
        assert bag.topics['/stereo/left/image_rect'].count == len(found)
    assert 120 * share - 36 <= len(found) <= 120 * share + 2
    for index in (0, len(found) // 2, len(found) - 1):
        assert found[index][1] == described.rgb(index, 'left').tobytes()


@pytest.mark.parametrize('kind', ['mcap', 'sqlite3', 'ros1', 'sqlite3_zstd'])
def test_cut_anywhere_never_crashes(tmp_path, kind):
    path = path_for(tmp_path, kind)
    write_stereo_bag(path, kind, frames=6, width=64, height=40)
    original = data_file(path).read_bytes()
    for part in range(1, 40):
        data_file(path).write_bytes(original[:len(original) * part // 40])
        try:
            with Bag(path) as bag:
                count = sum(1 for _ in bag.messages(bag.topics))
                assert bag.damage and count <= 24
        except BagError as error:
            assert 'holds no messages' in str(error) or 'is no bag' in str(error)


@pytest.mark.parametrize('kind', ['mcap', 'mcap_zstd', 'sqlite3', 'ros1', 'ros1_lz4'])
def test_overwritten_bytes_end_the_bag(tmp_path, kind):
    path = path_for(tmp_path, kind)
    write_stereo_bag(path, kind, frames=120, width=100, height=50)
    file = data_file(path)
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle:middle + 40_000] = b'\xff' * 40_000
    file.write_bytes(data)
    with Bag(path) as bag:
        found = images(bag)
        # Pixels that are overwritten cannot be told from others where nothing is compressed.
        assert len(found) >= 20
        assert bag.damage or kind in ('mcap', 'ros1', 'sqlite3')


def test_a_folder_without_metadata(tmp_path):
    for kind in ('mcap', 'sqlite3'):
        path = tmp_path / kind
        write_stereo_bag(path, kind, frames=4)
        (path / 'metadata.yaml').unlink()
        with Bag(path) as bag:
            assert len(images(bag)) == 4
            assert bag.damage is None


def test_split_recordings_are_read_in_order(tmp_path):
    first, second = StereoBag(frames=2), StereoBag(frames=3, start_ns=1_700_000_009_000_000_000)
    write_stereo_bag(tmp_path / 'x_9.mcap', 'mcap_file', first)
    write_stereo_bag(tmp_path / 'x_10.mcap', 'mcap_file', second)
    with Bag(tmp_path) as bag:
        assert bag.topics['/stereo/left/image_rect'].count == 5
        assert [t for t, _ in images(bag)] == [
            b.stamp_ns(i) + 1_000_000 for b in (first, second) for i in range(b.frames)]
    names = ['a_10.db3', 'a_9.db3', 'a_1.db3', 'a_2.db3', 'b_0.db3']
    assert sorted(names, key=lambda n: _natural_order(Path(n))) == [
        'a_1.db3', 'a_2.db3', 'a_9.db3', 'a_10.db3', 'b_0.db3']


@pytest.mark.parametrize('name', ['with space', 'with#hash', 'with%20percent', 'üñí', 'with?mark'])
@pytest.mark.parametrize('kind', ['sqlite3', 'mcap'])
def test_names_that_are_special_in_addresses(tmp_path, name, kind):
    write_stereo_bag(tmp_path / 'plain', kind, frames=2)
    (tmp_path / 'plain').rename(tmp_path / name)
    with Bag(tmp_path / name) as bag:
        assert len(images(bag)) == 2
        assert bag.damage is None


@pytest.mark.parametrize('kind', ['mcap', 'sqlite3', 'ros1'])
def test_a_single_file_whatever_its_name(tmp_path, kind):
    path = path_for(tmp_path, kind)
    write_stereo_bag(path, kind, frames=3)
    shutil.copy(data_file(path), tmp_path / 'recording.active')
    with Bag(tmp_path / 'recording.active') as bag:
        assert len(images(bag)) == 3
        assert bag.damage is None


@pytest.mark.parametrize(('content', 'message'), [
    (b'', r'x\.mcap is empty'), (b'\0' * 100, r'x\.mcap is no bag: give a rosbag2 folder'),
    (b'\x89MCAP0\r\n', 'holds no messages'), (b'#ROSBAG V2.0\n', 'holds no messages'),
    (b'SQLite format 3\0', 'holds no messages'), (b'#ROSBAG V1.2\n', 'is no bag'),
    (b'\x28\xb5\x2f\xfd', 'holds no messages')])
def test_files_that_are_no_bags(tmp_path, content, message):
    (tmp_path / 'x.mcap').write_bytes(content)
    with pytest.raises(BagError, match=message), Bag(tmp_path / 'x.mcap'):
        pass


def test_paths_that_are_no_bags(tmp_path):
    with pytest.raises(BagError, match=r'there is no bag at .*missing'), Bag(tmp_path / 'missing'):
        pass
    with pytest.raises(BagError, match=r'without \.mcap or \.db3 files'), Bag(tmp_path):
        pass


def test_a_bag_without_messages(tmp_path):
    write_bag(tmp_path / 'empty', 'mcap', [])
    with pytest.raises(BagError, match='holds no messages'), Bag(tmp_path / 'empty'):
        pass


def test_an_interrupted_journal_is_told(tmp_path):
    write_stereo_bag(tmp_path / 'bag', 'sqlite3', frames=2)
    (tmp_path / 'bag' / 'bag.db3-wal').write_bytes(b'something')
    with Bag(tmp_path / 'bag') as bag:
        assert 'messages in bag.db3-wal are not read' in bag.damage


def test_ros1_names_types_and_latching(tmp_path):
    path = tmp_path / 'x.bag'
    own = 'int32 number\nstd_msgs/Header header\n' + '=' * 80 + '\nMSG: std_msgs/Header\n' \
        'uint32 seq\ntime stamp\nstring frame_id\n'
    assert get_types_from_msg(own, 'my_msgs/msg/Own')
    battery = 'std_msgs/Header header\nfloat32 voltage\n'  # shorter than ROS 2's
    info = next(m for m in messages(StereoBag()) if m.type_name.endswith('CameraInfo'))
    with Writer1(path) as writer:
        raw = STORE.cdr_to_ros1(STORE.serialize_cdr(info.data, info.type_name), info.type_name)
        upper = STORE.generate_msgdef(info.type_name)[0].replace('float64[9] k', 'float64[9] K')
        connection = writer.add_connection(
            'left/camera_info', info.type_name, msgdef=upper, md5sum='*', latching=1)
        writer.write(connection, 7, raw)
        for name, text in (('my_msgs/msg/Own', own), ('sensor_msgs/msg/BatteryState', battery),
                           ('x_msgs/msg/Broken', 'no definition\n!!')):
            writer.add_connection('/' + name[:2], name, msgdef=text, md5sum='*')
    with Bag(path) as bag:
        assert set(bag.topics) == {'/left/camera_info', '/my', '/se', '/x_'}
        assert bag.topics['/left/camera_info'].qos[0].durability == QosDurability.TRANSIENT_LOCAL
        assert bag.topics['/my'].qos[0].durability == QosDurability.VOLATILE
        found = next(iter(bag.messages(['/left/camera_info'])))
        assert list(read_message(found.data, info.type_name).p) == list(info.data.p)
        definition = bag.message_type('/left/camera_info').definition
        assert 'float64[9] k\n' in definition
        assert bag.message_type('/my').definition == (
            'int32 number\nstd_msgs/Header header\n' + '=' * 80 + '\nMSG: std_msgs/Header\n'
            'builtin_interfaces/Time stamp\nstring frame_id\n' + '=' * 80
            + '\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n')
        assert bag.message_type('/se') is None
        assert bag.message_type('/x_') is None


def test_a_broken_definition_of_another_topic_does_no_harm(tmp_path):
    bag = write_stereo_bag(tmp_path / 'a.mcap', 'mcap_file', frames=2)
    assert bag.frames == 2
    data = (tmp_path / 'a.mcap').read_bytes()
    # The definition of CameraInfo, in the data and in the summary, becomes one nobody can parse.
    (tmp_path / 'a.mcap').write_bytes(data.replace(b'float64[9] k', b'?loat64[9] k'))
    with Bag(tmp_path / 'a.mcap') as opened:
        assert len(images(opened)) == 2


def test_messages_of_a_type_that_changes(tmp_path):
    """Two types on one topic: the first one counts."""
    stamp = make('builtin_interfaces/msg/Time', sec=1, nanosec=2)
    write_bag(tmp_path / 'x', 'mcap', [
        BagMessage('/t', 'std_msgs/msg/Header', 5, make_header(1, 'a')),
        BagMessage('/t', 'builtin_interfaces/msg/Time', 6, stamp),
        BagMessage('/t', 'std_msgs/msg/Header', 7, make_header(1, 'a'))])
    with Bag(tmp_path / 'x') as bag:
        assert (bag.topics['/t'].type_name, bag.topics['/t'].count) == ('std_msgs/msg/Header', 2)
        assert [m.log_time_ns for m in bag.messages(['/t'])] == [5, 7]


def write_humble_bag(path: Path, bag: StereoBag) -> None:
    """Write what rosbag2 of Humble writes: SQLite without message definitions."""
    found = list(messages(bag))
    topics = {m.topic: m.type_name for m in found}
    path.mkdir()
    with closing(sqlite3.connect(path / f'{path.name}_0.db3')) as database, database:
        database.executescript(
            'CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);'
            'CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,'
            ' serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL);'
            'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL,'
            ' timestamp INTEGER NOT NULL, data BLOB NOT NULL);'
            'CREATE INDEX timestamp_idx ON messages (timestamp ASC);'
            "INSERT INTO schema VALUES (3, 'humble');")
        database.executemany('INSERT INTO topics VALUES (?, ?, ?, ?, ?)', [
            (i, name, kind, 'cdr', '') for i, (name, kind) in enumerate(topics.items(), 1)])
        numbers = {name: i for i, name in enumerate(topics, 1)}
        database.executemany(
            'INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)',
            [(numbers[m.topic], m.log_time_ns, bytes(STORE.serialize_cdr(m.data, m.type_name)))
             for m in found])
    listed = ''.join(
        f'    - topic_metadata:\n        name: {name}\n        type: {kind}\n'
        f'        serialization_format: cdr\n        offered_qos_profiles: ""\n'
        f'      message_count: {bag.frames}\n' for name, kind in topics.items())
    times = [m.log_time_ns for m in found]
    (path / 'metadata.yaml').write_text(
        'rosbag2_bagfile_information:\n  version: 5\n  storage_identifier: sqlite3\n'
        f'  duration:\n    nanoseconds: {max(times) - min(times)}\n'
        f'  starting_time:\n    nanoseconds_since_epoch: {min(times)}\n'
        f'  message_count: {len(found)}\n  topics_with_message_count:\n{listed}'
        '  compression_format: ""\n  compression_mode: ""\n  relative_file_paths:\n'
        f'    - {path.name}_0.db3\n')


@pytest.mark.parametrize('what', ['folder', 'file', 'cut'])
def test_bags_of_humble_have_no_definitions(tmp_path, what):
    bag = StereoBag(frames=60, width=100, height=50)
    write_humble_bag(tmp_path / 'bag', bag)
    file = tmp_path / 'bag' / 'bag_0.db3'
    if what == 'cut':
        file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])
    with Bag(file if what == 'file' else tmp_path / 'bag') as opened:
        found = images(opened)
        assert found[7][1] == bag.rgb(7, 'left').tobytes()
        assert opened.message_type('/stereo/left/image_rect').definition == (
            STORE.generate_msgdef(IMAGE, ros_version=2)[0])
        assert (opened.damage is None, len(found) == 60) == (what != 'cut', what != 'cut')
