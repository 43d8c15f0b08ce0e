# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from depth_learning_ros.errors import DataError
from depth_learning_ros.stream.sync import StereoSync

MS = 1_000_000


def run(sync: StereoSync, *events: tuple[str, int]) -> list[tuple[int, int]]:
    """Feed (side, stamp in ms) and return the pairs of stamps."""
    pairs = []
    for side, stamp in events:
        pairs += sync.add({'l': 'left', 'r': 'right'}[side], stamp * MS, stamp)
    return pairs + sync.flush()


def both(*stamps: int, offset: int = 0) -> list[tuple[str, int]]:
    return [event for t in stamps for event in (('l', t), ('r', t + offset))]


def test_exact_pairs_equal_stamps_only():
    sync = StereoSync('exact')
    pairs = run(sync, ('l', 0), ('r', 0), ('l', 100), ('r', 101), ('l', 200), ('r', 200))
    assert pairs == [(0, 0), (200, 200)]
    cause = {'no partner with the same stamp': 1}
    assert sync.dropped == {'left': cause, 'right': cause}
    assert list(sync.drop_gaps_ms['left']) == list(sync.drop_gaps_ms['right']) == [1.0]


def test_pairs_come_at_once():
    sync = StereoSync('exact')
    assert sync.add('left', 5, 'a') == []
    assert sync.add('right', 5, 'b') == [('a', 'b')]


def test_messages_out_of_order():
    events = [('r', 100), ('l', 0), ('l', 100), ('r', 0), ('r', 300), ('r', 200), ('l', 200),
              ('l', 300)]
    for mode in ('exact', 'approximate'):
        pairs = run(StereoSync(mode), *events)
        assert sorted(pairs) == [(0, 0), (100, 100), (200, 200), (300, 300)], mode


def test_one_side_late_by_many_frames():
    events = [('l', 10 * i) for i in range(8)] + [('r', 10 * i) for i in range(8)]
    assert run(StereoSync('exact'), *events) == [(10 * i, 10 * i) for i in range(8)]


def test_approximate_takes_the_nearest():
    sync = StereoSync('approximate', 0.02)
    # 100 is nearer to 104 than to 90; 90 is nearer to 88
    pairs = run(sync, ('l', 88), ('r', 90), ('l', 100), ('r', 104), ('l', 200), ('r', 195))
    assert pairs == [(88, 90), (100, 104), (200, 195)]
    assert not sync.dropped['left'] and not sync.dropped['right']


def test_approximate_leaves_out_the_one_that_fits_worse():
    sync = StereoSync('approximate', 0.05)
    pairs = run(sync, ('l', 0), ('l', 30), ('r', 28), ('l', 100), ('r', 100))
    assert pairs == [(30, 28), (100, 100)]
    assert sync.dropped['left'] == {'no partner within the tolerance': 1}
    assert list(sync.drop_gaps_ms['left']) == [28.0]


def test_approximate_never_pairs_crosswise():
    # 30 with 28 leaves 0 and 35, which are within the tolerance, but 0 < 30 and 35 > 28
    sync = StereoSync('approximate', 0.05)
    assert run(sync, ('l', 0), ('l', 30), ('r', 28), ('r', 35), ('l', 150)) == [(30, 28)]


def test_twice_as_many_left_images():
    events = [event for t in range(0, 990, 33)
              for event in [('l', t), ('l', t + 16), ('r', t + 5)]]
    sync = StereoSync('approximate', 0.02)
    assert run(sync, *events) == [(t, t + 5) for t in range(0, 990, 33)]
    assert sync.dropped['left'].total() == 30 and not sync.dropped['right']


def test_approximate_keeps_to_the_tolerance():
    sync = StereoSync('approximate', 0.01)
    assert run(sync, *both(0, 100, 200, offset=11)) == []
    assert sync.dropped['left'] == sync.dropped['right'] == {'no partner within the tolerance': 3}
    assert list(sync.drop_gaps_ms['left']) == [11.0, 11.0, 11.0]
    assert run(StereoSync('approximate', 0.011), *both(0, 100, 200, offset=11)) == [
        (0, 11), (100, 111), (200, 211)]


def test_auto_decides_for_exact_when_stamps_coincide():
    sync = StereoSync('auto')
    pairs = run(sync, *both(*range(0, 700, 100)), ('l', 700), ('r', 703))
    assert sync.mode == 'exact'
    assert pairs == [(t, t) for t in range(0, 700, 100)]


def test_auto_decides_for_approximate_otherwise():
    sync = StereoSync('auto')
    assert run(sync, *both(*range(0, 800, 100), offset=3)) == [
        (t, t + 3) for t in range(0, 800, 100)]
    assert sync.mode == 'approximate'


def test_auto_decides_on_short_bags_and_on_one_missing_image():
    sync = StereoSync('auto')
    assert run(sync, ('l', 0), ('r', 0)) == [(0, 0)]
    assert sync.mode == 'exact'
    sync = StereoSync('auto')
    assert run(sync, ('l', 0), ('l', 100), ('r', 100), ('l', 200), ('r', 200)) == [
        (100, 100), (200, 200)]
    assert sync.mode == 'exact'


def test_the_queue_is_bounded():
    sync = StereoSync('exact', queue_size=3)
    for stamp in range(50):
        assert sync.add('left', stamp * MS, stamp) == []
        assert len(sync._queues['left']) <= 3
    assert sync.dropped['left'] == {'no partner with the same stamp': 47}
    assert sync.add('right', 49 * MS, 'r') == [(49, 'r')]


def test_a_second_recording_in_the_bag_starts_anew():
    sync = StereoSync('approximate', 0.01)
    pairs = run(sync, *both(90_000, 90_100, 90_200), *both(0, 100, 200))
    assert pairs == [(90_000, 90_000), (90_100, 90_100), (90_200, 90_200), (0, 0), (100, 100),
                     (200, 200)]


@given(st.lists(st.tuples(st.sampled_from('lr'), st.integers(0, 60)), max_size=40),
       st.sampled_from(['auto', 'exact', 'approximate']))
@settings(max_examples=150, deadline=None)
def test_every_image_is_paired_once_or_dropped_once(events, mode):
    sync = StereoSync(mode, 0.005)
    pairs = run(sync, *events)
    for side, index in (('left', 0), ('right', 1)):
        given_stamps = sorted(t for s, t in events if s == side[0])
        paired = [pair[index] for pair in pairs]
        assert len(paired) + sum(sync.dropped[side].values()) == len(given_stamps)
        assert not set(paired) - set(given_stamps)
    limit = 0 if sync.mode == 'exact' else 5
    assert all(abs(one - other) <= limit for one, other in pairs)


@pytest.mark.parametrize(('settings_', 'message'), [
    ({'mode': 'fuzzy'}, "sync is 'fuzzy'"), ({'tolerance_s': -1}, 'tolerance is -1 s'),
    ({'tolerance_s': float('nan')}, 'tolerance is nan'), ({'queue_size': 1}, 'queue_size is 1')])
def test_bad_settings(settings_, message):
    with pytest.raises(DataError, match=message):
        StereoSync(**settings_)
