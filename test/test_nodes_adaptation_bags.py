# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags that adaptation_node learns from."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading

from bags import StereoBag, write_stereo_bag
import pytest

from depth_learning_ros.adaptation.frames import HELD_OUT, TRAIN, VALIDATION
from depth_learning_ros.adaptation.replay_buffer import ReplayBuffer
from depth_learning_ros.errors import BagError, DataError
from depth_learning_ros.nodes import adaptation_bags
from depth_learning_ros.nodes.adaptation_bags import BagFeeder
from depth_learning_ros.replay.topics import TopicWishes


def feed(tmp_path, bags, most=100, take=None, deal=lambda: None):
    """Read bags to their end; gives the feeder, and the pairs it offered."""
    pairs, read = [], threading.Event()
    feeder = BagFeeder(bags, TopicWishes(), most, tmp_path / 'kept' / 'bags.json',
                       take or pairs.append, deal, read.set)
    assert not feeder.done
    feeder.start()
    assert read.wait(30)
    feeder.close()
    return feeder, pairs


def feed_buffer(tmp_path, bags, capacity=300, **settings):
    buffer = ReplayBuffer(tmp_path / 'kept', capacity)
    feeder, _ = feed(tmp_path, bags, take=buffer.take, deal=buffer.deal, **settings)
    return buffer, feeder


def roles(buffer):
    """Give the first letter of each frame's role, in the order of the frames."""
    found = {int(path.stem[-6:]): role[0] for role, paths in buffer.store.paths.items()
             for path in paths}
    return ''.join(found[number] for number in sorted(found))


def stamps(pairs):
    return [found.stamp_ns for found in pairs]


def recorded(tmp_path):
    return json.loads((tmp_path / 'kept' / 'bags.json').read_text())


SIZE = {'width': 128, 'height': 64}
START_NS = StereoBag().start_ns + StereoBag().log_delay_ns
IMAGES = ['/stereo/left/image_rect', '/stereo/right/image_rect']


@pytest.fixture
def bags(tmp_path):
    (tmp_path / 'kept').mkdir()
    write_stereo_bag(tmp_path / 'one', 'mcap', StereoBag(frames=6, **SIZE))
    write_stereo_bag(tmp_path / 'two', 'sqlite3', StereoBag(frames=4, seed=1, **SIZE))
    return [tmp_path / 'one', tmp_path / 'two']


def test_all_pairs_of_all_bags_are_offered_once(tmp_path, bags, caplog):
    caplog.set_level('INFO')
    dealt = []
    feeder, pairs = feed(tmp_path, bags, deal=lambda: dealt.append(True))
    assert feeder.done and feeder.offered == len(pairs) == 10 and dealt == [True]
    assert pairs[0].left.shape == pairs[0].right.shape
    assert recorded(tmp_path) == {
        str(bag.resolve()): {'read': count, 'start_ns': START_NS, 'images': IMAGES}
        for bag, count in zip(bags, (6, 4), strict=True)}
    assert 'before' not in caplog.text
    again, pairs = feed(tmp_path, bags)  # another process
    assert again.done and pairs == [] and again.expected == 0
    assert [record.levelname for record in caplog.records] == ['INFO'] * 2
    assert f'{bags[0].resolve()} was read before' in caplog.text


def test_of_a_bag_that_grew_what_is_new_is_read(tmp_path, bags):
    _, before = feed(tmp_path, bags)
    record = tmp_path / 'kept' / 'bags.json'
    known, name = recorded(tmp_path), str(bags[0].resolve())
    # as it is, and as it was written once
    for entry in ({'read': 3, 'start_ns': START_NS}, 3, {'read': 3, 'stretch': 2, 'first': 0}):
        record.write_text(json.dumps({**known, name: entry}))
        feeder, pairs = feed(tmp_path, bags)
        assert feeder.expected == 3 and stamps(pairs) == stamps(before[3:6])
        assert recorded(tmp_path) == known
    for damaged in ('[', '[]', '{"a": {}}', '{"a": null}', '{"a": {"read": "x"}}',
                    '{"a": {"read": 1, "images": []}}'):
        record.write_text(damaged)
        assert len(feed(tmp_path, bags)[1]) == 10


