# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of live topics that need no second process."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

pytest.importorskip('cyclonedds')
import bags
from live_peers import free_domain, wait_for
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability
from rosbags.interfaces import QosTime as Time

from depth_learning_ros.cdr.store import IMAGE, STORE, MessageType, make, read_message
from depth_learning_ros.cli.params_file import read_parameters
from depth_learning_ros.errors import DataError, LiveError
from depth_learning_ros.live.config import (
    cyclone_config,
    discovery_range,
    domain_id,
    small_buffer_hint,
)
from depth_learning_ros.live.discovery import (
    INFO,
    NodeEntities,
    discovery_store,
    entities_info,
    read_entities,
)
from depth_learning_ros.live.endpoints import Received
from depth_learning_ros.live.inputs import camera_topics, common_namespace
from depth_learning_ros.live.names import (
    check_namespace,
    check_topic,
    dds_topic,
    dds_type,
    ros_topic,
    ros_type,
)
from depth_learning_ros.live.parameters import _SERVICES
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.player import PlayOptions, _restamped, profile_of_recording
from depth_learning_ros.live.qos import RELIABLE, Profile, cyclone_qos, profile_of
from depth_learning_ros.live.sample_types import SampleTypes
from depth_learning_ros.live.services import ServiceType
from depth_learning_ros.live.watch import _Seen, table

LOCALHOST = {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}


def test_names():
    assert dds_topic('/a/b') == 'rt/a/b' and ros_topic('rt/a/b') == '/a/b'
    assert ros_topic('rq/node/get_parametersRequest') is ros_topic('ros_discovery_info') is None
    assert dds_type(IMAGE) == 'sensor_msgs::msg::dds_::Image_'
    assert ros_type('sensor_msgs::msg::dds_::Image_') == IMAGE
    assert ros_type('HelloWorldData_Msg') is None
    assert check_topic('a/b/') == '/a/b' and check_namespace('/') == ''


@pytest.mark.parametrize('name', ['', '/', '/a//b', '/1a', '/a b', '/a__b', '/é', '~/a'])
def test_wrong_names(name):
    with pytest.raises(LiveError, match='is no topic name'):
        check_topic(name)


def test_type_hashes_are_those_of_ros_2_jazzy():
    assert SampleTypes().type_hash(IMAGE) == \
        'RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47'
    # a gid is of char, which ROS 2 takes for uint8
    assert discovery_store('jazzy').store.hash_rihs01(INFO) == \
        'RIHS01_91a0593bacdcc50ea9bdcf849a938b128412cc1ea821245c663bcd26f83c295e'
    kind = ServiceType.of('rcl_interfaces/srv/ListParameters', *_SERVICES['list_parameters'][1:])
    assert kind.request_hash == \
        'RIHS01_a1b0b5d6b967a5b8ac5bc8563c3ea678f349e312a6a4967227c5a96bc5ce38df'


def test_all_common_types_but_wide_strings_can_be_sent():
    types, refused = SampleTypes(), []
    for name in STORE.fielddefs:
        if name.split('/')[0] in ('sensor_msgs', 'stereo_msgs', 'tf2_msgs', 'diagnostic_msgs',
                                  'rcl_interfaces', 'nav_msgs', 'std_msgs'):
            try:
                types.get(name).__idl__.populate()
            except LiveError as error:
                refused.append(str(error))
    assert not refused


def test_types_that_only_a_bag_knows():
    types = SampleTypes()
    with pytest.raises(LiveError, match='my_msgs/msg/Thing is not known'):
        types.get('my_msgs/msg/Thing')
    types.define(MessageType('my_msgs/msg/Thing', (
        'std_msgs/Header header\nmy_msgs/Part[] parts\nfloat64[3] class\nstring<=5 from\n'
        + '=' * 80 + '\nMSG: my_msgs/Part\nbool on\nint16[<=4] values\n'), 'ros2msg', ''))
    types.get('my_msgs/msg/Thing').__idl__.populate()
    assert types.type_hash('my_msgs/msg/Thing').startswith('RIHS01_')
    with pytest.raises(LiveError, match='is broken'):
        types.define(MessageType('my_msgs/msg/Other', 'float32[ x\n', 'ros2msg', ''))
    types.define(MessageType('my_msgs/msg/Wide', 'wstring text\n', 'ros2msg', ''))
    with pytest.raises(LiveError, match='wstring is not known'):
        types.get('my_msgs/msg/Wide')


@pytest.mark.parametrize(('distro', 'gid_bytes'), [('jazzy', 16), ('humble', 24)])
def test_discovery_messages(distro, gid_bytes):
    process, reader, writer = (uuid.UUID(int=n) for n in (1 << 100, 2, 3))
    cdr = entities_info(distro, process, '/front', 'stereo_node', [reader], [writer])
    # 4 CDR, gid, 4 count, (4 + 7, 1 padding), (4 + 12), 4 + gid, 4 + gid
    assert len(cdr) == 4 + gid_bytes + 4 + 12 + 16 + 4 + gid_bytes + 4 + gid_bytes
    assert read_entities(cdr, distro) == (process, (NodeEntities(
        '/front/stereo_node', frozenset([reader]), frozenset([writer])),))
    assert read_entities(entities_info(distro, process, '', None, [], []), distro)[1] == ()


