# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The replay buffer: bounded, diverse, found again, and never torn between roles."""

from __future__ import annotations

import shutil

from adaptation_parts import HEIGHT, WIDTH, pair
import numpy as np
import pytest

from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    TRAIN,
    VALIDATION,
    FrameStore,
)
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
        again.take(pair(seed))
    again.deal()
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


def gray(value):
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


@pytest.mark.parametrize('nothing, cause', [
    (StereoPair(gray(1), gray(1)), 'left image is black'),
    (StereoPair(pair(0).left, gray(255)), 'right image is saturated')])
def test_a_camera_that_shows_nothing_at_first_is_told_so_by_name(tmp_path, nothing, cause):
    buffer = ReplayBuffer(tmp_path, 20)
    assert not any(buffer.offer(nothing) for _ in range(6))  # its cap is still on
    assert buffer.skipped == {cause: 6} and buffer.seen == 6
    assert feed(buffer, range(4)) == 4 and len(buffer.store) == 4


def damage(path, how):
    whole = path.read_bytes()
    path.write_bytes({'empty': b'', 'half': whole[:len(whole) // 2], 'garbage': b'\x80garbage',
                      'zip': b'PK\x03\x04garbage', 'bits': whole[:9000] + b'?' + whole[9001:],
                      }[how])


@pytest.mark.parametrize('how', ['empty', 'half', 'garbage', 'zip', 'bits'])
def test_a_damaged_frame_is_removed_and_named(tmp_path, how, caplog):
    feed(ReplayBuffer(tmp_path, 20), range(12))
    path = FrameStore(tmp_path).paths[TRAIN][3]
    damage(path, how)
    again = ReplayBuffer(tmp_path, 20)
    assert len(again.hold()) == len(again.store) == 11 and not path.exists()
    assert f'{path} is damaged, and is removed' in caplog.text and len(caplog.records) == 1
    again.release()
    assert feed(again, range(12, 20)) == 8


def test_what_is_no_frame_of_it_stays_and_half_files_of_killed_processes_go(tmp_path):
    feed(ReplayBuffer(tmp_path, 20), range(12))
    half = tmp_path / '.train-000007.npz.01234567.part'
    others = [tmp_path / name for name in ('bags.json', 'train-000001 (copy).npz', 'train-x.npz')]
    for path in (half, *others):
        path.write_bytes(b'something')
    assert len(ReplayBuffer(tmp_path, 20).hold()) == 12
    assert not half.exists() and all(path.exists() for path in others)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match=r'cannot make the folder .*file/frames: Not a directory'):
        ReplayBuffer(tmp_path / 'file' / 'frames', 20)
    buffer = ReplayBuffer(tmp_path / 'frames', 20)
    (tmp_path / 'frames').rmdir()
    (tmp_path / 'frames').touch()
    with pytest.raises(DataError, match=r'cannot make the folder .*frames: File exists'):
        buffer.take(pair(0))


def roles(buffer):
    """Give the first letter of each frame's role, in the order of the frames."""
    found = {int(path.stem[-6:]): role[0] for role, paths in buffer.store.paths.items()
             for path in paths}
    return ''.join(found[number] for number in sorted(found))


def take(buffer, seeds):
    return sum(buffer.take(pair(seed)) for seed in seeds)


def test_frames_of_logs_get_their_roles_when_all_are_read(tmp_path):
    buffer = ReplayBuffer(tmp_path, 100)
    assert take(buffer, [*[0] * 50, *range(20)]) == 20  # still at first
    assert len(buffer.store) == 0 and buffer.bytes_on_disk() > 20 * HEIGHT * WIDTH * 6
    buffer.deal()
    assert roles(buffer) == 'tttthhttvv' * 2  # stretches of two
    before = {path: path.stat().st_mtime_ns for paths in buffer.store.paths.values()
              for path in paths}
    buffer.deal()  # nothing is left
    assert take(buffer, range(30, 40)) == 10
    buffer.deal()
    # stretches of one, which go on at frame 20
    assert roles(buffer) == 'tttthhttvv' * 2 + 'tthtvtthtv'
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in before.items())


def test_frames_that_a_killed_process_took_are_dealt_by_the_next(tmp_path):
    take(ReplayBuffer(tmp_path, 100), range(7))
    again = ReplayBuffer(tmp_path, 100)
    assert len(again.store) == len(again.hold()) == 0  # no round learns from them as yet
    again.release()
    assert take(again, range(20)) == 13  # it is there whoever took it
    again.deal()
    assert roles(again) == 'tttthhttvv' * 2
    assert len(list(tmp_path.iterdir())) == 20


def test_a_deal_that_is_interrupted_is_gone_on_with(tmp_path, monkeypatch):
    buffer = ReplayBuffer(tmp_path, 100)
    take(buffer, range(20))
    adopt, left = FrameStore.adopt, [7]

    def fail(*arguments):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, 'Input/output error')
        return adopt(*arguments)

    monkeypatch.setattr(FrameStore, 'adopt', fail)
    with pytest.raises(DataError, match='cannot be renamed: Input/output error'):
        buffer.deal()
    monkeypatch.undo()
    assert roles(buffer) == 'tttthht' and len(list(tmp_path.glob('new-*'))) == 13
    assert take(buffer, range(20)) == 0
    again = ReplayBuffer(shutil.copytree(tmp_path, tmp_path / 'copy'), 100)  # another process
    for there in (buffer, again):
        there.deal()  # thirteen are left: stretches of one, beginning with number 7
        assert roles(there) == 'tttthht' 'htvtthtvtthtv'


def test_new_frames_are_bounded_too_and_push_out_what_is_alike(tmp_path):
    buffer = ReplayBuffer(tmp_path, 20)
    feed(buffer, range(30))
    for seed in range(100, 105):
        buffer.take(pair(seed))
    for seed in range(40):  # before the same wall
        buffer.take(nearly(pair(100), seed))
    assert len(buffer.store) == 20 and len(list(tmp_path.iterdir())) == 40
    assert take(buffer, range(101, 105)) == 0  # still there
    buffer.deal()
    assert len(list(tmp_path.iterdir())) == 20
    assert counts(buffer) == {TRAIN: 12, VALIDATION: 4, HELD_OUT: 4}


def test_a_full_disk_loses_no_frame_that_is_there(tmp_path, monkeypatch):
    buffer = ReplayBuffer(tmp_path, 20)
    take(buffer, range(10))

    def full(*arguments):
        raise DataError('the disk is full')

    monkeypatch.setattr('depth_learning_ros.adaptation.frames.write_frame', full)
    with pytest.raises(DataError, match='full'):
        buffer.take(pair(11))
    monkeypatch.undo()
    buffer.deal()
    assert len(buffer.store) == 10 and take(buffer, [11]) == 1