def test_another_bag_of_a_name_that_was_read_is_read(tmp_path, bags, caplog):
    caplog.set_level('INFO')
    feed(tmp_path, bags)
    shutil.rmtree(bags[0])  # as many pairs, a second later
    write_stereo_bag(bags[0], 'mcap', StereoBag(frames=6, seed=7, **SIZE,
                                                start_ns=StereoBag().start_ns + 10 ** 9))
    feeder, pairs = feed(tmp_path, bags)
    assert feeder.expected == len(pairs) == 6
    assert f'{bags[0].resolve()} is another bag' in caplog.text
    known = recorded(tmp_path)
    known[str(bags[0].resolve())]['read'] = 99  # more than there are
    (tmp_path / 'kept' / 'bags.json').write_text(json.dumps(known))
    assert len(feed(tmp_path, bags)[1]) == 6


def test_a_bag_of_which_other_images_were_read_is_read(tmp_path, bags, caplog):
    caplog.set_level('INFO')
    feed(tmp_path, bags)
    known, name = recorded(tmp_path), str(bags[0].resolve())
    known[name]['images'] = ['/rear/left/image_rect', '/rear/right/image_rect']
    (tmp_path / 'kept' / 'bags.json').write_text(json.dumps(known))
    feeder, pairs = feed(tmp_path, bags)
    assert feeder.expected == len(pairs) == 6
    assert f'{name}: other images of it were read before' in caplog.text
    assert recorded(tmp_path)[name]['images'] == IMAGES


def test_bags_are_read_again_where_the_frames_were_deleted(tmp_path, bags):
    assert len(feed_buffer(tmp_path, bags)[0].store) == 10
    assert len(feed_buffer(tmp_path, bags)[0].store) == 10  # bags.json is no frame
    shutil.rmtree(tmp_path / 'kept')
    assert len(feed_buffer(tmp_path, bags)[0].store) == 10


def test_a_bag_that_was_half_read_is_gone_on_with_where_it_was(tmp_path, bags):
    """Other steps than before would put frames of one role between those of another."""
    offered = []

    def full(found):
        if len(offered) == 2:
            raise DataError('the disk is full')
        offered.append(found.stamp_ns)

    feed(tmp_path, bags[:1], most=3, take=full)  # pairs 0, 2
    write_stereo_bag(tmp_path / 'three', 'mcap', StereoBag(frames=5, seed=2, **SIZE))
    feeder, pairs = feed(tmp_path, [tmp_path / 'three', bags[0]])
    assert feeder.every == 1 and len(pairs) == 8 == feeder.expected
    period_ns = StereoBag().period_ns
    assert stamps(pairs[5:]) == [StereoBag().start_ns + i * period_ns for i in (3, 4, 5)]


def test_what_a_grown_bag_teaches_is_never_held_out(tmp_path):
    """40 pairs, and then 60: before, ten of the held-out ones had been learned from."""
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=40, **SIZE))
    buffer, _ = feed_buffer(tmp_path, [tmp_path / 'bag'])
    before = roles(buffer)
    assert before == 2 * ('tttttttt' 'hhhh' 'tttt' 'vvvv')  # stretches of four
    shutil.rmtree(tmp_path / 'bag')
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=60, **SIZE))
    (tmp_path / 'link').symlink_to(tmp_path / 'bag')
    copy = shutil.copytree(tmp_path / 'bag', tmp_path / 'copy')
    again, _ = feed_buffer(tmp_path, [tmp_path / 'bag', tmp_path / 'link', copy])
    assert len(again.store) == 60 and again.kept == 20
    assert roles(again) == before + 2 * 'tttthhttvv'  # stretches of two
    seen = [again.store.load(role, i)[0].tobytes() for role in (TRAIN, VALIDATION, HELD_OUT)
            for i in range(again.store.count(role))]
    assert len(set(seen)) == 60


