# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags played by ros2 bag: the same results as `replay` writes, on the bag's own clock."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from either_ros import REAL
import numpy as np
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)

from bags import STORE, StereoBag, write_stereo_bag
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import ReliabilityPolicy
from rosbags.rosbag2 import Reader
from sensor_msgs.msg import Image, PointCloud2
from stereo_msgs.msg import DisparityImage
from world import Process, World, start_node

from depth_learning_ros.engine import open_engine
from depth_learning_ros.pipeline import DepthOptions, StereoPipeline
from depth_learning_ros.replay import replay

RECORDED = StereoBag(frames=4, width=160, height=120, focal=100.0, period_ns=500_000_000)
TYPES = {'/stereo/disparity': DisparityImage, '/stereo/depth': Image,
         '/stereo/points2': PointCloud2}


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def play(bag, *options: str) -> Process:
    return Process('ros2', 'bag', 'play', bag, '--clock', '50', '--disable-keyboard-controls',
                   *options)


def stamp(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def replayed(bag, path, choice):
    """Return what `replay` writes, by topic and stamp."""
    found: dict[str, dict[int, object]] = {topic: {} for topic in TYPES}
    replay(bag, path, StereoPipeline(open_engine(**choice), DepthOptions()))
    with Reader(path) as reader:
        for connection, _, data in reader.messages():
            if connection.topic in found:
                message = STORE.deserialize_cdr(data, connection.msgtype)
                found[connection.topic][stamp(message)] = message
    return found


@pytest.mark.parametrize(('storage', 'choice'), [
    ('mcap', {'model': 'crl-small', 'backend': 'onnxruntime', 'precision': 'fp32'}),
    ('sqlite3', {'model': 'sgbm', 'max_disparity': 16})], ids=['network, mcap', 'sgbm, sqlite3'])
def test_the_node_publishes_what_replay_writes(world, tmp_path, storage, choice):
    bag = tmp_path / 'in'
    write_stereo_bag(bag, storage, RECORDED)
    written = replayed(bag, tmp_path / 'out', choice)
    heard = {topic: world.listen(kind, topic, reliability=ReliabilityPolicy.RELIABLE)
             for topic, kind in TYPES.items()}
    with start_node('played', '-r', '__ns:=/stereo', use_sim_time=True, **choice) as node:
        world.wait(lambda: ' runs on ' in node.output, 'the engine', process=node)
        with play(bag, '--delay', '2') as player:
            world.wait(lambda: not player.running, 'the end of the bag', process=node)
            assert player.popen.returncode == 0, player.output
        world.wait(lambda: all(len(messages) >= 2 for messages in heard.values()), 'results',
                   process=node)
    for topic, messages in heard.items():
        for message in messages:
            same = written[topic][stamp(message)]
            assert message.header.frame_id == same.header.frame_id
            if topic == '/stereo/disparity':
                assert (message.f, message.t) == (same.f, same.t)
                assert (message.min_disparity, message.max_disparity, message.delta_d) == \
                    (same.min_disparity, same.max_disparity, same.delta_d)
                message, same = message.image, same.image
            for field in ('height', 'width', 'step', 'encoding', 'point_step', 'row_step',
                          'is_bigendian', 'is_dense'):
                assert getattr(message, field, None) == getattr(same, field, None), field
            np.testing.assert_allclose(np.frombuffer(message.data, np.float32),
                                       same.data.view(np.float32), atol=1e-3)


def test_a_bag_that_loops_goes_on_after_the_clock_jumps_back(world, tmp_path):
    bag = tmp_path / 'in'
    write_stereo_bag(bag, 'mcap', replace(RECORDED, period_ns=1_000_000_000))
    disparities = world.listen(DisparityImage, '/stereo/disparity')
    statuses = world.listen(DiagnosticArray, '/diagnostics')

    def jumps_back() -> int:
        stamps = [stamp(message) for message in disparities]
        return sum(after < before for before, after in pairwise(stamps))

    with start_node('looped', '-r', '__ns:=/stereo', model='bm', max_disparity=16,
                    use_sim_time=True) as node, play(bag, '--loop', '--rate', '4') as player:
        world.wait(lambda: jumps_back() >= 2, 'results after two jumps', process=node)
        said = [line for line in node.output.splitlines() if 'WARN' in line or 'ERROR' in line]
        assert len(said) <= 4, said  # not one for each frame
        assert 2 <= node.output.count('time was set back: beginning anew') <= jumps_back() + 1
        world.wait(lambda: latencies_ms(statuses), 'latencies', process=node)
        assert player.running
        assert node.interrupt() == 0, node.output
        assert 'Traceback' not in node.output, node.output
    # By the bag's clock, four times as fast, which is set back by 3 s each time. /clock and images
    # are topics of their own: at a jump an image may be seen by the clock of before or after it.
    found = latencies_ms(statuses)
    assert all(abs(value) < 3000 + 2800 for value in found), found


def latencies_ms(statuses) -> list[float]:
    """Return the median latencies that diagnostics told."""
    values = [value.value for message in statuses for status in message.status
              for value in status.values if value.key.startswith('latency')]
    return [float(value.split()[0]) for value in values if value[0] in '-0123456789']
