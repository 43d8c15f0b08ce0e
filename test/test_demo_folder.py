# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's output folder appears whole, replaces only itself, and its table is aligned."""

import errno
import math
import os
from pathlib import Path

import pytest

from depth_learning_ros.demo.folder import MARKER, check_output_folder, output_folder
from depth_learning_ros.demo.table import Row, to_text
from depth_learning_ros.errors import DataError


def fill(path, text='1', **options):
    with output_folder(path, **options) as folder:
        (folder / 'table.txt').write_text(text)
        assert not (path / 'table.txt').exists() or (path / 'table.txt').read_text() != text


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_results_appear_together_at_the_end(tmp_path):
    fill(tmp_path / 'demo')
    assert names(tmp_path / 'demo') == [MARKER, 'table.txt']
    assert names(tmp_path) == ['demo']  # nothing is left beside it


def test_own_results_are_replaced_by_force_only(tmp_path):
    fill(tmp_path / 'demo', '1')
    with pytest.raises(DataError, match='--force'):
        fill(tmp_path / 'demo', '2')
    assert (tmp_path / 'demo/table.txt').read_text() == '1'
    fill(tmp_path / 'demo', '2', force=True)
    assert (tmp_path / 'demo/table.txt').read_text() == '2'
    assert names(tmp_path) == ['demo']


def test_an_error_leaves_the_earlier_results(tmp_path):
    fill(tmp_path / 'demo', '1')
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), output_folder(tmp_path / 'demo', force=True) as folder:
            (folder / 'table.txt').write_text('half')
            raise error
        assert (tmp_path / 'demo/table.txt').read_text() == '1'
        assert names(tmp_path) == ['demo']


def test_a_full_disk_is_told_before_anything_is_rendered(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(Path, 'write_text', full)
    with pytest.raises(DataError, match='the disk is full'):
        fill(tmp_path / 'demo')


def test_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / 'demo').mkdir()
    fill(tmp_path / 'demo')
    assert names(tmp_path / 'demo') == [MARKER, 'table.txt']


@pytest.mark.parametrize('force', [False, True])
def test_what_is_not_its_own_is_never_touched(tmp_path, force):
    foreign = tmp_path / 'photos'
    foreign.mkdir()
    (foreign / 'table.txt').write_text('mine')
    with pytest.raises(DataError, match=r'holds table\.txt, which no demo wrote'):
        fill(foreign, force=force)
    assert (foreign / 'table.txt').read_text() == 'mine'
    own = tmp_path / 'demo'
    fill(own)
    (own / 'notes.txt').write_text('mine too')
    with pytest.raises(DataError, match=r'notes\.txt'):
        fill(own, '2', force=force)
    assert (own / 'notes.txt').read_text() == 'mine too'
    assert (own / 'table.txt').read_text() == '1'


def test_bag_within_the_output_folder_is_refused(tmp_path):
    fill(tmp_path / 'demo')
    bag = tmp_path / 'demo' / 'input.mcap'
    bag.touch()
    for given in (bag, tmp_path / 'demo'):
        with pytest.raises(DataError, match='lies in the output folder'):
            check_output_folder(tmp_path / 'demo', force=True, bag=given)
    check_output_folder(tmp_path / 'demo', force=True, bag=tmp_path / 'other.mcap')


def test_wrong_places(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match='is a file'):
        check_output_folder(tmp_path / 'file')
    with pytest.raises(DataError, match='does not exist'):
        check_output_folder(tmp_path / 'missing' / 'demo')
    with pytest.raises(DataError, match='cannot be replaced'):
        check_output_folder('/')


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write anywhere')
def test_folder_that_is_not_writable(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match='not writable'):
        check_output_folder(tmp_path / 'demo')


def test_a_killed_run_is_cleared_and_a_running_one_is_not(tmp_path):
    stale = tmp_path / '.demo.part'
    stale.mkdir()
    (stale / MARKER).touch()
    (stale / 'output.mcap').write_text('half')
    (stale / 'deeper').mkdir()
    fill(tmp_path / 'demo')
    assert names(tmp_path / 'demo') == [MARKER, 'table.txt'] and names(tmp_path) == ['demo']
    with output_folder(tmp_path / 'demo', force=True) as running:
        (running / 'table.txt').write_text('first')
        with pytest.raises(DataError, match='another process is at work in'):
            fill(tmp_path / 'demo', force=True)
    assert (tmp_path / 'demo/table.txt').read_text() == 'first'


def test_somebody_elses_hidden_folder_is_not_cleared(tmp_path):
    (tmp_path / '.demo.part').mkdir()
    (tmp_path / '.demo.part' / 'thesis.tex').touch()
    with pytest.raises(DataError, match='in the way'):
        fill(tmp_path / 'demo')
    assert (tmp_path / '.demo.part' / 'thesis.tex').exists()


ROW = Row(model='crl-small', backend='openvino', precision='bf16', frames=32, frames_per_s=9.876,
          latency_ms=101.26, latency_p95_ms=120.0, engine_ms=90.0, epe_px=0.456, d1_percent=2.5,
          density_percent=100.0)
BARE = Row('bm', 'opencv', 'int16', 32, 55.0, 18.0, 20.5, 12.0, math.nan, math.nan, 71.23)


def test_table_is_aligned():
    assert to_text([ROW, BARE]) == (
        'model      backend   precision  frames  frames/s  latency ms  p95 ms  EPE px  D1 %'
        '  density %\n'
        'crl-small  openvino  bf16           32       9.9       101.3   120.0    0.46  2.50'
        '      100.0\n'
        'bm         opencv    int16          32      55.0        18.0    20.5       -     -'
        '       71.2\n')


def test_table_without_truth_has_no_errors():
    assert to_text([BARE]) == (
        'model  backend  precision  frames  frames/s  latency ms  p95 ms  density %\n'
        'bm     opencv   int16          32      55.0        18.0    20.5       71.2\n')


def test_row_in_json_knows_what_it_does_not_know():
    row = BARE.to_dict()
    assert row['epe_px'] is None and row['d1_percent'] is None and row['frames'] == 32