def test_a_bag_that_is_still_for_long_leaves_frames_for_every_role(tmp_path):
    """Of 100 pairs the last 20 move: by their place in the bag, half of them were held out."""
    def still(message):
        index = (message.log_time_ns - START_NS) // StereoBag().period_ns
        first = images.setdefault(message.topic, message.data)
        if index >= 80 or message.topic.endswith('camera_info'):
            return message
        message.data.data = first.data
        return message

    images = {}
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=100, **SIZE), still)
    buffer, _ = feed_buffer(tmp_path, [tmp_path / 'bag'])
    # the still one, and 20 more: stretches of two
    assert roles(buffer) == 2 * 'tttthhttvv' + 't'


def test_a_process_that_is_killed_leaves_its_frames_to_be_dealt(tmp_path, bags):
    killed = ReplayBuffer(tmp_path / 'kept', 300)
    half = threading.Event()

    def take(found):
        if killed.kept == 7:
            half.set()
            threading.Event().wait()
        killed.take(found)

    feeder = BagFeeder(bags, TopicWishes(), 100, tmp_path / 'kept' / 'bags.json', take,
                       killed.deal)
    feeder.start()
    assert half.wait(30)
    assert len(killed.store) == 0
    buffer, feeder = feed_buffer(tmp_path, bags, most=2)  # another step, too
    assert feeder.every == 2 and feeder.offered == 1  # of the second bag's 1, 2, 3 the 2
    assert roles(buffer) == 'tthtvtth' and buffer.kept == 1


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
    assert feeder.left_out == ['wrong, left and right are swapped']
    assert len(recorded(tmp_path)) == 2


def test_what_a_bag_holds_that_cannot_be_read_is_said(tmp_path, caplog):
    (tmp_path / 'kept').mkdir()
    wrong = StereoBag(frames=6, **SIZE).stamp_ns(2)

    def bent(message):
        stamp = message.data.header.stamp
        if 'left/image' not in message.topic or stamp.sec * 10**9 + stamp.nanosec != wrong:
            return message
        return message._replace(data=dataclasses.replace(message.data, encoding='rgb9'))

    write_stereo_bag(tmp_path / 'one', 'mcap', StereoBag(frames=6, **SIZE), bent)
    _, pairs = feed(tmp_path, [tmp_path / 'one'])
    assert len(pairs) == 5 and 'rgb9' in caplog.text and '(1x)' in caplog.text


def dark_but(indexes):
    """Make all pairs of a bag black but some."""
    def bent(message):
        index = (message.log_time_ns - START_NS) // StereoBag().period_ns
        if index not in indexes and not message.topic.endswith('camera_info'):
            message.data.data = 0 * message.data.data
        return message
    return bent


@pytest.mark.parametrize('light', [(), (17, 18, 19)])
def test_a_bag_that_is_dark_is_told_so_by_name(tmp_path, light, caplog):
    write_stereo_bag(tmp_path / 'dark', 'mcap', StereoBag(frames=20, **SIZE), dark_but(light))
    buffer, _ = feed_buffer(tmp_path, [tmp_path / 'dark'])
    assert buffer.skipped == {'left image is black': 20 - len(light)}
    assert len(buffer.store) == len(light) and caplog.text == ''


def test_pairs_are_spread_over_the_bags_where_there_is_no_room_for_all(tmp_path, bags):
    feeder, pairs = feed(tmp_path, bags, most=5)
    assert feeder.every == 2 and len(pairs) == 3 + 2 == feeder.expected


