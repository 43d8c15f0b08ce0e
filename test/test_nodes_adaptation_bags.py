# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that adaptation_node learns from."""

from __future__ import annotations

import json
import shutil
import threading

from bags import StereoBag, write_stereo_bag
import pytest

from depth_learning_ros.adaptation.frames import HELD_OUT, TRAIN, VALIDATION
from depth_learning_ros.adaptation.replay_buffer import ReplayBuffer
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.nodes.adaptation_bags import BagFeeder
from depth_learning_ros.replay.topics import TopicWishes


def feed(tmp_path, bags, most=100, offer=None):
    """Read bags to their end; gives the feeder, and the pairs it offered with their roles."""
    pairs, read = [], threading.Event()
    feeder = BagFeeder(bags, TopicWishes(), most, tmp_path / 'kept' / 'bags.json',
                       offer or (lambda *offered: pairs.append(offered)), read.set)
    assert not feeder.done
    feeder.start()
    assert read.wait(30)
    feeder.close()
    return feeder, pairs


SIZE = {'width': 128, 'height': 64}


@pytest.fixture
def bags(tmp_path):
    (tmp_path / 'kept').mkdir()
    write_stereo_bag(tmp_path / 'one', 'mcap', StereoBag(frames=6, **SIZE))
    write_stereo_bag(tmp_path / 'two', 'sqlite3', StereoBag(frames=4, seed=1, **SIZE))
    return [tmp_path / 'one', tmp_path / 'two']


def test_all_pairs_of_all_bags_are_offered_once(tmp_path, bags):
    feeder, pairs = feed(tmp_path, bags)
    assert feeder.done and feeder.offered == len(pairs) == 10
    assert pairs[0][0].left.shape == pairs[0][0].right.shape
    # stretches of one, which go on from bag to bag
    assert ''.join(role[0] for _, role in pairs) == 'tthtvt' 'thtv'
    known = json.loads((tmp_path / 'kept' / 'bags.json').read_text())
    assert sorted(known.values()) == [4, 6]
    again, pairs = feed(tmp_path, bags)  # another process
    assert again.done and pairs == []


def test_of_a_bag_that_grew_what_is_new_is_read(tmp_path, bags):
    _, before = feed(tmp_path, bags)
    record = tmp_path / 'kept' / 'bags.json'
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, str(bags[0].resolve()): 3}))
    feeder, pairs = feed(tmp_path, bags)
    assert feeder.expected == 3
    assert [found.stamp_ns for found, _ in pairs] == [found.stamp_ns for found, _ in before[3:6]]
    record.write_text(json.dumps({**known, str(bags[0].resolve()): 99}))  # was another one
    assert len(feed(tmp_path, bags)[1]) == 6
    for damaged in ('[', '[]', '{"a": {}}', '{"a": null}'):
        record.write_text(damaged)
        assert len(feed(tmp_path, bags)[1]) == 10


def test_a_bag_that_was_half_read_gives_each_frame_the_role_it_had(tmp_path, bags):
    roles = {}

    def full(found, role):
        roles[found.stamp_ns] = role
        if len(roles) == 4:
            raise DataError('the disk is full')

    feed(tmp_path, bags[:1], offer=full)
    write_stereo_bag(tmp_path / 'three', 'mcap', StereoBag(frames=50, seed=2, **SIZE))
    feeder, pairs = feed(tmp_path, [tmp_path / 'three', bags[0]])
    assert feeder.offered == 56  # now with stretches of five, and another bag before it
    assert ''.join(role[0] for _, role in pairs[:50]) == 2 * ('t' * 10 + 'h' * 5 + 't' * 5
                                                              + 'v' * 5)
    assert {found.stamp_ns: role for found, role in pairs[50:54]} == roles


