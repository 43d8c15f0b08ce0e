# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Engines that are built by real processes: by two at once, and by one that is interrupted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
import time

from either_ros import REAL
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)
pytest.importorskip('openvino')

from stereo_msgs.msg import DisparityImage
from world import StereoCamera, World, start_node

MODEL = {'model': 'crl-small', 'backend': 'openvino', 'precision': 'fp32'}
COMPILED = '*-[0-9]*x[0-9]*-*'  # an entry for an image size
END_S = 20.0  # after Ctrl-C, on a machine with other work; a second when it is idle


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def names(cache: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in cache.glob(pattern))


def assert_whole(cache: Path) -> None:
    """What has its final name is complete."""
    for name in names(cache, '*.json'):
        sidecar = json.loads((cache / name).read_text())
        if sidecar['sha256'] is not None:
            data = (cache / name).with_suffix('.bin').read_bytes()
            assert hashlib.sha256(data).hexdigest() == sidecar['sha256']


def gives_results(world, cache: Path, name: str) -> str:
    """Start a node with a cache, wait for a result, and return what it said."""
    camera, disparities = StereoCamera(world), world.listen(DisparityImage, 'disparity')
    with start_node(name, cache_dir=str(cache), **MODEL) as process:
        world.wait(lambda: disparities, 'results', process=process, meanwhile=camera.frame)
        assert process.interrupt() == 0, process.output
        return process.output


def test_two_nodes_with_one_cold_cache_build_an_engine_once(world, tmp_path):
    cameras = {name: StereoCamera(world, name) for name in ('one', 'two')}
    heard = {name: world.listen(DisparityImage, f'{name}/disparity') for name in cameras}

    def frames() -> None:
        for camera in cameras.values():
            camera.frame()

    with start_node('first', '-r', '__ns:=/one', cache_dir=str(tmp_path), **MODEL) as first, \
            start_node('second', '-r', '__ns:=/two', cache_dir=str(tmp_path), **MODEL) as second:
        for name, process in (('one', first), ('two', second)):
            world.wait(lambda: heard[name], f'results of {name}', process=process,  # noqa: B023
                       meanwhile=frames)
        said = first.output + second.output
        assert said.count('measuring crl-small') == 1, said
        assert said.count(' px from PyTorch') >= 2, said
        assert first.interrupt() == second.interrupt() == 0, said
    assert len(names(tmp_path, COMPILED + '.bin')) == 1
    assert_whole(tmp_path)


@pytest.mark.parametrize(('what', 'stem'), [
    ('while it is measured', '*'), ('while it is compiled for a size', COMPILED)])
def test_ctrl_c_during_a_build_leaves_nothing_half_done(world, tmp_path, what, stem):
    camera = StereoCamera(world)
    heard = world.listen(DisparityImage, 'disparity')
    with start_node('building', cache_dir=str(tmp_path), **MODEL) as process:
        # a build holds its lock from before the first step to after the last one
        world.wait(lambda: names(tmp_path, stem + '.lock'), what, process=process,
                   meanwhile=camera.frame)
        assert not heard and not names(tmp_path, stem + '.json')
        start = time.monotonic()
        assert process.interrupt() == 0, process.output
        assert time.monotonic() - start < END_S
        assert 'Traceback' not in process.output, process.output
    assert_whole(tmp_path)
    said = gives_results(world, tmp_path, 'again')
    assert 'is not used' not in said and 'ERROR' not in said, said
    assert_whole(tmp_path)
    assert not names(tmp_path, '.*.part*')  # a killed build may leave one until the next build
