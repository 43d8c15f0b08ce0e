# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels from several looks: which look wins, what is denied, and what fills the gaps."""

from __future__ import annotations

import errno

from adaptation_parts import DISPARITY, Says, pair, pairs, small, take_in, views
import numpy as np
import pytest
import torch

from depth_learning_ros.adaptation.fill import around, background, fill, spread_on_graph
from depth_learning_ros.adaptation.frames import TRAIN, FrameStore
from depth_learning_ros.adaptation.label_files import LabelFiles
from depth_learning_ros.adaptation.labels import (
    best_fit,
    census,
    label,
    label_both,
    look,
    matched,
    misfit,
    speckles,
    with_matcher,
)
from depth_learning_ros.adaptation.teacher import Teacher
from depth_learning_ros.errors import DataError

NAN = float('nan')


def flat(disparity: float, height: int = 64, width: int = 128) -> torch.Tensor:
    return torch.full((1, 1, height, width), float(disparity))


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)[None, None]


def test_each_pixel_takes_the_look_whose_warped_view_fits():
    left, right = views(pair(0))
    for looks in ([flat(-3), flat(-DISPARITY)], [flat(-DISPARITY), flat(-50)]):
        found = best_fit(looks, left, right)
        assert (found[..., DISPARITY + 8:] == -DISPARITY).float().mean() > 0.97


def test_exposure_does_not_matter_to_the_misfit():
    left, right = views(pair(0))
    error = misfit(census(left), (right.float() * 0.5 + 20), flat(-DISPARITY))
    inner = error[..., 16:-16, DISPARITY + 16:-16]
    assert inner.max() < 0.01
    assert misfit(census(left), right, flat(-2))[..., 16:-16, 32:-16].mean() > 0.3
    # matches left of the right image fit worst: 6 of the 8 columns of the window at the border
    assert error[..., 0].min() > 6 / 8


def test_the_census_says_who_is_brighter():
    image = torch.zeros(1, 3, 9, 9)
    image[..., 6:] = 255
    signs = census(image)
    assert signs.shape == (1, 24, 9, 9)
    # at column 5 the smoothed step is 1/3, at 6 it is 2/3, from 7 on all: each row of 7 sees the
    # three columns to the right of it as brighter, of which every second counts: 1 and 2 in turn
    assert signs[0, :, 4, 5].sum() == 4 * 1 + 3 * 2
    assert signs[0, :, 4, 0].sum() == 0  # columns 0..3 are as dark as itself


def test_a_network_looks_at_all_zooms_and_upside_down():
    left, right = views(pair(0))

    class Row(Says):
        """Says the number of the row it sees, from the top."""

        def disparity(self, left, right):
            self.widths.append(left.shape[-1])
            numbers = torch.arange(left.shape[-2], dtype=torch.float32)
            return -numbers[:, None].expand(left.shape[0], 1, *left.shape[-2:])

    network = Row(None)
    found = look(network, left, right, small(zooms=(1.0, 2.0), upside_down=True))
    assert network.widths == [128, 256, 128, 256]
    assert found[0][0, 0, :, 0].tolist() == [-row for row in range(64)]
    assert found[2][0, 0, :, 0].tolist() == [row - 63 for row in range(64)]
    assert len(look(network, left, right, small(zooms=(1.0,), upside_down=False))) == 1


def test_the_matcher_says_what_a_network_that_errs_does_not():
    left, right = views(pair(0), pair(1, 9))
    alone = small(zooms=(1.0,), fill=False)
    errs = Says(lambda width: -3)
    assert label(errs, left, right, alone)[..., 16:].nanmedian() == -3
    for config in (alone, small(zooms=(1.0,), consistency_px=0)):
        found = label(errs, left, right, config.with_changes(matcher=True))
        assert found[0, 0, 16:-16, 24:-16].nanmedian() == pytest.approx(-DISPARITY, abs=0.1)
        assert found[1, 0, 16:-16, 24:-16].nanmedian() == pytest.approx(-9, abs=0.1)


def test_the_matcher_looks_upright_and_upside_down_and_is_silent_where_nothing_matches():
    left, right = views(pair(0))
    looks = [flat(-1.0), flat(-3.0), flat(-2.0)]
    found = with_matcher(looks, left, right, small(matcher=True))
    assert len(found) == 5
    upright = matched(left, right)
    assert upright.isnan()[..., 0].all() and (upright.nan_to_num() <= 0).all()
    assert not found[3].isnan().any()
    assert (found[3][upright.isnan()] == -2).all()  # the median of the network's looks
    assert with_matcher(looks, left, right, small(matcher=False)) == looks