def test_what_a_grown_bag_teaches_is_never_held_out(tmp_path):
    """40 pairs, and then 60: before, ten of the held-out ones had been learned from."""
    buffer = ReplayBuffer(tmp_path / 'kept' / 'frames', 300)
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=40, **SIZE))
    feed(tmp_path, [tmp_path / 'bag'], offer=buffer.offer)
    assert len(buffer.store) == 40
    shutil.rmtree(tmp_path / 'bag')
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=60, **SIZE))
    (tmp_path / 'link').symlink_to(tmp_path / 'bag')
    copy = shutil.copytree(tmp_path / 'bag', tmp_path / 'copy')
    again = ReplayBuffer(tmp_path / 'kept' / 'frames', 300)
    feed(tmp_path, [tmp_path / 'bag', tmp_path / 'link', copy], offer=again.offer)
    assert len(again.store) == 60 and again.kept == 20
    seen = [again.store.load(role, i)[0].tobytes() for role in (TRAIN, VALIDATION, HELD_OUT)
            for i in range(again.store.count(role))]
    assert len(set(seen)) == 60


def test_a_swapped_bag_is_left_out_and_named(tmp_path, bags, caplog):
    def swapped(message):
        if message.topic.endswith('camera_info'):
            return message
        side, other = ('left', 'right') if 'left' in message.topic else ('right', 'left')
        return message._replace(topic=message.topic.replace(side, other))

    write_stereo_bag(tmp_path / 'wrong', 'mcap', StereoBag(frames=8, seed=3, **SIZE), swapped)
    feeder, pairs = feed(tmp_path, [bags[0], tmp_path / 'wrong', bags[1]])
    assert feeder.offered == len(pairs) == 10
    assert 'wrong is left out: left and right are swapped' in caplog.text
    assert len(json.loads((tmp_path / 'kept' / 'bags.json').read_text())) == 2


def test_pairs_are_spread_over_the_bags_where_there_is_no_room_for_all(tmp_path, bags):
    feeder, pairs = feed(tmp_path, bags, most=5)
    assert feeder.every == 2 and len(pairs) == 3 + 2 == feeder.expected


def test_a_short_bag_leaves_frames_for_every_role(tmp_path):
    (tmp_path / 'kept').mkdir()
    buffer = ReplayBuffer(tmp_path / 'kept' / 'frames', 300)
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=20, **SIZE))
    feed(tmp_path, [tmp_path / 'bag'], offer=buffer.offer)
    # stretches of two: train, train, held out, train, validation, and again
    assert {role: buffer.store.count(role) for role in (TRAIN, VALIDATION, HELD_OUT)} == {
        TRAIN: 12, VALIDATION: 4, HELD_OUT: 4}


def test_a_full_disk_ends_a_bag_and_is_said(tmp_path, bags, caplog):
    def full(pair, role):
        raise DataError('the disk is full')

    feeder, _ = feed(tmp_path, bags, offer=full)
    assert feeder.done and feeder.offered == 0
    assert caplog.text.count('the disk is full') == 2
    assert len(feed(tmp_path, bags)[1]) == 10  # the next process


def test_closing_ends_between_two_pairs(tmp_path, bags):
    first, go_on = threading.Event(), threading.Event()
    feeder = BagFeeder(bags, TopicWishes(), 100, tmp_path / 'bags.json',
                       lambda pair, role: (first.set(), go_on.wait(10)))
    feeder.start()
    assert first.wait(30)
    feeder._closing.set()
    go_on.set()
    feeder.close()
    assert not feeder.done and feeder.offered == 1
    again = BagFeeder(bags, TopicWishes(), 100, tmp_path / 'bags.json', print)
    assert again.expected == 10


def test_what_is_no_bag_is_refused_at_once(tmp_path, bags):
    with pytest.raises(BagError, match='nowhere'):
        BagFeeder([*bags, tmp_path / 'nowhere'], TopicWishes(), 10, tmp_path / 'r', print)
    with pytest.raises(BagError):
        BagFeeder(bags, TopicWishes(left='/no/such'), 10, tmp_path / 'r', print)
