# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is taken from logs, what is refused and why, and who plays which role."""

from collections import Counter
import pickle

from adaptation_parts import (
    DISPARITY,
    HEIGHT,
    WIDTH,
    pair,
    pairs,
    small,
    take_in,
    write_folder,
    write_scenes,
)
import cv2
import numpy as np
import pytest

from depth_learning_ros.adaptation import frames as frames_module
from depth_learning_ros.adaptation.batches import Batches
from depth_learning_ros.adaptation.check_pairs import PairError, check_pairs
from depth_learning_ros.adaptation.folders import OTHERS, folder_log, is_image_folder
from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    TRAIN,
    VALIDATION,
    FrameStore,
    Intake,
    check_enough,
    lay_out,
    stretch_length,
)
from depth_learning_ros.adaptation.logs import Log, take_in_logs
from depth_learning_ros.adaptation.pictures import NOISE_GRAY
from depth_learning_ros.data.images import write_image
from depth_learning_ros.errors import DataError
from depth_learning_ros.models.warp import warp
from depth_learning_ros.types import StereoPair


def fill(tmp_path, found):
    store = FrameStore(tmp_path / 'frames')
    return store, take_in(store, found)


def gray(value):
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def numbers(store):
    return {role: [int(p.stem[-6:]) for p in store.paths[role]]
            for role in (TRAIN, HELD_OUT, VALIDATION)}


def test_roles_are_stretches_of_the_log_and_never_mix(tmp_path):
    store, _ = fill(tmp_path, pairs(40))
    assert stretch_length(40) == 4
    assert numbers(store)[HELD_OUT] == [*range(8, 12), *range(28, 32)]
    assert numbers(store)[VALIDATION] == [*range(16, 20), *range(36, 40)]
    assert len(numbers(store)[TRAIN]) == 24
    again = FrameStore(tmp_path / 'frames')
    left, right = again.load(HELD_OUT, 0)
    assert np.array_equal(left, pair(8).left) and np.array_equal(right, pair(8).right)
    assert (stretch_length(10), stretch_length(5), stretch_length(10**6)) == (1, 1, 40)


def test_a_log_of_which_most_is_still_leaves_frames_for_every_role(tmp_path):
    found = [pair(0)] * 90 + pairs(10)  # what is of use lies at its end
    store, intake = fill(tmp_path, found)
    check_enough(store, intake.skipped, batch=4)
    # ten are left: stretches of one
    assert numbers(store) == {TRAIN: [0, 1, 3, 5, 6, 8], HELD_OUT: [2, 7], VALIDATION: [4, 9]}


@pytest.mark.parametrize('count, length, expected', [
    # 20 frames, stretches of two, each the whole of a log: five roles, and again
    ([2] * 10, 2, 'TT TT HH TT VV TT TT HH TT VV'),
    ([4] * 5, 2, 'TTTT HHTT VVTT TTHH TTVV'),
    # logs of one frame less than a stretch play one role each, and every role is played
    ([1, 2, 2, 2, 2, 1], 2, 'T TT TT HH TT V'),
    ([3, 10, 1], 3, 'TTT TTTHHHTTTV V')])
def test_stretches_go_on_from_log_to_log(count, length, expected):
    said = [''.join(stretches.role(i)[0].upper() for i in range(n))
            for n, stretches in zip(count, lay_out(count, length), strict=True)]
    assert ' '.join(said) == expected


