# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Results go out while others are computed, each once and in order, and errors are not lost."""

from __future__ import annotations

from dataclasses import replace
import threading
from types import SimpleNamespace

from fake_engine import ShiftEngine
import numpy as np
import pytest
from stream_parts import FakeOutlet

from depth_learning_ros.errors import CalibrationError, DataError
from depth_learning_ros.geometry.cloud import cloud_from_depth, cloud_from_disparity
from depth_learning_ros.messages import MessageWriter
from depth_learning_ros.pipeline import ResultSink, StereoPipeline, StereoResult
from depth_learning_ros.stream import StereoSettings
from depth_learning_ros.stream.publishing import ResultPublisher
from depth_learning_ros.types import Disparity, PointCloud, StereoCamera, StereoPair

HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id='left')
CAMERA = StereoCamera(6, 4, focal_px=10.0, cx=3.0, cy=2.0, baseline_m=0.5)
IMAGE = np.full((4, 6, 3), 100, np.uint8)
FIRST = StereoResult(StereoPair(IMAGE, IMAGE, CAMERA), Disparity(np.full((4, 6), 2, np.float32)),
                     None, None, {})
SECOND = replace(FIRST, depth=np.full((4, 6), 2.5, np.float32))
LAST = replace(SECOND, points=PointCloud(np.zeros((4, 6, 4), np.float32)))
TOPICS = {'disparity', 'depth', 'points2', 'depth/camera_info'}


class SlowOutlet(FakeOutlet):
    """Takes note of threads, and waits before it publishes until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on, self.threads = threading.Event(), []
        self.room: np.ndarray | None = None

    def publish(self, topic, message):
        assert self.go_on.wait(30)
        self.threads.append(threading.current_thread())
        super().publish(topic, message)

    def cloud_memory(self, height, width):
        return self.room


@pytest.fixture
def outlet():
    return SlowOutlet()


@pytest.fixture
def publisher(outlet):
    publisher = ResultPublisher(outlet, MessageWriter(outlet.make))
    yield publisher
    outlet.go_on.set()
    publisher.close()


def test_the_worker_does_not_wait_for_what_is_sent(outlet, publisher):
    with publisher.frame(HEADER, TOPICS, StereoSettings()) as publication:
        publication.ready(FIRST)
        publication.ready(SECOND)
        assert not outlet.published
        outlet.go_on.set()
        publication.finish(LAST)
    assert outlet.topics() == ['disparity', 'depth', 'depth/camera_info', 'points2']
    here = threading.current_thread()
    assert [thread is here for thread in outlet.threads] == [False, False, False, True]


def test_what_nobody_wants_is_not_sent(outlet, publisher):
    outlet.go_on.set()
    with publisher.frame(HEADER, {'depth'}, StereoSettings()) as publication:
        publication.ready(FIRST)
        publication.finish(SECOND)
    assert outlet.topics() == ['depth'] and outlet.threads == [threading.current_thread()]


def test_an_error_of_what_went_first_is_not_lost(outlet, publisher):
    outlet.go_on.set()
    blind = replace(LAST, pair=StereoPair(IMAGE, IMAGE, None))
    with pytest.raises(CalibrationError, match='without a camera'), \
            publisher.frame(HEADER, TOPICS, StereoSettings()) as publication:
        publication.ready(replace(blind, depth=None, points=None))
        publication.finish(blind)
    assert outlet.topics() == ['depth', 'points2']  # the others went out


def test_nothing_is_sent_any_more_when_the_frame_is_over(outlet, publisher):
    """Also when the engine fails in the middle: it may use its arrays again."""
    timer = threading.Timer(0.2, outlet.go_on.set)
    with pytest.raises(RuntimeError, match='in the middle'), \
            publisher.frame(HEADER, TOPICS, StereoSettings()) as publication:
        publication.ready(FIRST)
        timer.start()
        raise RuntimeError('in the middle')
    assert outlet.topics() == ['disparity']


def test_clouds_are_built_in_the_memory_of_the_transport(outlet, publisher):
    outlet.room = np.empty((4, 6, 4), np.float32)
    assert publisher.frame(HEADER, TOPICS, StereoSettings()).cloud_memory(4, 6) is outlet.room
    assert publisher.frame(HEADER, {'depth'}, StereoSettings()).cloud_memory(4, 6) is None
    cloud = cloud_from_depth(SECOND.depth, IMAGE, CAMERA, out=outlet.room)
    assert cloud.packed is outlet.room
    fresh = cloud_from_depth(SECOND.depth, IMAGE, CAMERA)
    assert np.array_equal(fresh.packed.view(np.uint32), outlet.room.view(np.uint32))
    outlet.room[:] = 0
    strided = cloud_from_disparity(FIRST.disparity.values, IMAGE, CAMERA, point_stride=2,
                                   out=outlet.room[:2, :3].copy())
    assert strided.packed[0, 0, 2] == 2.5  # 10 px x 0.5 m / 2 px
    for wrong in (outlet.room[:, :5], np.empty((4, 6, 4)), np.empty((4, 5, 4), np.float32)):
        with pytest.raises(DataError, match='the memory of a cloud is'):
            cloud_from_depth(SECOND.depth, IMAGE, CAMERA, out=wrong)


def test_the_pipeline_tells_what_there_is_before_it_goes_on():
    class Sink(ResultSink):
        def __init__(self):
            self.seen = []

        def ready(self, result):
            self.seen.append((result.depth is not None, result.points is not None))

    image = np.zeros((4, 16, 3), np.uint8)
    pair = StereoPair(image, image, StereoCamera(16, 4, 10.0, 8.0, 2.0, 0.5))
    with StereoPipeline(ShiftEngine()) as pipeline:
        for outputs, expected in ((['disparity'], []), (['depth'], [(False, False)]),
                                  (['depth', 'points2'], [(False, False), (True, False)]),
                                  (['points2'], [(False, False)]),
                                  (['scan'], [(False, False), (True, False)])):
            sink = Sink()
            assert pipeline.process(pair, outputs, sink).disparity is not None
            assert sink.seen == expected
