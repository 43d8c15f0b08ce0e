# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a replay writes besides its results, and what it leaves when it fails."""

from __future__ import annotations

from dataclasses import replace
import json
import threading

from bags import STORE, BagMessage, StereoBag, make_header, messages, write_bag, write_stereo_bag
from fake_engine import ShiftEngine
import numpy as np
import pytest
from replay_run import INPUTS, RESULTS, left_behind, run
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Qos

from depth_learning_ros.errors import BagError, DataError, DepthLearningError, EngineError
from depth_learning_ros.pipeline import StereoPipeline
from depth_learning_ros.replay import ReplayOptions, replay


def test_other_topics_are_copied_when_asked_for(tmp_path):
    bag = StereoBag(frames=2)
    extra = [BagMessage('/clock_like', 'std_msgs/msg/Header', bag.start_ns + i,
                        make_header(i, 'x')) for i in range(5)]
    extra.append(BagMessage('/stereo/depth', 'std_msgs/msg/Header', bag.start_ns + 5,
                            make_header(5, 'x')))
    write_bag(tmp_path / 'in', 'sqlite3', [*extra, *messages(bag)])
    report, found = run(tmp_path, all_topics=True)
    assert [(t, m.header if hasattr(m, 'header') else m.frame_id)
            for t, m in found['/clock_like']] == [(bag.start_ns + i, 'x') for i in range(5)]
    assert report.warnings == (
        '/stereo/depth of the bag is not copied: the output has a new one',)
    assert all(hasattr(m, 'encoding') for _, m in found['/stereo/depth'])
    _, found = run(tmp_path, output='2.mcap')
    assert '/clock_like' not in found


