# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The two pictures that are most alike: the same as if all were compared with all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from depth_learning_ros.adaptation.nearest import NearestPoints
from depth_learning_ros.adaptation.pictures import Pictures, thumb


def brute_force(points):
    """Give the two closest of points by name, the earlier one first."""
    names, rows = list(points), np.stack(list(points.values()))
    distances = ((rows[:, None] - rows) ** 2).sum(2)
    np.fill_diagonal(distances, np.inf)
    one, other = np.unravel_index(int(distances.argmin()), distances.shape)
    return names[one], names[other]


@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize('spread', [0.01, 30.0])  # all of a few pictures, or all different
def test_the_closest_two_are_those_of_the_brute_force(seed, spread):
    rng = np.random.default_rng(seed)
    scenes = rng.normal(0, 30, (4, 192))
    found, points = NearestPoints(), {}

    def come(count):
        names = [Path(f'{len(points) + 1000 * step + i}') for i in range(count)]
        new = scenes[rng.integers(0, 4, count)] + rng.normal(0, spread, (count, 192))
        found.add(names, new.astype(np.float32))
        points.update(zip(names, new.astype(np.float32).astype(float), strict=True))

    step = 0
    come(70)  # more than a block
    for step in range(1, 120):  # room is made once more
        come(int(rng.integers(0, 3)))
        closest = brute_force(points)
        assert found.closest() == closest
        gone = closest[0] if step % 3 else list(points)[int(rng.integers(len(points)))]
        found.remove(gone)
        del points[gone]
        assert found.names == list(points) and len(found) == len(points)
        assert np.array_equal(found.points, np.stack(list(points.values())))
        assert found.smallest_change(scenes[0]) == pytest.approx(
            min(np.abs(point - scenes[0]).mean() for point in points.values()))


def test_by_hand():
    found = NearestPoints()
    names = [Path(name) for name in 'abcd']
    found.add(names, np.array([[0.0], [10], [13], [20]]))
    assert found.closest() == (names[1], names[2])
    found.remove(names[1])  # what is left: 0, 13, 20
    assert found.closest() == (names[2], names[3])
    found.add([Path('e')], np.array([[1.0]]))
    assert found.closest() == (names[0], Path('e'))
    for name in (names[3], Path('e')):
        found.remove(name)
    assert found.closest() == (names[0], names[2])
    found.remove(names[2])
    found.add([Path('f')], np.array([[5.0]]))
    assert found.closest() == (names[0], Path('f'))


@pytest.mark.parametrize('height, width', [(64, 128), (70, 101)])
def test_a_thumb_is_the_mean_of_each_block_less_that_of_all(height, width):
    view = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = height // 12, width // 16
    means = np.array([[view[rows * y:rows * (y + 1), columns * x:columns * (x + 1)].mean()
                       for x in range(16)] for y in range(12)])
    assert thumb(view) == pytest.approx((means - means.mean()).reshape(-1), abs=1e-4)


def test_pictures_that_get_another_name_are_compared_in_their_new_group():
    rng = np.random.default_rng(0)
    views = [rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(16, 1)
             for _ in range(3)]
    nearly = views[0].copy()
    nearly[:16, :16] = 0
    pictures = Pictures()
    pictures.add(Path('train-000000'), nearly, 'train')
    pictures.add_thumbs([Path(f'new-00000{i}') for i in (1, 2, 3)], map(thumb, views), 'new')
    pictures.move({Path('new-000001'): (Path('train-000001'), 'train'),
                   Path('new-000002'): (Path('train-000002'), 'train')})
    assert pictures.most_alike('train') == Path('train-000000') and len(pictures) == 4
    pictures.add(Path('new-000004'), nearly, 'new')
    pictures.forget(Path('train-000000'))
    pictures.forget(Path('new-000003'))
    assert len(pictures) == 3
