# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A mono_node process with a tiny exported network, as random as it was born."""

from __future__ import annotations

from either_ros import REAL
import numpy as np
import pytest

if not REAL:
    pytest.skip('needs a real ROS 2: source /opt/ros/jazzy/setup.bash', allow_module_level=True)
pytest.importorskip('torch')
pytest.importorskip('onnx')

import mono_networks
from sensor_msgs.msg import Image, PointCloud2
from stereo_msgs.msg import DisparityImage
from world import FOCAL_PX, StereoCamera, World, start_node

from depth_learning_ros.engine.export import export_model


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp('mono')
    with pytest.MonkeyPatch.context() as patch:
        mono_networks.register(patch)
        weights = mono_networks.save(folder / 'tiny-mono.safetensors')
        export_model(weights, folder / 'tiny-mono.onnx')
    return folder / 'tiny-mono.onnx'


@pytest.fixture
def world():
    found = World('tester')
    yield found
    found.close()


def test_metres_come_from_the_virtual_baseline_and_the_cameras_own_focal_length(world, model):
    camera = StereoCamera(world, '/eye', encoding='rgb8')
    disparities, depths = world.listen(DisparityImage, '/disparity'), world.listen(Image, '/depth')
    clouds = world.listen(PointCloud2, '/points2')
    remapped = [word for name in ('image_rect', 'camera_info')
                for word in ('-r', f'{name}:=/eye/left/{name}')]
    with start_node('mono', *remapped, node='mono_node', model=str(model),
                    backend='onnxruntime', precision='fp32') as process:
        world.wait(lambda: disparities and depths and clouds, 'results', process=process,
                   meanwhile=lambda: camera.frame(0.5))
        world.spin(1.0)
        assert process.interrupt() == 0, process.output
    found = {message.header.stamp.sec * 10**9 + message.header.stamp.nanosec: message
             for message in disparities}
    pairs = [(found[key], message) for message in depths
             if (key := message.header.stamp.sec * 10**9 + message.header.stamp.nanosec) in found]
    assert pairs
    disparity, depth = pairs[0]
    baseline_m = mono_networks.NOTES['virtual_baseline_m']
    assert disparity.f == pytest.approx(FOCAL_PX)
    assert disparity.t == pytest.approx(baseline_m)
    pixels = np.frombuffer(disparity.image.data, np.float32)
    metres = np.frombuffer(depth.data, np.float32)
    usable = np.isfinite(metres) & (pixels > disparity.min_disparity)
    assert usable.mean() > 0.5
    np.testing.assert_allclose(metres[usable], FOCAL_PX * baseline_m / pixels[usable], rtol=1e-4)


def test_a_stereo_network_is_refused_by_name(world):
    with start_node('mono', node='mono_node', model='crl-small') as process:
        world.wait(lambda: 'crl-small cannot be used' in process.output, 'the error',
                   process=process)
        assert process.interrupt() == 0, process.output
        assert 'Traceback' not in process.output