def test_configuration_follows_ros_2():
    local = cyclone_config(LOCALHOST, 'jazzy')
    for text in ('address="127.0.0.1"/></Interfaces><AllowMulticast>false', 'auto</Participant',
                 '<Peer address="localhost"/>', '<FragmentSize>65000B'):
        assert text in local
    subnet = cyclone_config({'ROS_STATIC_PEERS': '10.0.0.2;robot"', 'CYCLONEDDS_URI': '<mine/>'},
                            'jazzy')
    assert '<Peer address="10.0.0.2"/><Peer address=\'robot"\'/>' in subnet
    assert 'Multicast' not in subnet and 'FragmentSize' not in subnet
    assert subnet.endswith(',<mine/>')
    named = cyclone_config({**LOCALHOST, 'CYCLONEDDS_URI': '<NetworkInterface name="x"/>'}, 'j')
    assert named.count('NetworkInterface') == 1
    assert '<Tag>ros_discovery_off_' in cyclone_config(
        {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'off'}, 'jazzy')
    assert '127.0.0.1' in cyclone_config({'ROS_LOCALHOST_ONLY': '1'}, 'humble')
    assert 'Discovery' not in cyclone_config(LOCALHOST, 'humble')  # not known there
    with pytest.raises(LiveError, match="is 'MOON': expected one of SUBNET"):
        discovery_range({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'moon'}, 'jazzy')


def test_configuration_file_with_interfaces(tmp_path):
    (tmp_path / 'own.xml').write_text('<NetworkInterface name="eth0"/>')
    config = cyclone_config({**LOCALHOST, 'CYCLONEDDS_URI': f'file://{tmp_path}/own.xml'}, 'j')
    assert 'NetworkInterface' not in config


def test_domain():
    assert domain_id({}) == 0 and domain_id({'ROS_DOMAIN_ID': '7'}) == 7
    assert domain_id({'ROS_DOMAIN_ID': '7'}, 9) == 9
    for wrong in ({'ROS_DOMAIN_ID': 'x'}, {'ROS_DOMAIN_ID': '233'}, {'ROS_DOMAIN_ID': '-1'}):
        with pytest.raises(LiveError, match='0 to 232'):
            domain_id(wrong)


def test_small_receive_buffers_are_told(tmp_path):
    (tmp_path / 'limit').write_text('212992\n')
    assert 'limits receive buffers to 208 kB' in (small_buffer_hint(tmp_path / 'limit') or '')
    (tmp_path / 'limit').write_text('8388608\n')
    assert small_buffer_hint(tmp_path / 'limit') is None
    assert small_buffer_hint(tmp_path / 'none') is None


@pytest.mark.parametrize('profile', [
    Profile(), Profile(False, 5), Profile(True, 1, True), Profile(True, None, True)])
def test_profiles_survive_dds(profile):
    assert profile_of(cyclone_qos(profile)) == profile


def test_profiles_of_recordings():
    forever = Time(9223372036, 854775807)
    recorded = Qos(QosHistory.KEEP_LAST, 1, QosReliability.BEST_EFFORT,
                   QosDurability.TRANSIENT_LOCAL, forever, forever, QosLiveliness.AUTOMATIC,
                   forever, False)
    assert profile_of_recording([recorded]) == Profile(False, 1, True)
    assert profile_of_recording([]) == RELIABLE
    reliable = recorded._replace(reliability=QosReliability.RELIABLE, depth=0)
    assert profile_of_recording([reliable]) == Profile(True, 10, True)


def test_input_topics():
    left = camera_topics('left', '/cam/left/image_rect')
    right = camera_topics('right', 'cam/right/image_rect/compressed', '/info')
    assert [t.name for t in left] == ['/cam/left/image_rect', '/cam/left/camera_info']
    assert [t.name for t in right] == ['/cam/right/image_rect/compressed', '/info']
    assert right[0].type_name == 'sensor_msgs/msg/CompressedImage'
    assert common_namespace([*left, *right]) == '/cam'
    assert common_namespace(camera_topics('left', '/image')) == ''
    same = camera_topics('left', '/cam/image_rect', compressed=True)
    assert [t.name for t in same] == ['/cam/image_rect/compressed', '/cam/camera_info']


class Pace:
    def shifted_ns(self, stamp_ns: int) -> int:
        return stamp_ns + 5_000_000_001