def test_what_the_matcher_sees_upside_down_is_turned_back():
    above, below = views(pair(0, 4)), views(pair(1, 10))
    left, right = (torch.cat(both, -2) for both in zip(above, below, strict=True))
    looks = [flat(-1.0, left.shape[-2])]
    for found in with_matcher(looks, left, right, small(matcher=True))[1:]:
        assert found[..., 16:48, 24:-16].median() == pytest.approx(-4, abs=0.1)
        assert found[..., 80:112, 24:-16].median() == pytest.approx(-10, abs=0.1)


class Contradicts(Says):
    """Says one thing of the pair, another of the mirrored one."""

    def disparity(self, left, right):
        self.function = (lambda width: -DISPARITY) if not self.widths else (lambda width: -9)
        return super().disparity(left, right)


def test_labels_that_the_right_view_denies_or_that_leave_it_are_unknown():
    left, right = views(pair(0))
    config = small(zooms=(1.0,), upside_down=False, consistency_px=1.0, fill=False)
    found = label(Says(lambda width: -DISPARITY), left, right, config)
    assert found[..., :DISPARITY].isnan().all()  # their match would lie left of the right image
    assert (found[..., DISPARITY:] == -DISPARITY).all()
    assert label(Contradicts(None), left, right, config).isnan().all()
    lenient = label(Contradicts(None), left, right, config.with_changes(consistency_px=0))
    assert lenient.isnan().sum() == 64 * DISPARITY


def test_both_views_are_labelled_in_their_own_frame():
    left, right = views(pair(0))
    config = small(zooms=(1.0,), upside_down=False, fill=False)
    mine, other = label_both(Says(lambda width: -DISPARITY), left, right, config)
    assert mine[..., :DISPARITY].isnan().all() and not mine[..., DISPARITY:].isnan().any()
    # a right pixel's match lies to the right of it in the left image
    assert other[..., -DISPARITY:].isnan().all() and not other[..., :-DISPARITY].isnan().any()


def test_filled_labels_cover_the_map_and_keep_what_is_known():
    left, right = views(pair(0))
    config = small(zooms=(1.0,), upside_down=False, fill=True)
    mine, other = label_both(Says(lambda width: -DISPARITY), left, right, config)
    assert (mine == -DISPARITY).all() and (other == -DISPARITY).all()


def test_a_small_patch_alone_is_a_speckle():
    disparity = flat(-20.0)
    disparity[..., 10:14, 10:14] = -60.0
    disparity[..., 30:50, 30:50] = -60.0
    known = torch.ones_like(disparity, dtype=torch.bool)
    found = speckles(disparity, known)
    assert found.sum() == 16 and found[..., 10:14, 10:14].all()
    assert not speckles(disparity, torch.zeros_like(known)).any()


def test_the_background_is_the_farther_of_the_neighbours_in_the_row():
    values = rows([-9, 0, 0, -4, 0], [0, 0, 0, 0, 0], [0, -3, 0, 0, -8])
    known = values != 0
    found = background(values, known, flat(-1, 3, 5))
    assert found[0, 0].tolist() == [[-9, -4, -4, -4, -4], [-1] * 5, [-3, -3, -3, -3, -8]]


def test_values_spread_over_the_graph_to_the_next_edge_of_the_image():
    gray = torch.zeros(1, 1, 16, 32)
    gray[..., 16:] = 200.0
    values = torch.zeros(1, 1, 16, 32)
    known = torch.zeros_like(values, dtype=torch.bool)
    values[..., 2], known[..., 2] = -10.0, True
    values[..., 29], known[..., 29] = -30.0, True
    found = spread_on_graph(values, known, gray)
    # 20 apart over 27 columns: without the edge they would be 9 and 11 off beside it
    assert (found[..., :15] + 10).abs().max() < 4.0
    assert (found[..., 17:] + 30).abs().max() < 4.0
    plain = spread_on_graph(values, known, torch.zeros_like(gray))
    assert (plain[..., 14] + 10).abs().max() > 6.0


