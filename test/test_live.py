# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real processes over real DDS: what a robot sees of ``depth-learning live``."""

from __future__ import annotations

from dataclasses import replace
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time

from bags import StereoBag, make_image, make_info, write_stereo_bag
import numpy as np
import pytest

pytest.importorskip('cyclonedds')
from live_client import ParameterClient
from live_peers import ROOT, Robot, command, free_domain, values_of, wait_for

from depth_learning_ros.cdr.store import CAMERA_INFO, IMAGE
from depth_learning_ros.live.qos import SENSOR_DATA, Profile
from depth_learning_ros.messages import OUTPUT_TYPES

CAMERA = StereoBag(width=96, height=48, prefix='/camera')
LEFT, RIGHT = CAMERA.topic('left'), CAMERA.topic('right')
INFOS = {side: CAMERA.topic(side, 'camera_info') for side in ('left', 'right')}
OPTIONS = ('live', '--left', LEFT, '--right', RIGHT, '--model', 'bm',
           '--set', 'max_disparity=16')


class Cameras:
    """Publishes pairs, one a call."""

    def __init__(self, robot: Robot, bag: StereoBag = CAMERA,
                 profile: Profile = SENSOR_DATA) -> None:
        self.robot, self.bag, self.profile = robot, bag, profile
        self._index = itertools.count()

    def shoot(self, sides=('left', 'right')) -> int:
        """Publish the next pair, and return its number."""
        index = next(self._index)
        for side in sides:
            self.robot.say(INFOS[side], CAMERA_INFO, make_info(self.bag, index, side),
                           self.profile)
            self.robot.say(CAMERA.topic(side), IMAGE, make_image(self.bag, index, side),
                           self.profile)
        return index

    def shoot_until(self, condition, what: str):
        """Publish pairs until something comes of it."""
        def tried():
            if condition():
                return True
            self.shoot()
            return False
        wait_for(lambda: tried() or wait_briefly(condition), what)


def wait_briefly(condition) -> bool:
    try:
        wait_for(condition, '', 0.15)
    except AssertionError:
        return False
    return True


@pytest.fixture
def domain() -> int:
    return free_domain()


def test_a_robot_gets_depth(domain):
    """From images to depth, with topics, types, hashes, QoS, node and parameters as a node's."""
    with Robot(domain) as robot, command(domain, *OPTIONS) as live:
        for name in ('disparity', 'depth', 'points2', 'depth/camera_info'):
            robot.listen(f'/camera/{name}', OUTPUT_TYPES[name])
        robot.listen('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray')
        live.wait_for_output('bm runs on opencv')
        cameras, depths = Cameras(robot), robot.messages['/camera/depth']
        cameras.shoot_until(lambda: depths, 'depth')

        depth = depths[-1]
        assert depth.header.frame_id == 'left_optical' and depth.encoding == '32FC1'
        assert depth.header.stamp.nanosec % CAMERA.period_ns == 0
        # 4 px everywhere: 20 px x 0.1 m / 4 px
        assert np.nanmedian(values_of(depth)) == pytest.approx(0.5)
        cloud = robot.wait_for_message('/camera/points2')
        assert (cloud.width, cloud.height, cloud.point_step) == (96, 48, 16)
        assert robot.wait_for_message('/camera/disparity').f == 20
        assert robot.wait_for_message('/camera/depth/camera_info').k[0] == 20

        graph = robot.participant.graph
        assert graph.nodes() == ['/stereo_node']
        shown = {e.topic: e for e in graph.publishers()}
        for name, kind in OUTPUT_TYPES.items():
            endpoint = shown[f'/camera/{name}']
            assert endpoint.type_name == kind and endpoint.profile == Profile(depth=2)
            assert endpoint.type_hash.startswith('RIHS01_')
        heard = {e.topic: e.profile for e in graph.subscriptions()}
        assert heard == dict.fromkeys([LEFT, RIGHT, *INFOS.values()], SENSOR_DATA)

        status, = robot.wait_for_message('/diagnostics').status
        values = {v.key: v.value for v in status.values}
        assert status.name == 'stereo_node: depth' and values['model'] == 'bm'

        check_parameters(robot, cameras)
        assert live.stop(signal.SIGINT) == 0
        wait_for(lambda: not graph.nodes(), 'the node to leave the graph', 3)
        assert not graph.publishers() and ' results, ' in live.output


def check_parameters(robot, cameras):
    parameters = ParameterClient(robot.participant, '/stereo_node')
    assert {'model', 'outputs', 'min_depth_m'} <= set(parameters.names())
    assert parameters.get('model') == 'bm' and parameters.get('max_disparity') == 16
    assert parameters.get('no_such_thing') is None
    assert parameters.set('model', 'sgbm') == ''
    assert parameters.get('model') == 'sgbm'
    assert 'max_depth_m' in parameters.set('max_depth_m', -1.0)
    assert 'start it again' in parameters.set('queue_size', 7)
    assert 'no parameter' in parameters.set('nothing', 1)
    assert "'points3'" in parameters.set('outputs', ['points3'])
    assert parameters.set('min_depth_m', 0.6) == ''
    depths = robot.messages['/camera/depth']
    cameras.shoot_until(lambda: np.isneginf(np.nanmedian(values_of(depths[-1]))),
                        'a depth of 0.5 m to become too close')
    assert parameters.set('no_such_model', 'x') and parameters.get('model') == 'sgbm'
    assert parameters.describe('max_disparity').integer_range[0].to_value == 1024


