# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Files in pieces: whole again or not at all."""

import json

import pytest

from depth_learning_ros.cli import main
from depth_learning_ros.errors import DataError
from depth_learning_ros.training.pieces import join, read_index, split, verify


@pytest.fixture
def cut(tmp_path):
    path = tmp_path / 'weights.bin'
    path.write_bytes(bytes(range(256)) * 10)
    folder = tmp_path / 'pieces'
    folder.mkdir()
    return path, folder, split(path, folder, 1000)


def test_pieces_are_small_and_join_to_the_same_bytes(cut, tmp_path):
    path, folder, pieces = cut
    assert [p.stat().st_size for p in pieces] == [1000, 1000, 560]
    index = folder / 'weights.bin.pieces.json'
    assert verify(index) == []
    (tmp_path / 'again').mkdir()
    assert join(index, tmp_path / 'again').read_bytes() == path.read_bytes()
    with pytest.raises(DataError, match='exists already'):
        join(index, tmp_path / 'again')


def test_missing_damaged_and_foreign_pieces_are_named(cut, tmp_path):
    _, folder, pieces = cut
    index = folder / 'weights.bin.pieces.json'
    pieces[1].write_bytes(b'x' * 1000)
    pieces[2].unlink()
    faults = verify(index)
    assert len(faults) == 2 and 'damaged' in faults[0] and 'missing' in faults[1]
    out = tmp_path / 'out'
    out.mkdir()
    with pytest.raises(DataError, match=r'\.001 is damaged.*\.002 is missing'):
        join(index, out)
    assert list(out.iterdir()) == []


def test_a_smaller_file_takes_its_old_pieces_away(cut):
    path, folder, _ = cut
    path.write_bytes(b'short')
    assert len(split(path, folder, 1000, force=True)) == 1
    assert sorted(p.name for p in folder.iterdir()) == ['weights.bin.000',
                                                        'weights.bin.pieces.json']


def test_an_empty_file_is_one_empty_piece(tmp_path):
    (tmp_path / 'empty').write_bytes(b'')
    pieces = split(tmp_path / 'empty', tmp_path)
    assert [p.read_bytes() for p in pieces] == [b'']


@pytest.mark.parametrize('content', ['', '{"name": 3}', '[]', json.dumps(
    {'name': '../up', 'sha256': '', 'pieces': []})])
def test_a_damaged_index_is_named(tmp_path, content):
    path = tmp_path / 'a.pieces.json'
    path.write_text(content)
    with pytest.raises(DataError, match='no index'):
        read_index(path)


def test_the_command_splits_verifies_and_joins(cut, tmp_path, capsys):
    path, _, _ = cut
    moved, back = tmp_path / 'moved', tmp_path / 'back'
    assert main(['pieces', 'split', str(path), '-o', str(moved), '--size-mb', '0.001']) == 0
    assert main(['pieces', 'verify', str(moved)]) == 0
    assert main(['pieces', 'join', str(moved), '-o', str(back)]) == 0
    assert (back / path.name).read_bytes() == path.read_bytes()
    (moved / 'weights.bin.000').write_bytes(b'')
    assert main(['pieces', 'verify', str(moved)]) == 1
    assert 'cut off (0 bytes)' in capsys.readouterr().err
    assert main(['pieces', 'verify', str(back)]) == 1  # a folder without an index
    assert main(['pieces', 'split', str(path)]) == 2