@pytest.mark.parametrize('width', [9, 33])
def test_spreading_between_two_values_is_linear_where_the_image_is_plain(width):
    values = torch.zeros(1, 1, 8, width)
    known = torch.zeros_like(values, dtype=torch.bool)
    values[..., -1], known[..., -1] = 1.0 - width, True
    known[..., 0] = True
    found = spread_on_graph(values, known, flat(0, 8, width))
    # least with the ends held: the straight line; a few sweeps leave some percent of the whole
    assert (found + torch.arange(width)).abs().max() < 0.04 * (width - 1)
    assert (found[..., 1:] < found[..., :-1]).all()


def test_a_pixel_at_the_border_is_its_own_neighbour():
    assert around(rows([1.0, 2.0]), (0, 1))[0, 0].tolist() == [[2, 2]]
    assert around(rows([1.0, 2.0]), (0, -1))[0, 0].tolist() == [[1, 1]]


def test_a_gap_gets_the_median_of_graph_background_and_network():
    labels = flat(-5, 16, 16)
    labels[..., 6:9, 6:9] = NAN
    view = torch.full((1, 3, 16, 16), 90.0)
    for guess, expected in ((-5.2, -5), (-40.0, -5), (0.0, -5)):  # two of three say 5
        found = fill(labels, flat(guess, 16, 16), view)
        assert found.isfinite().all()
        assert found[..., 6:9, 6:9].mean().item() == pytest.approx(expected, abs=0.01)
    nothing = fill(flat(NAN, 16, 16), flat(-7, 16, 16), view)
    assert nothing.isfinite().all()


def test_the_teacher_keeps_what_it_said_until_it_learns(tmp_path):
    store = FrameStore(tmp_path)
    take_in(store, pairs(12))
    network = Says(lambda width: -DISPARITY)
    network.device = torch.device('cpu')
    network.network = torch.nn.Linear(1, 1)
    teacher = Teacher(network, store, small(zooms=(1.0,), upside_down=False, fill=False))
    left, right = teacher.labels_of(0)
    assert left.dtype == np.float32 and store.count(TRAIN) > 1
    assert np.isnan(left[:, :DISPARITY]).all() and (left[:, DISPARITY:] == -DISPARITY).all()
    assert np.isnan(right[:, -DISPARITY:]).all()
    looks = len(network.widths)
    teacher.labels_of(0)
    again = Teacher(network, store, small(zooms=(1.0,), upside_down=False, fill=False))
    assert np.array_equal(again.labels_of(0)[0], left, equal_nan=True)  # after an interruption
    teacher.forget()
    teacher.labels_of(0)
    assert len(network.widths) == looks
    teacher.learn({'weight': torch.ones(1, 1), 'bias': torch.zeros(1)})
    teacher.labels_of(0)
    assert len(network.widths) == 2 * looks
    assert len(list((tmp_path / 'labels').iterdir())) == 1  # what the old weights said is gone
    Teacher(network, store, small(zooms=(1.0,), upside_down=False)).labels_of(0)  # and filled
    assert len(network.widths) > 2 * looks


def test_labels_of_a_frame_whose_name_was_given_again_are_made_anew(tmp_path):
    store = FrameStore(tmp_path)
    take_in(store, pairs(12))
    one, other = store.paths[TRAIN][:2]
    files = LabelFiles(tmp_path / 'labels', 'by-hand', store.paths[TRAIN])

    def says(value):
        return lambda: (np.full((2, 2), value), np.full((2, 2), np.nan))

    assert files.get(one, says(-5))[0].tolist() == [[-5, -5]] * 2
    assert files.get(one, says(-6))[0].tolist() == [[-5, -5]] * 2
    other.replace(one)
    assert files.get(one, says(-7))[0].tolist() == [[-7, -7]] * 2
    gone = LabelFiles(tmp_path / 'labels', 'by-hand', [store.paths[TRAIN][2]])
    assert not list(gone.folder.iterdir())


def test_labels_on_a_full_disk_are_an_error_and_no_half_file(tmp_path, monkeypatch):
    store = FrameStore(tmp_path)
    take_in(store, pairs(12))
    files = LabelFiles(tmp_path / 'labels', 'by-hand', store.paths[TRAIN])

    def full(file, array):
        file.write(b'some')
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(np, 'save', full)
    with pytest.raises(DataError, match='the disk is full'):
        files.get(store.paths[TRAIN][0], lambda: (np.zeros((2, 2)), np.zeros((2, 2))))
    assert not list(files.folder.iterdir())
