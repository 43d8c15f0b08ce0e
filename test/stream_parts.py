# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A transport and models for the tests of streams."""

from __future__ import annotations

from dataclasses import replace
import threading
import time
from typing import Any

from bags import StereoBag, make, make_image, make_info
from fake_engine import ShiftEngine

from depth_learning_ros.errors import EngineError
from depth_learning_ros.messages import OUTPUT_TYPES
from depth_learning_ros.stream import Outlet, StereoSettings, StereoStream

BAG = StereoBag(frames=100, period_ns=33_000_000)
PATIENCE_S = 120.0  # of a machine that does much else


class FakeOutlet(Outlet):
    """Keeps what is published and said."""

    def __init__(self, *listened: str) -> None:
        self.listened = set(listened or OUTPUT_TYPES)
        self.published: list[tuple[str, Any]] = []
        self.sayings: list[tuple[str, str]] = []
        self.reversions: list[dict[str, Any]] = []
        self.time_ns = BAG.start_ns

    def wanted(self):
        return self.listened

    def publish(self, topic, message):
        self.published.append((topic, message))

    def make(self, kind, /, **fields):
        return make(kind, **fields)

    def now_ns(self):
        return self.time_ns

    def say(self, level, text):
        self.sayings.append((level, text))

    def reverted(self, changes):
        self.reversions.append(dict(changes))

    def topics(self) -> list[str]:
        return [topic for topic, _ in self.published]

    def said(self, text: str) -> int:
        """Return how often something with this text was said."""
        return sum(text in said for _, said in self.sayings)


class Models:
    """Opens engines by name: 'broken' fails, 'blind' has no confidence; remembers them all."""

    def __init__(self, **engine: Any) -> None:
        self.engine = engine
        self.opened: list[ShiftEngine] = []
        self.hold_s = 0.0
        self.go_on = threading.Event()
        self.go_on.set()
        self.asked = threading.Event()

    def __call__(self, settings, on_message):
        self.asked.set()
        time.sleep(self.hold_s)
        assert self.go_on.wait(PATIENCE_S)
        if settings.model == 'broken':
            raise EngineError('broken is damaged')
        if settings.model == 'garbage':
            raise RuntimeError('a library does not like it')
        outputs = ('disparity',) if settings.model == 'blind' else ('disparity', 'confidence')
        engine = ShiftEngine(outputs=outputs, **self.engine)
        engine.info = replace(engine.info, model=settings.model)
        self.opened.append(engine)
        return engine


def stereo_stream(outlet: FakeOutlet, models: Models | None = None, *, load: bool = True,
                  **settings: Any) -> StereoStream:
    stream = StereoStream(outlet, StereoSettings(**{'model': 'shift', **settings}),
                          open_model=models or Models())
    if load:
        stream.load_model()
        assert stream.model.wait(PATIENCE_S)
    stream.activate()
    return stream


def idle(stream) -> None:
    """Wait until all that was given to the stream is done."""
    assert stream._worker.wait_idle(PATIENCE_S)


def feed_infos(stream, bag: StereoBag = BAG, index: int = 0) -> None:
    for side in ('left', 'right'):
        stream.add_info(side, make_info(bag, index, side))


def feed(stream, *indices: int, bag: StereoBag = BAG, infos: bool = True) -> None:
    """Send frames one by one, each when the one before is done."""
    for index in indices:
        if infos:
            feed_infos(stream, bag, index)
        for side in ('left', 'right'):
            stream.add_image(side, make_image(bag, index, side))
        idle(stream)



def drops(stream) -> dict[str, int]:
    """Return how many frames were dropped, by cause."""
    return dict(stream.statistics.figures().dropped)
