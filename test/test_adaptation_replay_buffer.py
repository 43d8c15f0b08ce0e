# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The replay buffer: bounded, diverse, found again, and never torn between roles."""

from __future__ import annotations

import shutil

from adaptation_parts import pair
import numpy as np
import pytest

from depth_learning_ros.adaptation.frames import HELD_OUT, TRAIN, VALIDATION
from depth_learning_ros.adaptation.replay_buffer import ReplayBuffer
from depth_learning_ros.errors import DataError
from depth_learning_ros.types import StereoPair


def counts(buffer):
    return {role: buffer.store.count(role) for role in (TRAIN, VALIDATION, HELD_OUT)}


def feed(buffer, seeds):
    return sum(buffer.offer(pair(seed)) for seed in seeds)


def nearly(found, seed):
    """A picture that is almost another one, but not quite: a corner of it changed."""
    changed = [view.copy() for view in (found.left, found.right)]
    for view in changed:
        view[:24, :48] = np.random.default_rng(seed).integers(0, 256, 3, np.uint8)
    return StereoPair(*changed)


def test_it_is_bounded_and_keeps_what_is_different(tmp_path):
    buffer = ReplayBuffer(tmp_path, 20)
    rare = [pair(seed) for seed in range(5)]
    for found in rare:
        assert buffer.offer(found)
    for seed in range(60):  # an hour before the same wall
        buffer.offer(nearly(rare[0], seed))
    assert counts(buffer) == {TRAIN: 12, VALIDATION: 4, HELD_OUT: 4}
    assert len(list(tmp_path.glob('*.npz'))) == 20 and buffer.bytes_on_disk() > 20 * 128 * 64 * 6
    kept = [buffer.store.load(role, i)[0] for role, n in counts(buffer).items() for i in range(n)]
    for found in rare[1:]:
        assert any(np.array_equal(found.left, left) for left in kept)


def test_a_picture_is_taken_once_whoever_shows_it_again(tmp_path):
    assert feed(ReplayBuffer(tmp_path, 100), range(20)) == 20
    again = ReplayBuffer(tmp_path, 100)
    for seed in range(30):
        again.offer(pair(seed), HELD_OUT)
    assert again.kept == 10 and len(again.store) == 30
    assert again.skipped['the same picture as one that is kept'] == 20


def test_frames_that_are_learned_from_stay_until_the_round_ends(tmp_path):
    buffer = ReplayBuffer(tmp_path, 10)
    feed(buffer, range(10))
    held = buffer.hold()
    feed(buffer, range(10, 40))
    assert all(path.exists() for paths in held.paths.values() for path in paths)
    assert len(buffer.store) == 20 and buffer.skipped['no room until the round ends'] == 20
    buffer.release()
    assert len(buffer.store) == 10


def test_it_is_found_again(tmp_path):
    first = ReplayBuffer(tmp_path, 10)
    feed(first, range(12))
    again = ReplayBuffer(tmp_path, 10)
    assert again.store.paths == first.store.paths
    feed(again, range(20, 24))
    assert again.kept == 4 and len(again.store) == 10
    with pytest.raises(DataError, match='holds 3 frames'):
        ReplayBuffer(tmp_path, 3)


def test_roles_go_on_where_the_process_before_ended(tmp_path):
    for session in range(4):  # stretches of four: fewer frames than the first two of them
        assert feed(ReplayBuffer(tmp_path, 40), range(10 * session, 10 * session + 5)) == 5
    # 20 frames: 0-7 and 12-15 train, 8-11 held out, 16-19 validation
    assert counts(ReplayBuffer(tmp_path, 40)) == {TRAIN: 12, HELD_OUT: 4, VALIDATION: 4}


def test_frames_of_swapped_cameras_are_dropped_and_those_after_the_remedy_taken(tmp_path):
    buffer = ReplayBuffer(tmp_path, 20)
    wrong = [StereoPair(pair(seed).right, pair(seed).left) for seed in range(7)]
    for found in wrong[:3]:
        buffer.offer(found)
    with pytest.raises(DataError, match='the camera: left and right are swapped'):
        buffer.offer(wrong[3])
    for found in wrong[4:]:  # the process ends before there are enough to look at
        buffer.offer(found)
    assert buffer.skipped == {'left and right are swapped': 4}
    again = ReplayBuffer(tmp_path, 20)
    assert len(again.store) == 0 and not list(tmp_path.iterdir())
    assert feed(again, range(10)) == 10 and len(again.store) == 10


def test_frames_that_somebody_deletes_are_forgotten(tmp_path):
    folder = tmp_path / 'frames'
    buffer = ReplayBuffer(folder, 10)
    feed(buffer, range(10))
    buffer.store.paths[HELD_OUT][0].unlink()
    assert buffer.bytes_on_disk() > 0 and len(buffer.store) == 9
    shutil.rmtree(folder)
    with pytest.raises(DataError, match=r'9 frames in .* were deleted: there are 0 now'):
        buffer.hold()
    assert buffer.bytes_on_disk() == len(buffer.store) == 0
    assert feed(buffer, range(30)) == 30
    assert len(buffer.hold()) == len(list(folder.iterdir())) == 10