@pytest.mark.parametrize('little_endian', [True, False])
def test_stamps_are_shifted_and_nothing_else(little_endian):
    image = bags.make_image(bags.StereoBag(), 1, 'left')
    before = bytes(STORE.serialize_cdr(image, IMAGE, little_endian=little_endian))
    after = read_message(_restamped(before, Pace()), IMAGE)
    stamp, old = after.header.stamp, image.header.stamp
    assert (stamp.sec, stamp.nanosec) == (old.sec + 5, old.nanosec + 1)
    assert after.header.frame_id == 'left_optical' and np.array_equal(after.data, image.data)
    unstamped = before[:4] + bytes(8) + before[12:]
    assert _restamped(unstamped, Pace()) == unstamped and _restamped(b'123', Pace()) == b'123'


@pytest.mark.parametrize('wrong', [{'rate': 0}, {'rate': -1}, {'clock_hz': -1}])
def test_wrong_play_options(wrong):
    with pytest.raises(LiveError, match='expected'):
        PlayOptions(**wrong)


def test_figures_of_a_topic(monkeypatch):
    now = [100.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])
    monkeypatch.setattr('time.time_ns', lambda: int((now[0] + 0.020) * 1e9))
    seen = _Seen('/depth', IMAGE)
    image = bags.make_image(bags.StereoBag(start_ns=100_000_000_000), 0, 'left')
    cdr = bytes(STORE.serialize_cdr(image, IMAGE))
    seen.add(Received(cdr, 100_015_000_000))
    now[0] += 0.5
    seen.add(Received(cdr, 100_515_000_000))
    now[0] += 0.5
    figures = seen.lately()
    assert figures.rate_hz == pytest.approx(2)
    assert figures.since_sent.median_ms == pytest.approx(5)
    assert figures.since_stamp.worst_ms == pytest.approx(520)
    assert figures.megabytes_s == pytest.approx(2 * len(cdr) / 1e6)
    now[0] += 1
    assert seen.lately().rate_hz == 0 and seen.whole().total == 2
    text = table([figures])
    assert '/depth' in text and ' 2.0 ' in text and '5.0 / 5.0' in text
    seen.add(Received(cdr, 0))  # a stamp of a recording, long ago
    now[0] += 1000
    seen.add(Received(cdr, 0))
    assert seen.lately().since_stamp.worst_ms < 60_000


def test_parameter_files(tmp_path):
    file = tmp_path / 'p.yaml'
    file.write_text('/front/**:\n  stereo_node:\n    ros__parameters:\n      model: bm\n'
                    '      outputs: [depth]\n      use_sim_time: true\n')
    assert read_parameters(file, ['model', 'outputs']) == {'model': 'bm', 'outputs': ('depth',)}
    for text, message in (('a: [', 'cannot be read'), ('a: 1', 'describes 0 nodes'),
                          ('n:\n  ros__parameters: {modle: bm}', 'unknown parameters modle')):
        file.write_text(text)
        with pytest.raises(DataError, match=message):
            read_parameters(file, ['model', 'outputs'])
    with pytest.raises(DataError, match='cannot be read'):
        read_parameters(tmp_path / 'none.yaml', [])


def test_one_process_sends_to_itself_and_refuses_damage():
    domain = free_domain()
    with Participant('one', '/ns', domain, environment=LOCALHOST) as one:
        assert one.full_name == '/ns/one'
        got: list[Received] = []
        reader = one.subscription('/a', IMAGE, RELIABLE, got.append)
        failing = one.subscription('/a', IMAGE, RELIABLE, lambda message: 1 / 0)
        writer = one.publisher('/a', IMAGE, RELIABLE)
        one.start()
        wait_for(lambda: writer.subscribers == 2, 'the match')
        image = bags.make_image(bags.StereoBag(), 0, 'left')
        cdr = bytes(STORE.serialize_cdr(image, IMAGE))
        for wrong in (cdr[:-10], b'', b'\0\1\0\0'):
            with pytest.raises(LiveError, match='/a cannot be sent as sensor_msgs/msg/Image'):
                writer.send(wrong)
        assert writer.send(cdr + bytes(-len(cdr) % 4)) and writer.sent == 1
        wait_for(lambda: got and failing.failed, 'the message')
        assert np.array_equal(read_message(got[0].cdr, IMAGE).data, image.data)
        assert reader.received == 1 and reader.failed == 0
        one.remove(failing)
        assert one.graph.published() == {} and one.graph.nodes() == []  # of others
        one.close()


def test_dds_that_cannot_start_says_why():
    with pytest.raises(LiveError, match='is there a network interface that is up'):
        Participant('n', domain=free_domain(), environment={
            'CYCLONEDDS_URI': '<CycloneDDS><Domain><General><Interfaces><NetworkInterface '
                              'name="none0"/></Interfaces></General></Domain></CycloneDDS>'})
    with pytest.raises(LiveError, match='is no node name'):
        Participant('a node')


def test_clock_message():
    from depth_learning_ros.live.player import CLOCK_TYPE, _clock_message
    cdr = _clock_message(1_700_000_000_000_000_005)
    clock = make('builtin_interfaces/msg/Time', sec=1_700_000_000, nanosec=5)
    assert read_message(cdr, CLOCK_TYPE).clock == clock