def test_faults_are_said_and_survived(domain):
    """Nobody there, another type, cut images, a publisher that restarts, a second instance."""
    with Robot(domain) as robot, command(domain, *OPTIONS) as live:
        robot.listen('/camera/disparity', OUTPUT_TYPES['disparity'])
        live.wait_for_output(f'nobody publishes {LEFT}')
        live.wait_for_output('do ROS_DOMAIN_ID and')
        cameras = Cameras(robot)

        robot.say('/cam/left/image_rect', IMAGE, make_image(CAMERA, 0, 'left'))
        live.wait_for_output('similar topics are /cam/left/image_rect')
        robot.say(LEFT, CAMERA_INFO, make_info(CAMERA, 0, 'left'))
        live.wait_for_output(f'{LEFT} is a {CAMERA_INFO}, but {IMAGE} is needed')
        robot.fall_silent()

        results = robot.messages['/camera/disparity']
        cameras.shoot_until(lambda: results, 'a result')

        cut = make_image(CAMERA, 1000, 'left')
        for side in ('left', 'right'):  # or the pair waits for them until the next one comes
            robot.say(INFOS[side], CAMERA_INFO, make_info(CAMERA, 1000, side), SENSOR_DATA)
        robot.say(LEFT, IMAGE, replace(cut, data=cut.data[:100]), SENSOR_DATA)
        robot.say(RIGHT, IMAGE, make_image(CAMERA, 1000, 'right'), SENSOR_DATA)
        live.wait_for_output('is truncated: 100 bytes')

        # the driver starts again, reliable this time, an hour back in time
        robot.fall_silent()
        seen = len(results)
        earlier = replace(CAMERA, start_ns=CAMERA.start_ns - 3_600_000_000_000)
        again = Cameras(robot, earlier, Profile())
        again.shoot_until(lambda: len(results) > seen, 'a result after the restart')
        assert 'time was set back' in live.output

        with command(domain, *OPTIONS) as twin:
            twin.wait_for_output('another node is called /stereo_node')
            assert twin.stop(signal.SIGTERM) == 0
        wait_for(lambda: len(robot.participant.graph.nodes()) == 1, 'the twin to leave', 3)
        assert live.stop(signal.SIGTERM) == 0 and 'Traceback' not in live.output
        wait_for(lambda: not robot.participant.graph.nodes(), 'the node to leave', 3)


def test_a_pair_is_found_and_camera_info_may_be_latched(domain):
    """Without names; camera_info was sent once, long ago; also another domain stays apart."""
    latched = Profile(depth=1, transient_local=True)
    with Robot(domain) as robot:
        for side in ('left', 'right'):
            robot.say(INFOS[side], CAMERA_INFO, make_info(CAMERA, 0, side), latched)
        with command(domain, 'live', '--model', 'bm', '--namespace', '/front') as live, \
                command(101, *OPTIONS) as elsewhere:
            robot.listen('/front/disparity', OUTPUT_TYPES['disparity'])
            live.wait_for_output('waiting for a stereo pair')
            cameras = itertools.count()

            def shoot():
                index = next(cameras)
                for side in ('left', 'right'):
                    robot.say(CAMERA.topic(side), IMAGE, make_image(CAMERA, index, side))
                return robot.messages['/front/disparity']
            wait_for(lambda: wait_briefly(shoot), 'a disparity')
            assert f'/front/stereo_node in domain {domain}: {LEFT} and {RIGHT}' in live.output
            elsewhere.wait_for_output('nobody publishes')
            assert elsewhere.stop() == 0 and live.stop() == 0


def test_play_and_watch(tmp_path, domain):
    """A bag, played once: every message as it was recorded; /clock; another name; figures."""
    bag = write_stereo_bag(tmp_path / 'bag', frames=8, width=64, height=32)
    with Robot(domain) as robot, \
            command(domain, 'watch', '/stereo/right/image_rect', '--json',
                    str(tmp_path / 'figures.json'), '--every', '0.5') as watch:
        robot.listen('/other', IMAGE)
        robot.listen('/clock', 'rosgraph_msgs/msg/Clock')
        watch.wait_for_output('waiting in domain')
        with command(domain, 'play', str(tmp_path / 'bag'), '--delay', '2',
                     '--remap', '/stereo/left/image_rect:=/other') as play:
            assert play.wait() == 0
        assert 'sent 32 messages of 4 topics' in play.output
        stamps = [m.header.stamp.sec * 10**9 + m.header.stamp.nanosec
                  for m in robot.messages['/other']]
        assert stamps == [bag.stamp_ns(i) for i in range(8)]
        assert np.array_equal(robot.messages['/other'][3].data, bag.rgb(3, 'left').ravel())
        clock = robot.messages['/clock'][-1].clock
        assert 0 <= clock.sec - bag.start_ns // 10**9 <= 1
        assert watch.stop() == 0
        assert '/stereo/right/image_rect' in watch.output
        figures = (tmp_path / 'figures.json').read_text()
        assert '"total": 8' in figures and '"since_stamp": null' in figures


