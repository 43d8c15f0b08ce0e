# Copyright 2026 The depth_learning_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Settings from a YAML file."""

import pytest

from depth_learning_ros.errors import TrainingError
from depth_learning_ros.training.settings_file import read_settings


def test_settings_are_given_by_name(tmp_path):
    path = tmp_path / 'a.yaml'
    path.write_text('method: zole  # a remark\nzooms: [1, 1.5]\n')
    assert read_settings(path, 'method: zole') == {'method': 'zole', 'zooms': [1, 1.5]}


@pytest.mark.parametrize('content, message', [
    (b'', 'holds no settings: expected "method: zole" and so on'), (b'[1, 2]', 'holds no'),
    (b'1: a', 'holds no'), (b'a: [1', 'cannot read'), (b'\xff\xfe\x00', 'cannot read'),
    (None, 'cannot read')])
def test_a_file_without_settings_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / 'wrong.yaml'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match=message) as caught:
        read_settings(path, 'method: zole')
    assert 'wrong.yaml' in str(caught.value)
