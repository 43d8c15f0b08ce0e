# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Another node gets its model once, and again when it was started anew, whatever was killed."""

from __future__ import annotations

from types import SimpleNamespace

import either_ros  # noqa: F401 - before any node
import pytest

from depth_learning_ros.nodes import hand_over as module
from depth_learning_ros.nodes.hand_over import HandOver


class Answer:
    """A future of rclpy."""

    def __init__(self):
        self.callbacks, self.value, self.cancelled = [], None, False

    def add_done_callback(self, callback):
        self.callbacks.append(callback)

    def exception(self):
        return None

    def result(self):
        return self.value

    def done(self, value=None):
        self.value = value
        for callback in self.callbacks:
            callback(self)

    def cancel(self):
        self.cancelled = True
        self.done()


class Other:
    """The other node as a client sees it: its name, its publisher, its parameter."""

    def __init__(self, node, target):
        assert target == 'stereo_node'
        self.model, self.refuses = 'own', ''
        self.engine = ['openvino', 'fp16', 1.5, '/engines']
        self.ready, self.answers = True, True
        self.sets, self.waiting = [], []
        node.other = self

    def services_are_ready(self):
        return self.ready

    def _answer(self, value):
        future = Answer()
        if self.answers:
            future.add_done_callback = lambda callback: (
                Answer.add_done_callback(future, callback), future.done(value))
        else:
            self.waiting.append(future)
        return future

    def set_parameters(self, parameters):
        (parameter,) = parameters
        assert parameter.name == 'model'
        self.sets.append(parameter.value)
        if self.answers and not self.refuses:
            self.model = parameter.value
        return self._answer(SimpleNamespace(results=[SimpleNamespace(
            successful=not self.refuses, reason=self.refuses)]))

    def get_parameters(self, names):
        if names != ['model']:
            assert names == ['backend', 'precision', 'zoom', 'cache_dir']
            return self._answer(SimpleNamespace(values=self.engine))
        return self._answer(SimpleNamespace(values=[SimpleNamespace(string_value=self.model)]))


class Here:
    """The node that hands over, and what it sees of the graph."""

    def __init__(self):
        self.processes, self.said = [1], []

    def resolve_service_name(self, name):
        return f'/car/{name}'

    def create_timer(self, period_s, callback, *, clock):
        self.look = callback

    def get_publishers_info_by_topic(self, topic):
        assert topic == '/parameter_events'
        mine = [SimpleNamespace(node_name='stereo_node', node_namespace='/car',
                                endpoint_gid=[number] * 16) for number in self.processes]
        return [*mine, SimpleNamespace(node_name='stereo_node', node_namespace='/',
                                       endpoint_gid=[99] * 16)]

    def get_logger(self):
        return SimpleNamespace(info=self.said.append, warning=self.said.append)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: now.s))
    return now


@pytest.fixture
def here(monkeypatch, clock):
    monkeypatch.setattr(module, 'AsyncParameterClient', Other)
    monkeypatch.setattr(module, 'parameter_value_to_python', lambda value: value)
    node = Here()
    node.hand_over = HandOver(node, 'stereo_node')

    def spin(seconds=1):
        for _ in range(seconds):
            clock.s += 1.0
            node.look()
    node.spin = spin
    return node


def test_a_model_is_set_once(here):
    here.spin(3)
    assert here.other.sets == [] and here.hand_over.trouble == ''
    here.hand_over.want('new')
    here.spin(30)
    assert here.other.sets == ['new'] and here.other.model == 'new'
    here.hand_over.want('newer')
    here.spin()
    assert here.other.sets == ['new', 'newer'] and here.hand_over.trouble == ''


def test_who_is_not_there_yet_gets_it_later(here):
    here.processes, here.other.ready = [], False
    here.hand_over.want('new')
    here.spin(5)
    assert here.hand_over.trouble == 'stereo_node is not there' == here.said[0]
    assert len(here.said) == 1
    here.processes, here.other.ready = [1], True
    here.spin()
    assert here.other.sets == ['new'] and here.hand_over.trouble == ''


def test_who_was_started_anew_between_two_looks_gets_it_again(here):
    here.hand_over.want('new')
    here.spin(2)
    here.other.model = 'own'
    here.processes = [2]
    here.spin()
    assert here.other.sets == ['new', 'new'] and here.other.model == 'new'
    here.processes = []  # the network is gone for a while
    here.spin()
    here.processes = [2]
    here.spin(20)
    assert here.other.sets == ['new', 'new']


def test_who_was_killed_is_listed_for_a_while(here):
    here.hand_over.want('new')
    here.spin(2)
    here.other.model = 'own'
    here.processes = [1, 2]  # nobody told of the end of the first one
    here.spin()
    assert here.other.sets == ['new', 'new']
    here.processes = [2]
    here.spin(20)
    assert here.other.sets == ['new', 'new'] and here.other.model == 'new'