def test_restamped_and_looped(tmp_path, domain):
    write_stereo_bag(tmp_path / 'bag', frames=3, width=64, height=32)
    with Robot(domain) as robot, command(
            domain, 'play', str(tmp_path / 'bag'), '--loop', '--restamp', '--rate', '2',
            '--topics', '/stereo/left/image_rect', '--clock', '0') as play:
        robot.listen('/stereo/left/image_rect', IMAGE)
        robot.wait_for_message('/stereo/left/image_rect', 5)
        stamps = [m.header.stamp.sec + m.header.stamp.nanosec / 1e9
                  for m in robot.messages['/stereo/left/image_rect']]
        assert all(0 <= time.time() - s < 60 for s in stamps) and stamps == sorted(stamps)
        assert set(robot.participant.graph.published()) == {'/stereo/left/image_rect'}
        assert play.stop() == 0


def test_no_model(domain):
    with command(domain, 'live', '--left', LEFT, '--right', RIGHT, '--model', 'x.onnx') as live:
        assert live.wait() == 1
    assert 'x.onnx cannot be used' in live.output and 'Traceback' not in live.output


def test_a_subscriber_that_hangs_does_not_stop_the_others(domain):
    with Robot(domain) as robot, command(domain, *OPTIONS) as live:
        robot.listen('/camera/depth', OUTPUT_TYPES['depth'])
        cameras, depths = Cameras(robot), robot.messages['/camera/depth']
        with command(domain, 'watch', '/camera/depth', '--every', '0.2') as watch:
            live.wait_for_output('bm runs on opencv')
            cameras.shoot_until(lambda: depths and '/camera/depth' in watch.output,
                                'a result')
            watch.process.send_signal(signal.SIGSTOP)
            seen = len(depths)
            cameras.shoot_until(lambda: len(depths) >= seen + 10, 'ten more results')
            assert live.stop() == 0


_OWN_NETWORK = ['unshare', '--user', '--map-root-user', '--net']


def _has_own_network() -> bool:
    return bool(shutil.which('unshare') and shutil.which('ip')) and not subprocess.run(
        [*_OWN_NETWORK, 'ip', 'link', 'set', 'lo', 'up'], capture_output=True).returncode


@pytest.mark.skipif(not _has_own_network(), reason='needs a network namespace of its own')
def test_the_network_interface_goes_and_comes_back():
    done = subprocess.run(
        [*_OWN_NETWORK, sys.executable, str(ROOT / 'test' / 'live_lost_interface.py')],
        env={**os.environ, 'PYTHONPATH': str(ROOT)}, text=True, capture_output=True, timeout=180)
    assert done.stdout == 'survived\n', done.stdout + done.stderr


def test_a_single_camera_by_the_shipped_model(domain):
    """Real svs-small: what it imagines of a second camera holds together in all its messages."""
    bag = replace(CAMERA, width=160, height=64, focal=120.0)
    with Robot(domain) as robot, command(
            domain, 'live', '--mono', '--image', LEFT, '--model', 'svs-small') as live:
        for name in ('disparity', 'depth', 'points2'):
            robot.listen(f'/camera/left/{name}', OUTPUT_TYPES[name])
        live.wait_for_output('svs-small runs on')
        assert f'/mono_node in domain {domain}: {LEFT} -> /camera/left/' in live.output
        cameras, clouds = Cameras(robot, bag), robot.messages['/camera/left/points2']
        wait_for(lambda: clouds or (cameras.shoot(('left',)), wait_briefly(lambda: clouds))[1],
                 'a cloud')
        disparity, depth = (wait_for(lambda topic=name: [
            m for m in robot.messages[f'/camera/left/{topic}']
            if m.header.stamp == clouds[0].header.stamp], name)[0]
            for name in ('disparity', 'depth'))
        assert depth.header.frame_id == 'left_optical' and disparity.f == pytest.approx(120)
        assert disparity.t > 0  # as if a camera stood there
        pixels, metres = values_of(disparity.image), values_of(depth)
        known = pixels > 0
        assert known.mean() > 0.5 and pixels.shape == metres.shape == (64, 160)
        np.testing.assert_allclose(metres[known], 120 * disparity.t / pixels[known], rtol=1e-4)
        assert (clouds[0].width, clouds[0].height) == (160, 64)
        assert robot.participant.graph.nodes() == ['/mono_node']
        assert live.stop() == 0 and 'Traceback' not in live.output


def test_nothing_to_watch(domain):
    with command(domain, 'watch', '--duration', '0.5') as watch:
        assert watch.wait() == 1
    assert 'waiting in domain' in watch.output
