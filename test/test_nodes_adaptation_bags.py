# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that adaptation_node learns from."""

from __future__ import annotations

import json
import threading

from adaptation_parts import pair
from bags import StereoBag, write_stereo_bag
import pytest

from depth_learning_ros.adaptation.frames import HELD_OUT, TRAIN, VALIDATION
from depth_learning_ros.adaptation.replay_buffer import ReplayBuffer
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.nodes.adaptation_bags import BagFeeder
from depth_learning_ros.replay.topics import TopicWishes


def feed(tmp_path, bags, most=100, offer=None):
    """Read bags to their end; gives the feeder and the pairs it offered."""
    pairs, read = [], threading.Event()
    feeder = BagFeeder(bags, TopicWishes(), most, tmp_path / 'kept' / 'bags.json',
                       offer or pairs.append, read.set)
    assert not feeder.done
    feeder.start()
    assert read.wait(30)
    feeder.close()
    return feeder, pairs


@pytest.fixture
def bags(tmp_path):
    (tmp_path / 'kept').mkdir()
    write_stereo_bag(tmp_path / 'one', 'mcap', StereoBag(frames=6))
    write_stereo_bag(tmp_path / 'two', 'sqlite3', StereoBag(frames=4))
    return [tmp_path / 'one', tmp_path / 'two']


def test_all_pairs_of_all_bags_are_offered_once(tmp_path, bags):
    feeder, pairs = feed(tmp_path, bags)
    assert feeder.done and feeder.offered == len(pairs) == 10
    assert pairs[0].left.shape == pairs[0].right.shape
    known = json.loads((tmp_path / 'kept' / 'bags.json').read_text())
    assert sorted(known.values()) == [4, 6]
    again, pairs = feed(tmp_path, bags)  # another process
    assert again.done and pairs == []


def test_a_bag_that_grew_is_read_again(tmp_path, bags):
    feed(tmp_path, bags)
    record = tmp_path / 'kept' / 'bags.json'
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, str(bags[0].resolve()): 3}))
    assert len(feed(tmp_path, bags)[1]) == 6
    record.write_text('[')  # damaged
    assert len(feed(tmp_path, bags)[1]) == 10


def test_pairs_are_spread_over_the_bags_where_there_is_no_room_for_all(tmp_path, bags):
    feeder, pairs = feed(tmp_path, bags, most=5)
    assert feeder.every == 2 and len(pairs) == 3 + 2 == feeder.expected


def test_a_short_bag_leaves_frames_for_every_role(tmp_path):
    buffer = ReplayBuffer(tmp_path, 300)
    buffer.expect(20)
    for seed in range(20):
        buffer.offer(pair(seed))
    # stretches of two: train, train, held out, train, validation, and again
    assert {role: buffer.store.count(role) for role in (TRAIN, VALIDATION, HELD_OUT)} == {
        TRAIN: 12, VALIDATION: 4, HELD_OUT: 4}


def test_a_full_disk_ends_a_bag_and_is_said(tmp_path, bags, caplog):
    def full(pair):
        raise DataError('the disk is full')

    feeder, _ = feed(tmp_path, bags, offer=full)
    assert feeder.done and feeder.offered == 0
    assert caplog.text.count('the disk is full') == 2
    assert not (tmp_path / 'kept' / 'bags.json').exists()


def test_closing_ends_between_two_pairs(tmp_path, bags):
    first, go_on = threading.Event(), threading.Event()
    feeder = BagFeeder(bags, TopicWishes(), 100, tmp_path / 'bags.json',
                       lambda pair: (first.set(), go_on.wait(10)))
    feeder.start()
    assert first.wait(30)
    feeder._closing.set()
    go_on.set()
    feeder.close()
    assert not feeder.done and feeder.offered == 1
    assert not (tmp_path / 'bags.json').exists()


def test_what_is_no_bag_is_refused_at_once(tmp_path, bags):
    with pytest.raises(BagError, match='nowhere'):
        BagFeeder([*bags, tmp_path / 'nowhere'], TopicWishes(), 10, tmp_path / 'r', print)
    with pytest.raises(BagError):
        BagFeeder(bags, TopicWishes(left='/no/such'), 10, tmp_path / 'r', print)