@pytest.mark.parametrize('of_one', range(1, 31))
def test_every_role_is_played_however_the_logs_are_cut(of_one):
    counts = [of_one] * -(-300 // of_one)
    played = Counter(stretches.role(i)
                     for n, stretches in zip(counts, lay_out(counts, 30), strict=True)
                     for i in range(n))
    assert played[VALIDATION] >= 30 and played[HELD_OUT] >= 30


def test_gray_frames_take_a_third_of_the_disk(tmp_path):
    found = pair(1)
    plain = np.repeat(found.left[..., :1], 3, 2)
    store = FrameStore(tmp_path)
    sizes = [store.add(p, TRAIN, i).stat().st_size for i, p in enumerate(
        (found, StereoPair(plain, plain)))]
    assert sizes[1] < 0.4 * sizes[0]
    assert np.array_equal(store.load(TRAIN, 1)[0], plain)


@pytest.mark.parametrize('left, right, reason', [
    (gray(2), pair(0).right, 'left image is black'),
    (pair(0).left, gray(255), 'right image is saturated'),
    (gray(128), pair(0).right, 'left image shows nothing')])
def test_frames_that_show_nothing_are_left_out_and_counted(tmp_path, left, right, reason):
    store, intake = fill(tmp_path, [StereoPair(left, right), pair(1)])
    assert len(store) == 1
    assert [cause for cause in intake.skipped if cause.startswith(reason)]


def test_a_bag_of_one_still_image_is_refused(tmp_path):
    store, intake = fill(tmp_path, [pair(0)] * 30)
    assert len(store) == 1
    with pytest.raises(DataError, match=r'1 usable frames.*the same picture.*\(29x\)'):
        check_enough(store, intake.skipped, batch=2)


@pytest.mark.parametrize('noise_gray', [0.5, 4.0])
@pytest.mark.parametrize('width, height', [(640, 480), (128, 64)])
def test_a_still_scene_is_one_picture_whatever_the_noise(tmp_path, noise_gray, width, height):
    rng = np.random.default_rng(0)
    scene = pair(0, DISPARITY, width, height)

    def seen():
        return StereoPair(*(np.clip(view + rng.normal(0, noise_gray, view.shape[:2])[..., None],
                                    0, 255).round().astype(np.uint8)
                            for view in (scene.left, scene.right)))

    intake = Intake(FrameStore(tmp_path / 'one'), noise_gray=max(noise_gray, NOISE_GRAY))
    assert intake.take(seen() for _ in range(12)) == 1
    assert intake.skipped['the same picture as one that is kept'] == 11
    whole = Intake(FrameStore(tmp_path / 'all'), noise_gray=0)
    assert whole.take(seen() for _ in range(4)) == 4


def test_a_picture_that_moves_by_a_pixel_is_another_one(tmp_path):
    wide = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (240, 340, 3), np.uint8),
                            (0, 0), 4)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    moving = [StereoPair(wide[:, i:i + 320], wide[:, i + 6:i + 326]) for i in range(12)]
    assert len(fill(tmp_path, moving)[0]) == 12


def test_a_log_that_is_given_twice_brings_nothing(tmp_path):
    store = FrameStore(tmp_path / 'frames')
    intake = Intake(store)
    assert [intake.take(pairs(12)) for _ in range(2)] == [12, 0]
    intake.deal()
    assert len(store) == 12 and intake.skipped['the same picture as one that is kept'] == 12


def test_fewer_frames_than_a_batch_or_than_roles_need_are_refused(tmp_path):
    store, intake = fill(tmp_path, pairs(12))
    check_enough(store, intake.skipped, batch=4)
    with pytest.raises(DataError, match='at least 16'):
        check_enough(store, intake.skipped, batch=16)
    for path in store.paths[VALIDATION]:
        path.unlink()
    with pytest.raises(DataError, match='leave none for validation'):
        check_enough(FrameStore(store.folder), Counter(), batch=2)


def test_a_full_disk_is_named_and_leaves_no_half_frame(tmp_path, monkeypatch):
    def full(file, **_):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(frames_module.np, 'savez', full)
    store = FrameStore(tmp_path / 'frames')
    with pytest.raises(DataError, match='disk is full'):
        store.add(pair(0), TRAIN, 0)
    assert not list((tmp_path / 'frames').iterdir())


def big(seed):
    return pair(seed, DISPARITY, 320, 160)


def test_a_rectified_pair_passes():
    found = check_pairs([(big(s).left, big(s).right) for s in range(2)])
    assert found.agreeing > 0.8


def test_swapped_views_are_named():
    with pytest.raises(DataError, match='left and right are swapped'):
        check_pairs([(big(s).right, big(s).left) for s in range(2)])


@pytest.mark.parametrize('rows, where', [
    (8, 'once the right image is moved up by 8 rows: it lies 8 rows too low'),
    (-6, 'once the right image is moved down by 6 rows: it lies 6 rows too high')])
def test_unrectified_views_are_named_with_their_offset(rows, where):
    moved = [(big(s).left, np.roll(big(s).right, rows, 0)) for s in range(2)]  # + is down
    with pytest.raises(DataError, match=f'not rectified.*{where}'):
        check_pairs(moved)