def test_who_is_killed_before_it_answers_gets_it_again(here):
    here.other.answers = False
    here.hand_over.want('new')
    here.spin(8)
    assert here.other.sets == ['new'] and here.hand_over.trouble == ''
    here.spin(4)  # ten seconds are over
    assert here.other.waiting[0].cancelled
    assert here.hand_over.trouble == 'stereo_node does not answer'
    here.other.answers = True
    here.spin(11)
    assert here.other.model == 'new' and here.hand_over.trouble == ''
    # one that is there again is not waited for
    here.other.answers = False
    here.hand_over.want('newer')
    here.spin()
    here.processes, here.other.answers = [2], True
    here.spin()
    assert here.other.model == 'newer' and here.hand_over.trouble == ''


def test_an_earlier_model_is_set_again_where_a_later_one_was_not_answered(here):
    here.hand_over.want('good')
    here.spin()
    here.other.answers = False
    here.hand_over.want('bad')
    here.spin()
    here.hand_over.want('good')  # a rollback
    here.spin(12)
    here.other.model, here.other.answers = 'bad', True  # it got round to the old request
    here.spin(12)
    assert here.other.model == 'good' and here.hand_over.trouble == ''


def test_a_model_that_ends_the_other_node_is_not_given_for_ever(here):
    here.hand_over.want('too large')
    for number in range(2, 7):
        here.spin(5)
        here.other.model, here.processes = 'own', [number]  # no memory left: started anew
    here.spin(5)
    assert here.other.sets == ['too large'] * 3
    assert 'ended 3 times within 60 s of being given too large' in here.hand_over.trouble
    here.hand_over.want('smaller')
    here.spin()
    assert here.other.model == 'smaller' and here.hand_over.trouble == ''


def test_who_is_started_anew_now_and_then_is_given_it_each_time(here):
    here.hand_over.want('new')
    for number in range(2, 8):
        here.spin(61)
        here.other.model, here.processes = 'own', [number]
    here.spin()
    assert here.other.sets == ['new'] * 7 and here.other.model == 'new'


def test_an_answer_that_comes_too_late_is_not_one(here):
    here.other.answers = False
    here.hand_over.want('new')
    here.spin(12)
    late = here.other.waiting[0]
    here.other.answers = True
    here.other.refuses = 'not today'
    here.spin(11)
    late.done(SimpleNamespace(results=[SimpleNamespace(successful=True, reason='')]))
    assert 'not today' in here.hand_over.trouble


def test_a_refusal_is_told_and_not_repeated(here):
    here.other.refuses = 'there is no such file'
    here.hand_over.want('new')
    here.spin(30)
    assert here.other.sets == ['new']
    assert here.hand_over.trouble == 'stereo_node does not take new: there is no such file'
    here.other.refuses = ''
    here.hand_over.want('newer')
    here.spin()
    assert here.other.model == 'newer' and here.hand_over.trouble == ''


def test_a_model_that_somebody_else_set_is_told_and_left_alone(here):
    here.hand_over.want('new')
    here.spin()
    here.other.model = 'own'  # or it could not be loaded
    here.spin(6)
    assert here.other.sets == ['new']
    assert here.hand_over.trouble.startswith('stereo_node uses own, not new')
    here.other.model = 'new'
    here.spin(6)
    assert here.hand_over.trouble == ''


def test_how_the_other_node_runs_its_engines_is_known_before_a_model_is_wanted(here):
    here.processes, here.other.ready = [], False
    here.spin(3)
    assert here.hand_over.engine == {} and here.hand_over.trouble == ''
    here.processes, here.other.ready = [1], True
    here.spin()
    assert here.hand_over.engine == {'backend': 'openvino', 'precision': 'fp16', 'zoom': 1.5,
                                     'cache_dir': '/engines'}
    here.other.engine = ['tensorrt', 'fp16', 0.0, None]  # changed while it runs
    here.spin(6)
    assert here.hand_over.engine == {'backend': 'tensorrt', 'precision': 'fp16', 'zoom': 0.0}
    here.other.engine = []  # what a node answers that lacks one of them
    here.spin(6)
    assert here.hand_over.engine == {}


def test_who_does_not_say_how_it_runs_its_engines_gets_its_model_all_the_same(here):
    here.other.answers = False
    here.spin(30)
    assert here.hand_over.trouble == ''  # nothing was wanted of it
    here.other.answers = True
    here.hand_over.want('new')
    here.spin(11)
    assert here.other.model == 'new' and here.hand_over.trouble == ''
    here.other.refuses = 'no memory'
    here.hand_over.want('newer')
    here.spin()
    here.other.answers = False
    here.spin(30)
    assert here.hand_over.trouble == 'stereo_node does not take newer: no memory'


def test_nobody_is_asked_where_there_is_no_target(monkeypatch):
    monkeypatch.setattr(module, 'AsyncParameterClient', None)
    hand_over = HandOver(Here(), '')
    hand_over.want('new')
    assert hand_over.trouble == ''