def test_a_short_bag_leaves_frames_for_every_role(tmp_path):
    write_stereo_bag(tmp_path / 'bag', 'mcap', StereoBag(frames=20, **SIZE))
    buffer, _ = feed_buffer(tmp_path, [tmp_path / 'bag'])
    # stretches of two: train, train, held out, train, validation, and again
    assert {role: buffer.store.count(role) for role in (TRAIN, VALIDATION, HELD_OUT)} == {
        TRAIN: 12, VALIDATION: 4, HELD_OUT: 4}


@pytest.mark.parametrize('error', [DataError('the disk is full'),
                                   OSError(5, 'Input/output error'), KeyError('a fault')])
def test_an_error_of_any_kind_ends_a_bag_and_is_said(tmp_path, bags, caplog, error):
    def fail(pair):
        raise error

    feeder, _ = feed(tmp_path, bags, take=fail)
    assert feeder.done and feeder.offered == 0
    for bag in bags:
        assert f'{bag.resolve()} was not read to its end' in caplog.text
    assert caplog.text.count(str(error)) >= 2
    assert len(feed(tmp_path, bags)[1]) == 10  # the next process


@pytest.mark.parametrize('error', [DataError('Input/output error'),
                                   OSError(5, 'Input/output error')])
def test_frames_that_cannot_be_dealt_are_said_and_the_reading_is_done(tmp_path, bags, caplog,
                                                                      error):
    def fail():
        raise error

    feeder, pairs = feed(tmp_path, bags, deal=fail)
    assert feeder.done and len(pairs) == 10
    assert 'are not used until' in caplog.text and 'Input/output error' in caplog.text


def test_a_record_that_cannot_be_written_is_said_once(tmp_path, bags, caplog):
    (tmp_path / 'kept' / 'bags.json').mkdir()
    assert len(feed(tmp_path, bags)[1]) == 10
    assert caplog.text.count('will read the bags again') == 1


def test_closing_ends_between_two_pairs(tmp_path, bags):
    first, go_on = threading.Event(), threading.Event()
    feeder = BagFeeder(bags, TopicWishes(), 100, tmp_path / 'bags.json',
                       lambda pair: (first.set(), go_on.wait(10)), print)
    feeder.start()
    assert first.wait(30)
    assert not feeder.close(0.01)  # a disk that hangs does not hold up the node's end for ever
    go_on.set()
    assert feeder.close(30)
    assert not feeder.done and feeder.offered == 1
    again = BagFeeder(bags, TopicWishes(), 100, tmp_path / 'bags.json', print, print)
    assert again.expected == 9


@pytest.mark.parametrize('reader', ['bag_pairs', 'sample_pairs'])
def test_closing_does_not_wait_for_pairs_that_are_not_offered(tmp_path, bags, monkeypatch,
                                                              reader):
    """Those that were read before, and those that a bag is checked by."""
    feed(tmp_path, bags[:1])
    known = recorded(tmp_path)
    known[str(bags[0].resolve())]['read'] = 5
    (tmp_path / 'kept' / 'bags.json').write_text(json.dumps(known))
    read, offered = [], []
    usual = getattr(adaptation_bags, reader)

    def closing(*arguments):
        for pair in usual(*arguments):
            read.append(pair)
            feeder._closing.set()  # close() would wait for this very thread
            yield pair

    monkeypatch.setattr(adaptation_bags, reader, closing)
    feeder = BagFeeder(bags[:1], TopicWishes(), 100, tmp_path / 'kept' / 'bags.json',
                       offered.append, print)
    feeder.start()
    assert feeder.close(30)
    assert len(read) == 1 and offered == [] and not feeder.done


def test_what_is_no_bag_is_refused_at_once(tmp_path, bags):
    with pytest.raises(BagError, match='nowhere'):
        BagFeeder([*bags, tmp_path / 'nowhere'], TopicWishes(), 10, tmp_path / 'r', print,
                  print)
    with pytest.raises(BagError):
        BagFeeder(bags, TopicWishes(left='/no/such'), 10, tmp_path / 'r', print, print)