def test_a_refusal_reaches_other_processes_whole():
    with pytest.raises(PairError) as refused:
        check_pairs([(big(s).right, big(s).left) for s in range(2)], 'bad.mcap')
    heard = pickle.loads(pickle.dumps(refused.value))
    assert str(heard) == str(refused.value) and heard.what == 'left and right are swapped'
    assert isinstance(heard, PairError) and not heard.may_be_chance


def test_views_of_different_things_are_named():
    with pytest.raises(DataError, match='do not fit together'):
        check_pairs([(big(1).left, big(2).right)])


def swapped(found):
    return StereoPair(found.right, found.left)


def test_the_log_that_is_swapped_is_named_among_good_ones(tmp_path):
    intake = Intake(FrameStore(tmp_path))
    intake.take([big(s) for s in range(8)], 'good.mcap')
    with pytest.raises(DataError, match=r'^bad\.mcap: left and right are swapped'):
        intake.take([swapped(big(s)) for s in range(10, 14)], 'bad.mcap')


def test_a_few_frames_that_do_not_fit_are_left_out_and_more_of_them_refused(tmp_path):
    store = FrameStore(tmp_path)
    intake = Intake(store)
    strange = [StereoPair(big(s).left, big(50 + s).right) for s in range(4)]
    assert intake.take(strange[:3], 'short') == 0
    assert intake.skipped['left and right do not fit together'] == 3
    assert intake.take([big(s) for s in range(4)], 'good') == 4  # of the same left pictures
    intake.deal()
    assert len(list(tmp_path.iterdir())) == len(store) == 4
    with pytest.raises(DataError, match=r'^long: left and right do not fit together'):
        Intake(FrameStore(tmp_path / 'other')).take(strange, 'long')


def logs_of(lengths):
    """Logs of walls, each another one; they note what was asked of them."""
    asked = []

    def log(number, length):
        def every_nth(every):
            asked.append((number, every))
            return iter([pair(1000 * number + i) for i in range(0, length, every)])
        return Log(f'log {number}', length, every_nth)

    return [log(*each) for each in enumerate(lengths)], asked


