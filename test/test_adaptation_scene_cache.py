# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The rendered scenes of adapt and of adaptation_node."""

from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

from adaptation_parts import write_scenes
import pytest
import torch

from depth_learning_ros.adaptation import scene_cache
from depth_learning_ros.data.synthetic.generator import SceneGenerator
from depth_learning_ros.data.synthetic.pool import ScenePool
from depth_learning_ros.errors import DataError


def names(folder):
    return sorted(path.name for path in folder.glob('*.npz'))


def test_rendering_that_is_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_cache, 'SceneGenerator',
                        partial(SceneGenerator, width=64, height=32))
    make, seen = scene_cache.scene_maker(tmp_path), []

    def stop_after_two():
        seen.append(names(tmp_path / 'learned'))
        if len(seen) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make(3, 1, stop_after_two)
    assert seen == [['00000000.npz'], ['00000000.npz', '00000001.npz']]
    before = (tmp_path / 'learned' / '00000000.npz').stat().st_mtime_ns
    learned, held_out = make(3, 1, lambda: None)
    assert len(names(learned)) == 3 and len(names(held_out)) == 1
    assert (learned / '00000000.npz').stat().st_mtime_ns == before
    assert (learned / '00000000.npz').read_bytes() != (held_out / '00000000.npz').read_bytes()


def test_scenes_that_are_there_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_cache, 'SceneGenerator', None)  # nothing is rendered
    for name in ('learned', 'held-out'):
        (tmp_path / name).mkdir()
        (tmp_path / name / '00000000.npz').write_bytes(b'a scene')
    assert scene_cache.scene_maker(tmp_path)(1, 1, lambda: None) == (
        tmp_path / 'learned', tmp_path / 'held-out')


def test_a_newer_generator_renders_into_a_folder_of_its_own(tmp_path, monkeypatch):
    """A cache that an older release left is neither mixed with new scenes nor in their way."""
    older = scene_cache.scenes_below(tmp_path)
    monkeypatch.setattr(scene_cache, 'VERSION', 1000)
    newer = scene_cache.scenes_below(tmp_path)
    assert newer.parent == older.parent == tmp_path and newer != older


class Plain:
    """Renders scenes of one gray in no time."""

    def __init__(self, seed):
        self.seed = seed

    def stamp(self):
        return {'generator': 'plain', 'seed': self.seed}

    def __getitem__(self, number):
        view, disparity = torch.full((3, 32, 64), number / 9), torch.ones(32, 64)
        return SimpleNamespace(left=view, right=view, disparity=disparity,
                               disparity_right=disparity)


def test_scenes_that_a_power_cut_left_empty_are_rendered_again(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_cache, 'SceneGenerator', Plain)
    make = scene_cache.scene_maker(tmp_path)
    learned, _ = make(2, 1, lambda: None)
    whole = (learned / '00000001.npz').read_bytes()
    (learned / '00000001.npz').write_bytes(b'')
    half = learned / '.00000001.npz.0123abcd.part'
    half.write_bytes(whole[:100])
    with pytest.raises(DataError, match=r'00000001\.npz is damaged .*delete it'):
        ScenePool(learned)[1]
    make(2, 1, lambda: None)
    assert set(ScenePool(learned)[1]) == {'left', 'right', 'disparity', 'disparity_right'}
    assert (learned / '00000001.npz').stat().st_size == len(whole) and not half.exists()


@pytest.mark.parametrize('damaged', [b'PK garbage', b'garbage', None])
def test_a_damaged_scene_is_named(tmp_path, damaged):
    folder = write_scenes(tmp_path / 'scenes', 2)
    path = folder / '00000001.npz'
    path.write_bytes(path.read_bytes()[:-100] if damaged is None else damaged)
    with pytest.raises(DataError, match=r'00000001\.npz is damaged .*delete it'):
        ScenePool(folder)[1]


def test_it_tells_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_cache, 'SceneGenerator',
                        partial(SceneGenerator, width=64, height=32))
    told = []

    @contextmanager
    def meter(what, unit):
        yield lambda done, total: told.append((what, done, total))

    make = scene_cache.scene_maker(tmp_path, meter)
    make(2, 1)
    assert told == [('scenes to learn from', 1, 2), ('scenes to learn from', 2, 2),
                    ('held-out scenes', 1, 1)]
    make(2, 1)
    assert len(told) == 3  # nothing was missing
