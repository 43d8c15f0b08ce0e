# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

from bags import make_image, make_info
import numpy as np
import pytest
from stream_parts import BAG, PATIENCE_S, idle

from depth_learning_ros.engine.base import Engine, EngineInfo
from depth_learning_ros.messages import depth_from_image, disparity_from_message
from depth_learning_ros.stream import MonoSettings, MonoStream


class Imagining(Engine):
    """Sees a disparity of 2 px everywhere, for cameras that stand half a metre apart."""

    def __init__(self) -> None:
        self.info = EngineInfo('imagining', 'numpy', '1', 'fp32', 'cpu', inputs=('left',),
                               metadata={'virtual_baseline_m': '0.5', 'focal_px': '20.0',
                                         'training_size': '[16, 32]'})

    def infer(self, inputs):
        shape = inputs['left'].shape[:3]
        return {'disparity': np.full(shape, 2, np.float32),
                'confidence': np.full(shape, 0.5, np.float32)}


@pytest.fixture
def stream(outlet):
    stream = MonoStream(outlet, MonoSettings(model='imagining'),
                        open_model=lambda settings, say: Imagining())
    stream.load_model()
    assert stream.model.wait(PATIENCE_S), outlet.sayings
    assert stream.model.info is not None, outlet.sayings
    stream.activate()
    yield stream
    stream.close()


def feed(stream, index, bag=BAG):
    stream.add_info(make_info(bag, index, 'left'))
    stream.add_image(make_image(bag, index, 'left'))
    idle(stream)


def test_metres_come_from_the_virtual_baseline_and_the_camera(outlet, stream):
    feed(stream, 0)
    feed(stream, 1, replace(BAG, focal=40.0))  # a longer lens
    depths = [depth_from_image(m)[8, 16] for topic, m in outlet.published if topic == 'depth']
    assert depths == [20 * 0.5 / 2, 40 * 0.5 / 2]
    message = dict(outlet.published)['disparity']
    assert disparity_from_message(message)[1:] == (40.0, 0.5)
    assert message.header.frame_id == 'left_optical'
    assert {'points2', 'confidence', 'scan'} <= set(outlet.topics())


def test_a_camera_without_calibration(outlet, stream):
    for index in range(3):
        info = make_info(BAG, index, 'left')
        stream.add_info(replace(info, k=np.zeros(9), p=np.zeros(12)))
        stream.add_image(make_image(BAG, index, 'left'))
        idle(stream)
    assert outlet.said('no focal length') == 1 and outlet.published == []
    feed(stream, 4)
    assert 'depth' in outlet.topics()


def test_camera_info_comes_late(outlet, stream):
    for index in range(3):
        stream.add_image(make_image(BAG, index, 'left'))
    assert outlet.said('no camera_info came yet') == 1
    stream.add_info(make_info(BAG, 2, 'left'))
    idle(stream)
    assert 'depth' in outlet.topics()


def test_time_set_back(outlet, stream):
    feed(stream, 0, replace(BAG, start_ns=BAG.start_ns + 60_000_000_000))
    feed(stream, 0)
    assert outlet.said('time was set back') == 1
    assert outlet.topics().count('disparity') == 2
