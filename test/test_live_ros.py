# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Against real ROS 2 processes, in both directions; skipped where ROS 2 is not sourced."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

pytest.importorskip('cyclonedds')
pytest.importorskip('rclpy', reason='needs a sourced ROS 2 whose Python this is')
from bags import StereoBag, write_stereo_bag
from live_peers import ROOT, Robot, command, environment, free_domain

from depth_learning_ros.cdr.store import IMAGE
from depth_learning_ros.live.qos import RELIABLE, SENSOR_DATA

CAMERA = StereoBag(frames=40, width=640, height=480, prefix='/camera', focal=400.0)

# a ROS 2 node: counts depth images, knows the node's parameters and changes one
NODE = """
from array import array
import json, time
import rclpy
from rclpy.parameter_client import AsyncParameterClient
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, PointCloud2
rclpy.init()
node = rclpy.create_node('listener')
found = {'depth': 0, 'points': 0}
def depth(message):
    found['depth'] += 1
    found['encoding'], found['size'] = message.encoding, [message.width, message.height]
    found['frame'] = message.header.frame_id
def points(message):
    found['points'] += 1
node.create_subscription(Image, '/camera/depth', depth, 10)
node.create_subscription(PointCloud2, '/camera/points2', points, qos_profile_sensor_data)
echo = node.create_publisher(Image, '/from_ros', 10)
client = AsyncParameterClient(node, '/stereo_node')
future = None
image = Image(width=640, height=480, step=1920, encoding='rgb8',
              data=array('B', bytes(640 * 480 * 3)))
node.create_timer(0.5, lambda: echo.publish(image))
def spin(done):
    end = time.monotonic() + 40
    while not done() and time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.5)
spin(lambda: found['depth'] >= 3 and found['points'] >= 3)
found['nodes'] = sorted(node.get_node_names())
found['types'] = dict(node.get_publisher_names_and_types_by_node('stereo_node', '/'))
info = node.get_publishers_info_by_topic('/camera/depth')[0]
found['hash'] = str(info.topic_type_hash)
found['reliability'] = info.qos_profile.reliability.name
found['services'] = client.wait_for_services(5.0)
future = client.get_parameters(['model'])
spin(future.done)
found['model'] = future.result().values[0].string_value
future = client.set_parameters([Parameter('min_depth_m', value=0.25)])
spin(future.done)
found['set'] = future.result().results[0].successful
print('FOUND' + json.dumps(found), flush=True)
"""


@pytest.fixture
def domain() -> int:
    return int(os.environ.get('ROS_DOMAIN_ID') or free_domain())


def test_a_ros_2_node_and_live_serve_each_other(tmp_path, domain):
    """Depth, clouds, graph and parameters reach ROS 2; ROS 2's images reach this side."""
    write_stereo_bag(tmp_path / 'bag', bag=CAMERA)
    script = tmp_path / 'node.py'
    script.write_text(NODE)
    variables = {**os.environ, **environment(domain),
                 # as the documents say: with its defaults ROS 2 loses best-effort clouds
                 'CYCLONEDDS_URI': f'file://{ROOT}/config/cyclonedds.xml',
                 'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])}
    with Robot(domain) as robot, \
            command(domain, 'live', '--left-ns', '/camera/left', '--right-ns', '/camera/right',
                    '--model', 'bm', '--set', 'max_disparity=16') as live, \
            command(domain, 'play', str(tmp_path / 'bag'), '--loop', '--restamp', '--rate', '0.3'):
        live.wait_for_output('bm runs on opencv')
        robot.listen('/from_ros', IMAGE, SENSOR_DATA)
        done = subprocess.run([sys.executable, str(script)], env=variables, text=True,
                              capture_output=True, timeout=120)
        line = next((x for x in done.stdout.splitlines() if x.startswith('FOUND')), None)
        assert line, done.stdout + done.stderr + live.output
        found = json.loads(line.removeprefix('FOUND'))
        assert found['depth'] >= 3 and found['points'] >= 3
        assert (found['encoding'], found['size'], found['frame']) == (
            '32FC1', [640, 480], 'left_optical')
        assert {'listener', 'stereo_node', 'depth_learning_play'} <= set(found['nodes'])
        assert found['types']['/camera/disparity'] == ['stereo_msgs/msg/DisparityImage']
        assert 'd31d41a9a4c4bc8e' in found['hash'] and found['reliability'] == 'RELIABLE'
        assert found['services'] and found['model'] == 'bm' and found['set']
        assert 'type hash' not in done.stderr  # ROS 2 understands those of our endpoints
        image = robot.wait_for_message('/from_ros')
        assert (image.width, len(image.data)) == (640, 640 * 480 * 3)
        assert live.stop(signal.SIGTERM) == 0


@pytest.mark.skipif(shutil.which('ros2') is None, reason='needs the ros2 command')
def test_ros2_topic_pub_is_heard_and_the_node_is_listed(domain):
    with Robot(domain) as robot:
        robot.listen('/text', 'std_msgs/msg/String', RELIABLE)
        variables = {**os.environ, **environment(domain),
                     'PYTHONPATH': os.environ.get('PYTHONPATH', '')}
        with subprocess.Popen(
                ['ros2', 'topic', 'pub', '--times', '20', '-r', '5', '/text',
                 'std_msgs/msg/String', '{data: hello}'], env=variables,
                stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as publisher:
            assert robot.wait_for_message('/text').data == 'hello'
            assert any(n.startswith('/_ros2cli') for n in robot.participant.graph.nodes())
            publisher.terminate()
        listed = subprocess.run(
            ['ros2', 'node', 'list', '--no-daemon', '--spin-time', '5'], env=variables,
            text=True, capture_output=True, timeout=60)
        assert '/robot' in listed.stdout.splitlines(), listed.stdout + listed.stderr