@pytest.mark.parametrize('count', [1, 5, 7, 10, 40])
def test_any_number_of_logs_gives_every_role_its_frames(tmp_path, count):
    logs, asked = logs_of([60 // count + 3] * count)
    store = FrameStore(tmp_path)
    assert not take_in_logs(logs, store, small(max_frames=20))
    assert 14 <= len(store) <= 20 and store.count(VALIDATION) and store.count(HELD_OUT)
    assert len(asked) == len({number for number, _ in asked}) <= count


def test_of_a_single_log_that_fits_every_frame_plays_the_role_it_always_did(tmp_path):
    logs, _ = logs_of([51])
    take_in_logs(logs, FrameStore(tmp_path), small(max_frames=300))
    assert numbers(FrameStore(tmp_path)) == {
        TRAIN: [*range(10), *range(15, 20), *range(25, 35), *range(40, 45), 50],
        HELD_OUT: [*range(10, 15), *range(35, 40)],
        VALIDATION: [*range(20, 25), *range(45, 50)]}


def test_long_logs_are_thinned_evenly(tmp_path):
    logs, asked = logs_of([30, 4, 26])
    take_in_logs(logs, FrameStore(tmp_path), small(max_frames=12))
    assert asked == [(0, 5), (1, 5), (2, 5)]
    # the 0th, 5th, ... of 60: 6 of the first, 1 of the second, 5 of the last
    assert len(FrameStore(tmp_path)) == 12


def test_folders_of_images_are_logs(tmp_path):
    path = write_folder(tmp_path / 'log', pairs(4))
    assert is_image_folder(path) and not is_image_folder(tmp_path)
    log = folder_log(path)
    assert log.expected == 4
    found = list(log.pairs(2))
    assert len(found) == 2 and np.array_equal(found[1].right, pair(2).right)
    for file in (path / 'right').iterdir():
        file.rename(file.with_name('r' + file.name))
    with pytest.raises(DataError, match='4 left and 4 right images, but no two of one name'):
        folder_log(path)


def test_images_follow_each_other_by_their_numbers(tmp_path):
    numbers = [0, 1, 2, 10, 11, 100]
    path = write_folder(tmp_path / 'log', pairs(6))
    for side in ('left', 'right'):
        for number, file in zip(numbers, sorted((path / side).iterdir()), strict=True):
            file.rename(file.with_name(f'frame{number}_rect.png'))
    found = list(folder_log(path).pairs(1))
    for each, expected in zip(found, pairs(6), strict=True):
        assert np.array_equal(each.left, expected.left)


def test_two_images_of_one_name_are_refused(tmp_path):
    path = write_folder(tmp_path / 'log', pairs(4))
    write_image(path / 'right' / '000002.jpg', pair(9).right)
    with pytest.raises(DataError, match=r'right holds 000002\.jpg and 000002\.png: which is the'):
        folder_log(path)


def test_images_that_cannot_be_read_or_do_not_fit_are_left_out(tmp_path):
    path = write_folder(tmp_path / 'log', pairs(4))
    cut = path / 'left' / '000001.png'
    cut.write_bytes(cut.read_bytes()[:100])
    (path / 'right' / '000002.png').unlink()
    write_image(path / 'right' / '000002.png', pair(2, width=64).right)
    log = folder_log(path)
    assert len(list(log.pairs(1))) == 2
    assert [count for _, count in log.unreadable.most_common()] == [1, 1]


def test_many_images_that_cannot_be_read_do_not_fill_the_report(tmp_path):
    path = write_folder(tmp_path / 'log', pairs(14))
    for file in (path / 'left').iterdir():
        file.write_bytes(b'')
    log = folder_log(path)
    assert not list(log.pairs(1))
    assert len(log.unreadable) == 11 and log.unreadable.total() == 14
    assert log.unreadable.most_common(1) == [(OTHERS, 4)]


@pytest.fixture(scope='module')
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp('scenes') / 'all', 2)


def test_batches_mix_at_random_and_are_the_same_again(tmp_path, scenes):
    store, _ = fill(tmp_path, pairs(12))
    config = small(batch=8, synthetic_share=0.5)
    first, again = (Batches(store, scenes, config)[3] for _ in range(2))
    assert first.left.shape == (8, 3, 64, 128) and first.truth.shape == (8, 1, 64, 128)
    assert 0 < first.synthetic.sum() < 8
    assert first.left.equal(again.left) and first.synthetic.equal(again.synthetic)
    assert first.truth[~first.synthetic].isnan().all()
    assert (first.truth[first.synthetic].nan_to_num() <= 0).all()
    other = Batches(store, scenes, config, rank=1)[3]
    assert not first.left.equal(other.left)


def test_the_matchers_labels_come_with_the_target_frames(tmp_path):
    store, _ = fill(tmp_path, [big(s) for s in range(10)])
    batch = Batches(store, None, small(method='tonioni', crop_width=256, crop_height=128))[0]
    assert not batch.synthetic.any()
    sure = batch.confidence > 0.65
    assert sure.float().mean() > 0.5
    assert batch.truth[sure].median().item() == pytest.approx(-DISPARITY, abs=0.1)


def test_crops_are_zoomed_together_with_their_labels(tmp_path):
    store, _ = fill(tmp_path, [big(s) for s in range(10)])
    height, width = store.load(TRAIN, 0)[0].shape[:2]
    label = np.full((height, width), -DISPARITY, np.float32)
    config = small(batch=8, synthetic_share=0.0, zoom_crops=True)
    batch = Batches(store, None, config, labels_of=lambda _: (label, label))[0]
    flat = batch.truth.flatten(1)
    assert (flat == flat[:, :1]).all()
    zooms = flat[:, 0] / -DISPARITY
    assert 0.65 < zooms.min() < 0.95 and 1.2 < zooms.max() < 2.0  # 0.8 to 1.7, width by itself
    off = (warp(batch.clean_right.float(), batch.truth) - batch.clean_left).abs()
    assert off[..., 24:].mean() < 8  # of 255, texture that differs by 60 from pixel to pixel
    as_it_is = Batches(store, None, small(batch=8, synthetic_share=0.0),
                       labels_of=lambda _: (label, label))[0]
    assert (as_it_is.truth == -DISPARITY).all()


def test_crops_shrink_to_small_frames(tmp_path, scenes):
    store, _ = fill(tmp_path, pairs(10))
    batches = Batches(store, scenes, small(crop_height=256, crop_width=640))
    assert (batches.height, batches.width) == (64, 128)
    with pytest.raises(DataError, match='give the folder'):
        Batches(store, None, small())
