# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Messages in Cyclone DDS's own memory: nobody sees them change, and nothing is left behind."""

from __future__ import annotations

from contextlib import contextmanager
import gc

import numpy as np
import pytest

pytest.importorskip('cyclonedds')
from live_peers import environment, free_domain, wait_for

from depth_learning_ros.cdr.serialize import serialize
from depth_learning_ros.cdr.store import IMAGE, make, read_message
from depth_learning_ros.errors import LiveError
from depth_learning_ros.live import blobs
from depth_learning_ros.live.participant import Participant
from depth_learning_ros.live.qos import RELIABLE

HEADER = make('std_msgs/msg/Header', frame_id='f', stamp=make(
    'builtin_interfaces/msg/Time', sec=1, nanosec=2))


def image(value: int, width: int = 400, height: int = 300):
    """Return an image of one brightness: 120 kB unless told."""
    return make('sensor_msgs/msg/Image', header=HEADER, height=height, width=width,
                encoding='mono8', is_bigendian=0, step=width,
                data=np.full(width * height, value, np.uint8))


@contextmanager
def talking():
    """Yield a publisher, and the list that its messages come to, while their participant lives."""
    domain = free_domain()
    with Participant('one', '', domain, environment=environment(domain)) as one:
        got: list[blobs.Received] = []
        one.subscription('/a', IMAGE, RELIABLE, got.append)
        writer = one.publisher('/a', IMAGE, RELIABLE)
        one.start()
        wait_for(lambda: writer.subscribers, 'the match')
        yield writer, got


@pytest.fixture
def loop():
    """Return a publisher, and the list that its messages come to."""
    with talking() as pair:
        yield pair


def kept_of(writer) -> list[blobs._Kept]:
    return writer._blobs._kept


@pytest.mark.parametrize('size', [(400, 300), (401, 299), (3, 1)])
@pytest.mark.parametrize('checked', [False, True])
def test_pieces_arrive_as_one_message(loop, size, checked):
    """Also when their bytes are no multiple of four."""
    writer, got = loop
    sent = image(7, *size)
    assert writer.send(*serialize(sent, IMAGE), checked=checked)
    wait_for(lambda: got, 'the message')
    found = read_message(got[0].cdr, IMAGE)
    assert np.array_equal(found.data, sent.data) and found.header == HEADER
    assert not found.data.flags.writeable


def test_what_a_subscriber_holds_does_not_change(loop):
    """Memory is filled again only when nobody looks into it: here it is the subscriber's, too."""
    writer, got = loop
    held = []
    for value in range(8):
        writer.send(*serialize(image(value), IMAGE), checked=True)
        wait_for(lambda: got, 'the message')
        held.append(read_message(got.pop().cdr, IMAGE).data)
    assert [int(data[0]) for data in held] == [int(data[-1]) for data in held] == list(range(8))
    assert len(kept_of(writer)) == 3


def test_memory_is_used_again(loop):
    writer, got = loop
    places = set()
    for value in range(12):
        writer.send(*serialize(image(value), IMAGE), checked=True)
        wait_for(lambda: got, 'the message')
        places.add(np.frombuffer(got.pop().cdr, np.uint8).ctypes.data)
        wait_for(lambda: any(k.is_free() for k in kept_of(writer)), 'the memory to be free')
    assert len(places) <= 3
    # images of another size take its place
    writer.send(*serialize(image(1, 500), IMAGE), checked=True)
    wait_for(lambda: got, 'the message')
    assert len(kept_of(writer)) == 1 and len(got.pop().cdr) > 500 * 300


def test_pixels_made_in_place_are_not_copied(loop):
    writer, got = loop
    assert writer.room(120_000) is None  # nothing was sent yet
    writer.send(*serialize(image(1), IMAGE), checked=True)
    wait_for(lambda: got, 'the message')
    got.clear()
    assert writer.room(119_999) is None
    kept, = kept_of(writer)
    wait_for(kept.is_free, 'the memory to be free')
    room = writer.room(120_000)
    assert not kept.is_free() and writer.room(120_000) is None
    room[:] = 2
    message = image(0)
    message = make('sensor_msgs/msg/Image', **{**vars_of(message), 'data': room})
    writer.send(*serialize(message, IMAGE), checked=True)
    wait_for(lambda: got, 'the message')
    found = read_message(got[0].cdr, IMAGE)
    assert set(found.data) == {2} and found.header == HEADER
    # in one process the subscriber gets the very memory
    assert found.data.ctypes.data == room.ctypes.data and len(kept_of(writer)) == 1
    # once more, while it is held: what was sent must not change
    other = make('sensor_msgs/msg/Image', **{**vars_of(message), 'encoding': 'MONO8'})
    writer.send(*serialize(other, IMAGE), checked=True)
    wait_for(lambda: len(got) == 2, 'the second message')
    assert [read_message(m.cdr, IMAGE).encoding for m in got] == ['mono8', 'MONO8']
    assert set(read_message(got[1].cdr, IMAGE).data) == {2}


def vars_of(message) -> dict[str, object]:
    return {name: value for name, value in vars(message).items() if name != '__msgtype__'}


def test_samples_are_given_back_when_nobody_looks_at_them(loop):
    writer, got = loop
    writer.send(*serialize(image(5), IMAGE), checked=True)
    wait_for(lambda: got, 'the message')
    kept, = kept_of(writer)
    data = read_message(got[0].cdr, IMAGE).data
    got.clear()
    gc.collect()
    assert not kept.is_free() and int(data[-1]) == 5
    del data
    gc.collect()
    wait_for(kept.is_free, 'the sample to be free')


def test_a_message_outlives_its_subscription():
    with talking() as (writer, got):
        writer.send(*serialize(image(9), IMAGE))
        wait_for(lambda: got, 'the message')
    assert set(read_message(got[0].cdr, IMAGE).data) == {9}
    with pytest.raises(LiveError, match='cannot be sent'):
        writer.send(*serialize(image(9), IMAGE))


def test_without_a_counter_of_references_nothing_is_filled_again(loop, monkeypatch):
    """Another release of Cyclone DDS may have it elsewhere."""
    monkeypatch.setattr(blobs, '_COUNTER_AT', blobs._COUNTER_AT + 4)
    writer, got = loop
    writer.send(*serialize(image(1), IMAGE), checked=True)
    wait_for(lambda: got, 'the message')
    assert not kept_of(writer)


@pytest.mark.parametrize('wrong', [
    (b'',), (), (b'\0\1\0',), (b'\0\1\0\0',), (b'\0\1', b'\0\0abc')])
def test_damage_is_refused(loop, wrong):
    writer, got = loop
    with pytest.raises(LiveError, match='/a cannot be sent as sensor_msgs/msg/Image'):
        writer.send(*wrong)
    assert not got
