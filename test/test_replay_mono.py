# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Replays of a single camera: what is written is read back by rosbags."""

from __future__ import annotations

from bags import STORE, StereoBag, messages, write_bag, write_stereo_bag
from fake_mono_engine import MonoEngine
import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from depth_learning_ros import engine
from depth_learning_ros.cli import main
from depth_learning_ros.errors import BagError, EngineError
from depth_learning_ros.pipeline import DepthOptions, MonoPipeline
from depth_learning_ros.replay import ReplayOptions, TopicWishes, replay
from depth_learning_ros.replay.mono_topics import MonoTopics, find_mono_topics

BAG = StereoBag(width=32, height=16, focal=100.0, baseline=0.2)


def read(path):
    found = {}
    with Reader(path) as reader:
        for connection, log_time_ns, data in reader.messages():
            message = STORE.deserialize_cdr(data, connection.msgtype)
            found.setdefault(connection.topic, []).append((log_time_ns, message))
    return found


def only_left(bag=BAG, prefix='/camera'):
    """Give the messages of the left camera, as those of a single one."""
    return [m._replace(topic=m.topic.replace('/stereo/left', prefix)) for m in messages(bag)
            if '/left/' in m.topic]


def run(source, output, **options):
    return replay(source, output, MonoPipeline(MonoEngine()), ReplayOptions(mono=True, **options))


def test_a_single_camera_by_hand(tmp_path):
    write_bag(tmp_path / 'in', 'mcap', only_left())
    report = run(tmp_path / 'in', tmp_path / 'out')
    assert report.frames == 3 and report.sync == 'none' and not report.dropped
    assert report.topics == {'left': '/camera/image_rect', 'left_info': '/camera/camera_info'}
    found = read(tmp_path / 'out')
    assert set(found) == {
        '/camera/image_rect', '/camera/camera_info', '/camera/disparity', '/camera/depth',
        '/camera/depth/camera_info', '/camera/points2', '/camera/confidence'}
    stamps = [[m.header.stamp for _, m in found[topic]]
              for topic in ('/camera/image_rect', '/camera/depth', '/camera/disparity')]
    assert stamps[0] == stamps[1] == stamps[2]
    disparity = found['/camera/disparity'][0][1]
    # the camera's own 100 px and the model's 0.5 m, not the 0.2 m of the rig it came from
    assert (disparity.f, disparity.t) == (100, 0.5)
    depth = found['/camera/depth'][0][1].data.view(np.float32).reshape(16, 32)
    assert depth[0, 0] == 100 * 0.5 / 1 and depth[0, 31] == pytest.approx(100 * 0.5 / 32)
    assert found['/camera/depth/camera_info'][0][1].p[0] == 100


