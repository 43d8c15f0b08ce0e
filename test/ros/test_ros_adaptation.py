# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An adaptation_node process: it collects, answers, and ends when it is told to."""

from __future__ import annotations

import os
import signal

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)
pytest.importorskip('torch')

from std_srvs.srv import Trigger
from world import StereoCamera, World, start_node

from depth_learning_ros.adaptation.models_in_use import Model, ModelsInUse, folder_of


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def test_it_collects_frames_answers_its_services_and_ends_cleanly(world, tmp_path):
    camera = StereoCamera(world)
    with start_node('learner', node='adaptation_node', folder=str(tmp_path), target_node='',
                    niceness=0, sample_period_s=0.0) as process:
        nothing = world.call(Trigger, 'learner/rollback', Trigger.Request(), process)
        assert not nothing.success and 'nothing' in nothing.message
        assert world.call(Trigger, 'learner/start', Trigger.Request(), process).success
        frames = tmp_path / 'frames'
        world.wait(lambda: frames.is_dir() and any(p.is_file() for p in frames.rglob('*')),
                   'a frame on disk', process=process, meanwhile=camera.frame)
        assert world.call(Trigger, 'learner/stop', Trigger.Request(), process).success
        assert process.interrupt() == 0, process.output
        assert 'Traceback' not in process.output, process.output


def test_a_stereo_node_that_is_killed_gets_the_model_again(world, tmp_path):
    models = ModelsInUse(folder_of(tmp_path / 'models', 'dispnetc-small'), 'dispnetc-small')
    path = models.new_path()
    path.write_bytes(b'that stereo_node takes it does not mean that it can load it')
    models.accept(Model.of(path))
    given = f'stereo was given {path}'
    with start_node('learner', node='adaptation_node', folder=str(tmp_path), niceness=0,
                    model='dispnetc-small', target_node='stereo') as learner:
        with start_node('stereo', model='bm') as first:
            world.wait(lambda: given in learner.output, 'a model given', process=learner)
            os.killpg(first.popen.pid, signal.SIGKILL)
        with start_node('stereo', model='bm') as second:
            world.wait(lambda: learner.output.count(given) == 2, 'a model given again',
                       process=learner)
            world.wait(lambda: 'stereo uses bm, not' in learner.output, 'a look at it',
                       process=learner)
            assert second.running
        assert learner.interrupt() == 0, learner.output
