# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from stream_parts import PATIENCE_S, Models

from depth_learning_ros.errors import EngineError
from depth_learning_ros.stream import MonoSettings, StereoSettings
from depth_learning_ros.stream.model import ModelSlot


class Slot:
    def __init__(self, **settings) -> None:
        self.models, self.done = Models(), []
        self.settings = StereoSettings(**{'model': 'first', **settings})
        self.slot = ModelSlot(self.settings, lambda *done: self.done.append(done),
                              open_model=self.models)

    def load(self, model: str) -> None:
        self.slot.request(self.settings.changed({'model': model}))
        assert self.slot.wait(PATIENCE_S)


def test_nothing_is_there_before_it_is_loaded():
    parts = Slot()
    assert parts.slot.take() is None and parts.slot.info is None
    parts.load('first')
    assert parts.slot.take().engine is parts.models.opened[0]
    assert parts.done == [(parts.settings, None)]
    parts.slot.close()
    assert parts.models.opened[0].closed


def test_the_new_one_takes_over_between_frames():
    parts = Slot()
    parts.load('first')
    running = parts.slot.take()
    parts.slot.prepare(running, 4, 8)
    parts.load('second')
    first, second = parts.models.opened
    # still in use by the worker; the new one is ready for the present size
    assert not first.closed and second.prepared == [(4, 8)]
    assert parts.slot.info.model == 'second'
    assert parts.slot.take().engine is second and first.closed
    parts.slot.close()


@pytest.mark.parametrize('model, kind', [('broken', EngineError), ('garbage', RuntimeError)])
def test_the_old_one_stays_when_the_new_one_fails(model, kind):
    parts = Slot()
    parts.load('first')
    parts.load(model)
    assert parts.slot.take().engine is parts.models.opened[0]
    assert not parts.models.opened[0].closed and isinstance(parts.done[-1][1], kind)
    parts.slot.close()


def test_a_model_that_does_not_fit_the_options_is_not_taken():
    parts = Slot(min_confidence=0.5)
    parts.load('first')
    parts.load('blind')
    assert parts.slot.take().engine.info.model == 'first'
    assert parts.models.opened[1].closed and 'min_confidence' in str(parts.done[-1][1])
    parts.slot.close()


def test_a_stereo_model_is_no_mono_model():
    models, done = Models(), []
    slot = ModelSlot(MonoSettings(model='shift'), lambda *d: done.append(d), open_model=models)
    slot.request(MonoSettings(model='shift'))
    assert slot.wait(PATIENCE_S)
    assert 'is a stereo model' in str(done[0][1]) and models.opened[0].closed
    slot.close()


def test_of_several_requests_the_newest_counts():
    parts = Slot()
    parts.models.hold_s = 0.2
    for model in ('first', 'second', 'third'):
        parts.slot.request(parts.settings.changed({'model': model}))
    assert parts.slot.wait(PATIENCE_S)
    assert parts.slot.take().engine.info.model == 'third'
    assert len(parts.models.opened) <= 2 and all(e.closed for e in parts.models.opened[:-1])
    parts.slot.close()


def test_other_options_for_the_same_engine():
    parts = Slot()
    parts.load('blind')
    parts.slot.update(parts.settings.changed({'point_stride': 3}))
    assert parts.slot.take().options.point_stride == 3
    with pytest.raises(EngineError, match='min_confidence'):
        parts.slot.update(parts.settings.changed({'min_confidence': 0.5}))
    assert parts.slot.take().options.min_confidence == 0
    assert len(parts.models.opened) == 1
    parts.slot.close()


def test_closing_while_a_model_is_being_loaded_tells_nobody_that_it_runs():
    parts = Slot()
    parts.models.go_on.clear()
    parts.slot.request(parts.settings)
    assert parts.models.asked.wait(PATIENCE_S)
    assert not parts.slot.close(0.0)
    parts.models.go_on.set()
    parts.slot._loader._thread.join(PATIENCE_S)
    assert [engine.closed for engine in parts.models.opened] == [True]
    assert parts.done == [] and parts.slot.info is None
