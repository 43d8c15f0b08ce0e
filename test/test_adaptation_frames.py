# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is taken from logs, what is refused and why, and who plays which role."""

from collections import Counter

from adaptation_parts import (
    DISPARITY,
    HEIGHT,
    WIDTH,
    pair,
    pairs,
    small,
    write_folder,
    write_scenes,
)
import numpy as np
import pytest

from depth_learning_ros.adaptation import frames as frames_module
from depth_learning_ros.adaptation.batches import Batches
from depth_learning_ros.adaptation.check_pairs import check_pairs
from depth_learning_ros.adaptation.folders import folder_log, is_image_folder
from depth_learning_ros.adaptation.frames import (
    HELD_OUT,
    TRAIN,
    VALIDATION,
    FrameStore,
    Intake,
    check_enough,
    stretch_length,
)
from depth_learning_ros.errors import DataError
from depth_learning_ros.models.warp import warp
from depth_learning_ros.types import StereoPair


def fill(tmp_path, found, most=100):
    store = FrameStore(tmp_path / 'frames')
    intake = Intake(store, len(found), most)
    intake.take(found[::intake.every])
    return store, intake


def gray(value):
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def test_roles_are_stretches_of_the_log_and_never_mix(tmp_path):
    store, intake = fill(tmp_path, pairs(40))
    assert intake.stretch == stretch_length(40) == 4
    numbers = {role: [int(p.stem[-6:]) for p in store.paths[role]]
               for role in (TRAIN, HELD_OUT, VALIDATION)}
    assert numbers[HELD_OUT] == [*range(8, 12), *range(28, 32)]
    assert numbers[VALIDATION] == [*range(16, 20), *range(36, 40)]
    assert len(numbers[TRAIN]) == 24
    again = FrameStore(tmp_path / 'frames')
    left, right = again.load(HELD_OUT, 0)
    assert np.array_equal(left, pair(8).left) and np.array_equal(right, pair(8).right)


def test_long_logs_are_thinned_evenly(tmp_path):
    store, intake = fill(tmp_path, pairs(40), most=12)
    assert intake.every == 4 and len(store) == 10
    assert (stretch_length(10), stretch_length(5), stretch_length(10**6)) == (1, 1, 40)


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


@pytest.mark.parametrize('rows, where', [(8, '8 rows lower'), (-6, '6 rows higher')])
def test_unrectified_views_are_named_with_their_offset(rows, where):
    moved = [(big(s).left, np.roll(big(s).right, rows, 0)) for s in range(2)]
    with pytest.raises(DataError, match=f'not rectified.*{where}'):
        check_pairs(moved)


def test_views_of_different_things_are_named():
    with pytest.raises(DataError, match='do not fit together'):
        check_pairs([(big(1).left, big(2).right)])


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
    other = Batches(store, scenes, config, rank=1, world=2)[3]
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
