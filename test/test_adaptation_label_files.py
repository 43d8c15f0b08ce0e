# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels that a power cut or a bad disk damaged."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest

from depth_learning_ros.adaptation.label_files import LabelFiles


def written(array):
    file = BytesIO()
    np.save(file, array)
    return file.getvalue()


WHOLE = written(np.ones((2, 3, 4), np.float16))
DAMAGED = {'empty': b'', 'half': WHOLE[:140], 'garbage': b'\x80garbage', 'zip': b'PK\x03\x04gar',
           'one map': written(np.ones((1, 3, 4))), 'a number': written(np.ones(()))}


@pytest.mark.parametrize('how', DAMAGED)
def test_damaged_labels_are_made_anew_and_named(tmp_path, how, caplog):
    frame = tmp_path / 'train-000000.npz'
    frame.touch()
    files = LabelFiles(tmp_path / 'labels', 'by-hand', [frame])
    maps = np.full((3, 4), -1, np.float32), np.full((3, 4), -2, np.float32)
    files.get(frame, lambda: maps)
    path, = files.folder.iterdir()
    path.write_bytes(DAMAGED[how])
    made = []
    for _ in range(2):  # once
        found = files.get(frame, lambda: made.append(1) or maps)
        assert [each.tolist() for each in found] == [each.tolist() for each in maps]
    assert made == [1]
    assert f'the labels in {path} are damaged' in caplog.text and len(caplog.records) == 1


def test_half_files_of_killed_processes_go(tmp_path):
    (tmp_path / 'labels' / 'by-hand').mkdir(parents=True)
    half = tmp_path / 'labels' / 'by-hand' / '.train-000000-1.npy.0123abcd.part'
    half.touch()
    LabelFiles(tmp_path / 'labels', 'by-hand', [])
    assert not half.exists()