def test_of_a_stereo_pair_the_left_camera_is_taken(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', BAG)
    report = run(tmp_path / 'in', tmp_path / 'out', outputs=('depth',), copy_inputs=False)
    assert report.topics['left'] == '/stereo/left/image_rect'
    assert set(read(tmp_path / 'out')) == {
        '/stereo/left/depth', '/stereo/left/depth/camera_info', '/stereo/left/camera_info'}


def test_frames_that_cannot_be_used_are_counted(tmp_path):
    found = only_left()
    index = next(i for i, m in enumerate(found) if m.topic.endswith('image_rect'))
    found[index].data.encoding = 'yuv777'
    write_bag(tmp_path / 'in', 'mcap', found)
    report = run(tmp_path / 'in', tmp_path / 'out')
    assert report.frames == 2 and sum(report.skipped.values()) == 1


def test_a_camera_info_without_focal_length_is_told(tmp_path):
    found = only_left()
    for message in found:
        if message.topic.endswith('camera_info'):
            message.data.p[:] = 0
            message.data.k[:] = 0
    write_bag(tmp_path / 'in', 'mcap', found)
    with pytest.raises(BagError, match=r'no image of .* could be processed: the camera_info has '
                                       r'no focal length'):
        run(tmp_path / 'in', tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


class Topic:
    def __init__(self, name, type_name, count=5):
        self.name, self.type_name, self.count = name, type_name, count


def topics(*names, count=5):
    return {name: Topic(name, 'sensor_msgs/msg/CameraInfo' if name.endswith('info') else
                        'sensor_msgs/msg/CompressedImage' if name.endswith('compressed') else
                        'sensor_msgs/msg/Image', count) for name in names}


@pytest.mark.parametrize('names,left', [
    (['/cam/image_raw', '/cam/image_rect', '/cam/camera_info'], '/cam/image_rect'),
    (['/cam/image_rect/compressed', '/cam/image_rect', '/cam/camera_info'], '/cam/image_rect'),
    (['/cam/image_raw/compressed', '/cam/camera_info'], '/cam/image_raw/compressed'),
    (['/cam/image', '/cam/depth', '/cam/confidence', '/cam/depth/image_rect', '/cam/camera_info'],
     '/cam/image')])
def test_the_image_is_found(names, left):
    assert find_mono_topics(topics(*names)) == MonoTopics(left, '/cam/camera_info')
    assert MonoTopics(left, '').namespace in ('/cam', '/cam/image_rect')


def test_several_cameras_must_be_chosen_from():
    found = topics('/front/image_rect', '/front/camera_info', '/rear/image_rect',
                   '/rear/camera_info')
    with pytest.raises(BagError, match=r'there are 2 cameras \(/front, /rear\): choose .* --left'):
        find_mono_topics(found)
    chosen = find_mono_topics(found, TopicWishes(left='/rear/image_rect'))
    assert chosen == MonoTopics('/rear/image_rect', '/rear/camera_info')
    assert chosen.namespace == '/rear'
    with pytest.raises(BagError, match='no image was found: give --left'):
        find_mono_topics(topics('/cam/depth', '/cam/camera_info'))
    with pytest.raises(BagError, match='there is no camera_info for /cam/image'):
        find_mono_topics(topics('/cam/image'))


@pytest.mark.parametrize('options,complaint', [
    ({'topics': TopicWishes(right='/r/image')}, 'a single camera has no right topic: leave /r'),
    ({'baseline_m': 0.5}, 'the baseline of a mono model is in its file: leave 0.5 m out')])
def test_options_of_a_pair_make_no_sense(options, complaint):
    with pytest.raises(BagError, match=complaint):
        ReplayOptions(mono=True, **options)


def test_kinds_are_not_mixed_up(tmp_path):
    write_stereo_bag(tmp_path / 'in', 'mcap', BAG)
    with pytest.raises(EngineError, match='fake-mono is a mono model'):
        replay(tmp_path / 'in', tmp_path / 'out', MonoPipeline(MonoEngine()))


def test_the_command(tmp_path, monkeypatch, capsys):
    asked = {}

    def open_engine(model, **options):
        asked['model'] = model
        return MonoEngine(inputs=asked.get('inputs', ('left',)))
    monkeypatch.setattr(engine, 'open_engine', open_engine, raising=False)
    write_bag(tmp_path / 'in', 'mcap', only_left())
    words = ['replay', str(tmp_path / 'in'), '-o', str(tmp_path / 'out.mcap')]
    assert main([*words, '--mono', '--max-depth', '40']) == 0
    assert asked['model'] == 'svs-small'
    assert '/camera/image_rect with /camera/camera_info' in capsys.readouterr().out
    assert main([*words, '--mono', '--right', '/r/image', '--force']) == 2
    assert 'a single camera has no right topic' in capsys.readouterr().err
    assert main([*words, '--fit', 'crop', '--force']) == 2
    assert '--fit is for mono models' in capsys.readouterr().err
    asked['inputs'] = ('left', 'right')
    assert main([*words, '--mono', '--force']) == 1
    assert 'fake-mono is a stereo model' in capsys.readouterr().err


def test_depth_options_hold(tmp_path):
    write_bag(tmp_path / 'in', 'mcap', only_left())
    pipeline = MonoPipeline(MonoEngine(), DepthOptions(max_depth_m=10))
    replay(tmp_path / 'in', tmp_path / 'out', pipeline, ReplayOptions(mono=True))
    depth = read(tmp_path / 'out')['/camera/depth'][0][1].data.view(np.float32)
    assert np.isinf(depth[0]) and depth[31] == pytest.approx(100 * 0.5 / 32)