def test_quality_of_service_is_kept(tmp_path):
    from rosbags.rosbag2 import StoragePlugin, Writer

    from depth_learning_ros.replay.qos import RELIABLE
    bag = StereoBag(frames=1)
    offered = RELIABLE._replace(depth=3, reliability=type(RELIABLE.reliability).BEST_EFFORT)
    with Writer(tmp_path / 'in', version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for message in messages(bag):
            connection = writer.add_connection(
                message.topic, message.type_name, typestore=STORE,
                offered_qos_profiles=[offered] if 'left' in message.topic else [])
            writer.write(connection, message.log_time_ns,
                         STORE.serialize_cdr(message.data, message.type_name))
    run(tmp_path)
    # AnyReader parses the definitions in the file, and compares their hashes with the stated ones.
    with AnyReader([tmp_path / 'out.mcap']) as reader:
        assert reader.typestore.fielddefs['sensor_msgs/msg/PointCloud2']
        found = {c.topic: c.ext.offered_qos_profiles for c in reader.connections}
    assert found['/stereo/left/image_rect'] == [offered]
    assert isinstance(found['/stereo/disparity'][0], Qos)
    assert found['/stereo/disparity'] == found['/stereo/right/image_rect'] == [RELIABLE]


def test_report_is_plain_json(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=4)
    report, _ = run(tmp_path, ShiftEngine(delay_s=0.01))
    values = json.loads(json.dumps(report.as_json()))
    assert values['frames'] == 4
    assert set(values['stages_ms']) == {'read', 'decode', 'engine', 'depth', 'points', 'write'}
    assert 10 < values['stages_ms']['engine']['median'] <= values['latency_ms']['median']
    assert values['latency_ms']['median'] <= values['latency_ms']['worst']
    assert values['frames_per_second'] == pytest.approx(4 / values['seconds'], rel=0.02)
    assert values['messages']['/stereo/points2'] == 4


def test_progress(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=6)
    calls = []
    with StereoPipeline(ShiftEngine()) as pipeline:
        replay(tmp_path / 'in', tmp_path / 'out.mcap', pipeline, ReplayOptions(every=2),
               lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_function_that_opens_the_pipeline(tmp_path):
    engines = []

    def open_pipeline():
        engines.append(ShiftEngine())
        return StereoPipeline(engines[-1])

    with pytest.raises(BagError, match='there is no bag'):
        replay(tmp_path / 'missing', tmp_path / 'out.mcap', open_pipeline)
    assert engines == []
    write_stereo_bag(tmp_path / 'in', 'mcap')
    assert replay(tmp_path / 'in', tmp_path / 'out.mcap', open_pipeline).frames == 3
    assert engines[0].closed


def test_an_engine_that_fails_leaves_nothing(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', frames=20)
    (tmp_path / 'out.mcap').write_bytes(b'old')
    with pytest.raises(EngineError, match='fails as told'):
        run(tmp_path, ShiftEngine(fail_at=7), force=True)
    assert (tmp_path / 'out.mcap').read_bytes() == b'old'
    assert left_behind(tmp_path, 'out.mcap') == []
    assert not [t for t in threading.enumerate() if t.name.startswith('replay-')]


def test_output_paths(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap')
    (tmp_path / 'old.mcap').write_bytes(b'old')
    cases = [('old.mcap', 'exists already.*--force', DataError),
             ('no/out.mcap', 'does not exist', DataError),
             ('out.db3', 'written as MCAP', BagError), ('in', 'exists already', DataError)]
    for name, message, kind in cases:
        engine = ShiftEngine()
        with pytest.raises(kind, match=message):
            run(tmp_path, engine, output=name)
        assert engine.calls == 0
    report, _ = run(tmp_path, output='old.mcap', force=True)
    assert report.frames == 3
    with pytest.raises(BagError, match='is the bag that is read'):
        run(tmp_path, output='in', force=True)
    with pytest.raises(BagError, match='is the bag that is read'):
        run(tmp_path, source='old.mcap', output='old.mcap', force=True)
    assert left_behind(tmp_path, 'old.mcap') == []


@pytest.mark.parametrize('compression', ['none', 'zstd'])
def test_a_folder_with_metadata(tmp_path, compression):
    from ruamel.yaml import YAML
    bag = write_stereo_bag(tmp_path / 'in', 'mcap', encoding='mono8')
    report, found = run(tmp_path, output='result', compression=compression)
    assert set(found) == INPUTS | RESULTS
    assert left_behind(tmp_path, 'result') == []
    assert sorted(p.name for p in (tmp_path / 'result').iterdir()) == [
        'metadata.yaml', 'result_0.mcap']
    text = (tmp_path / 'result' / 'metadata.yaml').read_text()
    metadata = YAML(typ='safe').load(text)['rosbag2_bagfile_information']
    assert (metadata['version'], metadata['storage_identifier']) == (8, 'mcap')
    assert metadata['message_count'] == sum(report.messages.values()) == 30
    assert metadata['starting_time']['nanoseconds_since_epoch'] == (
        bag.start_ns + bag.log_delay_ns)
    assert metadata['duration']['nanoseconds'] == 2 * bag.period_ns
    assert metadata['relative_file_paths'] == ['result_0.mcap']
    assert '&' not in text and '*' not in text  # no YAML aliases
    # An old result is replaced by a new one, anything else is not.
    run(tmp_path, output='result', force=True)
    (tmp_path / 'home').mkdir()
    (tmp_path / 'home' / 'thesis.tex').touch()
    with pytest.raises(DataError, match='home is not a rosbag2 folder'):
        run(tmp_path, output='home', force=True)
    assert (tmp_path / 'home' / 'thesis.tex').exists()
    assert left_behind(tmp_path, 'result', 'home') == []


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap')
    run(tmp_path, output='result')
    before = (tmp_path / 'result' / 'metadata.yaml').read_text()
    with pytest.raises(EngineError):
        run(tmp_path, ShiftEngine(fail_at=2), output='result', force=True)
    assert (tmp_path / 'result' / 'metadata.yaml').read_text() == before
    assert left_behind(tmp_path, 'result') == []


@pytest.mark.parametrize(('options', 'message'), [
    ({'every': 0}, 'every is 0'), ({'start_s': -1}, 'start is -1 s'),
    ({'start_s': float('nan')}, 'start is nan'), ({'duration_s': 0}, 'duration is 0 s'),
    ({'outputs': ()}, 'outputs are none'), ({'outputs': ('depht',)}, 'outputs are depht'),
    ({'sync': 'no'}, "sync is 'no'"), ({'tolerance_s': 60}, 'tolerance is 60 s'),
    ({'compression': 'gz'}, "compression is 'gz'"), ({'baseline_m': -0.1}, 'baseline is -0.1 m')])
def test_bad_options(options, message):
    with pytest.raises(DepthLearningError, match=message):
        ReplayOptions(**options)


def test_distorted_raw_images_are_warned_of(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', image='image_raw',
                     change=lambda m: m._replace(data=replace(m.data, d=np.full(5, 0.1)))
                     if 'info' in m.topic else m)
    report, _ = run(tmp_path)
    assert 'rectified' in report.warnings[0]
