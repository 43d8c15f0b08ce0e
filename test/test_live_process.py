# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A live process within the test's own, on topics of the same participant."""

from __future__ import annotations

from dataclasses import replace
import threading

import bags
import numpy as np
import pytest

pytest.importorskip('cyclonedds')
from live_peers import free_domain, values_of, wait_for
from test_stream_mono import Imagining

from depth_learning_ros.cdr.store import CAMERA_INFO, IMAGE, STORE, read_message
from depth_learning_ros.cli import main
from depth_learning_ros.live.endpoints import Received
from depth_learning_ros.live.inputs import camera_topics
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.player import CLOCK_TYPE, _clock_message
from depth_learning_ros.live.process import LiveOptions, LiveProcess
from depth_learning_ros.live.qos import LATCHED, RELIABLE
from depth_learning_ros.messages import OUTPUT_TYPES
from depth_learning_ros.stream import MonoSettings

CAMERA = bags.StereoBag(width=32, height=16)


@pytest.fixture
def participant():
    with Participant('robot', domain=free_domain(), environment={
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}) as made:
        yield made


def test_a_single_camera_with_simulated_time(participant):
    got = {name: [] for name in ('depth', 'scan', 'transform')}

    def collect(name, kind):
        return lambda message: got[name].append(read_message(message.cdr, kind))
    topics = camera_topics('left', '/cam/image_rect')
    with LiveProcess(participant, topics, MonoSettings(model='imagining'),
                     LiveOptions('/out', use_sim_time=True),
                     open_model=lambda settings, say: Imagining()) as live:
        for name in ('depth', 'scan'):
            participant.subscription(f'/out/{name}', OUTPUT_TYPES[name], RELIABLE,
                                     collect(name, OUTPUT_TYPES[name]))
        participant.subscription('/tf_static', 'tf2_msgs/msg/TFMessage', LATCHED,
                                 collect('transform', 'tf2_msgs/msg/TFMessage'))
        image = participant.publisher('/cam/image_rect', IMAGE, RELIABLE)
        info = participant.publisher('/cam/camera_info', CAMERA_INFO, RELIABLE)
        clock = participant.publisher('/clock', CLOCK_TYPE, RELIABLE)
        assert live.outlet.now_ns() == 0
        live.start()
        wait_for(lambda: live.stream.model.info and clock.subscribers and image.subscribers
                 and {'depth', 'scan'} <= set(live.outlet.wanted()), 'the start')

        def shoot():
            clock.send(_clock_message(CAMERA.stamp_ns(0) + 30_000_000))
            info.send(bytes(STORE.serialize_cdr(bags.make_info(CAMERA, 0, 'left'), CAMERA_INFO)))
            image.send(bytes(STORE.serialize_cdr(bags.make_image(CAMERA, 0, 'left'), IMAGE)))
            threading.Event().wait(0.2)
            return all(got.values())
        wait_for(shoot, 'depth, scan and its frame')
        # 20 px x 0.5 m / 2 px
        assert np.all(values_of(got['depth'][0]) == 5)
        assert got['scan'][0].header.frame_id == 'left_optical_scan'
        assert got['transform'][0].transforms[0].child_frame_id == 'left_optical_scan'
        assert 0 <= live.outlet.now_ns() - CAMERA.stamp_ns(0) < 60 * 10**9
        assert live.look().values['model'] == 'imagining'
        # a message that is none: refused by name, the process goes on
        live._handler(topics[0])(Received(b'\0\1\0\0abc', 0))
        assert 'not a readable sensor_msgs/msg/Image' in live.stream.said.present()['input']


@pytest.mark.parametrize(('options', 'message'), [
    (['live', '--left', '/a'], 'name both cameras'),
    (['live', '--mono', '--left', '/a', '--right', '/b'], '--mono takes one camera'),
    (['live', '--image', '/a'], '--image and --info are for --mono'),
    (['live', '--left-info', '/a'], '--left-info and --right-info need'),
    (['live', '--set', 'modle=bm'], 'expected NAME=VALUE'),
    (['live', '--set', 'point_stride=x'], "point_stride is 'x': expected int"),
    (['live', '--set', 'left_right_check=1'], 'expected true or false'),
    (['live', '--set', 'point_stride=0'], 'point_stride is 0: expected 1 to 64'),
    (['live', '--outputs', 'depht'], "outputs is 'depht'"),
    (['watch', '--every', '0'], 'must be more than 0'),
    (['play', 'x', '--delay', '-1'], 'must be 0 or more'),
])
def test_usage_errors(options, message, capsys):
    assert main(options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(('options', 'message'), [
    (['live', '--left', '/1', '--right', '/2', '--domain', '7'], "'/1' is no topic name"),
    (['live', '--domain', '300'], 'the domain is 300: expected 0 to 232'),
    (['live', '--node-name', 'a-b'], "'a-b' is no node name"),
    (['watch', 'a b'], "'a b' is no topic name"),
    (['play', '/no/such/bag'], 'there is no bag at /no/such/bag'),
])
def test_errors(options, message, capsys, monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    assert main(options) == 1
    assert message.lower() in capsys.readouterr().err.lower()


def test_a_bag_without_the_topics_asked_for(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    bags.write_stereo_bag(tmp_path / 'bag', bag=replace(CAMERA, frames=2))
    play = ['play', str(tmp_path / 'bag'), '--domain', str(free_domain())]
    assert main([*play, '--topics', '/nothing']) == 1
    assert 'has no topic /nothing: there are /stereo' in capsys.readouterr().err
    assert main([*play, '--start', '100']) == 1
    assert 'is only' in capsys.readouterr().err
    assert main([*play, '--remap', '/a']) == 2 and main([*play, '--rate', '0']) == 2


def test_settings_are_listed(capsys):
    assert main(['live', '--list-settings', '--mono']) == 0
    out = capsys.readouterr().out
    assert 'fit=letterbox' in out and 'max_disparity' not in out
