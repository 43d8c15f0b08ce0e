# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from depth_learning_ros.stream.say_once import SayOnce


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.now = 100.0
        self.once = SayOnce(lambda *said: self.heard.append(said), 10.0, lambda: self.now)


def test_once_and_not_once_a_frame():
    listener = Listener()
    for size in range(1000):
        listener.now += 0.03
        listener.once.problem('input', f'{size} of 100.5 bytes are missing')
    assert listener.heard == [('warning', '0 of 100.5 bytes are missing')]
    assert listener.once.present() == {'input': '999 of 100.5 bytes are missing'}


def test_good_frames_in_between_make_no_new_problem():
    listener = Listener()
    for _ in range(100):
        listener.now += 1
        listener.once.problem('input', 'bad')
        listener.once.fine('input')
    assert len(listener.heard) == 1


def test_again_when_it_comes_back_after_a_good_while():
    listener = Listener()
    listener.once.problem('input', 'bad', 'error')
    listener.now += 10
    listener.once.fine('input')
    listener.once.fine('input')
    assert listener.once.present() == {}
    listener.once.problem('input', 'bad', 'error')
    assert listener.heard == [('error', 'bad'), ('info', 'input: fine again'), ('error', 'bad')]


def test_at_once():
    listener = Listener()
    listener.once.problem('model', 'bad')
    listener.once.fine('model', at_once=True)
    assert listener.heard[1:] == [('info', 'model: fine again')]


def test_another_text_or_cause_is_news():
    listener = Listener()
    for cause, text in (('input', 'a 1'), ('input', 'b'), ('engine', 'a 2'), ('input', 'a 3')):
        listener.once.problem(cause, text)
    assert [text for _, text in listener.heard] == ['a 1', 'b', 'a 2']


def test_endlessly_new_texts_come_to_an_end():
    listener = Listener()
    for number in range(100):
        listener.once.problem('input', 'x' * number)
    assert len(listener.heard) == 20
